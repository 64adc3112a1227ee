import { expect, it } from 'vitest'
import { initSegment } from './init-segment.ts'
import { trackOfInit } from './read-init.ts'
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts'

const VIDEO: Mp4VideoTrack = {
  ...{ kind: 'video', id: 1, timescale: 90_000, codec: 'h264', width: 720, height: 576 },
  config: Uint8Array.of(1, 100, 0, 31, 255),
  parameterSets: 'in_entry',
}
const AUDIO: Mp4AudioTrack = {
  ...{ kind: 'audio', id: 2, timescale: 48_000, codec: 'aac', channels: 6, sampleRate: 48_000 },
  config: Uint8Array.of(0x11, 0xb0),
  language: 'deu',
}

it.each<[string, Mp4Track]>([
  ['H.264', VIDEO],
  ['H.264 with another pixel aspect', { ...VIDEO, pixelAspect: { num: 16, den: 11 } }],
  ['HEVC with parameter sets in band', { ...VIDEO, codec: 'hevc', parameterSets: 'in_band_too' }],
  ['AAC', AUDIO],
  ['AAC at 96 kHz', { ...AUDIO, sampleRate: 96_000, timescale: 96_000 }],
  ['MP3', { ...AUDIO, codec: 'mp3', config: new Uint8Array(0) }],
  ['AC-3', { ...AUDIO, codec: 'ac3', config: Uint8Array.of(0x10, 0x3d, 0x80) }],
  ['E-AC-3', { ...AUDIO, codec: 'eac3', config: Uint8Array.of(1, 2, 3, 4, 5), language: 'und' }],
])('reads back what was written: %s', (_name, track) => {
  expect(trackOfInit(initSegment([track]))).toEqual(track)
})

it.each([
  ['nothing', new Uint8Array(0)],
  ['noise', Uint8Array.from({ length: 400 }, (_value, i) => (i * 73) & 0xff)],
  ['half of one', initSegment([VIDEO]).subarray(0, 300)],
])('does without %s', (_name, bytes) => {
  expect(trackOfInit(bytes)).toBeUndefined()
})
