import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Mp4RecordingInput } from '../../src/media/outputs/record/mp4-recording-input.ts'
import type { RecordingChunk } from '../../src/media/outputs/record/recording-chunk.ts'
import { TakeMarks } from '../../src/media/outputs/record/take-marks.ts'
import { rapsIn } from '../../src/media/outputs/record/ts-raps.ts'
import {
  analyze,
  ffmpegContinuity,
  ffmpegDecodeErrors,
  ffprobePackets,
  violationCounts,
  skipNote,
  missingTool,
  withFile,
  type ProbedPacket,
} from '../helpers/oracles.ts'
import {
  RecordBench,
  recordMaterial,
  type Listed,
  type Recording,
  type RecordMaterial,
} from '../helpers/record-bench.ts'

const FRAME = 3_600
const HEVC = { codec: 'hevc', openGop: true, audio: 'ac3' } as const
const MPEG2 = { codec: 'mpeg2video', size: '160x96', audio: 'mp2' } as const
const missing = missingTool('ffmpeg', 'ffprobe')
const bench = new RecordBench()
let material: RecordMaterial

beforeAll(async () => {
  if (missing === undefined) material = await recordMaterial()
}, 60_000)
afterAll(() => bench.close())

const pathsOf = async (recording: Recording): Promise<string[]> =>
  (await recording.files()).map((name) => join(recording.folder, name))

/** First and last presentation time of a track, and how many units it has. */
const spanOf = (packets: readonly ProbedPacket[]) => {
  const times = packets.map(({ pts }) => pts ?? Number.NaN).sort((a, b) => a - b)
  return { first: times[0]!, last: times.at(-1)!, count: times.length }
}

const listOf = async (address: string, path = '/channels/main/recordings/rec'): Promise<Listed[]> =>
  ((await (await fetch(address + path)).json()) as { recordings: Listed[] }).recordings

