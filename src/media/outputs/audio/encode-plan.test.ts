import { describe, expect, it } from 'vitest'
import type { AudioFormat } from '../../../contract/format.ts'
import { codedAudio, frameSeconds } from './coded-audio.ts'
import { planEncode } from './encode-plan.ts'
import { segmentFrameSeconds } from './program-audio.ts'

const aac = (sampleRate: number): AudioFormat => ({
  codec: 'aac',
  profile: 'lc',
  sampleRate,
  channels: 2,
  frameSamples: 1_024,
})

const planned = (format: 'mp3' | 'aac' | 'opus', rate: number, from: number, oldest: number) => {
  const coded = codedAudio(format, 128_000, aac(rate))
  const segment = { format: aac(rate), first: 1_000 }
  const plan = planEncode({ coded, segment, oldest, from })
  const priming = format === 'aac' ? 1 : 0
  return {
    ...plan,
    /** Seconds into the timeline segment of the first coded sample, and of the first that is sent. */
    begins:
      (plan.first - segment.first) * segmentFrameSeconds(segment) +
      plan.skipSamples / coded.sampleRate,
    sent: plan.from * frameSeconds(coded),
    dropped: (plan.dropFrames - priming) * frameSeconds(coded),
  }
}

describe('the start of an encoder', () => {
  it('is the start of the timeline segment when nothing was sent of it', () => {
    expect(planned('mp3', 48_000, 0, 900)).toMatchObject({
      first: 1_000,
      skipSamples: 0,
      dropFrames: 0,
      from: 0,
    })
    expect(planned('aac', 48_000, 0, 900).dropFrames).toBe(1)
  })

  it.each([
    ['mp3', 48_000],
    ['mp3', 44_100],
    ['aac', 32_000],
    ['opus', 44_100],
    ['opus', 48_000],
  ] as const)(
    'is on the grid of the frames sent before, with a lead-in (%s, %i Hz)',
    (format, rate) => {
      for (const from of [1, 3, 5, 17, 333, 4_001]) {
        const plan = planned(format, rate, from, 1_000)
        expect(plan.from).toBe(from)
        expect(Math.abs(plan.begins + plan.dropped - plan.sent)).toBeLessThan(1 / rate)
        expect(plan.first).toBeGreaterThanOrEqual(1_000)
        expect(plan.skipSamples).toBeGreaterThanOrEqual(0)
      }
    },
  )

  it('is later when the audio is no longer kept', () => {
    const plan = planned('mp3', 48_000, 10, 1_500)
    expect(plan.from).toBe(Math.ceil((504 * 1_024) / 1_152))
    expect(plan.first).toBe(1_500)
  })
})
