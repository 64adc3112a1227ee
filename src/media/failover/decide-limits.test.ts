import { describe, expect, it } from 'vitest'
import {
  failoverFacts,
  S0,
  S1,
  S2,
  wellSource as well,
} from '../../../test/helpers/failover-facts.ts'
import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { HealthCondition } from '../../contract/status.ts'
import {
  decide,
  NO_MEMORY,
  type Decision,
  type FailoverFacts,
  type FailoverMemory,
  type SourceFacts,
} from './decide.ts'

const HOUR_MS = 3_600_000
const NOW = 10 * HOUR_MS

const sick = (id: SourceId, change: Partial<SourceFacts> = {}): SourceFacts =>
  well(id, {
    healthy: false,
    problems: [{ condition: 'continuity', measured: 3.456, limit: 2, unit: 'errors/s' }],
    healthySince: null,
    unhealthySince: 0,
    ...change,
  })
const dead = (condition: HealthCondition): SourceFacts =>
  sick(S0, { problems: [{ condition, measured: 1, limit: 0, unit: 'x' }] })
/** The source on the air is sick. */
const facts = (change: Partial<FailoverFacts> = {}): FailoverFacts =>
  failoverFacts({ sources: [sick(S0), well(S1), well(S2)], ...change })
const memory = (change: Partial<FailoverMemory> = {}): FailoverMemory => ({
  ...NO_MEMORY,
  lastOnAir: S0,
  lastWanted: S0,
  revisions: new Map([S0, S1, S2].map((id) => [id, 1])),
  ...change,
})
const decision = (change: Partial<FailoverFacts>, before: Partial<FailoverMemory> = {}): Decision =>
  decide(facts(change), NOW, memory(before)).decision
const kind = (...args: Parameters<typeof decision>): string => decision(...args).kind

describe('the time that failover waits for', () => {
  it.each([
    { name: 'a take without a random access point', ready: false, ms: 3000 },
    { name: 'a take that is about to be made', ready: true, ms: 10_000 },
  ])('$name is $ms ms', ({ ready, ms }) => {
    const pending = { pending: S2, sources: [sick(S0), well(S1), well(S2, { ready })] }
    expect(kind(pending, { pendingSince: NOW - ms + 1 })).toBe('stay')
    expect(kind(pending, { pendingSince: NOW - ms })).toBe('switch')
  })

  it('the time of a take counts from when the source on the air became unhealthy', () => {
    const pending = (since: number): Partial<FailoverFacts> => ({
      pending: S2,
      sources: [sick(S0, { unhealthySince: NOW - since }), well(S1), well(S2, { ready: false })],
    })
    expect(kind(pending(2999), { pendingSince: 0 })).toBe('stay')
    expect(kind(pending(3000), { pendingSince: 0 })).toBe('switch')
  })

  it('a switch that did not reach the air is 2000 ms', () => {
    const attempt = (ms: number): Partial<FailoverMemory> => ({
      attempt: { at: NOW - ms, from: S0, to: S1 },
    })
    expect(kind({}, attempt(1999))).toBe('stay')
    expect(kind({}, attempt(2000))).toBe('switch')
    expect(kind({ sources: [sick(S0), sick(S1), well(S2)] }, attempt(1))).toBe('switch')
  })

  it('a wanted source that is healthy again is its own', () => {
    const back = (ms: number): Decision =>
      decision({
        onAir: S1,
        sources: [well(S0, { healthySince: NOW - ms, returnMs: 7000 }), well(S1)],
      })
    expect(back(6999)).toEqual({ kind: 'stay' })
    expect(back(7000)).toEqual({
      kind: 'switch',
      from: S1,
      to: S0,
      cause: 'revert',
      problems: [],
      reason: 's0 is wanted and has been healthy for 7 s',
    })
    expect(back(12_345)).toMatchObject({ reason: 's0 is wanted and has been healthy for 12.3 s' })
  })
})

