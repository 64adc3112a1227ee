import { afterEach, describe, expect, it } from 'vitest'
import { PackagingRig, RIG_EPOCH, type RigSegment } from '../../../../test/helpers/packaging-rig.ts'
import {
  analyze,
  ffmpegDecodeErrors,
  ffprobePackets,
  violationCounts,
  withFile,
} from '../../../../test/helpers/oracles.ts'
import { loopMaterial } from '../../../../test/helpers/looped-stream.ts'
import { ProgramRig, rigSlate } from '../../../../test/helpers/program-rig.ts'
import { FAMILIES, type Family } from '../../../../test/helpers/rig-families.ts'
import { RigSource } from '../../../../test/helpers/rig-source.ts'

let rig: ProgramRig | undefined
afterEach(() => rig?.remove())

const H264 = FAMILIES[0]!

/** Two sources of a family, the first on the air. */
const onAir = async (
  family: Family,
  spec: Readonly<Record<string, unknown>>,
): Promise<{ rig: ProgramRig; packaging: PackagingRig }> => {
  const [a, b] = [await loopMaterial(family.a), await loopMaterial(family.b)]
  rig = new ProgramRig({
    material: a,
    slate: await rigSlate(family.a),
    sources: [
      new RigSource({ id: 'a', material: a, start: 900_000 }),
      new RigSource({ id: 'b', material: b, start: 123_456_789, audioLead: 333 }),
    ],
  })
  rig.setWanted('a', 'b')
  rig.run(3_000)
  return { rig, packaging: await PackagingRig.open({ rig, material: a, spec }) }
}

const joined = (segments: readonly RigSegment[]): Uint8Array =>
  Buffer.concat(segments.map(({ data }) => data))

const TABLES_FOR_BROADCAST = ['pat_interval_program', 'pmt_interval_program']

describe('segments in transport streams', () => {
  it.each(FAMILIES)(
    'are the program without a fault when joined, over takes: $name',
    async (family) => {
      const { rig, packaging } = await onAir(family, { segmentTime: 2 })
      for (const id of ['b', 'a', 'b']) {
        packaging.run(3_300)
        rig.take(id, 'cutover')
      }
      packaging.run(5_000)
      expect(packaging.faults).toEqual([])
      const segments = await packaging.segments()
      expect(segments.length).toBeGreaterThan(5)
      for (const [i, segment] of segments.slice(1).entries()) {
        const before = segments[i]!
        expect(segment.number).toBe(before.number + 1)
        expect(segment.start).toBeCloseTo(before.start + before.duration, 3)
        expect(segment.wallMs).toBeCloseTo(before.wallMs + before.duration / 90, 3)
        expect(Math.round(segment.duration / 90_000)).toBeLessThanOrEqual(2)
      }
      const bytes = joined(segments)
      const report = await analyze(bytes)
      expect(
        violationCounts(report).filter(
          (line) => !TABLES_FOR_BROADCAST.includes(line.split(' ')[0]!),
        ),
      ).toEqual([])
      expect(await withFile(bytes, ffmpegDecodeErrors)).toEqual([])
    },
  )

  it('can be decoded one by one where they are independent', async () => {
    const { packaging } = await onAir(H264, { segmentTime: 2 })
    packaging.run(9_000)
    const segments = await packaging.segments()
    expect(segments.map(({ independent }) => independent)).not.toContain(false)
    for (const { data } of segments) expect(await withFile(data, ffmpegDecodeErrors)).toEqual([])
  })
})

