import { describe, expect, it } from 'vitest'
import { Thresholds } from '../../contract/spec.ts'
import { SourceHealth, type HealthSample } from './source-health.ts'

const limits = Thresholds.parse({})
const sample = (at: number, change: Partial<HealthSample> = {}): HealthSample => ({
  at,
  state: 'running',
  tracks: [
    { kind: 'video', lastAt: at - 40 },
    { kind: 'audio', lastAt: at - 20 },
  ],
  runningSince: 0,
  bytes: at * 100,
  packets: at,
  continuityErrors: 0,
  lostPackets: 0,
  jumps: 0,
  live: true,
  ...change,
})

const judge = (change: (at: number) => Partial<HealthSample>, own = limits) => {
  const health = new SourceHealth()
  let verdict = health.judge(sample(0), own)
  for (let at = 100; at <= 10_000; at += 100) verdict = health.judge(sample(at, change(at)), own)
  return verdict
}

describe('the health of a source', () => {
  it('is good while media flows', () => {
    expect(judge(() => ({}))).toEqual({ healthy: true, problems: [] })
  })

  const cases: readonly [string, (at: number) => Partial<HealthSample>, string][] = [
    ['its reader waits', () => ({ state: 'waiting' }), 'ended'],
    ['nothing came yet', () => ({ tracks: [{ kind: 'video', lastAt: undefined }] }), 'no_media'],
    ['no track moves', () => ({ tracks: [{ kind: 'video', lastAt: 1_000 }] }), 'stall'],
    [
      'the audio stopped',
      (at) => ({
        tracks: [
          { kind: 'video', lastAt: at },
          { kind: 'audio', lastAt: 1_000 },
        ],
      }),
      'missing_track',
    ],
    ['continuity counters jump', (at) => ({ continuityErrors: at / 50 }), 'continuity'],
    ['packets are lost', (at) => ({ lostPackets: at / 10 }), 'packet_loss'],
    ['its timestamps jump', (at) => ({ jumps: Math.floor(at / 500) }), 'timestamp_jumps'],
  ]
  it.each(cases)('is bad when %s', (_name, change, condition) => {
    const { healthy, problems } = judge(change)
    expect(healthy).toBe(false)
    expect(problems.map((problem) => problem.condition)).toEqual([condition])
  })

  it('is bad below the bitrate floor, judged over a whole window', () => {
    const own = Thresholds.parse({ bitrateFloor: 900_000 })
    expect(judge(() => ({}), own).problems.map((problem) => problem.condition)).toEqual(['bitrate'])
    const health = new SourceHealth()
    health.judge(sample(0), own)
    expect(health.judge(sample(1_000), own).healthy).toBe(true)
  })

  it('does not judge what cannot be measured', () => {
    expect(judge(() => ({ continuityErrors: null, lostPackets: null })).healthy).toBe(true)
  })

  it('does not judge a finite source for its pauses', () => {
    expect(judge(() => ({ live: false, tracks: [{ kind: 'video', lastAt: 100 }] })).healthy).toBe(
      true,
    )
  })

  it('switches a check off at 0', () => {
    const own = Thresholds.parse({ continuityPerSecond: 0 })
    expect(judge((at) => ({ continuityErrors: at }), own).healthy).toBe(true)
  })

  it('drops what lies before the window', () => {
    const health = new SourceHealth()
    for (let at = 0; at <= 2_000; at += 100)
      health.judge(sample(at, { continuityErrors: at }), limits)
    let verdict = health.judge(sample(2_100, { continuityErrors: 2_000 }), limits)
    expect(verdict.healthy).toBe(false)
    for (let at = 2_200; at <= 9_000; at += 100)
      verdict = health.judge(sample(at, { continuityErrors: 2_000 }), limits)
    expect(verdict.healthy).toBe(true)
  })
})
