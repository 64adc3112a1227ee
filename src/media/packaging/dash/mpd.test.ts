import { parse, type ParsedPlaylist } from 'mpd-parser'
import { describe, expect, it } from 'vitest'
import { renderMpd } from './mpd.ts'
import type {
  MpdAdaptationSet,
  MpdAudio,
  MpdInput,
  MpdPeriod,
  MpdSegment,
  MpdVideo,
} from './mpd-model.ts'

const SECOND = 90_000
const START_MS = Date.UTC(2026, 10, 1, 12)

const run = (first: number, start: number, durations: readonly number[]): MpdSegment[] => {
  let time = start
  return durations.map((duration, i) => {
    const segment = { number: first + i, start: time, duration }
    time += duration
    return segment
  })
}

const video = (segments: readonly MpdSegment[], fields: Partial<MpdVideo> = {}): MpdVideo => ({
  kind: 'video',
  id: 'stream_0',
  codecs: 'avc1.64001f',
  bandwidth: 2_800_000,
  timescale: 90_000,
  initialization: '$RepresentationID$/init.mp4',
  media: '$RepresentationID$/seg_$Number%08d$.m4s',
  width: 1280,
  height: 720,
  frameRate: { num: 30_000, den: 1001 },
  segments,
  ...fields,
})

const audio = (segments: readonly MpdSegment[], fields: Partial<MpdAudio> = {}): MpdAudio => ({
  kind: 'audio',
  id: 'audio_0',
  codecs: 'mp4a.40.2',
  bandwidth: 128_000,
  timescale: 48_000,
  initialization: '$RepresentationID$/init.mp4',
  media: '$RepresentationID$/seg_$Number%08d$.m4s',
  sampleRate: 48_000,
  channels: 2,
  segments,
  ...fields,
})

const videoSet = (...representations: readonly MpdVideo[]): MpdAdaptationSet => ({
  id: 0,
  kind: 'video',
  role: 'main',
  representations,
})
const audioSet = (...representations: readonly MpdAudio[]): MpdAdaptationSet => ({
  id: 1,
  kind: 'audio',
  role: 'main',
  language: 'de',
  representations,
})

const period = (fields: Partial<MpdPeriod>): MpdPeriod => ({
  id: 'p1',
  start: 0,
  mediaStart: 0,
  sets: [],
  ...fields,
})

const mpdOf = (periods: readonly MpdPeriod[], fields: Partial<MpdInput> = {}): string =>
  renderMpd({
    availabilityStartMs: START_MS,
    publishMs: START_MS + 60_000,
    nowMs: START_MS + 61_500,
    minimumUpdatePeriod: 2,
    timeShiftBufferDepth: 80,
    suggestedPresentationDelay: 8,
    minBufferTime: 4,
    timeUrl: '/time',
    periods,
    ...fields,
  })

/** Parses with an independent reader. */
const read = (text: string): { playlists: ParsedPlaylist[]; audio: ParsedPlaylist[] } => {
  const { playlists, mediaGroups } = parse(text, { manifestUri: 'http://host/live/stream.mpd' })
  const groups = Object.values(mediaGroups.AUDIO['audio'] ?? {})
  return { playlists: [...playlists], audio: groups.flatMap((group) => group.playlists) }
}

/** URL, duration, presentation time. The reader counts segments by itself; the URL has their number. */
const listOf = (playlist: ParsedPlaylist | undefined): unknown[] =>
  playlist!.segments.map(({ resolvedUri, duration, presentationTime }) => [
    resolvedUri.replace('http://host/live/', ''),
    Number(duration.toFixed(6)),
    Number(presentationTime.toFixed(6)),
  ])

