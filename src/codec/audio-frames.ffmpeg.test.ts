import { afterAll, describe, expect, it } from 'vitest'
import { FfmpegFixtures } from '../../test/helpers/ffmpeg-fixtures.ts'
import type { AudioCodec, AudioFormat } from '../contract/format.ts'
import { createFrameSplitter } from './audio-frames.ts'

const fixtures = new FfmpegFixtures()
afterAll(() => fixtures.remove())

interface Case {
  readonly codec: AudioCodec
  readonly encoder: readonly string[]
  readonly extension: string
  readonly rate: number
  readonly layout: 'mono' | 'stereo' | '5.1' | '2.1'
  readonly channels: number
  readonly frameSamples: number
  readonly profile?: string
}

const aac = {
  codec: 'aac',
  encoder: ['aac'],
  extension: 'aac',
  frameSamples: 1024,
  profile: 'lc',
} as const
const latm = {
  codec: 'aac_latm',
  encoder: ['aac', '-f', 'latm'],
  extension: 'latm',
  frameSamples: 1024,
  profile: 'lc',
} as const
const mp2 = { codec: 'mp2', encoder: ['mp2'], extension: 'mp2', frameSamples: 1152 } as const
const mp3 = {
  codec: 'mp3',
  encoder: ['libmp3lame', '-write_xing', '0', '-id3v2_version', '0'],
  extension: 'mp3',
  frameSamples: 1152,
} as const
const ac3 = { codec: 'ac3', encoder: ['ac3'], extension: 'ac3', frameSamples: 1536 } as const
const eac3 = { codec: 'eac3', encoder: ['eac3'], extension: 'eac3', frameSamples: 1536 } as const
const mono = { layout: 'mono', channels: 1 } as const
const stereo = { layout: 'stereo', channels: 2 } as const
const surround = { layout: '5.1', channels: 6 } as const

const cases: readonly Case[] = [
  { ...aac, rate: 48_000, ...stereo },
  { ...aac, rate: 44_100, ...mono },
  { ...aac, rate: 48_000, ...surround },
  // Has no channel configuration of its own: given by a program config element.
  { ...aac, rate: 48_000, layout: '2.1', channels: 3 },
  { ...latm, rate: 48_000, ...stereo },
  { ...latm, rate: 44_100, ...mono },
  { ...mp2, rate: 48_000, ...stereo },
  { ...mp2, rate: 44_100, ...mono },
  { ...mp2, rate: 24_000, ...stereo },
  { ...mp3, rate: 48_000, ...stereo },
  { ...mp3, rate: 44_100, ...mono },
  { ...mp3, rate: 22_050, ...stereo, frameSamples: 576 },
  { ...mp3, rate: 8000, ...mono, frameSamples: 576 },
  { ...ac3, rate: 48_000, ...stereo },
  { ...ac3, rate: 44_100, ...mono },
  { ...ac3, rate: 48_000, ...surround },
  { ...eac3, rate: 48_000, ...stereo },
  { ...eac3, rate: 44_100, ...mono },
  { ...eac3, rate: 48_000, ...surround },
]

const encode = (one: Case): ReturnType<FfmpegFixtures['encode']> =>
  fixtures.encode(
    [
      ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${one.rate}`, '-t', '1.5'],
      ...['-af', `aformat=channel_layouts=${one.layout}`, '-c:a', ...one.encoder],
    ],
    one.extension,
  )

interface Split {
  readonly lengths: number[]
  /** Offset of each frame in the whole stream, computed from the offsets in the pushes. */
  readonly starts: number[]
  readonly formats: Set<AudioFormat>
  readonly skipped: number
}

function split(codec: AudioCodec, bytes: Uint8Array, chunk: number): Split {
  const splitter = createFrameSplitter(codec)
  const found: Split = { lengths: [], starts: [], formats: new Set(), skipped: 0 }
  for (let at = 0; at < bytes.length; at += chunk) {
    splitter.push(bytes.subarray(at, at + chunk), (frame, format, offset) => {
      found.lengths.push(frame.length)
      found.starts.push(at + offset)
      found.formats.add(format)
    })
  }
  return { ...found, skipped: splitter.skippedBytes }
}

describe('a frame splitter agrees with ffprobe', () => {
  it.each(cases)('about $codec $rate Hz $layout', async (one) => {
    const fixture = await encode(one)
    const { streams, packets } = await fixtures.probe(fixture.path)
    const found = split(one.codec, fixture.bytes, 2000)
    // ffprobe leaves LATM packets without their LOAS header, and ADTS ones with it.
    const sizes = packets.map((packet) => Number(packet.size))
    expect(found.lengths).toEqual(sizes)
    expect(found.skipped).toBe(0)
    expect([...found.formats]).toEqual([
      {
        codec: one.codec,
        profile: one.profile ?? '',
        sampleRate: Number(streams[0].sample_rate),
        channels: streams[0].channels,
        frameSamples: one.frameSamples,
      },
    ])
    expect([Number(streams[0].sample_rate), streams[0].channels]).toEqual([one.rate, one.channels])
  })

  it.each(cases)('whatever the chunks of $codec $rate Hz $layout are', async (one) => {
    const { bytes } = await encode(one)
    const whole = split(one.codec, bytes, bytes.length)
    let at = 0
    const starts = whole.lengths.map((length) => (at += length) - length)
    expect(whole.starts).toEqual(starts)
    for (const chunk of [1, 7, 184, 1021]) {
      const chunked = split(one.codec, bytes, chunk)
      expect(chunked.lengths).toEqual(whole.lengths)
      expect(chunked.starts).toEqual(starts)
    }
  })

  it.each(cases)('after garbage and a hole in $codec $rate Hz $layout', async (one) => {
    const { bytes } = await encode(one)
    const whole = split(one.codec, bytes, bytes.length)
    // Noise with the sync word of each codec strewn in.
    let seed = 1
    const noise = (): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) >> 16
    const garbage = Uint8Array.from({ length: 999 }, noise)
    const syncs = [
      [0xff, 0xf1],
      [0xff, 0xfb],
      [0x56, 0xe0],
      [0x0b, 0x77],
    ]
    for (let i = 0; i < 40; i++) garbage.set(syncs[i % 4]!, i * 24)
    const hole = whole.starts[5]! + 20
    const damaged = Buffer.concat([
      garbage,
      bytes.subarray(0, hole),
      bytes.subarray(hole + 90, whole.starts[9]! + 3),
      garbage,
      bytes.subarray(whole.starts[11]),
      bytes,
    ])
    const found = split(one.codec, damaged, 2000)
    // Lost: the frame with the hole, and at most one on either side of the garbage.
    const { lengths } = whole
    expect(found.starts[0]).toBe(garbage.length)
    expect(found.lengths.slice(0, 8)).toEqual([...lengths.slice(0, 5), ...lengths.slice(6, 9)])
    expect(lengths.length).toBeGreaterThan(14)
    const tail = [...lengths.slice(12), ...lengths]
    expect(found.lengths.slice(-tail.length)).toEqual(tail)
    expect(found.skipped).toBeGreaterThanOrEqual(garbage.length)
  })
})
