import { describe, expect, it } from 'vitest'
import { adtsFrame } from '../../../../test/helpers/coded-units.ts'
import { pictureOrder } from '../../../../test/helpers/picture-orders.ts'
import type { AudioFormat } from '../../../contract/format.ts'
import { sourceId } from '../../../contract/ids.ts'
import { ticks } from '../../../contract/time.ts'
import type { ProgramCut } from '../../outputs/interface/program-frames.ts'
import type { AudioFrame } from './segment-writer.ts'
import { SpliceGate, type SpliceTarget } from './splice-gate.ts'

const AUDIO: AudioFormat = {
  ...{ codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1_024 },
}
const AT = 900_000

class Diary implements SpliceTarget {
  readonly entries: string[] = []
  video({ pts }: { readonly pts: number }): void {
    this.entries.push(`picture ${pts - AT}`)
  }
  audio(track: number, { pts }: AudioFrame): void {
    this.entries.push(`audio ${track} ${pts - AT}`)
  }
  splice(_cut: ProgramCut, audio: string): void {
    this.entries.push(`splice, audio ${audio}`)
  }
  hole(): void {
    this.entries.push('hole')
  }
}

/** `rate`: sampling_frequency_index. */
const audioFrameAt = (offset: number, rate: 'as_before' | 'another' = 'as_before'): AudioFrame => {
  const data = adtsFrame(100)
  if (rate === 'another') data[2] = (data[2]! & 0xc3) | (4 << 2)
  const pts = ticks(AT + offset)
  return {
    pts,
    unit: {
      ...{ pid: 1, kind: 'audio', rap: 'none', leading: false, duration: 1_920 },
      ...{ pts, dts: pts, data },
    },
  }
}

const cut = (): ProgramCut => ({
  to: sourceId('b'),
  label: 'b',
  at: ticks(AT),
  cause: 'take',
})

const [first, second, ...more] = pictureOrder({ frame: 3_600, bframes: 0, groups: [40], start: AT })

describe('a splice', () => {
  it.each([
    ['as_before', 'same'],
    ['another', 'changed'],
  ] as const)('is passed on when its audio is known: rate %s, %s', (rate, expected) => {
    const diary = new Diary()
    const gate = new SpliceGate(diary, { audio: AUDIO, count: 1 })
    gate.audio(0, audioFrameAt(-3_840))
    gate.cut(cut())
    gate.video(first!)
    gate.audio(0, audioFrameAt(-1_920))
    gate.video(second!)
    expect(diary.entries).toEqual(['audio 0 -3840'])
    gate.audio(0, audioFrameAt(0, rate))
    expect(diary.entries.slice(1)).toEqual([
      `splice, audio ${expected}`,
      ...['picture 0', 'audio 0 -1920', 'picture 3600', 'audio 0 0'],
    ])
  })

  it('waits for every track, and keeps the order of a hole and the next splice', () => {
    const diary = new Diary()
    const gate = new SpliceGate(diary, { audio: AUDIO, count: 2 })
    gate.cut(cut())
    gate.video(first!)
    gate.audio(0, audioFrameAt(0))
    gate.hole()
    gate.cut({ ...cut(), at: ticks(AT + 3_600) })
    gate.video(second!)
    expect(diary.entries).toEqual([])
    gate.audio(1, audioFrameAt(0))
    expect(diary.entries).toEqual(['splice, audio same', 'picture 0', 'audio 0 0', 'hole'])
    gate.audio(0, audioFrameAt(3_840))
    gate.audio(1, audioFrameAt(3_840))
    expect(diary.entries.slice(4)).toEqual([
      ...['splice, audio same', 'picture 3600', 'audio 1 0', 'audio 0 3840', 'audio 1 3840'],
    ])
  })

  it('does not wait for audio that does not come', () => {
    const diary = new Diary()
    const gate = new SpliceGate(diary, { audio: AUDIO, count: 1 })
    gate.cut(cut())
    for (const frame of more) gate.video(frame)
    expect(diary.entries[0]).toBe('splice, audio same')
    expect(diary.entries).toHaveLength(1 + more.length)
  })
})
