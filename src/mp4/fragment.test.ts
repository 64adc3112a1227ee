import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bodyAt, boxesOf, runsOf } from '../../test/helpers/mp4-boxes.ts'
import { fragment, type Sample, type TrackRun } from './fragment.ts'

const SYNC = 0x02000000
const OTHER = 0x01010000

const sample = (fields: Partial<Sample> = {}): Sample => ({
  duration: 3600,
  compositionOffset: 0,
  rap: false,
  data: Uint8Array.of(1, 2, 3),
  ...fields,
})

const read = (bytes: Uint8Array): unknown[] =>
  runsOf(bytes).map(({ track, baseTime, samples }) => ({
    track,
    baseTime: Number(baseTime),
    samples: samples.map(({ duration, compositionOffset, flags, data }) => ({
      duration,
      compositionOffset,
      rap: flags === SYNC,
      data: new Uint8Array(data),
    })),
  }))

const written = (runs: readonly TrackRun[]): unknown[] =>
  runs.map((run) => ({ ...run, samples: [...run.samples] }))

describe('a fragment', () => {
  it('is moof and mdat, with styp in front where a segment begins', () => {
    const runs = [{ track: 1, baseTime: 0, samples: [sample()] }]
    const types = (first: 'segment' | 'fragment'): string[] =>
      boxesOf(fragment(7, runs, first)).map(({ type }) => type)
    expect(types('segment')).toEqual(['styp', 'moof', 'mdat'])
    expect(types('fragment')).toEqual(['moof', 'mdat'])
    expect(bodyAt(fragment(7, runs, 'fragment'), 'moof/mfhd').readUInt32BE(4)).toBe(7)
  })

  it('marks the samples that depend on others', () => {
    const samples = [sample({ rap: true }), sample(), sample()]
    const [run] = runsOf(fragment(1, [{ track: 1, baseTime: 0, samples }], 'segment'))
    expect(run!.samples.map(({ flags }) => flags)).toEqual([SYNC, OTHER, OTHER])
  })

  it('writes what all samples share once', () => {
    const bytesFor = (samples: readonly Sample[]): number =>
      boxesOf(fragment(1, [{ track: 1, baseTime: 0, samples }], 'fragment'))[0]!.body.length
    const audio = Array.from({ length: 10 }, () => sample({ duration: 1024, rap: true }))
    const video = audio.map((one, i) =>
      sample({ duration: 3600 + i, compositionOffset: i, rap: i === 0 }),
    )
    // A size alone; size, duration, flags and composition offset, for two defaults less.
    expect(bytesFor(video) - bytesFor(audio)).toBe(10 * 12 - 8)
  })

  it.each([
    ['beyond 32 bits', 2 ** 33 + 5],
    ['at the end of whole numbers', Number.MAX_SAFE_INTEGER],
    ['at zero', 0],
  ])('keeps a decoding time %s', (_, baseTime) => {
    const [run] = runsOf(fragment(1, [{ track: 3, baseTime, samples: [sample()] }], 'segment'))
    expect(run!.baseTime).toBe(BigInt(baseTime))
  })

  it('holds the samples of several tracks, each at the offset in its run', () => {
    const runs = [
      {
        track: 1,
        baseTime: 90_000,
        samples: [sample({ rap: true }), sample({ data: Uint8Array.of(9) })],
      },
      {
        track: 2,
        baseTime: 48_000,
        samples: [sample({ duration: 1024, rap: true, data: Uint8Array.of(7, 7) })],
      },
    ]
    expect(read(fragment(1, runs, 'segment'))).toEqual(written(runs))
  })

  it('leaves out a track without samples', () => {
    const runs = [
      { track: 1, baseTime: 0, samples: [] },
      { track: 2, baseTime: 5, samples: [sample()] },
    ]
    expect(read(fragment(1, runs, 'segment'))).toEqual(written(runs.slice(1)))
  })

  it('counts composition offsets below zero', () => {
    const samples = [sample({ compositionOffset: -3600 }), sample({ compositionOffset: 7200 })]
    const runs = [{ track: 1, baseTime: 0, samples }]
    expect(read(fragment(1, runs, 'segment'))).toEqual(written(runs))
  })

  it.each([
    ['a decoding time', { baseTime: 0.5 }, /decoding time .* not 0.5/],
    ['a decoding time below zero', { baseTime: -1 }, /decoding time .* not -1/],
    ['a duration', { samples: [sample({ duration: 3003.3 })] }, /duration .* not 3003.3/],
    ['no duration', { samples: [sample({ duration: Number.NaN })] }, /duration .* not NaN/],
    ['an offset', { samples: [sample({ compositionOffset: 1.5 })] }, /offset .* not 1.5/],
  ])('refuses %s that cannot be written exactly', (_, fields, message) => {
    const run = { track: 1, baseTime: 0, samples: [sample()], ...fields }
    expect(() => fragment(1, [run], 'segment')).toThrow(message)
  })

  it('has exact sums of durations, wherever a track is cut', () => {
    const samples = fc.array(
      fc.record({
        duration: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        compositionOffset: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        rap: fc.boolean(),
        data: fc.uint8Array({ maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 })
    const start = fc.integer({ min: 0, max: 2 ** 52 })
    fc.assert(
      fc.property(samples, cuts, start, (all, sizes, first) => {
        const left = [...all]
        const found: unknown[] = []
        let time = first
        let expected = BigInt(first)
        for (let i = 0; left.length > 0; i++) {
          const part = left.splice(0, sizes[i % sizes.length])
          const bytes = fragment(i, [{ track: 1, baseTime: time, samples: part }], 'fragment')
          const [run] = runsOf(bytes)
          expect(run!.baseTime).toBe(expected)
          for (const one of run!.samples) expected += BigInt(one.duration)
          for (const one of part) time += one.duration
          const [{ samples: back }] = read(bytes) as [TrackRun]
          found.push(...back)
        }
        expect(found).toEqual(all)
        expect(BigInt(time)).toBe(expected)
      }),
      { numRuns: 100, seed: 1 },
    )
  })
})
