import * as HLS from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { describe, expect, test } from 'vitest'
import { checkMasterPlaylist } from '../../../../test/helpers/hls-validator.ts'
import { ticks } from '../../../contract/time.ts'
import { measureBitrate, renderMasterPlaylist, type MasterInput } from './master-playlist.ts'
import type { Segment } from '../store/segment-model.ts'

const segmentsOf = (
  ...all: readonly (readonly [seconds: number, bytes: number, state?: Segment['state']])[]
): Segment[] =>
  all.map(([seconds, bytes, state = 'done'], i) => ({
    number: i,
    start: ticks(0),
    wallMs: 0,
    discontinuity: false,
    state,
    series: 0,
    duration: seconds * 90_000,
    independent: true,
    file: `${i}.ts`,
    init: undefined,
    bytes,
    parts: [],
  }))

const INPUT: MasterInput = {
  targetSeconds: 4,
  independent: true,
  variants: [
    {
      uri: 'stream_0/playlist.m3u8',
      segments: segmentsOf([4, 2_500_000], [4, 3_000_000]),
      declaredBitrate: 1,
      codecs: ['avc1.640028', 'mp4a.40.2'],
      resolution: { width: 1920, height: 1080 },
      frameRate: 50,
      audioGroup: 'audio',
    },
    {
      uri: 'stream_1/playlist.m3u8',
      segments: [],
      declaredBitrate: 2_900_000,
      codecs: ['avc1.64001f', 'mp4a.40.2'],
      resolution: { width: 1280, height: 720 },
      frameRate: 25,
      audioGroup: 'audio',
    },
    {
      uri: 'audio_0/playlist.m3u8',
      segments: segmentsOf([4, 64_000]),
      declaredBitrate: 128_000,
      codecs: ['mp4a.40.2'],
      audioGroup: 'audio',
    },
  ],
  audio: [
    {
      group: 'audio',
      name: 'Deutsch "A"',
      language: 'de',
      channels: 2,
      isDefault: true,
      uri: 'audio_0/playlist.m3u8',
      segments: segmentsOf([4, 64_000]),
    },
    {
      group: 'audio',
      name: 'English',
      language: '',
      channels: 6,
      isDefault: false,
      uri: 'audio_1/playlist.m3u8',
      segments: segmentsOf([4, 50_000], [4, 50_000]),
    },
  ],
}

const text = renderMasterPlaylist(INPUT)

test('a master playlist', () => {
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch ”A”",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio_0/playlist.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="6",URI="audio_1/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=6128000,AVERAGE-BANDWIDTH=5628000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=50.000,AUDIO="audio"
stream_0/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3028000,AVERAGE-BANDWIDTH=3028000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio"
stream_1/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=228000,AVERAGE-BANDWIDTH=228000,CODECS="mp4a.40.2",AUDIO="audio"
audio_0/playlist.m3u8
`)
  expect(checkMasterPlaylist(text)).toEqual([])
})

test('hls-parser and m3u8-parser agree', () => {
  const one = HLS.parse(text)
  if (!one.isMasterPlaylist) throw new Error('it was read as a media playlist')
  const parser = new Parser()
  parser.push(text)
  parser.end()
  const two = parser.manifest.playlists
  expect(one.variants.map(({ uri, bandwidth, codecs }) => ({ uri, bandwidth, codecs }))).toEqual(
    two.map(({ uri, attributes }) => ({
      uri,
      bandwidth: attributes['BANDWIDTH'],
      codecs: attributes['CODECS'],
    })),
  )
  expect(one.variants[0]).toMatchObject({
    resolution: { width: 1920, height: 1080 },
    frameRate: 50,
  })
  expect(
    one.variants[0]!.audio.map(({ name, isDefault, channels }) => [name, isDefault, channels]),
  ).toEqual([
    ['Deutsch ”A”', true, '2'],
    ['English', false, '6'],
  ])
  expect(Object.keys(parser.manifest.mediaGroups.AUDIO['audio'] ?? {})).toEqual([
    'Deutsch ”A”',
    'English',
  ])
})

describe('bit rates', () => {
  test.each([
    ['one segment', segmentsOf([4, 500_000]), 1_000_000, 1_000_000],
    ['a peak', segmentsOf([4, 500_000], [4, 1_000_000]), 2_000_000, 1_500_000],
    [
      'a short segment counts with its neighbours',
      segmentsOf([4, 500_000], [1, 500_000]),
      1_600_000,
      1_600_000,
    ],
    [
      'gaps and open segments do not count',
      segmentsOf([4, 500_000], [4, 0, 'gap'], [1, 900_000, 'open']),
      1_000_000,
      1_000_000,
    ],
  ])('%s', (_, segments, peak, average) => {
    expect(measureBitrate(segments, 4)).toEqual({ peak, average })
  })

  test('nothing is measured before the first segment', () => {
    expect(measureBitrate([], 4)).toBeUndefined()
  })
})

test.each([
  ['no CODECS', text.replace(/CODECS="[^"]*",/, ''), /needs CODECS/],
  ['a codec that cannot be read', text.replace('avc1.640028', 'h264'), /codec h264 cannot be read/],
  [
    'an average above the peak',
    text.replace('AVERAGE-BANDWIDTH=5628000', 'AVERAGE-BANDWIDTH=9628000'),
    /must be above 0 and not above/,
  ],
  ['a missing group', text.replace('AUDIO="audio"', 'AUDIO="other"'), /no audio group other/],
  ['video without a size', text.replace('RESOLUTION=1920x1080,', ''), /needs RESOLUTION/],
])('the validator finds %s', (_, changed, finding) => {
  expect(checkMasterPlaylist(changed).join('\n')).toMatch(finding)
})
