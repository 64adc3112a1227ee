import { describe, expect, test } from 'vitest'
import { sameVideo, type AudioFormat, type VideoFormat } from '../../../contract/format.ts'
import { ticks } from '../../../contract/time.ts'
import type { TargetFormat } from '../../../ffmpeg/target-format.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import { ConformAlignment } from './conform-alignment.ts'
import { planConform, type SourceTracks } from './conform-plan.ts'
import { ConformStart } from './conform-start.ts'

const HD: VideoFormat = {
  codec: 'h264',
  profile: 'high',
  chroma: '4:2:0',
  depth: 8,
  width: 1280,
  height: 720,
  frameRate: { num: 25, den: 1 },
  scan: 'progressive',
}
const AAC: AudioFormat = {
  codec: 'aac',
  profile: 'lc',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1024,
}
const MP2: AudioFormat = { ...AAC, codec: 'mp2', profile: '', frameSamples: 1152 }
const TARGET: TargetFormat = {
  video: { format: HD, gopSeconds: 2, preset: 'veryfast' },
  audio: { format: AAC },
}
const source = (video: VideoFormat | undefined, ...audio: AudioFormat[]): SourceTracks => ({
  ...(video === undefined ? {} : { video: { pid: 256, format: video } }),
  audio: audio.map((format, n) => ({ pid: 257 + n, format })),
})

describe('the plan of a conforming transcoder', () => {
  test.each<
    [
      string,
      SourceTracks,
      TargetFormat,
      { video: boolean; audio: number[]; bypass: number[] } | undefined,
    ]
  >([
    ['all tracks fit', source(HD, AAC), TARGET, undefined],
    ['another level fits', source({ ...HD, level: 51 }, AAC), TARGET, undefined],
    ['only audio differs', source(HD, MP2), TARGET, { video: false, audio: [257], bypass: [256] }],
    [
      'only the size differs',
      source({ ...HD, width: 720 }, AAC),
      TARGET,
      { video: true, audio: [], bypass: [257] },
    ],
    [
      'one of two audio tracks differs',
      source(HD, AAC, MP2),
      TARGET,
      { video: false, audio: [258], bypass: [256, 257] },
    ],
    ['audio only', source(undefined, MP2), TARGET, { video: false, audio: [257], bypass: [] }],
    [
      'video in a channel without video',
      source(HD, MP2),
      { audio: { format: AAC } },
      { video: false, audio: [257], bypass: [] },
    ],
    [
      'a channel without audio',
      source({ ...HD, depth: 10 }, MP2),
      { video: TARGET.video! },
      { video: true, audio: [], bypass: [] },
    ],
  ])('%s', (_, tracks, target, expected) => {
    const plan = planConform(tracks, target, 'by_format')
    expect(
      plan && {
        video: plan.video !== undefined,
        audio: plan.audio.map(({ pid }) => pid),
        bypass: [...plan.bypass],
      },
    ).toEqual(expected)
  })

  test('transcodes tracks that fit when set to', () => {
    const plan = planConform(source(HD, AAC), TARGET, 'always')
    expect([plan?.video?.pid, plan?.audio.length, plan?.bypass.size]).toEqual([256, 1, 0])
  })

  test.each<[Partial<VideoFormat>, boolean]>([
    [{ frameRate: { num: 50, den: 2 } }, true],
    [{ frameRate: { num: 30_000, den: 1001 } }, false],
    [{ scan: 'interlaced' }, false],
    [{ profile: 'main' }, false],
    [{ chroma: '4:2:2' }, false],
    [{ codec: 'hevc' }, false],
  ])('%o is the same video format: %s', (change, same) => {
    expect(sameVideo({ ...HD, ...change }, HD)).toBe(same)
  })

  test('an unknown frame rate agrees with any', () => {
    const { frameRate: _, ...unknown } = HD
    expect(sameVideo(unknown, HD)).toBe(true)
  })
})

const unit = (
  pid: number,
  ms: number,
  rap: AccessUnit['rap'] = 'none',
  leading = false,
): AccessUnit => ({
  pid,
  kind: pid === 256 ? 'video' : 'audio',
  pts: ticks(ms * 90),
  dts: ticks(ms * 90),
  rap,
  leading,
  duration: 0,
  data: new Uint8Array(0),
})
const both = planConform(source({ ...HD, width: 720 }, MP2), TARGET, 'by_format')!

/** Times in milliseconds and kinds of a transcoder's first units; undefined before. */
const startedWith = (units: readonly AccessUnit[], plan = both): string[] | undefined => {
  const start = new ConformStart(plan)
  for (const each of units) {
    const first = start.push(each)
    if (first !== undefined) return first.map((u) => `${u.kind[0]}${u.dts / 90}`)
  }
  return undefined
}

describe('the start of a conforming transcoder', () => {
  test('waits for a random access point and for audio beside it, and hands the audio out first', () => {
    const units = [
      unit(256, 0),
      unit(257, 0),
      unit(256, 400, 'idr'),
      unit(256, 440),
      unit(257, 410),
    ]
    expect(startedWith(units.slice(0, 4))).toBeUndefined()
    expect(startedWith(units)).toEqual(['a410', 'v400', 'v440'])
  })

  test('uses audio that came before its picture', () => {
    expect(startedWith([unit(257, 380), unit(256, 400, 'idr')])).toEqual(['a380', 'v400'])
  })

  test('waits for audio at most half a second', () => {
    expect(startedWith([unit(256, 0, 'idr'), unit(256, 480), unit(256, 500)])).toEqual([
      'v0',
      'v480',
      'v500',
    ])
  })

  test('leaves out pictures that lead the random access point', () => {
    const units = [unit(256, 0, 'cra'), unit(256, 20, 'none', true), unit(256, 40), unit(257, 50)]
    expect(startedWith(units)).toEqual(['a50', 'v0', 'v40'])
  })

  test('starts with the first frame when there is no video to transcode', () => {
    const audioOnly = planConform(source(HD, MP2), TARGET, 'by_format')!
    expect(startedWith([unit(257, 7)], audioOnly)).toEqual(['a7'])
  })
})

describe('tracks that bypass a transcoder', () => {
  test('are released in order when the transcoded tracks have reached them', () => {
    const out: number[] = []
    const alignment = new ConformAlignment((u) => out.push(u.dts / 90))
    for (const ms of [0, 40, 80, 120]) alignment.hold(unit(256, ms))
    expect(out).toEqual([])
    alignment.release(80 * 90)
    expect(out).toEqual([0, 40, 80])
    expect(alignment.held).toBe(1)
  })

  test('are released after a second when the transcoded track is missing', () => {
    const out: number[] = []
    const alignment = new ConformAlignment((u) => out.push(u.dts / 90))
    for (let ms = 0; ms <= 1_200; ms += 100) alignment.hold(unit(256, ms))
    expect(out).toEqual([0, 100, 200])
  })
})
