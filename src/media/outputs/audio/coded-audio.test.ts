import { describe, expect, it } from 'vitest'
import type { AudioFormat } from '../../../contract/format.ts'
import { bitrateProblem, canCopy, codedAudio, clampBitrate } from './coded-audio.ts'
import { CopyLimit } from './copy-limit.ts'

const audioFormat = (changes: Partial<AudioFormat> = {}): AudioFormat => ({
  codec: 'aac',
  profile: 'lc',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1_024,
  ...changes,
})

describe('the sent coding', () => {
  it.each([
    ['mp3', 48_000, 48_000],
    ['mp3', 44_100, 44_100],
    ['mp3', 24_000, 48_000],
    ['aac', 22_050, 44_100],
    ['aac', 96_000, 48_000],
    ['aac', 88_200, 44_100],
    ['mp3', 7_350, 48_000],
    ['opus', 44_100, 48_000],
  ] as const)('as %s of %i Hz has %i Hz', (format, sampleRate, expected) => {
    expect(codedAudio(format, 128_000, audioFormat({ sampleRate })).sampleRate).toBe(expected)
  })

  it('has at most two channels, and an MP3 a rate that there is', () => {
    expect(codedAudio('mp3', 100_000, audioFormat({ channels: 6 }))).toMatchObject({
      channels: 2,
      bitrate: 96_000,
    })
    expect(codedAudio('aac', 100_000, audioFormat({ channels: 1 }))).toMatchObject({
      channels: 1,
      bitrate: 100_000,
    })
  })

  it.each([
    ['mp3', 320_000, undefined],
    ['mp3', 400_000, '400000 is not possible for mp3: it must be from 32000 to 320000 bit/s'],
    ['opus', 8_000, undefined],
    ['aac', 8_000, '8000 is not possible for aac: it must be from 16000 to 512000 bit/s'],
  ] as const)('as %s of %i bit/s: %s', (format, bitrate, problem) => {
    expect(bitrateProblem(format, bitrate)).toBe(problem)
    expect(bitrateProblem(format, clampBitrate(format, bitrate))).toBeUndefined()
  })
})

describe('copying', () => {
  const coded = codedAudio('aac', 128_000, audioFormat())

  it.each([
    ['the same', {}, true],
    ['another rate', { sampleRate: 44_100 }, false],
    ['another number of channels', { channels: 1 }, false],
    ['LATM', { codec: 'aac_latm' }, false],
    ['another profile', { profile: 'main' }, false],
    ['MP2', { codec: 'mp2', frameSamples: 1_152 }, false],
  ] as const)('%s: %s', (_, changes, possible) => {
    expect(canCopy(coded, audioFormat(changes))).toBe(possible)
  })

  it('never copies MP3: a frame behind a cut would need the bit reservoir of the one before', () => {
    const mp3 = audioFormat({ codec: 'mp3', frameSamples: 1_152, profile: '' })
    expect(canCopy(codedAudio('mp3', 128_000, mp3), mp3)).toBe(false)
  })

  it.each([
    ['less', 64_000, 'within'],
    ['a little more', 150_000, 'within'],
    ['much more', 192_000, 'exceeded'],
  ] as const)('of %s bitrate than asked for: %i is %s', (_, bitrate, verdict) => {
    const limit = new CopyLimit(128_000)
    for (let ms = 0; ms < 5_000; ms += 20) limit.addFrame((bitrate * 0.02) / 8, 0.02)
    expect(limit.verdict).toBe(verdict)
  })
})
