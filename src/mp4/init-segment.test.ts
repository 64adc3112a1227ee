import { describe, expect, it } from 'vitest'
import { bodyAt, boxesOf } from '../../test/helpers/mp4-boxes.ts'
import { initSegment } from './init-segment.ts'
import type { Mp4AudioTrack, Mp4VideoTrack } from './track.ts'

const VIDEO: Mp4VideoTrack = {
  kind: 'video',
  id: 1,
  timescale: 90_000,
  codec: 'h264',
  width: 720,
  height: 576,
  pixelAspect: { num: 16, den: 11 },
  config: Uint8Array.of(1, 2, 3),
  parameterSets: 'in_entry',
}
const AUDIO: Mp4AudioTrack = {
  kind: 'audio',
  id: 2,
  timescale: 48_000,
  codec: 'aac',
  channels: 2,
  sampleRate: 48_000,
  config: Uint8Array.of(0x11, 0x90),
  language: 'deu',
}

const entryOf = (track: Mp4VideoTrack | Mp4AudioTrack): { type: string; body: Buffer } =>
  boxesOf(bodyAt(initSegment([track]), 'moov/trak/mdia/minf/stbl/stsd').subarray(8))[0]!

describe('an initialisation segment', () => {
  it('claims CMAF for one track only', () => {
    const brands = (bytes: Uint8Array): string => bodyAt(bytes, 'ftyp').toString('latin1')
    expect(brands(initSegment([VIDEO]))).toContain('cmfc')
    expect(brands(initSegment([VIDEO, AUDIO]))).not.toContain('cmfc')
    expect(boxesOf(initSegment([VIDEO])).map(({ type }) => type)).toEqual(['ftyp', 'moov'])
  })

  it('describes each track, and expects fragments of each', () => {
    const movie = bodyAt(initSegment([VIDEO, AUDIO]), 'moov')
    expect(boxesOf(movie).map(({ type }) => type)).toEqual(['mvhd', 'trak', 'trak', 'mvex'])
    expect(movie.readUInt32BE(8 + 96)).toBe(3)
    const bytes = initSegment([VIDEO, AUDIO])
    expect(boxesOf(bodyAt(bytes, 'moov/mvex')).length).toBe(2)
  })

  it('has the size in square pixels, and the coded size in the sample entry', () => {
    const header = bodyAt(initSegment([VIDEO]), 'moov/trak/tkhd')
    expect(header.readUInt32BE(header.length - 8) / 0x10000).toBeCloseTo((720 * 16) / 11, 3)
    expect(header.readUInt32BE(header.length - 4)).toBe(576 * 0x10000)
    const { body } = entryOf(VIDEO)
    expect([body.readUInt16BE(24), body.readUInt16BE(26)]).toEqual([720, 576])
    expect(bodyAt(body.subarray(78), 'pasp').toString('hex')).toBe('000000100000000b')
  })

  it.each([
    ['avc1', { ...VIDEO }],
    ['avc3', { ...VIDEO, parameterSets: 'in_band_too' as const }],
    ['hvc1', { ...VIDEO, codec: 'hevc' as const }],
    ['hev1', { ...VIDEO, codec: 'hevc' as const, parameterSets: 'in_band_too' as const }],
    ['mp4a', { ...AUDIO }],
    ['mp4a', { ...AUDIO, codec: 'mp3' as const, config: new Uint8Array(0) }],
    ['ac-3', { ...AUDIO, codec: 'ac3' as const }],
    ['ec-3', { ...AUDIO, codec: 'eac3' as const }],
  ])('names the sample entry %s', (name, track) => {
    expect(entryOf(track).type).toBe(name)
  })

  it('keeps the language, and a rate that the field can hold', () => {
    const packed = bodyAt(initSegment([AUDIO]), 'moov/trak/mdia/mdhd').readUInt16BE(20)
    const letters = [10, 5, 0].map((shift) => String.fromCharCode(((packed >> shift) & 31) + 0x60))
    expect(letters.join('')).toBe('deu')
    expect(entryOf(AUDIO).body.readUInt16BE(24)).toBe(48_000)
    expect(entryOf({ ...AUDIO, sampleRate: 96_000 }).body.readUInt16BE(24)).toBe(0)
  })

  it('is not made without tracks', () => {
    expect(() => initSegment([])).toThrow(/needs a track/)
  })
})
