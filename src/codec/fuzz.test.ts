import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FfmpegFixtures } from '../../test/helpers/ffmpeg-fixtures.ts'
import type { AudioCodec, VideoCodec } from '../contract/format.ts'
import { createFrameSplitter } from './audio-frames.ts'
import { createVideoInspector } from './video-inspector.ts'

const fixtures = new FfmpegFixtures()
afterAll(() => fixtures.remove())

const VIDEO = {
  h264: ['libx264', 'h264'],
  hevc: ['libx265', 'hevc'],
  mpeg2video: ['mpeg2video', 'm2v'],
} as const
const AUDIO = {
  aac: ['aac', 'aac'],
  aac_latm: ['aac', 'latm'],
  mp1: ['mp2', 'mp2'],
  mp2: ['mp2', 'mp2'],
  mp3: ['libmp3lame', 'mp3'],
  ac3: ['ac3', 'ac3'],
  eac3: ['eac3', 'eac3'],
} as const
const videoCodecs = Object.keys(VIDEO) as VideoCodec[]
const audioCodecs = Object.keys(AUDIO) as AudioCodec[]
const streams = new Map<string, Uint8Array>()

beforeAll(async () => {
  for (const codec of videoCodecs) {
    const [encoder, extension] = VIDEO[codec]
    const input = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=160x96:rate=25',
      '-frames:v',
      '12',
      '-g',
      '6',
    ]
    const quiet = codec === 'hevc' ? ['-x265-params', 'log-level=none'] : []
    const made = await fixtures.encode([...input, '-c:v', encoder, ...quiet], extension)
    streams.set(codec, made.bytes.subarray(0, 12_000))
  }
  for (const codec of audioCodecs) {
    const [encoder, extension] = AUDIO[codec]
    const input = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', '0.3', '-c:a', encoder]
    streams.set(codec, (await fixtures.encode(input, extension)).bytes)
  }
})

interface Damage {
  readonly at: number
  readonly value: number
  readonly kind: 'set' | 'cut'
}

const damages = fc.array(
  fc.record({
    // Most faults hit the front, where the headers are.
    at: fc.oneof(fc.nat(200), fc.nat(12_000)),
    value: fc.nat(255),
    kind: fc.constantFrom('set', 'set', 'set', 'cut'),
  }),
  { minLength: 1, maxLength: 40 },
)

function damaged(bytes: Uint8Array, faults: readonly Damage[]): Uint8Array {
  let result = bytes.slice()
  for (const { at, value, kind } of faults) {
    if (kind === 'set') result[at % result.length] = value
    else
      result = new Uint8Array(Buffer.concat([result.subarray(0, at), result.subarray(at + value)]))
    if (result.length < 300) return result
  }
  return result
}

describe.each(videoCodecs)('damaged %s', (codec) => {
  it('never throws and yields units that lie in the bytes', () => {
    const inspector = createVideoInspector(codec)
    fc.assert(
      fc.property(damages, (faults) => {
        const bytes = damaged(streams.get(codec)!, faults)
        const starts = inspector.splitAccessUnits(bytes)
        expect(
          starts.every((start, i) => start < bytes.length && start > (starts[i - 1] ?? -1)),
        ).toBe(true)
        inspector.startsAccessUnit(bytes)
        starts.forEach((start, i) => {
          const unit = bytes.subarray(start, starts[i + 1])
          const found = inspector.inspect(unit)
          expect(found.data.length).toBeGreaterThanOrEqual(unit.length)
          if (found.rap !== 'none') expect(found.format).toBeDefined()
          if (found.format !== undefined)
            expect(found.format.width * found.format.height).toBeGreaterThan(0)
        })
      }),
      { numRuns: 400 },
    )
  })

  it('may be noise', () => {
    const inspector = createVideoInspector(codec)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(255), (noise, header) => {
        const bytes = Uint8Array.from([0, 0, 1, header, ...noise])
        inspector.inspect(bytes)
        inspector.splitAccessUnits(bytes)
        inspector.splitAccessUnits(noise)
        inspector.startsAccessUnit(noise)
      }),
      { numRuns: 3000 },
    )
  })
})

describe.each(audioCodecs)('damaged %s', (codec) => {
  it('never throws, and every byte is a frame, skipped or waiting', () => {
    fc.assert(
      fc.property(damages, fc.integer({ min: 1, max: 3000 }), (faults, chunk) => {
        const bytes = damaged(streams.get(codec)!, faults)
        const splitter = createFrameSplitter(codec)
        let framed = 0
        let last = -1
        for (let at = 0; at < bytes.length; at += chunk) {
          splitter.push(bytes.subarray(at, at + chunk), (frame, format, offset) => {
            framed += frame.length
            expect(at + offset).toBeGreaterThan(last)
            last = at + offset
            expect(format.sampleRate).toBeGreaterThan(0)
            expect(format.channels).toBeGreaterThan(0)
            const own = bytes.subarray(at + offset, at + offset + frame.length)
            expect(Buffer.compare(frame, own)).toBe(0)
          })
        }
        splitter.reset()
        expect(framed + splitter.skippedBytes).toBe(bytes.length)
      }),
      { numRuns: 300 },
    )
  })
})
