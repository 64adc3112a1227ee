import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { ticks } from '../../src/contract/time.ts'
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import { DEFAULT_AUDIO, DEFAULT_VIDEO } from '../../src/ffmpeg/generated-source.ts'
import type { TargetFormat } from '../../src/ffmpeg/target-format.ts'
import { realClock } from '../../src/lib/clock.ts'
import { Conformer } from '../../src/media/input/conform/conformer.ts'
import { planConform, type ConformMatch } from '../../src/media/input/conform/conform-plan.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'
import { CollectingSink } from '../helpers/collecting-sink.ts'
import { SourceBench } from '../helpers/source-bench.ts'
import { encodeTs, type EncodeSpec } from '../helpers/stream-builder.ts'

let bench: SourceBench
beforeAll(async () => {
  bench = await SourceBench.create()
})
afterAll(() => bench.close())

const TARGET: Required<TargetFormat> = {
  video: {
    ...DEFAULT_VIDEO,
    preset: 'ultrafast',
    // What x264's ultrafast preset makes of it.
    format: { ...DEFAULT_VIDEO.format, width: 320, height: 180 },
  },
  audio: DEFAULT_AUDIO,
}

const demuxed = async (spec: Partial<EncodeSpec>): Promise<CollectingSink> => {
  const feed = new CollectingSink()
  const demuxer = new TsDemuxer(feed)
  demuxer.push(await encodeTs(spec))
  demuxer.flush()
  return feed
}

const conform = async (
  { onTestFinished }: TestContext,
  spec: Partial<EncodeSpec>,
  options: { target?: TargetFormat; match?: ConformMatch } = {},
) => {
  const input = await demuxed(spec)
  const formats = [...input.formats]
  const isVideo = (format: VideoFormat | AudioFormat): format is VideoFormat => 'width' in format
  const video = formats.find(({ format }) => isVideo(format))
  const plan = planConform(
    {
      ...(video === undefined
        ? {}
        : { video: { pid: video.pid, format: video.format as VideoFormat } }),
      audio: formats.flatMap(({ pid, format }) => (isVideo(format) ? [] : [{ pid, format }])),
    },
    options.target ?? TARGET,
    options.match ?? 'by_format',
  )
  if (plan === undefined) throw new Error('nothing to do')
  const out = new CollectingSink()
  const warnings: string[] = []
  const conformer = new Conformer({
    host: bench.host,
    clock: realClock,
    random: Math.random,
    ffmpeg: 'ffmpeg',
    plan,
    purpose: 'conform test',
    onLine: () => {},
    warn: (message) => warnings.push(message),
  })
  const abort = new AbortController()
  const run = conformer.run(out, abort.signal)
  const stop = async (): Promise<void> => {
    abort.abort()
    await run
  }
  onTestFinished(stop)
  // As a live source delivers them: tracks side by side.
  const units = [...input.units].sort((a, b) => a.dts - b.dts)
  return { input, units, out, conformer, warnings, stop }
}

/** Feeds units in real time by their DTS; a jump back in time costs no time. */
const play = async (
  units: readonly AccessUnit[],
  to: { unit(unit: AccessUnit): void },
): Promise<void> => {
  let clock = performance.now()
  for (let n = 0; n < units.length; n++) {
    const step = n === 0 ? 0 : (units[n]!.dts - units[n - 1]!.dts) / 90
    if (step > 0 && step < 1_000) clock += step
    const ahead = clock - performance.now()
    if (ahead > 4) await new Promise((resolve) => setTimeout(resolve, ahead))
    to.unit(units[n]!)
  }
}

const sorted = (units: readonly AccessUnit[]): number[] =>
  units.map(({ pts }) => pts).sort((a, b) => a - b)
const moved = (units: readonly AccessUnit[], by: number): AccessUnit[] =>
  units.map((unit) => ({ ...unit, pts: ticks(unit.pts + by), dts: ticks(unit.dts + by) }))

const SD: Partial<EncodeSpec> = {
  size: '160x120',
  seconds: 4,
  gop: 25,
  audio: 'mp2',
  sampleRate: 44_100,
}

