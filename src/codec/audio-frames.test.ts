import { describe, expect, it } from 'vitest'
import type { AudioCodec } from '../contract/format.ts'
import { createFrameSplitter } from './audio-frames.ts'

interface Found {
  readonly length: number
  readonly offset: number
}

function pushAll(
  codec: AudioCodec,
  pushes: readonly Uint8Array[],
): { found: Found[][]; skipped: number } {
  const splitter = createFrameSplitter(codec)
  const found = pushes.map((bytes) => {
    const frames: Found[] = []
    splitter.push(bytes, (frame, _format, offset) => frames.push({ length: frame.length, offset }))
    return frames
  })
  return { found, skipped: splitter.skippedBytes }
}

/** MPEG-1 layer II, 192 kbit/s, 48 kHz, stereo: 576 bytes. */
const mp2Frame = (): Uint8Array => {
  const frame = new Uint8Array(576).fill(0x33)
  frame.set([0xff, 0xfd, 0xa4, 0x00])
  return frame
}

/** 48 kHz, six blocks, stereo. */
const eac3Frame = (type: number, substream: number, size: number): Uint8Array => {
  const frame = new Uint8Array(size).fill(0x22)
  const code = size / 2 - 1
  frame.set([0x0b, 0x77, (type << 6) | (substream << 3) | (code >> 8), code & 255, 0x34, 16 << 3])
  return frame
}

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

describe('a frame splitter', () => {
  it('reports the exact offset of a frame over several pushes', () => {
    const bytes = concat(mp2Frame(), mp2Frame(), mp2Frame())
    const pushes = [bytes.subarray(0, 700), bytes.subarray(700, 900), bytes.subarray(900)]
    expect(pushAll('mp2', pushes).found).toEqual([
      [{ length: 576, offset: 0 }],
      [],
      [
        { length: 576, offset: 576 - 900 },
        { length: 576, offset: 1152 - 900 },
      ],
    ])
  })

  it('emits a first frame that fills its push at once', () => {
    expect(pushAll('mp2', [mp2Frame()]).found).toEqual([[{ length: 576, offset: 0 }]])
  })

  it('drops the partial frame at a reset and counts it', () => {
    const splitter = createFrameSplitter('mp2')
    const lengths: number[] = []
    splitter.push(concat(mp2Frame(), mp2Frame().subarray(0, 100)), (frame) =>
      lengths.push(frame.length),
    )
    splitter.reset()
    splitter.push(concat(mp2Frame(), mp2Frame()), (frame) => lengths.push(frame.length))
    expect(lengths).toEqual([576, 576, 576])
    expect(splitter.skippedBytes).toBe(100)
  })

  it('keeps dependent and further substreams with the frame before them', () => {
    const bytes = concat(
      eac3Frame(0, 0, 400),
      eac3Frame(1, 0, 200),
      eac3Frame(0, 1, 100),
      eac3Frame(0, 0, 400),
    )
    expect(pushAll('eac3', [bytes]).found).toEqual([
      [
        { length: 700, offset: 0 },
        { length: 400, offset: 700 },
      ],
    ])
  })

  it('waits for dependent substreams once it saw them in a push of their own', () => {
    const pushes = [0, 1, 2].flatMap(() => [eac3Frame(0, 0, 400), eac3Frame(1, 0, 200)])
    const { found, skipped } = pushAll('eac3', [...pushes, eac3Frame(0, 0, 400)])
    expect(skipped).toBe(200)
    expect(found.map((frames) => frames.map((frame) => frame.length))).toEqual([
      [400],
      [],
      [],
      [],
      [600],
      [],
      [600],
    ])
  })

  it('drops a frame that reaches into the next one and keeps the next one', () => {
    const short = mp2Frame().subarray(0, 500)
    const bytes = concat(mp2Frame(), short, mp2Frame(), mp2Frame())
    const { found, skipped } = pushAll('mp2', [bytes])
    expect(found[0]!.map((frame) => frame.offset)).toEqual([0, 1076, 1652])
    expect(skipped).toBe(500)
  })

  it.each(['aac', 'aac_latm', 'mp1', 'mp2', 'mp3', 'ac3', 'eac3'] as const)(
    'of %s finds nothing in zeros and ones',
    (codec) => {
      const { found, skipped } = pushAll(codec, [
        new Uint8Array(5000),
        new Uint8Array(5000).fill(255),
      ])
      expect(found).toEqual([[], []])
      expect(skipped).toBeGreaterThan(9900)
    },
  )
})

describe('frame headers', () => {
  it.each([
    {
      name: 'MPEG-1 layer I, 384 kbit/s, 48 kHz',
      header: [0xff, 0xff, 0xc4, 0],
      length: 384,
      codec: 'mp1',
      samples: 384,
      rate: 48_000,
    },
    {
      name: 'MPEG-1 layer II, 192 kbit/s, 44.1 kHz, padded',
      header: [0xff, 0xfd, 0xa2, 0],
      length: 627,
      codec: 'mp2',
      samples: 1152,
      rate: 44_100,
    },
    {
      name: 'MPEG-2 layer III, 64 kbit/s, 22.05 kHz',
      header: [0xff, 0xf3, 0x80, 0],
      length: 208,
      codec: 'mp3',
      samples: 576,
      rate: 22_050,
    },
    {
      name: 'MPEG-2.5 layer III, 8 kbit/s, 8 kHz',
      header: [0xff, 0xe3, 0x18, 0xc0],
      length: 72,
      codec: 'mp3',
      samples: 576,
      rate: 8000,
    },
    {
      name: 'AC-3, 384 kbit/s, 5.1',
      header: [0x0b, 0x77, 0, 0, 0x1c, 0x40, 0xe1, 0],
      length: 1536,
      codec: 'ac3',
      samples: 1536,
      rate: 48_000,
    },
    {
      name: 'AC-3, 192 kbit/s, 44.1 kHz, odd size code',
      header: [0x0b, 0x77, 0, 0, 0x55, 0x40, 0x40, 0],
      length: 836,
      codec: 'ac3',
      samples: 1536,
      rate: 44_100,
    },
    {
      name: 'E-AC-3, one block',
      header: [0x0b, 0x77, 0, 99, 0x04, 0x80, 0, 0],
      length: 200,
      codec: 'eac3',
      samples: 256,
      rate: 48_000,
    },
    {
      name: 'E-AC-3 at half the rate',
      header: [0x0b, 0x77, 0, 99, 0xc4, 0x80, 0, 0],
      length: 200,
      codec: 'eac3',
      samples: 1536,
      rate: 24_000,
    },
    {
      name: 'ADTS with CRC and two blocks',
      header: [0xff, 0xf0, 0x4c, 0x80, 0x0c, 0x80, 0x01],
      length: 100,
      codec: 'aac',
      samples: 2048,
      rate: 48_000,
    },
  ] as const)('of $name are read', ({ header, length, codec, samples, rate }) => {
    const frame = new Uint8Array(length).fill(0x11)
    frame.set(header)
    const lengths: number[] = []
    createFrameSplitter(codec).push(concat(frame, frame), (found, format) => {
      lengths.push(found.length)
      expect(format).toMatchObject({ codec, frameSamples: samples, sampleRate: rate })
    })
    expect(lengths).toEqual([length, length])
  })
})
