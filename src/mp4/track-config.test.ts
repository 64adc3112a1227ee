import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adtsFrame, h264Unit } from '../../test/helpers/coded-units.ts'
import type { AudioFormat, VideoFormat } from '../contract/format.ts'
import { codecString } from './codec-string.ts'
import { audioSample, videoSample } from './sample-data.ts'
import { audioTrackOf, sameTrack, videoTrackOf } from './track-config.ts'
import type { Mp4VideoTrack } from './track.ts'

const H264: VideoFormat = {
  codec: 'h264',
  profile: 'baseline',
  chroma: '4:2:0',
  depth: 8,
  width: 320,
  height: 180,
  scan: 'progressive',
}
const AAC: AudioFormat = {
  codec: 'aac',
  profile: 'lc',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1024,
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

describe('a video track', () => {
  it('is described by the parameter sets of a random access point', () => {
    const track = videoTrackOf(1, H264, h264Unit('idr', 40))!
    expect(track).toMatchObject({ timescale: 90_000, width: 320, height: 180 })
    const sps = '6742c00cda05067e7c0440000003004000000c83c50aa8'
    // Trailing zeros of the SPS belong to the start code behind it.
    expect(hex(track.config)).toBe(`0142c00cffe10017${sps}01000468ce0fc8`)
    expect(codecString(track)).toBe('avc1.42c00c')
    const inBand = videoTrackOf(1, H264, h264Unit('idr', 40), 'in_band_too')!
    expect(codecString(inBand)).toBe('avc3.42c00c')
  })

  it.each([
    ['a picture without parameter sets', H264, h264Unit('p', 40)],
    ['MPEG-2 video', { ...H264, codec: 'mpeg2video' } as const, h264Unit('idr', 40)],
    ['HEVC without HEVC in it', { ...H264, codec: 'hevc' } as const, h264Unit('idr', 40)],
    ['no bytes', H264, new Uint8Array(0)],
  ])('is not made of %s', (_, format, unit) => {
    expect(videoTrackOf(1, format, unit)).toBeUndefined()
  })

  it('needs a new initialisation segment when its record changes, unless sets go with the pictures', () => {
    const one = videoTrackOf(1, H264, h264Unit('idr', 40))!
    const config = one.config.slice()
    config[20]! ^= 1
    expect(sameTrack(one, videoTrackOf(1, H264, h264Unit('idr', 50, 3))!)).toBe(true)
    expect(sameTrack(one, { ...one, config })).toBe(false)
    expect(sameTrack(one, { ...one, width: 640 })).toBe(false)
    expect(sameTrack(one, { ...one, pixelAspect: { num: 4, den: 3 } })).toBe(false)
    const inBand: Mp4VideoTrack = { ...one, parameterSets: 'in_band_too' }
    expect(sameTrack(inBand, { ...inBand, config })).toBe(true)
    expect(sameTrack(one, inBand)).toBe(false)
    const level = config.slice()
    level[3] = 31
    expect(sameTrack(inBand, { ...inBand, config: level })).toBe(false)
  })

  it('has HEVC strings that follow the record', () => {
    const record = (text: string): Mp4VideoTrack => ({
      ...videoTrackOf(1, H264, h264Unit('idr', 40))!,
      codec: 'hevc',
      config: bytes(text),
    })
    const table = [
      ['01016000000090000000000078', 'hvc1.1.6.L120.90'],
      ['010220000000b0000000000099', 'hvc1.2.4.L153.B0'],
      ['01226000000000000000000096', 'hvc1.2.6.H150'],
      ['01417000000090000000000a5d', 'hvc1.A1.E.L93.90.0.0.0.0.A'],
    ]
    for (const [text, expected] of table) expect(codecString(record(text!))).toBe(expected)
    expect(codecString({ ...record(table[0]![0]!), parameterSets: 'in_band_too' })).toBe(
      'hev1.1.6.L120.90',
    )
  })
})

describe('an audio track', () => {
  it('is described by an ADTS header', () => {
    const track = audioTrackOf(2, AAC, adtsFrame(60), 'deu')!
    expect(track).toMatchObject({ id: 2, timescale: 48_000, channels: 2, language: 'deu' })
    expect(hex(track.config)).toBe('1190')
    expect(codecString(track)).toBe('mp4a.40.2')
    // HE-AAC signalled in the record itself.
    expect(codecString({ ...track, config: bytes('2b8a0800') })).toBe('mp4a.40.5')
  })

  it.each([
    ['', 'und'],
    ['german', 'und'],
    ['deu', 'deu'],
  ])('of language "%s" is of language "%s"', (given, kept) => {
    expect(audioTrackOf(2, AAC, adtsFrame(60), given)!.language).toBe(kept)
  })

  it.each([
    ['mp3', 44_100, 'mp4a.40.34'],
    ['mp3', 22_050, 'mp4a.40.34'],
    ['mp2', 48_000, 'mp4a.6B'],
    ['mp2', 24_000, 'mp4a.69'],
  ] as const)('of %s at %i Hz is %s', (codec, sampleRate, expected) => {
    const track = audioTrackOf(1, { ...AAC, codec, sampleRate }, bytes('fffb9064'))!
    expect(codecString(track)).toBe(expected)
    expect(track.config.length).toBe(0)
  })

  it.each([
    // ETSI TS 102 366: 48 kHz, 384 kbit/s, bsid 8, 3/2 with LFE.
    ['ac3', '0b7700001c40e1de', '10 3dc0', 'ac-3'],
    // Independent substream 0, 48 kHz, six blocks, 3/2 with LFE, bsid 16; 8 bytes long.
    ['eac3', '0b7700033f800000', '0010 200f 00', 'ec-3'],
    // The same with a dependent substream that carries Lrs/Rrs.
    ['eac3', '0b7700033f8000000b7740073487d0200000000000000000', '0030 200f 0202', 'ec-3'],
  ] as const)('of %s is described by %s', (codec, frame, config, expected) => {
    const track = audioTrackOf(1, { ...AAC, codec }, bytes(frame.replaceAll(' ', '')))!
    expect(hex(track.config)).toBe(config.replaceAll(' ', ''))
    expect(codecString(track)).toBe(expected)
  })

  it.each([
    ['AAC in LATM', { ...AAC, codec: 'aac_latm' } as const, bytes('56e000')],
    ['MPEG audio layer I', { ...AAC, codec: 'mp1' } as const, bytes('fffe0000')],
    ['ADTS frames of two blocks', AAC, adtsFrame(60).with(6, 0xfd)],
    ['AAC whose channels are given elsewhere', AAC, adtsFrame(60).with(3, 0)],
    ['a piece of an ADTS header', AAC, adtsFrame(60).subarray(0, 6)],
  ])('is not made of %s', (_, format, frame) => {
    expect(audioTrackOf(1, format, frame)).toBeUndefined()
  })
})

describe('whatever the bytes are', () => {
  /** Real beginnings, cut short and damaged anywhere. */
  const damaged = (frame: Uint8Array): fc.Arbitrary<Uint8Array> =>
    fc
      .tuple(
        fc.nat(frame.length),
        fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([length, changes]) => {
        const copy = frame.slice()
        for (const [at, value] of changes) copy[at] = value
        return copy.subarray(0, length)
      })
  const eac3 = bytes('0b7700033f8000000b7740073487d0200000000000000000')

  it('a track is returned or undefined, and nothing throws', () => {
    const units = fc.oneof(damaged(h264Unit('idr', 40)), fc.uint8Array({ maxLength: 80 }))
    const frames = fc.oneof(damaged(adtsFrame(40)), damaged(eac3), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(units, frames, (unit, frame) => {
        for (const codec of ['h264', 'hevc'] as const) {
          const track = videoTrackOf(1, { ...H264, codec }, unit)
          if (track !== undefined) expect(codecString(track)).toMatch(/^(?:avc1|hvc1)\./)
          expect(videoSample(codec, unit).length).toBeLessThanOrEqual(unit.length * 2)
        }
        for (const codec of ['aac', 'ac3', 'eac3', 'mp2', 'mp3'] as const) {
          const track = audioTrackOf(2, { ...AAC, codec }, frame)
          if (track !== undefined) expect(codecString(track)).toMatch(/^(?:mp4a\.|ac-3|ec-3)/)
          expect(audioSample(codec, frame).length).toBeLessThanOrEqual(frame.length)
        }
      }),
      { numRuns: 500, seed: 7 },
    )
  })
})

describe('a sample', () => {
  it('of video has lengths for start codes, and no delimiter and no filler', () => {
    const h264 = bytes(
      '0000000109f0 0000000167aabb 00000168cc 0000010cffff80 0000000165dd0003 000000',
    )
    expect(hex(videoSample('h264', h264))).toBe('0000000367aabb0000000268cc0000000465dd0003')
    const hevc = bytes('00000001460150 000000014001aa 0000012601bb 0000014c01ff80 0000014a01')
    expect(hex(videoSample('hevc', hevc))).toBe('000000034001aa000000032601bb000000024a01')
    expect(videoSample('h264', new Uint8Array(0)).length).toBe(0)
  })

  it('of audio is without its ADTS header, whose length depends on the checksum', () => {
    const frame = adtsFrame(60)
    expect(audioSample('aac', frame)).toEqual(frame.subarray(7))
    expect(audioSample('aac', frame.with(1, 0xf0))).toEqual(frame.subarray(9))
    expect(audioSample('mp3', frame)).toBe(frame)
  })
})
