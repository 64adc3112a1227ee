import * as HLS from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { describe, expect, test } from 'vitest'
import {
  checkDelta,
  checkIndependence,
  checkMediaPlaylist,
  checkSnapshots,
} from '../../../../test/helpers/hls-validator.ts'
import { ticks } from '../../../contract/time.ts'
import { hintedPart, renderMediaPlaylist, type MediaPlaylistInput } from './media-playlist.ts'
import type { Part, Segment } from '../store/segment-model.ts'

const TARGET = 4
const WALL = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const part = (seconds: number, independent = false): Part => ({
  duration: seconds * 90_000,
  independent,
  bytes: Buffer.alloc(10),
})

interface Given extends Partial<Segment> {
  readonly seconds?: number
}

/** Segments numbered from 100, each `given` over the defaults. */
const listOf = (all: readonly Given[], extension = 'ts'): Segment[] => {
  let start = 0
  let series = 7
  return all.map(({ seconds = TARGET, ...given }, i) => {
    if (given.discontinuity === true) series++
    const segment: Segment = {
      number: 100 + i,
      start: ticks(start * 90_000),
      wallMs: WALL + start * 1_000,
      discontinuity: false,
      state: 'done',
      series,
      duration: seconds * 90_000,
      independent: true,
      file: `${100 + i}.${extension}`,
      init: extension === 'ts' ? undefined : 'init-100.mp4',
      bytes: 1_000,
      parts: [],
      ...given,
    }
    start += seconds
    return segment
  })
}

const inputOf = (
  segments: readonly Segment[],
  more: Partial<MediaPlaylistInput> = {},
): MediaPlaylistInput => ({
  segments,
  discontinuitySequence:
    segments[0] === undefined ? 0 : segments[0].series - (segments[0].discontinuity ? 1 : 0),
  targetSeconds: TARGET,
  ...more,
})

const LOW = {
  partTarget: 1,
  reports: [{ uri: '../stream_1/playlist.m3u8', lastNumber: 104, lastPart: 1 }],
}
const parts = [part(1, true), part(1), part(1), part(1)]

