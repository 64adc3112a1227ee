import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { syntheticUnits } from '../../../test/helpers/synthetic-units.ts'
import { ticks } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { TimelineSegment } from '../buffer/timeline-segment.ts'
import { AudioTrack } from './audio-track.ts'
import { ProgramClock } from './program-clock.ts'
import { SlateLoop } from './slate-loop.ts'
import { compareTwins } from './twins.ts'
import { VideoTrack } from './video-track.ts'

describe('the program clock', () => {
  const clock = (): ProgramClock => new ProgramClock({ at: 1000, ticks: ticks(90_000) })

  it('runs with wall time', () => {
    const one = clock()
    expect([one.at(1000), one.at(2000), one.wallAt(180_000), one.ppm]).toEqual([
      90_000, 180_000, 2000, 0,
    ])
  })

  it.each([
    { drift: 2, ppm: 0 },
    { drift: -2, ppm: 0 },
    { drift: 2.01, ppm: -20.1 },
    { drift: -10, ppm: 100 },
    { drift: 50, ppm: -500 },
    { drift: 51, ppm: -500 },
    { drift: -51, ppm: 500 },
  ])('changes its rate by $ppm ppm at a drift of $drift ms, without a step', ({ drift, ppm }) => {
    const one = clock()
    one.followDrift(drift, 5000)
    expect(one.ppm).toBeCloseTo(ppm)
    expect(one.at(5000)).toBe(450_000)
    const second = 1_000_000
    expect(one.at(5000 + second)).toBeCloseTo(450_000 + second * 90 * (1 + ppm / 1e6), 3)
    expect(one.wallAt(one.at(777_777))).toBeCloseTo(777_777, 6)
  })

  it('keeps its time when its rate changes again', () => {
    const one = clock()
    one.followDrift(-50, 1000)
    one.followDrift(0, 1_001_000)
    expect(one.at(1_001_000)).toBeCloseTo(90_000 + 90_000_000 * 1.0005, 3)
    expect(one.at(1_002_000) - one.at(1_001_000)).toBeCloseTo(90_000, 3)
  })
})

const picture = (pts: number, dts: number): AccessUnit => ({
  ...syntheticUnits({ count: 1, audioTicks: 0 })[0]!,
  pts: ticks(pts),
  dts: ticks(dts),
})

describe('the program video', () => {
  const track = (start = 90_000): { video: VideoTrack; written: (readonly [number, number])[] } => {
    const written: (readonly [number, number])[] = []
    const video = new VideoTrack(start, (_unit, { pts, dts }) => written.push([pts, dts]))
    return { video, written }
  }

  it('starts with a DTS at most one step before its start', () => {
    const { video, written } = track()
    expect([video.end, video.lastDts, video.earliestDts(0)]).toEqual([90_000, 89_910, 90_000])
    video.write(picture(5000, 5000), 85_000, 3600)
    expect(written).toEqual([[90_000, 90_000]])
    expect([video.end, video.frameTicks, video.dtsCompressed]).toEqual([93_600, 3600, 0])
  })

  it('sends DTS at least 1 ms apart, and does not move PTS', () => {
    const { video, written } = track()
    video.write(picture(97_200, 93_600), 0, 3600)
    video.write(picture(100_800, 90_000), 0, 0)
    video.write(picture(100_801, 93_780), 0, 0)
    expect(written).toEqual([
      [97_200, 93_600],
      [100_800, 93_690],
      [100_801, 93_780],
    ])
    expect([video.dtsCompressed, video.dropped, video.end]).toEqual([1, 0, 104_401])
  })

  it('drops a picture whose DTS would pass its PTS', () => {
    const { video, written } = track()
    video.write(picture(93_600, 93_600), 0, 3600)
    video.write(picture(93_689, 93_000), 0, 3600)
    video.write(picture(93_690, 93_000), 0, 3600)
    expect(written).toEqual([
      [93_600, 93_600],
      [93_690, 93_690],
    ])
    expect([video.dropped, video.dtsCompressed]).toEqual([1, 2])
  })

  it('continues behind a hole, never before what it sent', () => {
    const { video } = track()
    video.skipTo(100_000)
    expect([video.end, video.lastDts]).toEqual([100_000, 99_910])
    video.skipTo(95_000)
    expect([video.end, video.lastDts]).toEqual([100_000, 99_910])
  })
})