describe('a live MPD', () => {
  it('lists the segments and times given, by an independent reader', () => {
    const durations = [4, 4, 4, 3.84, 4.16].map((seconds) => seconds * SECOND)
    const rungs = [
      video(run(41, 160 * SECOND, durations)),
      video(run(41, 160 * SECOND, durations), {
        id: 'stream_1',
        bandwidth: 1_400_000,
        width: 640,
        height: 360,
        codecs: 'avc1.4d401e',
        frameRate: { num: 25, den: 1 },
      }),
    ]
    const text = mpdOf([
      period({
        id: 'p41',
        start: 20 * SECOND,
        mediaStart: 160 * SECOND,
        sets: [videoSet(...rungs), audioSet(audio(run(41, 160 * SECOND, durations)))],
      }),
    ])
    const found = read(text)
    const expected = (folder: string): unknown[] => [
      [`${folder}/seg_00000041.m4s`, 4, 20],
      [`${folder}/seg_00000042.m4s`, 4, 24],
      [`${folder}/seg_00000043.m4s`, 4, 28],
      [`${folder}/seg_00000044.m4s`, 3.84, 32],
      [`${folder}/seg_00000045.m4s`, 4.16, 35.84],
    ]
    expect(found.playlists.map(({ attributes }) => attributes)).toMatchObject([
      {
        NAME: 'stream_0',
        CODECS: 'avc1.64001f',
        BANDWIDTH: 2_800_000,
        RESOLUTION: { width: 1280, height: 720 },
      },
      {
        NAME: 'stream_1',
        CODECS: 'avc1.4d401e',
        BANDWIDTH: 1_400_000,
        RESOLUTION: { width: 640, height: 360 },
        'FRAME-RATE': 25,
      },
    ])
    expect(found.playlists.map(listOf)).toEqual([expected('stream_0'), expected('stream_1')])
    expect(found.audio.map(listOf)).toEqual([expected('audio_0')])
  })

  it('writes equal durations in a row once, and a list shared by rungs once', () => {
    const segments = run(
      1,
      0,
      [4, 4, 4, 2, 4].map((seconds) => seconds * SECOND),
    )
    const sets = [videoSet(video(segments), video(segments, { id: 'stream_1' }))]
    const text = mpdOf([period({ sets })])
    expect(text.match(/<S .*/g)).toEqual([
      '<S t="0" d="360000" r="2"/>',
      '<S d="180000"/>',
      '<S d="360000"/>',
    ])
    expect(text.match(/<SegmentTemplate /g)).toHaveLength(1)
    const apart = [video(segments), video(segments, { id: 'stream_1', media: 'b_$Number$.m4s' })]
    expect(
      mpdOf([period({ sets: [videoSet(...apart)] })]).match(/<SegmentTemplate /g),
    ).toHaveLength(2)
  })

  it('writes a new t where time jumps, with numbers that go on', () => {
    const segments = [...run(7, 0, [2 * SECOND, 2 * SECOND]), ...run(9, 7 * SECOND, [2 * SECOND])]
    const text = mpdOf([period({ sets: [videoSet(video(segments))] })])
    expect(text.match(/<S .*/g)).toEqual([
      '<S t="0" d="180000" r="1"/>',
      '<S t="630000" d="180000"/>',
    ])
    expect(listOf(read(text).playlists[0]).at(-1)).toEqual(['stream_0/seg_00000009.m4s', 2, 7])
  })

  it('lists segments as adjoining when the end of one is inexact', () => {
    const segments = [
      { number: 1, start: 0, duration: 2 * SECOND - 1800 },
      { number: 2, start: 2 * SECOND, duration: 2 * SECOND + 1800 },
      { number: 3, start: 4 * SECOND, duration: 2 * SECOND },
    ]
    const text = mpdOf([period({ sets: [videoSet(video(segments))] })])
    expect(text.match(/<S .*/g)).toEqual(['<S t="0" d="180000" r="2"/>'])
  })

  it('refuses a hole in the numbers of a period', () => {
    const segments = [...run(7, 0, [SECOND]), ...run(9, 2 * SECOND, [SECOND])]
    expect(() => mpdOf([period({ sets: [videoSet(video(segments))] })])).toThrow(
      'segment 9 of representation stream_0 follows 7: a hole needs a new period',
    )
  })

  it('writes audio in its own timescale, without a seam from rounding', () => {
    // 172 frames of AAC at 44.1 kHz are 3.994 s: no whole number of ticks.
    const ticks = (172 * 1024 * SECOND) / 44_100
    const start = 1_000_000 + 1 / 3
    const segments = run(1, start, [ticks, ticks, ticks])
    const set = audioSet(audio(segments, { timescale: 44_100, sampleRate: 44_100 }))
    const text = mpdOf([period({ mediaStart: 1_000_000, sets: [set] })])
    expect(text).toContain('presentationTimeOffset="490000"')
    const [first, ...others] = text.match(/<S .*/g)!
    expect(first).toBe('<S t="490000" d="176128" r="2"/>')
    expect(others).toEqual([])
  })

  it('has a period for each format, whose times adjoin', () => {
    const before = run(1, 5 * SECOND, [4 * SECOND, 4 * SECOND])
    const after = run(3, 13 * SECOND, [4 * SECOND])
    const text = mpdOf([
      period({ id: 'p1', start: 0, mediaStart: 5 * SECOND, sets: [videoSet(video(before))] }),
      period({
        id: 'p3',
        start: 8 * SECOND,
        mediaStart: 13 * SECOND,
        sets: [videoSet(video(after, { width: 640, height: 360 }))],
      }),
    ])
    const found = read(text).playlists
    expect(found.flatMap(({ segments }) => segments.map((one) => one.presentationTime))).toEqual([
      0, 4, 8,
    ])
    expect(text.match(/<Period .*/g)).toEqual([
      '<Period id="p1" start="PT0S">',
      '<Period id="p3" start="PT8S">',
    ])
  })

  it('has the update period, the delays and the clock for players', () => {
    const text = mpdOf([period({ sets: [videoSet(video(run(1, 0, [SECOND])))] })])
    for (const part of [
      'profiles="urn:mpeg:dash:profile:isoff-live:2011"',
      'type="dynamic"',
      'availabilityStartTime="2026-11-01T12:00:00.000Z"',
      'publishTime="2026-11-01T12:01:00.000Z"',
      'minimumUpdatePeriod="PT2S"',
      'timeShiftBufferDepth="PT80S"',
      'suggestedPresentationDelay="PT8S"',
      'minBufferTime="PT4S"',
      'maxSegmentDuration="PT1S"',
      '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>',
      '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2026-11-01T12:01:01.500Z"/>',
      '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>',
      'frameRate="30000/1001"',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain('mediaPresentationDuration')
    expect(text).not.toContain('undefined')
  })

  it('ends', () => {
    const text = mpdOf([], { ended: 61.5 })
    expect(text).toContain('mediaPresentationDuration="PT61.5S"')
    expect(text).not.toContain('minimumUpdatePeriod')
  })

  it.each([
    [1, 1],
    [2, 2],
    [6, 6],
    [7, 11],
    [8, 12],
  ])('signals %i audio channels by configuration %i', (channels, configuration) => {
    const text = mpdOf([period({ sets: [audioSet(audio(run(1, 0, [SECOND]), { channels }))] })])
    expect(text).toContain(
      `<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="${configuration}"/>`,
    )
    expect(text).toContain('lang="de"')
  })

  it('signals the shape of pixels that are not square', () => {
    const one = video(run(1, 0, [SECOND]), { pixelAspect: { num: 16, den: 11 } })
    expect(mpdOf([period({ sets: [videoSet(one)] })])).toContain('sar="16:11"')
  })

  it('escapes names', () => {
    const text = mpdOf(
      [
        period({
          id: '"<&>',
          sets: [videoSet(video(run(1, 0, [SECOND]), { media: 'a?b&c"$Number$' }))],
        }),
      ],
      { title: 'Rock & "Roll" <live>\u0000\ud800 ✓' },
    )
    expect(text).toContain('<Title>Rock &amp; &quot;Roll&quot; &lt;live&gt;\ufffd ✓</Title>')
    expect(text).toContain('id="&quot;&lt;&amp;&gt;"')
    expect(read(text).playlists[0]!.segments[0]!.resolvedUri).toContain('a?b&c%221')
  })
})