test('a playlist of transport streams', () => {
  const segments = listOf([{}, { seconds: 3.84 }, { discontinuity: true }])
  expect(renderMediaPlaylist(inputOf(segments, { startOffset: -12 }))).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=-12
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z
#EXTINF:4.00000,
100.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.678Z
#EXTINF:3.84000,
101.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:13.518Z
#EXTINF:4.00000,
102.ts
`)
})

test('a low-latency playlist', () => {
  const segments = listOf(
    [
      { parts: [part(1, true), part(1), part(1), part(1)] },
      { state: 'open', seconds: 2, parts: [part(1, true), part(1)] },
    ],
    'm4s',
  )
  expect(renderMediaPlaylist(inputOf(segments, { lowLatency: LOW }))).toBe(`#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12,PART-HOLD-BACK=3
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-MAP:URI="init-100.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z
#EXT-X-PART:DURATION=1.00000,URI="100.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="100.1.m4s"
#EXT-X-PART:DURATION=1.00000,URI="100.2.m4s"
#EXT-X-PART:DURATION=1.00000,URI="100.3.m4s"
#EXTINF:4.00000,
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.678Z
#EXT-X-PART:DURATION=1.00000,URI="101.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="101.1.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="101.2.m4s"
#EXT-X-RENDITION-REPORT:URI="../stream_1/playlist.m3u8",LAST-MSN=104,LAST-PART=1
`)
})

describe('the lines of a playlist', () => {
  const cases: [string, Segment[], Partial<MediaPlaylistInput>, string[], string[]][] = [
    [
      'a gap',
      listOf([{}, { state: 'gap', independent: false }]),
      {},
      ['#EXT-X-GAP\n#EXTINF:4.00000,\n101.ts', '#EXT-X-INDEPENDENT-SEGMENTS'],
      [],
    ],
    [
      'a segment without random access point',
      listOf([{}, { independent: false }]),
      {},
      ['101.ts'],
      ['INDEPENDENT'],
    ],
    [
      'another init without discontinuity',
      listOf([{}, { init: 'init-101.mp4' }, { init: 'init-101.mp4' }], 'm4s'),
      {},
      ['100.m4s\n#EXT-X-MAP:URI="init-101.mp4"\n#EXT-X-PROGRAM'],
      ['DISCONTINUITY\n'],
    ],
    [
      'another init with discontinuity',
      listOf([{}, { init: 'init-101.mp4', discontinuity: true }], 'm4s'),
      {},
      ['100.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-101.mp4"\n'],
      [],
    ],
    [
      'a discontinuity at the head',
      listOf([{ discontinuity: true }]),
      {},
      ['#EXT-X-DISCONTINUITY-SEQUENCE:7', '#EXT-X-DISCONTINUITY\n'],
      [],
    ],
    ['no segment', [], {}, ['#EXT-X-MEDIA-SEQUENCE:0'], ['EXTINF', 'ENDLIST']],
    [
      'old parts',
      listOf([{ parts }, { parts }, { parts }, { parts }], 'm4s'),
      { lowLatency: LOW },
      ['101.0.m4s', 'URI="104.0.m4s"'],
      ['100.0.m4s'],
    ],
  ]
  test.each(cases)('%s', (_, segments, more, there, not) => {
    const text = renderMediaPlaylist(inputOf(segments, more))
    for (const each of there) expect(text).toContain(each)
    for (const each of not) expect(text).not.toContain(each)
  })
})

test.each([
  ['nothing', [], undefined],
  ['a whole segment', listOf([{}], 'm4s'), '101.0.m4s'],
  ['an open segment', listOf([{}, { state: 'open', parts: [part(1)] }], 'm4s'), '101.1.m4s'],
  ['a gap', listOf([{ state: 'gap' }], 'm4s'), '101.0.m4s'],
])('the part that comes after %s', (_, segments, hint) => {
  expect(hintedPart(segments)).toBe(hint)
})

test('a delta update skips segments further from the end than six target durations', () => {
  const segments = listOf(
    [
      ...Array.from({ length: 10 }, () => ({ parts })),
      { state: 'open' as const, seconds: 1, parts: [part(1, true)] },
    ],
    'm4s',
  )
  const full = renderMediaPlaylist(inputOf(segments, { lowLatency: LOW }))
  const delta = renderMediaPlaylist(inputOf(segments, { lowLatency: LOW, skip: true }))
  expect(delta).toContain('#EXT-X-VERSION:9\n')
  expect(delta).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n#EXT-X-PROGRAM-DATE-TIME')
  expect(delta).not.toContain('EXT-X-MAP')
  expect(checkDelta(full, delta)).toEqual([])
  const short = inputOf(segments.slice(5), { lowLatency: LOW })
  expect(renderMediaPlaylist({ ...short, skip: true })).toBe(renderMediaPlaylist(short))
  // Skipping was not announced to the client.
  expect(renderMediaPlaylist(inputOf(segments, { skip: true }))).not.toContain('SKIP')
})

test('cached lines do not change the text', () => {
  const segments = listOf(
    Array.from({ length: 12 }, (_, i) => ({
      parts,
      discontinuity: i % 3 === 2,
      ...(i > 6 && { init: 'init-106.mp4' }),
    })),
    'm4s',
  )
  const lines = new WeakMap<Segment, string>()
  for (let from = 0; from < 8; from++) {
    const input = inputOf(segments.slice(from, from + 5), { lowLatency: LOW })
    expect(renderMediaPlaylist({ ...input, lines })).toBe(renderMediaPlaylist(input))
  }
})

describe('independent readers', () => {
  const ts = listOf([
    {},
    { discontinuity: true },
    { state: 'gap', independent: false },
    { seconds: 3.5 },
  ])
  const low = listOf(
    [
      { parts },
      { parts, init: 'init-101.mp4', discontinuity: true },
      { state: 'open', init: 'init-101.mp4', seconds: 2, parts: [part(1, true), part(1)] },
    ],
    'm4s',
  )
  const texts: [string, Segment[], string][] = [
    ['transport streams', ts, renderMediaPlaylist(inputOf(ts, { startOffset: 4 }))],
    ['low latency', low, renderMediaPlaylist(inputOf(low, { lowLatency: LOW }))],
  ]
  test.each(texts)('hls-parser and m3u8-parser agree on %s', (_, segments, text) => {
    const whole = segments.filter(({ state }) => state !== 'open')
    const one = HLS.parse(text)
    if (one.isMasterPlaylist) throw new Error('it was read as a master playlist')
    const parser = new Parser()
    parser.push(text)
    parser.end()
    const two = parser.manifest
    // hls-parser lists the open segment too, without a URI.
    const listed = one.segments.filter(({ uri }) => uri !== '')
    expect(one.mediaSequenceBase).toBe(100)
    expect(two.mediaSequence).toBe(100)
    expect(one.discontinuitySequenceBase).toBe(7)
    expect(two.discontinuitySequence).toBe(7)
    expect(one.targetDuration).toBe(TARGET)
    expect(two.targetDuration).toBe(TARGET)
    expect(one.endlist).toBe(false)
    expect(two.endList).toBeFalsy()
    expect(listed.map(({ uri }) => uri)).toEqual(whole.map(({ file }) => file))
    expect(two.segments.filter(({ uri }) => uri !== undefined).map(({ uri }) => uri)).toEqual(
      whole.map(({ file }) => file),
    )
    expect(listed.map(({ duration }) => duration)).toEqual(
      whole.map(({ duration }) => duration / 90_000),
    )
    expect(two.segments.slice(0, whole.length).map(({ duration }) => duration)).toEqual(
      whole.map(({ duration }) => duration / 90_000),
    )
    expect(listed.map(({ discontinuity }) => discontinuity === true)).toEqual(
      whole.map(({ discontinuity }) => discontinuity),
    )
    expect(two.segments.slice(0, whole.length).map(({ timeline }) => timeline)).toEqual(
      whole.map(({ series }) => series),
    )
    expect(listed.map(({ programDateTime }) => programDateTime?.getTime())).toEqual(
      whole.map(({ wallMs }) => wallMs),
    )
    expect(
      two.segments.slice(0, whole.length).map(({ dateTimeObject }) => dateTimeObject?.getTime()),
    ).toEqual(whole.map(({ wallMs }) => wallMs))
  })

  test('parts, hints and maps are read', () => {
    const one = HLS.parse(texts[1]![2])
    if (one.isMasterPlaylist) throw new Error('it was read as a master playlist')
    expect(one.lowLatencyCompatibility).toMatchObject({
      canBlockReload: true,
      canSkipUntil: 24,
      partHoldBack: 3,
    })
    expect(one.partTargetDuration).toBe(1)
    // It does not apply the map to the open segment.
    expect(one.segments.slice(0, 2).map((segment) => segment.map?.uri)).toEqual([
      'init-100.mp4',
      'init-101.mp4',
    ])
    expect(one.segments.map((segment) => segment.parts.filter(({ hint }) => !hint).length)).toEqual(
      [4, 4, 2],
    )
    expect(one.renditionReports[0]).toMatchObject({
      uri: '../stream_1/playlist.m3u8',
      lastMSN: 104,
      lastPart: 1,
    })
  })
})

describe('the validator', () => {
  test('finds no fault over the whole life of a playlist', () => {
    const all = listOf(
      Array.from({ length: 30 }, (_, i) => ({ parts, discontinuity: i % 7 === 3 })),
      'm4s',
    )
    const texts: string[] = []
    for (let end = 4; end <= all.length; end++) {
      for (const count of [1, 3]) {
        const open: Segment = {
          ...all[end - 1]!,
          state: 'open',
          duration: count * 90_000,
          parts: parts.slice(0, count),
        }
        texts.push(
          renderMediaPlaylist(
            inputOf([...all.slice(Math.max(0, end - 11), end - 1), open], { lowLatency: LOW }),
          ),
        )
      }
    }
    expect(texts.flatMap((text) => checkMediaPlaylist(text))).toEqual([])
    expect(checkSnapshots(texts)).toEqual([])
  })

  const good = renderMediaPlaylist(inputOf(listOf([{}, {}, {}])))
  const lowText = renderMediaPlaylist(
    inputOf(listOf([{ parts }, { state: 'open', seconds: 1, parts: [part(1, true)] }], 'm4s'), {
      lowLatency: LOW,
    }),
  )
  test.each([
    [
      'a segment that is too long',
      good.replace('EXTINF:4.0', 'EXTINF:4.6'),
      /rounded above the target/,
    ],
    ['a missing date', good.replace(/#EXT-X-PROGRAM.*\n/, ''), /has no EXT-X-PROGRAM-DATE-TIME/],
    ['a date that jumps', good.replace('03:04:09', '03:04:11'), /begins 2000 ms off/],
    [
      'too high a version',
      good.replace('VERSION:3', 'VERSION:7'),
      /VERSION is 7, what is used needs 3/,
    ],
    ['an end', `${good}#EXT-X-ENDLIST\n`, /ENDLIST in a live/],
    [
      'a part that is too long',
      lowText.replace('DURATION=1.00000,URI="101.0', 'DURATION=1.20000,URI="101.0'),
      /above the part target/,
    ],
    [
      'a part that is too short',
      lowText.replace('DURATION=1.00000,URI="100.1', 'DURATION=0.50000,URI="100.1'),
      /less than 85 %/,
    ],
    ['no hint', lowText.replace(/#EXT-X-PRELOAD.*\n/, ''), /0 preload hints/],
    [
      'too small a hold back',
      lowText.replace('PART-HOLD-BACK=3', 'PART-HOLD-BACK=2'),
      /at least three part targets/,
    ],
  ])('finds %s', (_, text, finding) => {
    expect(checkMediaPlaylist(text).join('\n')).toMatch(finding)
  })

  test.each([
    [
      'a sequence that goes back',
      good,
      good.replace('SEQUENCE:100', 'SEQUENCE:99'),
      /media sequence went back from 100 to 99/,
    ],
    [
      'a segment that changes',
      good,
      good.replace('EXTINF:4.00000,\n101', 'EXTINF:3.00000,\n101'),
      /segment 101: duration changed/,
    ],
    [
      'a discontinuity sequence that goes back',
      good,
      good.replace('DISCONTINUITY-SEQUENCE:7', 'DISCONTINUITY-SEQUENCE:6'),
      /discontinuity sequence went back/,
    ],
    [
      'a playlist that is too short',
      good,
      renderMediaPlaylist(inputOf(listOf([{}, {}, {}]).slice(1))),
      /less than three target durations/,
    ],
  ])('finds %s over time', (_, before, after, finding) => {
    expect(checkSnapshots([before, after]).join('\n')).toMatch(finding)
  })

  test('finds a segment that is not independent, where independence is declared', async () => {
    const fetched: string[] = []
    const fetchBytes = (uri: string): Promise<Uint8Array> => {
      fetched.push(uri)
      return Promise.resolve(Buffer.from(uri))
    }
    const begins = (bytes: Uint8Array): boolean => bytes.toString() !== '101.ts'
    expect(await checkIndependence(good, fetchBytes, begins)).toEqual([
      '101.ts does not begin with a random access point, but EXT-X-INDEPENDENT-SEGMENTS is claimed (4.4.2.1)',
    ])
    expect(fetched).toEqual(['100.ts', '101.ts', '102.ts'])
    const unclaimed = good.replace('#EXT-X-INDEPENDENT-SEGMENTS\n', '')
    expect(await checkIndependence(unclaimed, fetchBytes, begins)).toEqual([])
  })
})