const silence = {
  format: { codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1024 },
  frameTicks: 1920,
  frames: [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)],
} as const
const group = syntheticUnits({ count: 25, start: 0, reorder: 'IP', audioTicks: 0 })

describe('the slate', () => {
  const slate = new SlateLoop({ video: group, videoTicks: 90_000, silence, audioTracks: 2 })

  it('repeats its group with rising timestamps', () => {
    expect(slate.frameTicks).toBe(3600)
    for (const index of [0, 1, 24, 25, 60]) {
      const { unit, cleanAfter } = slate.video(index)!
      expect(cleanAfter).toBe(true)
      expect(unit.pts).toBe(group[index % 25]!.pts + Math.floor(index / 25) * 90_000)
      expect(unit.pts - unit.dts).toBe(group[index % 25]!.pts - group[index % 25]!.dts)
      expect(unit.data).toBe(group[index % 25]!.data)
    }
  })

  it('is silent on each of its tracks', () => {
    expect(slate.hasAudio).toEqual([true, true])
    expect(slate.audio(1, 5)!.unit).toMatchObject({
      pts: 9600,
      dts: 9600,
      duration: 1920,
      data: Uint8Array.of(3),
    })
    expect(slate.audio(2, 0)).toBeUndefined()
    expect([slate.audioStart(), slate.audioEnd(), slate.rapAtOrBefore(), slate.rapAfter()]).toEqual(
      [0, Infinity, 0, 0],
    )
  })

  it('may have no video, or no audio', () => {
    const audio = new SlateLoop({ video: [], videoTicks: 0, silence, audioTracks: 1 })
    expect([audio.hasVideo, audio.frameTicks, audio.video(0)]).toEqual([false, 1920, undefined])
    const video = new SlateLoop({
      video: group,
      videoTicks: 90_000,
      silence: undefined,
      audioTracks: 1,
    })
    expect([video.hasAudio, video.audio(0, 0)]).toEqual([[false], undefined])
  })
})

const audioSegment = (start: number, count: number): TimelineSegment => {
  const segment = new TimelineSegment({ hasVideo: false, hasAudio: [true], recoveryPoints: false })
  for (let k = 0; k < count; k++) {
    const pts = ticks(start + k * 1920)
    const base = syntheticUnits({ count: 1 }).find((unit) => unit.kind === 'audio')!
    segment.addAudio(0, { ...base, pts, dts: pts, duration: 1920, data: Uint8Array.of(9) }, k)
  }
  return segment
}

describe('an audio track of the program', () => {
  const track = (): { audio: AudioTrack; written: (readonly [number, number])[] } => {
    const written: (readonly [number, number])[] = []
    const audio = new AudioTrack({
      track: 0,
      start: 0,
      silence,
      write: (unit, pts) => written.push([pts, unit.data[0]!]),
    })
    return { audio, written }
  }

  it.each([
    { offset: 960, shift: -960, pts: [0, 1920] },
    { offset: -960, shift: 960, pts: [0, 1920] },
    { offset: 0, shift: 0, pts: [0, 1920] },
  ])('rounds a source at $offset to its grid', ({ offset, shift, pts }) => {
    const { audio, written } = track()
    audio.enqueue({ playable: audioSegment(0, 2), offset, from: 0 })
    expect(audio.isSettled).toBe(false)
    audio.pump(1920)
    expect(written).toEqual(pts.map((at) => [at, 9]))
    expect([audio.shift! + 0, audio.end, audio.isSettled]).toEqual([shift, 3840, true])
  })

  it('fills more than half a frame with silence, and skips frames before its end', () => {
    const { audio, written } = track()
    audio.enqueue({ playable: audioSegment(0, 3), offset: 961, from: 0 })
    audio.pump(1920)
    expect(written).toEqual([
      [0, 1],
      [1920, 9],
    ])
    expect([audio.shift, audio.silenceInserted, audio.framesDropped]).toEqual([-961 + 1920, 1, 0])
  })

  it('is silent without a source, up to the clock', () => {
    const { audio, written } = track()
    audio.enqueue({ playable: undefined, offset: 0, from: 0 })
    audio.pump(7679)
    expect(written).toEqual([
      [0, 1],
      [1920, 2],
      [3840, 3],
      [5760, 1],
    ])
    audio.pump(7680 + 180_001)
    expect([audio.end, audio.silenceInserted]).toEqual([187_681, 4])
  })

  it('waits 120 ms for a starved source, and not for one that ended', () => {
    const { audio, written } = track()
    const segment = audioSegment(0, 1)
    audio.enqueue({ playable: segment, offset: 0, from: 0 })
    audio.pump(1920 + 10_799)
    expect(written).toEqual([[0, 9]])
    expect(audio.hasUnderrun(segment)).toBe(true)
    audio.pump(1920 + 10_800)
    expect(written).toEqual([
      [0, 9],
      [1920, 1],
    ])
    segment.close()
    audio.pump(3840)
    expect(written.at(-1)).toEqual([3840, 2])
  })

  it('changes to the next source within half a frame of its splice', () => {
    const { audio, written } = track()
    const [first, second] = [audioSegment(0, 10), audioSegment(50_000, 10)]
    audio.enqueue({ playable: first, offset: 0, from: 0 })
    audio.enqueue({ playable: audioSegment(9, 9), offset: 0, from: 6000 })
    audio.enqueue({ playable: second, offset: -50_000, from: 3840 + 960 })
    expect([audio.positionIn(first), audio.positionIn(second)]).toEqual([0, 0])
    audio.pump(5760)
    expect(written.map(([pts]) => pts)).toEqual([0, 1920, 3840, 5760])
    expect([audio.positionIn(first), audio.positionIn(second)]).toEqual([undefined, 4])
    expect(audio.hasUnderrun(first)).toBe(false)
  })

  it('leaves a hole that is made on purpose', () => {
    const { audio } = track()
    audio.skipTo(5000)
    audio.skipTo(4000)
    expect(audio.end).toBe(5000)
  })
})