/** Each test has a transcoder of its own, and mostly waits for media time. */
describe.concurrent('a conforming transcoder', () => {
  test.for<[string, Partial<EncodeSpec>]>([
    ['from an ordinary time', { startPts: 900_000 }],
    ['across the 33-bit wrap', { startPts: 2 ** 33 - 90_000 }],
    ['from zero', { startPts: 0, bframes: 0 }],
    ['from HEVC', { codec: 'hevc' }],
    ['from MPEG-2', { codec: 'mpeg2video' }],
  ])('keeps source time exactly, %s', async ([, spec], context) => {
    const { units, out, conformer, input } = await conform(context, { ...SD, ...spec })
    await play(units, conformer)
    await out.until(() => out.unitsOf('video').length >= 85)
    const times = sorted(input.unitsOf('video'))
    const known = new Set(times)
    expect(out.unitsOf('video').filter(({ pts }) => !known.has(pts))).toEqual([])
    expect(out.unitsOf('video')[0]).toMatchObject({ pts: times[0], rap: 'idr' })
    expect(out.unitsOf('video').every(({ pts, dts }) => pts === dts)).toBe(true)
    expect(out.formats.map(({ format }) => format)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ codec: 'h264', width: 320, height: 180 }),
        expect.objectContaining({ codec: 'aac', sampleRate: 48_000, channels: 2 }),
      ]),
    )
    // Sound: frames follow each other without a hole, and begin within one of their frames of the first one fed.
    const audio = out.unitsOf('audio')
    expect(audio.slice(1).every(({ pts }, n) => Math.abs(pts - audio[n]!.pts - 1_920) <= 1)).toBe(
      true,
    )
    const firstIn = input.unitsOf('audio').find(({ pts }) => pts >= times[0]! - 9_000)!
    expect(Math.abs(audio[0]!.pts - firstIn.pts)).toBeLessThanOrEqual(1_921)
    const { startMs, behindMs, droppedUnits } = conformer.figures()
    expect(startMs).toBeLessThan(3_000)
    expect(behindMs).toBeLessThan(1_500)
    expect(droppedUnits).toBe(0)
  })

  test('changes the picture rate, at most half a picture from source time', async (context) => {
    const { units, out, conformer, input } = await conform(context, { ...SD, rate: '30', gop: 30 })
    await play(units, conformer)
    await out.until(() => out.unitsOf('video').length >= 80)
    const times = sorted(input.unitsOf('video'))
    const video = out.unitsOf('video')
    expect(video.slice(1).every(({ pts }, n) => pts - video[n]!.pts === 3_600)).toBe(true)
    expect(Math.abs(video[0]!.pts - times[0]!)).toBeLessThanOrEqual(1_800)
  })

  test('passes a track that fits untouched, beside the other', async (context) => {
    const { units, out, conformer, input } = await conform(context, {
      ...SD,
      audio: 'aac',
      sampleRate: 48_000,
      audioBitrate: '96k',
    })
    await play(units, conformer)
    await out.until(() => out.unitsOf('video').length >= 85)
    const first = out.unitsOf('audio')[0]!
    const from = input.unitsOf('audio').findIndex(({ pts }) => pts === first.pts)
    expect(from).toBeGreaterThanOrEqual(0)
    expect(out.unitsOf('audio').map(({ data }) => data)).toEqual(
      input
        .unitsOf('audio')
        .slice(from, from + out.unitsOf('audio').length)
        .map(({ data }) => data),
    )
    let newest = Number.NEGATIVE_INFINITY
    for (const unit of out.units) {
      // Never more than the time that one track may lead by.
      if (unit.kind === 'audio' && newest > 0) expect(unit.dts).toBeLessThanOrEqual(newest + 9_000)
      if (unit.kind === 'video') newest = unit.dts
    }
  })

  test('transcodes only the sound when only the sound differs', async (context) => {
    const { units, out, conformer, input } = await conform(context, { ...SD, size: '320x180' })
    await play(units, conformer)
    await out.until(() => out.unitsOf('video').length >= 75 && out.unitsOf('audio').length >= 150)
    const byPts = new Map(input.unitsOf('video').map((unit) => [unit.pts, unit.data]))
    expect(out.unitsOf('video').every(({ pts, data }) => byPts.get(pts) === data)).toBe(true)
    expect(out.formats.map(({ format }) => format.codec)).toEqual(['aac'])
  })

  test('a source that jumps back in time goes on in its new time, and the jump is announced', async (context) => {
    const { units, out, conformer } = await conform(context, SD)
    const first = units.slice(0, units.length / 2)
    const again = moved(units, -50_000_000)
    await play([...first, ...again], conformer)
    await out.until(() => out.unitsOf('video', out.restarts[0]).length >= 80)
    expect(out.restarts).toHaveLength(1)
    const jump = out.restarts[0]!
    const before = out.units.slice(0, jump).filter(({ kind }) => kind === 'video')
    const after = out.units.slice(jump).filter(({ kind }) => kind === 'video')
    // What was fed before the jump comes out before it, whole.
    const lastIn = Math.max(...first.filter(({ kind }) => kind === 'video').map(({ pts }) => pts))
    expect(lastIn - before.at(-1)!.pts).toBeLessThanOrEqual(2 * 3_600)
    expect(after[0]).toMatchObject({
      rap: 'idr',
      pts: sorted(again.filter((u) => u.kind === 'video'))[0],
    })
    expect(conformer.figures().restarts).toBe(1)
  })

  test('starts anew at the next random access point when its ffmpeg is killed', async (context) => {
    const { units, out, conformer, warnings } = await conform(context, SD)
    const playing = play([...units, ...moved(units, 4 * 90_000)], conformer)
    await out.until(() => out.unitsOf('video').length >= 20)
    const { pid } = conformer.figures()
    process.kill(-pid!, 'SIGKILL')
    const before = out.units.length
    await out.until(() => out.unitsOf('video', before).some(({ rap }) => rap === 'idr'))
    expect(conformer.figures().pid).not.toBe(pid)
    expect(warnings[0]).toContain('ended by SIGKILL')
    expect(out.restarts).toEqual([])
    await playing
  })

  test('a transcoder that stands still costs whole groups of pictures, not memory', async (context) => {
    const { units, out, conformer } = await conform(context, {
      ...SD,
      videoBitrate: '4M',
      size: '640x360',
      gop: 10,
    })
    await play(units.slice(0, 60), conformer)
    await out.until(() => out.units.length > 0)
    const { pid } = conformer.figures()
    process.kill(-pid!, 'SIGSTOP')
    const more = Array.from({ length: 8 }, (_, n) => moved(units, n * 4 * 90_000))
      .flat()
      .slice(60)
    for (const unit of more) conformer.unit(unit)
    expect(conformer.figures().droppedUnits).toBeGreaterThan(500)
    process.kill(-pid!, 'SIGCONT')
  })

  test('holds back a source that can wait: a file loses nothing', async (context) => {
    const { units, out, conformer, stop } = await conform(context, {
      ...SD,
      videoBitrate: '4M',
      size: '640x360',
    })
    const film = Array.from({ length: 8 }, (_, n) => moved(units, n * 4 * 90_000)).flat()
    for (const unit of film) {
      conformer.unit(unit)
      const room = conformer.room()
      if (room !== undefined) await room
    }
    await out.until(() => out.unitsOf('video').length >= 790)
    expect(conformer.figures().droppedUnits).toBe(0)
    await stop()
  })

  test('starts no process before there is something to transcode', async (context) => {
    const { conformer } = await conform(context, SD)
    expect(conformer.figures().pid).toBeUndefined()
  })

  test('survives many jumps at once: each timeline comes out in order, or not at all', async (context) => {
    const { units, out, conformer, stop } = await conform(context, SD)
    const times = [0, 90_000_000, 500_000, 40_000_000].map((by) => moved(units.slice(0, 60), by))
    for (const unit of times.flat()) conformer.unit(unit)
    conformer.restarted()
    const last = moved(units, 700_000_000)
    await play(last, conformer)
    const lastStart = Math.min(...last.map(({ pts }) => pts))
    await out.until(() => out.unitsOf('video').filter(({ pts }) => pts >= lastStart).length > 50)
    const rank = (pts: number) =>
      times.findIndex((t) => pts >= t[0]!.pts - 9_000 && pts <= t.at(-1)!.pts + 18_000)
    const ranks = out.unitsOf('video').map(({ pts }) => (pts >= lastStart ? 9 : rank(pts)))
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
    await stop()
  })

  test('leaves no process behind', async (context) => {
    const { units, out, conformer, stop } = await conform(context, SD)
    await play(units.slice(0, 100), conformer)
    await out.until(() => out.units.length > 0)
    const { pid } = conformer.figures()
    await stop()
    expect(() => process.kill(-pid!, 0)).toThrow('ESRCH')
  })
})