/** Each test has a program and a folder of its own, and mostly waits for media time. */
describe.skipIf(missing).concurrent(`a recording${skipNote(missing)}`, () => {
  test('as TS is the program byte for byte, in files that begin with a random access point', async () => {
    const recording = await bench.record(material, { record: { rotateSeconds: 2 } })
    await recording.play(4)
    recording.rig.take('b')
    await recording.play(4)
    recording.rig.take('a', 'graceful')
    await recording.play(4)
    await recording.end()
    const paths = await pathsOf(recording)
    expect(paths.length).toBeGreaterThanOrEqual(5)
    const parts = await Promise.all((await recording.files()).map((name) => recording.read(name)))
    for (const part of parts) {
      expect(rapsIn(part, 0)[0]?.offset).toBe(0)
      expect(part.length % 188).toBe(0)
    }
    expect(Buffer.concat(parts).equals(recording.program())).toBe(true)
    expect(violationCounts(await analyze(Buffer.concat(parts)))).toEqual([])
    const spans = await Promise.all(
      paths.map(async (path) => spanOf(await ffprobePackets(path, 'v'))),
    )
    for (const [index, span] of spans.slice(1).entries()) {
      expect(span.first - spans[index]!.last).toBe(FRAME)
    }
    for (const path of paths) expect(await ffmpegDecodeErrors(path)).toEqual([])
    expect(recording.output.status()).toMatchObject({ errors: 0, skips: 0 })
  })

  test('as MP4 has every picture and every sound once, in files that play alone', async () => {
    const recording = await bench.record(material, {
      record: { rotateSeconds: 3, format: 'mp4' },
    })
    await recording.play(5)
    recording.rig.take('b')
    await recording.play(6)
    await recording.end()
    const paths = await pathsOf(recording)
    expect(paths.length).toBeGreaterThanOrEqual(3)
    const spans = []
    let sounds = 0
    for (const path of paths) {
      expect(await ffmpegDecodeErrors(path)).toEqual([])
      spans.push(spanOf(await ffprobePackets(path, 'v')))
      sounds += (await ffprobePackets(path, 'a')).length
    }
    const { videoFrames, audioFrames } = recording.rig.log
    const count = spans.reduce((sum, span) => sum + span.count, 0)
    const last = videoFrames.length
    const recorded = videoFrames.slice(last - count, last)
    expect(recorded[0]?.rap).toBe(true)
    expect(videoFrames.length).toBe(last)
    // Each file is as long as its pictures, and the next one goes on with the next picture.
    let at = 0
    for (const span of spans) {
      const own = recorded.slice(at, at + span.count).map(({ pts }) => pts)
      expect(span.last - span.first).toBe(Math.max(...own) - Math.min(...own))
      expect(recorded[at]?.rap).toBe(true)
      at += span.count
    }
    expect(sounds).toBeGreaterThan((count * FRAME) / 1_920 - 30)
    expect(sounds).toBeLessThanOrEqual(audioFrames.length)
    expect(recording.output.status()).toMatchObject({ errors: 0, skips: 0 })
  })

  test.each(['ts', 'mp4'] as const)(
    'per take as %s has a file for each, named after it',
    async (format) => {
      const recording = await bench.record(material, { query: `?format=${format}&split=take` })
      await recording.play(3)
      recording.rig.take('b')
      await recording.play(3)
      recording.rig.take('a')
      await recording.play(3)
      await recording.end()
      const files = await recording.files()
      expect(files.map((name) => name.replace(/^\d{8}T\d{6}\.\d{3}Z-/, ''))).toEqual([
        `000001-label-of-a.${format}`,
        `000002-label-of-b.${format}`,
        `000003-label-of-a.${format}`,
      ])
      const cuts = recording.rig.log.cuts.slice(-2)
      for (const [index, path] of (await pathsOf(recording)).entries()) {
        expect(await ffmpegDecodeErrors(path)).toEqual([])
        const { first } = spanOf(await ffprobePackets(path, 'v'))
        if (format === 'ts' && index > 0) expect(first).toBe(cuts[index - 1]!.at)
      }
      const list = await listOf(await recording.serve())
      expect(list.map(({ label, source }) => [label, source])).toEqual([
        ['label of a', 'a'],
        ['label of b', 'b'],
        ['label of a', 'a'],
      ])
    },
  )

  test.each([
    { name: 'sound alone', format: 'mp4', spec: { codec: 'none' } },
    { name: 'sound alone', format: 'ts', spec: { codec: 'none', audio: 'mp2' } },
    { name: 'HEVC with open groups and AC-3', format: 'mp4', spec: HEVC },
    { name: 'MPEG-2 with MP2', format: 'ts', spec: MPEG2 },
  ] as const)('of $name as $format plays file by file', async ({ format, spec }) => {
    const made = await recordMaterial(spec)
    const recording = await bench.record(made, { record: { format, rotateSeconds: 2 } })
    await recording.play(3)
    recording.rig.take('b')
    await recording.play(4)
    await recording.end()
    const paths = await pathsOf(recording)
    expect(paths.length).toBeGreaterThanOrEqual(3)
    for (const path of paths) expect(await ffmpegDecodeErrors(path)).toEqual([])
    const list = await listOf(await recording.serve())
    const total = list.reduce((sum, { durationMs }) => sum + durationMs, 0)
    expect(total).toBeGreaterThan(6_000)
    expect(total).toBeLessThan(11_000)
  })

  test('is listed newest first and downloaded in whole or in part, the growing one too', async () => {
    const recording = await bench.record(material, { record: { rotateSeconds: 2 } })
    await recording.play(5)
    const address = await recording.serve()
    const list = await listOf(address)
    expect(await listOf(address, '/recordings')).toEqual(list)
    expect(list.length).toBeGreaterThanOrEqual(2)
    expect(list.map(({ state }) => state)).toEqual([
      'recording',
      ...list.slice(1).map(() => 'finished'),
    ])
    expect(list.map(({ name }) => name)).toEqual((await recording.files()).toReversed())
    expect(list.slice(1).map(({ durationMs }) => durationMs)).toEqual(
      list.slice(1).map(() => 2_000),
    )
    const { url, name, bytes } = list[1]!
    const whole = await fetch(address + url)
    const content = Buffer.from(await whole.arrayBuffer())
    expect(content.equals(await recording.read(name))).toBe(true)
    expect(whole.headers.get('content-type')).toBe('video/mp2t')
    expect(whole.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`)
    const part = await fetch(address + url, { headers: { range: 'bytes=188-375' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([
      206,
      `bytes 188-375/${bytes}`,
    ])
    expect(Buffer.from(await part.arrayBuffer()).equals(content.subarray(188, 376))).toBe(true)
    const beyond = await fetch(address + url, { headers: { range: `bytes=${bytes}-` } })
    expect(beyond.status).toBe(416)
    const growing = await fetch(address + list[0]!.url)
    expect((await growing.arrayBuffer()).byteLength % 188).toBe(0)
    const head = await fetch(address + url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes)])
    expect((await fetch(address + url, { method: 'DELETE' })).status).toBe(405)
    await recording.end()
  })

  test.each(['../recordings.jsonl', '..%2f..%2fetc%2fpasswd', 'recordings.jsonl', 'film.ts', ''])(
    'does not hand out %j, which is none',
    async (name) => {
      const recording = await bench.record(material, {})
      await writeFile(join(recording.folder, 'film.ts'), 'not ours')
      const address = await recording.serve()
      const answer = await fetch(`${address}/channels/main/recordings/rec/${name}`)
      expect(answer.status).toBe(404)
      await recording.end()
    },
  )

  test('keeps within its quota: the oldest go, and nothing that is not its own', async () => {
    const large = await recordMaterial({ size: '640x360', videoBitrate: '3M' })
    const folder = await bench.folder()
    const older = '20200101T000000.000Z-000007.ts'
    await writeFile(join(folder, older), Buffer.alloc(500_000, 0x47))
    await writeFile(join(folder, 'film.ts'), Buffer.alloc(3_000_000))
    await writeFile(join(folder, '20200101T000000.000Z-000001.txt'), 'notes')
    const recording = await bench.record(large, {
      folder,
      record: { rotateMb: 1, quotaMb: 4 },
    })
    await recording.play(20)
    await recording.end()
    const files = await recording.files()
    expect(files).not.toContain(older)
    expect(files).toContain('film.ts')
    const own = files.filter((name) => name !== 'film.ts')
    const sizes = await Promise.all(own.map(async (name) => (await recording.read(name)).length))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_100_000)
    // Numbers go on behind those of the run before.
    expect(Number(own.at(-1)!.slice(21, 27))).toBeGreaterThan(10)
  })

  test('of a folder that cannot be made waits, and says why', async () => {
    const folder = await bench.folder()
    await writeFile(join(folder, 'file'), '')
    const recording = await bench.record(material, { folder: join(folder, 'file') })
    const status = await recording.until(({ state }) => state === 'waiting')
    expect(status.lastError).toContain(join(folder, 'file'))
    expect(recording.alerts.map(({ what }) => what)).toEqual(['storage'])
    await recording.end()
  })

  test('goes on in a new file when somebody deletes folder and files', async () => {
    const recording = await bench.record(material, {})
    await recording.play(2)
    await rm(recording.folder, { recursive: true })
    recording.rig.start()
    await recording.until(({ details }) => String(details?.['currentFile']).includes('-000002'))
    await recording.end()
    expect((await recording.files()).length).toBe(1)
  })

  test('into a folder of another is refused until that one ends', async () => {
    const first = await bench.record(material, {})
    const second = await bench.record(material, { folder: first.folder })
    expect((await second.until(({ state }) => state === 'waiting')).lastError).toMatch(
      /in use by process/,
    )
    await first.end()
    second.rig.start()
    await second.until(({ state }) => state === 'running')
    await second.end()
  })

  test('of MPEG-2 video as MP4 is refused with what to do', async () => {
    const mpeg2 = await recordMaterial({ codec: 'mpeg2video', size: '160x96', audio: 'mp2' })
    const recording = await bench.record(mpeg2, { query: '?format=mp4' })
    const status = await recording.until(({ state }) => state === 'failed')
    expect(status.lastError).toMatch(/MP4 cannot carry mpeg2video: record with format=ts/)
    await recording.end()
  })

  test('that the disk does not keep up with skips, and goes on in a new file', async () => {
    const recording = await bench.record(material, {})
    await recording.play(2)
    // Half a minute at once: more than a reader may be behind.
    recording.rig.run(30_000)
    await recording.play(2)
    await recording.end()
    expect(recording.output.status()).toMatchObject({ skips: 1, errors: 0 })
    const paths = await pathsOf(recording)
    expect(paths.length).toBe(2)
    for (const path of paths) {
      expect(violationCounts(await analyze(path))).toEqual([])
      expect(await ffmpegContinuity(path)).toEqual({ continuity: 0, order: 0, corrupt: 0 })
      expect(await ffmpegDecodeErrors(path)).toEqual([])
    }
  })

  test('as MP4 drops what it has no room for, and goes on in a new file', async () => {
    const { rig, ...recording } = await bench.record(material, {})
    const { frames } = rig.program
    const faults: unknown[] = []
    const onFault = (error: unknown): void => void faults.push(error)
    const marks = new TakeMarks(frames, onFault)
    const feed = new Mp4RecordingInput({
      frames,
      marks,
      split: 'continuous',
      onFault,
      queueMax: 200_000,
    })
    rig.run(20_000)
    const before: RecordingChunk[] = []
    for (let piece = feed.next(); piece !== undefined; piece = feed.next()) before.push(piece)
    rig.run(4_000)
    const after = feed.next()
    expect(feed.skips).toBe(1)
    expect(before.length).toBeGreaterThan(2)
    expect(before[0]?.splitPoint?.begins).toBe('may')
    expect(after?.splitPoint?.begins).toBe('must')
    expect(after!.time - before.at(-1)!.time).toBeGreaterThan(10 * 90_000)
    feed.finish()
    expect(faults).toEqual([])
    await recording.end()
  })

  test('what a run left torn is trimmed to whole units by the next one', async () => {
    const first = await bench.record(material, {})
    await first.play(4)
    await first.end()
    const [name] = await first.files()
    const bytes = await first.read(name!)
    const folder = await bench.folder()
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, name!), bytes.subarray(0, bytes.length - 500))
    await writeFile(join(folder, 'recordings.jsonl'), `{"name":"${name}"}\n{"name":"2026`)
    const next = await bench.record(material, { folder })
    await next.end()
    const trimmed = await next.read(name!)
    expect(trimmed.length % 188).toBe(0)
    expect(trimmed.length).toBeGreaterThan(bytes.length - 40_000)
    await withFile(trimmed, async (path) => expect(await ffmpegDecodeErrors(path)).toEqual([]))
    const list = await listOf(await next.serve())
    expect(list.find((each) => each.name === name)).toMatchObject({
      state: 'finished',
      bytes: trimmed.length,
    })
  })
})
