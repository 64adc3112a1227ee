import { describe, expect, it } from 'vitest'
import { Thresholds } from '../../contract/spec.ts'
import { SourceHealth, type HealthSample } from './source-health.ts'

const limits = Thresholds.parse({
  stallMs: 2000,
  missingTrackMs: 4000,
  continuityPerSecond: 3,
  packetLoss: 0.02,
  timestampJumps: 2,
  bitrateFloor: 1_000_000,
  lossWindowMs: 5000,
})
const START: HealthSample = {
  at: 0,
  state: 'running',
  tracks: [{ kind: 'video', lastAt: 0 }],
  runningSince: 0,
  bytes: 0,
  packets: 0,
  continuityErrors: 0,
  lostPackets: 0,
  jumps: 0,
  live: true,
}
/** Sample five seconds later, within all limits. */
const LATER: HealthSample = {
  ...START,
  at: 5000,
  tracks: [{ kind: 'video', lastAt: 5000 }],
  bytes: 625_000,
  packets: 4900,
}
const problems = (change: Partial<HealthSample>, from: Partial<HealthSample> = {}): string[] => {
  const health = new SourceHealth()
  health.judge({ ...START, ...from }, limits)
  return health
    .judge({ ...LATER, ...change }, limits)
    .problems.map(
      ({ condition, measured, limit, unit }) => `${condition} ${measured}/${limit} ${unit}`,
    )
}
const tracks = (video: number, audio: number | undefined): Partial<HealthSample> => ({
  tracks: [
    { kind: 'video', lastAt: video },
    { kind: 'audio', lastAt: audio },
  ],
})

describe('the health of a source at its limits', () => {
  it.each<{ name: string; change: Partial<HealthSample>; found: string[] }>([
    { name: 'all within limits', change: {}, found: [] },
    {
      name: 'a stall of 2000 ms',
      change: { tracks: [{ kind: 'video', lastAt: 3000 }] },
      found: [],
    },
    {
      name: 'a stall of 2001 ms',
      change: { tracks: [{ kind: 'video', lastAt: 2999 }] },
      found: ['stall 2001/2000 ms'],
    },
    { name: 'audio 4000 ms behind', change: tracks(5000, 1000), found: [] },
    {
      name: 'audio 4001 ms behind',
      change: tracks(5000, 999),
      found: ['missing_track 4001/4000 ms without audio'],
    },
    {
      name: 'no audio, 4000 ms after the start',
      change: { ...tracks(5000, undefined), runningSince: 1000 },
      found: [],
    },
    {
      name: 'no audio, 4001 ms after the start',
      change: { ...tracks(5000, undefined), runningSince: 999 },
      found: ['missing_track 4001/4000 ms without audio'],
    },
    {
      name: 'no audio from a reader that does not run',
      change: { ...tracks(5000, undefined), runningSince: undefined },
      found: [],
    },
    {
      name: 'video behind the audio',
      change: tracks(0, 5000),
      found: ['missing_track 5000/4000 ms without video'],
    },
    { name: '3 errors per second', change: { continuityErrors: 15 }, found: [] },
    {
      name: '3.2 errors per second',
      change: { continuityErrors: 16 },
      found: ['continuity 3.2/3 errors/s'],
    },
    { name: 'a loss of 2 %', change: { lostPackets: 100 }, found: [] },
    {
      name: 'a loss of 10 %',
      change: { packets: 900, lostPackets: 100 },
      found: ['packet_loss 0.1/0.02 lost/packets'],
    },
    { name: 'no packets at all', change: { packets: 0 }, found: [] },
    { name: 'two jumps', change: { jumps: 2 }, found: [] },
    { name: 'three jumps', change: { jumps: 3 }, found: ['timestamp_jumps 3/2 in 5 s'] },
    {
      name: 'one byte below the floor',
      change: { bytes: 624_999 },
      found: ['bitrate 999998.4/1000000 bit/s'],
    },
    { name: 'below the floor, but paced by us', change: { bytes: 0, live: false }, found: [] },
    {
      name: 'stalled, but paced by us',
      change: { ...tracks(0, undefined), live: false },
      found: [],
    },
    {
      name: 'an unknown number of errors',
      change: { continuityErrors: null, lostPackets: null },
      found: [],
    },
    { name: 'its end', change: { state: 'waiting' }, found: ['ended 1/0 ended'] },
    { name: 'its stop', change: { state: 'stopped' }, found: ['ended 1/0 ended'] },
    { name: 'its failure', change: { state: 'failed' }, found: ['ended 1/0 ended'] },
    { name: 'no unit yet', change: { tracks: [] }, found: ['no_media 0/1 units'] },
    {
      name: 'two conditions',
      change: { jumps: 3, continuityErrors: 50 },
      found: ['continuity 10/3 errors/s', 'timestamp_jumps 3/2 in 5 s'],
    },
  ])('with $name: $found', ({ change, found }) => {
    expect(problems(change)).toEqual(found)
  })

  it('counts from the start of its window, not from zero', () => {
    const from = {
      continuityErrors: 1000,
      lostPackets: 500,
      jumps: 7,
      bytes: 9_000_000,
      packets: 100,
    }
    const to = {
      continuityErrors: 1000,
      lostPackets: 500,
      jumps: 7,
      bytes: 9_625_000,
      packets: 5000,
    }
    expect(problems(to, from)).toEqual([])
    expect(problems({ continuityErrors: 1000 }, { continuityErrors: null })).toEqual([])
    expect(problems({ lostPackets: 1000 }, { lostPackets: null })).toEqual([])
  })

  it('judges the floor from nine tenths of the window on', () => {
    const at = (ms: number): string[] =>
      problems({ at: ms, tracks: [{ kind: 'video', lastAt: ms }], bytes: 1000 })
    expect(at(4499)).toEqual([])
    expect(at(4500)).toHaveLength(1)
  })

  it('judges only its tracks by one sample, also after it was replaced', () => {
    const health = new SourceHealth()
    expect(health.judge({ ...LATER, jumps: 99 }, limits)).toEqual({ healthy: true, problems: [] })
    health.judge({ ...START, jumps: 0 }, limits)
    health.clear()
    expect(health.judge({ ...LATER, jumps: 99 }, limits).healthy).toBe(true)
  })

  it('drops a sample once a newer one is as old as the window', () => {
    const health = new SourceHealth()
    const judge = (at: number, jumps: number): boolean =>
      health.judge(
        { ...LATER, at, tracks: [{ kind: 'video', lastAt: at }], jumps, bytes: at * 1000 },
        limits,
      ).healthy
    judge(0, 0)
    judge(100, 3)
    expect(judge(5099, 3)).toBe(false)
    expect(judge(5100, 3)).toBe(true)
  })
})