describe('switches in an hour', () => {
  const made = (count: number, ago: number): FailoverMemory['switches'] =>
    Array.from({ length: count }, () => ({ at: NOW - ago, from: S0, to: S1 }))

  it('are limited, as long as the source on the air has media', () => {
    expect(kind({ switchesPerHour: 3 }, { switches: made(2, 0) })).toBe('switch')
    expect(decision({ switchesPerHour: 3 }, { switches: made(3, HOUR_MS - 1) })).toEqual({
      kind: 'hold',
      source: S0,
      reason:
        '3 automatic switches in an hour: the program stays on s0 (s0 is not healthy: continuity 3.46 errors/s (limit 2); s1 is the first healthy substitute)',
    })
    expect(kind({ switchesPerHour: 3 }, { switches: made(3, HOUR_MS) })).toBe('switch')
  })

  it.each(['stall', 'ended', 'no_media'] as const)('are not limited by %s', (condition) => {
    const limited = { switchesPerHour: 0, sources: [dead(condition), well(S1)] }
    expect(kind(limited)).toBe('switch')
    expect(kind({ ...limited, pending: S1 }, { pendingSince: NOW })).toBe('switch')
  })

  it.each(['bitrate', 'packet_loss', 'missing_track', 'continuity', 'timestamp_jumps'] as const)(
    'are limited by %s',
    (condition) => {
      expect(kind({ switchesPerHour: 0, sources: [dead(condition), well(S1)] })).toBe('hold')
    },
  )

  it('include those that the data plane made, but none from or to the slate', () => {
    const seen = (before: SourceId, onAir: SourceId, wanted: SourceId = S0): number =>
      decide(facts({ onAir, wanted }), NOW, memory({ lastOnAir: before })).memory.switches.length
    const healthy = { sources: [well(S0), well(S1), well(S2)], revert: 'manual' } as const
    const counted = (
      before: SourceId,
      onAir: SourceId,
      change: Partial<FailoverMemory> = {},
    ): number =>
      decide(facts({ ...healthy, onAir }), NOW, memory({ lastOnAir: before, ...change })).memory
        .switches.length
    expect(counted(S1, S2)).toBe(1)
    expect(counted(S1, S0)).toBe(0)
    expect(counted(S2, S2)).toBe(0)
    expect(counted(SLATE, S1)).toBe(0)
    expect(counted(S0, S1, { attempt: { at: NOW, from: S0, to: S1 } })).toBe(0)
    expect(counted(S0, S1, { lastWanted: S2 })).toBe(0)
    expect(seen(S0, SLATE)).toBe(0)
  })

  it('of a source that was replaced are not counted', () => {
    const switches = [
      { at: NOW, from: S0, to: S1 },
      { at: NOW, from: S2, to: S0 },
      { at: NOW, from: S1, to: S2 },
    ]
    const sources = [well(S0, { revision: 2 }), well(S1), well(S2)]
    const { memory: after } = decide(facts({ sources }), NOW, memory({ switches }))
    expect(after.switches).toEqual([switches[2]])
    expect(after.revisions.get(S0)).toBe(2)
  })
})

describe('a report of failover', () => {
  it('is made once per occasion, and again after a new wish', () => {
    const observed = facts({ mode: 'observe' })
    const first = decide(observed, NOW, memory())
    expect(first.decision).toMatchObject({ kind: 'observe', from: S0, to: S1, cause: 'failover' })
    const second = decide(observed, NOW + 1, first.memory)
    expect(second.decision).toEqual({ kind: 'stay' })
    const other = facts({ mode: 'observe', sources: [sick(S0), sick(S1), well(S2)] })
    const third = decide(other, NOW + 2, second.memory)
    expect(third.decision).toMatchObject({ kind: 'observe', to: S2 })
    const wellAgain = decide(facts({ sources: [well(S0)] }), NOW + 3, third.memory)
    expect(wellAgain.decision).toEqual({ kind: 'stay' })
    expect(decide(other, NOW + 4, wellAgain.memory).decision.kind).toBe('observe')
  })

  it('names what is missing', () => {
    expect(decision({ sources: [sick(S0), sick(S1)] })).toEqual({
      kind: 'hold',
      source: S0,
      reason: 's0 is not healthy: continuity 3.46 errors/s (limit 2); no healthy substitute',
    })
    expect(decision({ sources: [well(S2), sick(S1)] })).toMatchObject({
      kind: 'switch',
      reason: 's0 was removed; s2 is the first healthy substitute',
    })
    expect(decision({ sources: [sick(S0, { problems: [] }), well(S1)] })).toMatchObject({
      reason: 's0 is not healthy; s1 is the first healthy substitute',
    })
  })

  it('of leaving the slate names whether the source plays or has to be started', () => {
    const slate = { onAir: SLATE, wanted: S1 }
    expect(decision({ ...slate, sources: [sick(S0), well(S1)] })).toMatchObject({
      cause: 'revert',
      reason: 's1 is healthy: the slate yields',
    })
    const standby = well(S2, { healthy: false, ready: false, startable: true, healthySince: null })
    expect(decision({ ...slate, sources: [sick(S1), standby] })).toMatchObject({
      to: S2,
      cause: 'failover',
      reason: 's2 is on standby and can be started: the slate yields',
    })
    expect(kind({ ...slate, operatorSlate: true })).toBe('stay')
    expect(kind({ ...slate, sources: [sick(S1)] })).toBe('stay')
  })
})
