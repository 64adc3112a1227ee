import { describe, expect, test } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import { platformNamed } from './platforms.ts'
import { PushAdvice } from './push-advice.ts'

const twitch = platformNamed('Twitch')!

/** The given seconds at 25 pictures a second. */
const adviceOn = (program: {
  readonly pictureBytes: number
  readonly gop: number
  readonly seconds: number
}) => {
  const told: string[] = []
  const advice = new PushAdvice(twitch, (message) => void told.push(message))
  for (let at = 0; at < program.seconds * 25; at++) {
    const dts = ticks(at * 3_600)
    const rap = at % program.gop === 0 ? 'key' : 'other'
    advice.checkFrame({
      kind: 'video',
      dts,
      pts: dts,
      rap,
      bytes: new Uint8Array(program.pictureBytes),
    })
    advice.checkFrame({ kind: 'audio', dts, bytes: new Uint8Array(600) })
  }
  return { told, advice }
}

describe('a recommendation of a platform', () => {
  test('is kept: no warning', () => {
    const { told, advice } = adviceOn({ pictureBytes: 29_000, gop: 50, seconds: 40 })
    expect(told).toEqual([])
    expect(advice.warnings).toBeUndefined()
  })

  test('is exceeded: each excess is reported once, and stays in the status', () => {
    const { told, advice } = adviceOn({ pictureBytes: 40_000, gop: 250, seconds: 60 })
    advice.checkAudio({ codec: 'mp2', channels: 6 })
    advice.checkAudio({ codec: 'mp2', channels: 6 })
    expect(told.toSorted()).toEqual([
      'Twitch recommends a random access point every 2 s; they are 10.0 s apart',
      'Twitch recommends aac or mp3, not mp2',
      'Twitch recommends at most 6000 kbit/s of video; it is 8000 kbit/s',
      'Twitch recommends stereo, not 6 channels',
    ])
    expect(advice.warnings?.split('; Twitch').length).toBe(4)
  })
})