describe('segments in fragmented MP4', () => {
  it('have the exact times of the program, over takes, and few fragments', async () => {
    const { rig, packaging } = await onAir(H264, { segmentTime: 2, container: 'fmp4' })
    const shown = new Map<number, number>()
    const audioPts: number[] = []
    const ignore = (): void => undefined
    rig.playOut.frames.attach(
      {
        video: (_unit, { pts, dts }) => void shown.set(dts, pts),
        audio: (_track, _unit, pts) => void audioPts.push(pts),
      },
      ignore,
    )
    for (const id of ['b', 'a']) {
      packaging.run(3_300)
      rig.take(id, 'cutover')
    }
    packaging.run(6_000)
    expect(packaging.faults).toEqual([])
    const pictures = await packaging.segments('stream_0')
    const audio = await packaging.segments('audio_0')
    expect(pictures.length).toBeGreaterThan(4)
    expect(audio.map(({ number }) => number)).toEqual(pictures.map(({ number }) => number))
    const read: { pts: number; dts: number }[] = []
    for (const { data, initData, start, duration } of pictures) {
      const packets = await withFile(Buffer.concat([initData!, data]), ffprobePackets)
      const times = packets.map(({ pts, dts }) => ({
        pts: Math.round(pts!),
        dts: Math.round(dts!),
      }))
      expect(Math.min(...times.map(({ pts }) => pts))).toBe(Math.round(start))
      expect(Math.max(...times.map(({ pts }) => pts))).toBeLessThan(start + duration)
      expect(fragmentsOf(data)).toBeLessThanOrEqual(4)
      read.push(...times)
    }
    const given = [...shown].map(([dts, pts]) => ({ pts: Math.round(pts), dts: Math.round(dts) }))
    const first = given.findIndex(({ dts }) => dts === read[0]!.dts)
    expect(read).toEqual(given.slice(first, first + read.length))
    const frames: number[] = []
    for (const { data, initData, start, duration } of audio) {
      const packets = await withFile(Buffer.concat([initData!, data]), ffprobePackets)
      expect(packets[0]!.pts! / 48_000).toBeCloseTo(start / 90_000, 3)
      expect(packets.length * 1_920).toBeCloseTo(duration, 3)
      frames.push(...packets.map(({ pts }) => pts!))
    }
    expect(frames.slice(1).every((pts, i) => 1_024 === pts - frames[i]!)).toBe(true)
    expect(audioPts.some((pts) => Math.abs(pts / 90_000 - frames[0]! / 48_000) < 0.0001)).toBe(true)
  })

  it.each([FAMILIES[0]!, FAMILIES[2]!])(
    'start a segment where the parameter sets change, with a discontinuity where the format does: $name',
    async (family) => {
      const { rig, packaging } = await onAir(family, { segmentTime: 2, container: 'fmp4' })
      packaging.run(3_300)
      rig.take('b', 'cutover')
      packaging.run(5_000)
      const segments = await packaging.segments()
      const change = segments.findIndex(({ init }) => init !== segments[0]!.init)
      expect(segments[change]!.start).toBe(rig.cuts.at(-1)!.at)
      expect(segments[change]!.discontinuity).toBe(true)
      expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1)
      for (const { data, initData, independent } of segments) {
        // Open groups: leading pictures refer to the segment before.
        if (!independent) continue
        const errors = await withFile(Buffer.concat([initData!, data]), ffmpegDecodeErrors)
        expect(errors).toEqual([])
      }
    },
  )

  it('have parts no longer than the target, that make up the segment', async () => {
    const { rig, packaging } = await onAir(H264, {
      ...{ segmentTime: 2, lowLatency: true, partTarget: 0.4 },
    })
    packaging.run(3_300)
    rig.take('b', 'cutover')
    packaging.run(6_000)
    expect(packaging.faults).toEqual([])
    for (const name of ['stream_0', 'audio_0']) {
      const segments = (await packaging.segments(name)).filter(({ parts }) => parts.length > 0)
      expect(segments.length).toBeGreaterThan(2)
      for (const { parts, duration, data } of segments) {
        for (const part of parts) expect(part.duration).toBeLessThanOrEqual(0.4 * 90_000 + 0.01)
        expect(parts.reduce((sum, part) => sum + part.duration, 0)).toBeCloseTo(duration, 3)
        expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(Buffer.from(data))
        expect(parts[0]!.independent).toBe(true)
      }
    }
  })

  it('are refused for MPEG-2 video, with what to set instead', async () => {
    await expect(onAir(FAMILIES[3]!, { container: 'fmp4' })).rejects.toThrow(
      'for HLS hls.container to "ts"',
    )
  })
})

const fragmentsOf = (data: Uint8Array): number =>
  Buffer.from(data).toString('latin1').split('moof').length - 1

describe('audio-only channels', () => {
  it.each(['ts', 'fmp4'])('have their boundaries on audio frames: %s', async (container) => {
    const audioOnly = { ...H264.a, codec: 'none' } as const
    const [material, other] = [
      await loopMaterial(audioOnly),
      await loopMaterial({ ...audioOnly, seed: 2, tone: 880 }),
    ]
    rig = new ProgramRig({
      material,
      slate: await rigSlate(audioOnly),
      sources: [
        new RigSource({ id: 'a', material, start: 900_000 }),
        new RigSource({ id: 'b', material: other, start: 5_000_000 }),
      ],
    })
    rig.setWanted('a', 'b')
    rig.run(3_000)
    const packaging = await PackagingRig.open({
      ...{ rig, material },
      spec: { segmentTime: 2, container },
    })
    packaging.run(5_000)
    rig.take('b', 'cutover')
    packaging.run(5_000)
    expect(packaging.faults).toEqual([])
    const segments = await packaging.segments()
    expect(segments.length).toBeGreaterThan(3)
    for (const [i, { start, duration, independent, data, initData }] of segments.entries()) {
      const next = segments[i + 1]
      if (next !== undefined) expect(next.start).toBeCloseTo(start + duration, 3)
      expect(duration % 1_920).toBeCloseTo(0, 3)
      expect(independent).toBe(true)
      const whole = Buffer.concat([initData ?? new Uint8Array(0), data])
      expect(await withFile(whole, ffmpegDecodeErrors)).toEqual([])
    }
    expect(segments.filter(({ discontinuity }) => discontinuity)).toEqual([])
  })
})

describe('discontinuities', () => {
  it.each([
    ['when-needed', 0],
    ['every-take', 2],
  ] as const)('%s, between sources of one format: %i', async (discontinuity, expected) => {
    const material = await loopMaterial(H264.a)
    const twin = await loopMaterial({ ...H264.a, gop: 50, seed: 4 })
    rig = new ProgramRig({
      material,
      slate: await rigSlate(H264.a),
      sources: [
        new RigSource({ id: 'a', material, start: 900_000 }),
        new RigSource({ id: 'b', material: twin, start: 5_000_000 }),
      ],
    })
    rig.setWanted('a', 'b')
    rig.run(3_000)
    const packaging = await PackagingRig.open({
      rig,
      material,
      spec: { segmentTime: 2, discontinuity },
    })
    for (const id of ['b', 'a']) {
      packaging.run(3_300)
      rig.take(id, 'cutover')
    }
    packaging.run(5_000)
    const broken = (await packaging.segments()).filter((segment) => segment.discontinuity)
    expect(broken).toHaveLength(expected)
    for (const { start } of broken) expect(rig.cuts.map(({ at }) => at)).toContain(start)
  })

  it('wall time is the time at which the program plays', async () => {
    const { packaging } = await onAir(H264, { segmentTime: 2 })
    packaging.run(6_000)
    const [first] = await packaging.segments()
    // The program started at 10 s, when the rig's clock was 0.
    expect(first!.wallMs - RIG_EPOCH).toBeCloseTo(first!.start / 90 - 10_000, -1)
  })
})
