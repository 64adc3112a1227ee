import { describe, expect, test } from 'vitest'
import { outputId, sourceId } from '../../../contract/ids.ts'
import { RecordSpec, type OutputSpec } from '../../../contract/output-spec.ts'
import { ticks } from '../../../contract/time.ts'
import type { FrameSink, ProgramFrames } from '../interface/program-frames.ts'
import { byteRange } from './byte-range.ts'
import { parseRecordTarget } from './record-target.ts'
import { indexLine, parseIndex } from './recording-index.ts'
import { parseRecordingName, recordingName, safeLabel } from './recording-name.ts'
import { recordingsOverQuota, rotationCause, maxFileBytes, type QuotaFile } from './rotation.ts'
import { TakeMarks } from './take-marks.ts'
import { unwrapNear } from './ts-raps.ts'

const STARTED = Date.parse('2026-11-21T10:15:00.123Z')

describe('the name of a recording', () => {
  test.each([
    { label: '', format: 'ts', name: '20261121T101500.123Z-000012.ts' },
    { label: 'cam1', format: 'ts', name: '20261121T101500.123Z-000012-cam1.ts' },
    { label: 'Büro / Tür 2', format: 'mp4', name: '20261121T101500.123Z-000012-Buro-Tur-2.mp4' },
    { label: '../../etc', format: 'ts', name: '20261121T101500.123Z-000012-etc.ts' },
    { label: '日本', format: 'ts', name: '20261121T101500.123Z-000012-source.ts' },
  ] as const)('for "$label" is $name, and read back', ({ label, format, name }) => {
    expect(recordingName({ startedAt: STARTED, number: 12, label, format })).toBe(name)
    const safe = label === '' ? '' : safeLabel(label)
    expect(parseRecordingName(name)).toEqual({
      ...{ name, startedAt: STARTED, number: 12, label: safe, format },
    })
  })

  test.each([
    'film.ts',
    '20261121T101500.123Z-000012.mkv',
    '20261121T101500Z-000012.ts',
    '20261121T101500.123Z-12.ts',
    '20261341T101500.123Z-000012.ts',
    'x20261121T101500.123Z-000012.ts',
    '20261121T101500.123Z-000012-a/b.ts',
    'recordings.jsonl',
  ])('is not %s', (name) => {
    expect(parseRecordingName(name)).toBeUndefined()
  })
})

describe('the next file starts', () => {
  const limits = { seconds: 10, bytes: 1_000 }
  test.each([
    { ticks: 899_990, bytes: 100, groupBytes: 50, why: undefined },
    { ticks: 899_999, bytes: 100, groupBytes: 50, why: 'time' },
    { ticks: 2_000_000, bytes: 100, groupBytes: 50, why: 'time' },
    { ticks: 0, bytes: 950, groupBytes: 50, why: undefined },
    { ticks: 0, bytes: 951, groupBytes: 50, why: 'size' },
  ])('after $ticks ticks and $bytes bytes: $why', ({ why, ...file }) => {
    expect(rotationCause(file, limits)).toBe(why)
    expect(rotationCause(file, { ...limits, bytes: undefined })).toBe(
      why === 'size' ? undefined : why,
    )
  })

  test.each([
    { rotate: undefined, quota: undefined, limit: undefined },
    { rotate: 100, quota: undefined, limit: 100 },
    { rotate: undefined, quota: 1_000, limit: 250 },
    { rotate: 100, quota: 1_000, limit: 100 },
    { rotate: 900, quota: 1_000, limit: 250 },
  ])('at $limit bytes with rotation $rotate and quota $quota', ({ rotate, quota, limit }) => {
    expect(maxFileBytes(rotate, quota)).toBe(limit)
  })
})

describe('a quota', () => {
  const kept = (
    number: number,
    bytes: number,
    state: QuotaFile['state'] = 'finished',
  ): QuotaFile => ({
    ...{ name: `r${number}`, number, bytes, state },
  })
  test.each([
    { recordings: [], quota: 100, gone: [] },
    { recordings: [kept(1, 50), kept(2, 50)], quota: 100, gone: [] },
    { recordings: [kept(2, 50), kept(1, 50), kept(3, 1)], quota: 100, gone: ['r1'] },
    { recordings: [kept(1, 10), kept(2, 10), kept(3, 90)], quota: 100, gone: ['r1'] },
    { recordings: [kept(1, 10), kept(2, 200, 'recording')], quota: 100, gone: ['r1'] },
    { recordings: [kept(1, 500, 'recording')], quota: 100, gone: [] },
  ])('of $quota takes $gone', ({ recordings, quota, gone }) => {
    expect(recordingsOverQuota(recordings, quota)).toEqual(gone)
  })
})

