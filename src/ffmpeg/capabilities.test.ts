import { expect, test } from 'vitest'
import { isNewEnough, parseInputProtocols, parseNames, parseVersion } from './capabilities.ts'
import { carriageProblem, chooseRecipe } from './mpegts-carriable.ts'
import { DEFAULT_AUDIO, DEFAULT_VIDEO } from './generated-source.ts'
import { readBanner } from './probe.ts'

test.each([
  ['ffmpeg version 5.1.9-0+deb12u1 Copyright', true],
  ['ffmpeg version 4.4 Copyright', true],
  ['ffmpeg version n7.0.1 Copyright', true],
  ['ffmpeg version N-113000-gabc Copyright', true],
  ['ffmpeg version 4.2.7-0ubuntu0.1 Copyright', false],
  ['ffmpeg version 3.4.11 Copyright', false],
])('%s: new enough is %s', (line, enough) => {
  expect(isNewEnough(parseVersion(line)!)).toBe(enough)
})

test('another program is not accepted as ffmpeg', () => {
  expect(parseVersion('avconv version 9')).toBeUndefined()
})

test('names of encoders and filters are read, legends are not', () => {
  const output = `Encoders:
 V..... = Video
 ------
 V....D libx264              libx264 H.264
 A..... aac                  AAC
 T.C drawtext          V->V       Draw text`
  expect([...parseNames(output)]).toEqual(['libx264', 'aac', 'drawtext'])
})

test('only what can be read counts as a protocol', () => {
  const output = 'Supported file protocols:\nInput:\n  file\n  srt\nOutput:\n  tee\n'
  expect([...parseInputProtocols(output)]).toEqual(['file', 'srt'])
})

test('what MPEG-TS cannot carry is named, and only it is transcoded by recipe auto', () => {
  const tracks = [
    { kind: 'video', codec: 'h264' },
    { kind: 'audio', codec: 'opus' },
  ] as const
  expect(carriageProblem(tracks)).toBe(
    "codec opus can't be carried in MPEG-TS; use recipe transcode",
  )
  expect(carriageProblem([tracks[0]])).toBeUndefined()
  const target = { video: DEFAULT_VIDEO, audio: DEFAULT_AUDIO }
  expect(chooseRecipe(tracks, target)).toEqual({ video: 'copy', audio: DEFAULT_AUDIO })
})

test("ffmpeg's banner is read where there is no ffprobe", () => {
  const lines = [
    "[info] Input #0, mpegts, from 'a.ts':",
    '[info]   Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(progressive), 320x180 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr, 90k tbn',
    '[info]   Stream #0:1[0x101](eng): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, mono, fltp, 69 kb/s',
  ]
  expect(readBanner(lines)).toEqual({
    format: 'mpegts',
    tracks: [
      {
        index: 0,
        kind: 'video',
        codec: 'h264',
        profile: 'High',
        width: 320,
        height: 180,
        frameRate: { num: 25_000, den: 1_000 },
      },
      { index: 1, kind: 'audio', codec: 'aac', profile: 'LC', language: 'eng', sampleRate: 48_000 },
    ],
  })
})