interface Twin {
  readonly shift?: number
  readonly from?: number
  readonly count?: number
  readonly gop?: number
  readonly content?: string
}
const twin = ({
  shift = 0,
  from = 0,
  count = 40,
  gop = 10,
  content = 'x',
}: Twin): TimelineSegment => {
  const segment = new TimelineSegment({ hasVideo: true, hasAudio: [], recoveryPoints: false })
  for (let k = from; k < from + count; k++) {
    const time = ticks(900_000 + shift + k * 3600)
    const data = createHash('sha1').update(`${content} ${k}`).digest()
    segment.addVideo({ ...picture(time, time), rap: k % gop === 0 ? 'idr' : 'none', data }, k * 40)
  }
  return segment
}

describe('two sources', () => {
  it.each([
    {
      name: 'ten equal pictures',
      a: {},
      b: { from: 30, shift: 500 },
      twins: { kind: 'identical', delta: -500 },
    },
    {
      name: 'the same of a later wrap',
      a: { shift: 2 ** 33 },
      b: {},
      twins: { kind: 'identical', delta: 2 ** 33 },
    },
    {
      name: 'nine equal pictures',
      a: { count: 30, gop: 3 },
      b: { from: 21, gop: 3, shift: 500 },
      twins: { kind: 'no', why: 'too_far_apart' },
    },
    {
      name: 'equal times and random access points',
      a: {},
      b: { content: 'y' },
      twins: { kind: 'aligned', delta: 0 },
    },
    {
      name: 'ten equal times',
      a: { count: 30 },
      b: { content: 'y', from: 20 },
      twins: { kind: 'aligned', delta: 0 },
    },
    {
      name: 'nine equal times',
      a: { count: 29 },
      b: { content: 'y', from: 20 },
      twins: { kind: 'no', why: 'timelines_differ' },
    },
    {
      name: 'equal times, no common random access point',
      a: { gop: 40 },
      b: { content: 'y', from: 12, gop: 13 },
      twins: { kind: 'no', why: 'timelines_differ' },
    },
    {
      name: 'equal times of another wrap',
      a: { shift: 2 ** 33 },
      b: { content: 'y' },
      twins: { kind: 'aligned', delta: 2 ** 33 },
    },
    {
      name: 'times 12 s apart',
      a: {},
      b: { content: 'y', from: 300 },
      twins: { kind: 'no', why: 'too_far_apart' },
    },
    {
      name: 'times more than 12 s apart',
      a: {},
      b: { content: 'y', from: 310 },
      twins: { kind: 'no', why: 'timelines_differ' },
    },
    { name: 'no video', a: {}, b: { count: 0 }, twins: { kind: 'no', why: 'timelines_differ' } },
  ] as const)('with $name are $twins.kind', ({ a, b, twins }) => {
    const found = compareTwins(twin(a), twin(b))
    expect(found.kind === 'no' ? found : { ...found, delta: found.delta + 0 }).toEqual(twins)
  })
})