describe('a range of bytes', () => {
  test.each([
    { header: undefined, range: undefined },
    { header: 'bytes=0-99', range: { from: 0, to: 99 } },
    { header: 'bytes=900-', range: { from: 900, to: 999 } },
    { header: 'bytes=-100', range: { from: 900, to: 999 } },
    { header: 'bytes=-5000', range: { from: 0, to: 999 } },
    { header: 'bytes=990-5000', range: { from: 990, to: 999 } },
    { header: 'bytes=1000-', range: 'not_satisfiable' },
    { header: 'bytes=-0', range: 'not_satisfiable' },
    { header: 'bytes=5-2', range: undefined },
    { header: 'bytes=0-1,5-6', range: undefined },
    { header: 'seconds=0-1', range: undefined },
  ])('$header of 1000', ({ header, range }) => {
    expect(byteRange(header, 1_000)).toEqual(range)
  })
})

describe('the address', () => {
  const spec = (url: string, record?: OutputSpec['record']): OutputSpec => ({
    id: outputId('rec'),
    url,
    ...(record !== undefined && { record }),
  })
  test.each([
    { url: 'record:/srv/rec', folder: '/srv/rec', of: {} },
    { url: 'record:///srv/rec', folder: '/srv/rec', of: {} },
    { url: 'record:rec', folder: `${process.cwd()}/rec`, of: {} },
    { url: 'record:/srv/rec?format=mp4', folder: '/srv/rec', of: { format: 'mp4' } },
    {
      url: 'record:/srv/rec?split=take&rotateSeconds=60&rotateMb=5',
      folder: '/srv/rec',
      of: { split: 'take', rotateSeconds: 60, rotateMb: 5 },
    },
  ] as const)('$url', ({ url, folder, of }) => {
    expect(parseRecordTarget(spec(url))).toEqual({ folder, spec: RecordSpec.parse(of) })
  })

  test('overrides the section', () => {
    const { spec: wanted } = parseRecordTarget(
      spec('record:/r?format=mp4', RecordSpec.parse({ rotateSeconds: 5 })),
    )
    expect(wanted).toMatchObject({ format: 'mp4', rotateSeconds: 5 })
  })

  test.each([
    ['record:', /must be record:folder/],
    ['record://host/folder', /must be record:folder/],
    ['record:/r?format=mkv', /output rec, .*record\.format must be one of ts, mp4$/],
    ['record:/r?rotateSeconds=0', /record\.rotateSeconds/],
    ['record:/r?foo=1', /unknown setting "foo": known are format, split, rotateSeconds, /],
  ])('refuses %s', (url, message) => {
    expect(() => parseRecordTarget(spec(url))).toThrow(message)
  })
})

test('an index is read whatever a crash left of it', () => {
  const finished = { bytes: 10, durationMs: 5 }
  const text =
    indexLine({ name: 'a', label: 'Büro', source: 'cam' }) +
    indexLine({ name: 'b' }) +
    indexLine({ name: 'a', label: 'Büro', source: 'cam', finished }) +
    '[1]\nnull\n{"name":5}\n{"name":"c","finished":{"bytes":-1}}\n{"name":"d","fini'
  expect([...parseIndex(text).values()]).toEqual([
    { name: 'a', label: 'Büro', source: 'cam', finished },
    { name: 'b' },
    { name: 'c' },
  ])
})

test('33-bit times continue past their wrap', () => {
  expect(unwrapNear(5, 2 ** 33 - 10)).toBe(2 ** 33 + 5)
  expect(unwrapNear(2 ** 33 - 5, 2 ** 34 + 3)).toBe(2 ** 34 - 5)
  expect(unwrapNear(100, 90)).toBe(100)
})

describe('a random access point', () => {
  const marks = (): { of: TakeMarks; sink: FrameSink } => {
    let sink: FrameSink = {}
    const frames: ProgramFrames = {
      tracks: { video: undefined, audio: undefined, languages: [] },
      onAir: { id: sourceId('a'), label: 'A' },
      time: ticks(0),
      attach: (given) => {
        sink = given
        return () => {}
      },
    }
    return { of: new TakeMarks(frames, () => {}), sink }
  }
  const cut = (to: string, at: number) =>
    ({ to: sourceId(to), label: to.toUpperCase(), at: ticks(at), cause: 'take' }) as const

  test('belongs to the source of the newest cut before it', () => {
    const { of, sink } = marks()
    sink.cut?.(cut('b', 1_000))
    expect(of.takeAt(900)).toEqual({ onAir: { source: 'a', label: 'A' }, cut: 'none' })
    expect(of.takeAt(1_000)).toEqual({ onAir: { source: 'b', label: 'B' }, cut: 'take' })
    expect(of.takeAt(2_000)).toEqual({ onAir: { source: 'b', label: 'B' }, cut: 'none' })
  })

  test('after two cuts is reported once, and not at all when the first source returned', () => {
    const { of, sink } = marks()
    sink.cut?.(cut('b', 1_000))
    sink.cut?.(cut('c', 1_500))
    expect(of.takeAt(1_500)).toEqual({ onAir: { source: 'c', label: 'C' }, cut: 'take' })
    sink.cut?.(cut('b', 2_000))
    sink.cut?.(cut('c', 2_500))
    expect(of.takeAt(2_500)).toEqual({ onAir: { source: 'c', label: 'C' }, cut: 'none' })
  })
})
