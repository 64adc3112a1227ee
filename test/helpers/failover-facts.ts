import { sourceId, type SourceId } from '../../src/contract/ids.ts'
import type { FailoverFacts, SourceFacts } from '../../src/media/failover/decide.ts'

export const S0 = sourceId('s0')
export const S1 = sourceId('s1')
export const S2 = sourceId('s2')

/** A source that is healthy and plays; its priority is the number in its id. */
export const wellSource = (id: SourceId, change: Partial<SourceFacts> = {}): SourceFacts => ({
  id,
  priority: Number(id.slice(1)),
  healthy: true,
  problems: [],
  healthySince: 0,
  unhealthySince: null,
  ready: true,
  startable: false,
  returnMs: 10_000,
  revision: 1,
  ...change,
})

/** s0 is wanted and on the air; all three sources are well. */
export const failoverFacts = (change: Partial<FailoverFacts> = {}): FailoverFacts => ({
  wanted: S0,
  onAir: S0,
  pending: null,
  ordered: null,
  operatorSlate: false,
  mode: 'auto',
  revert: 'auto',
  switchesPerHour: 60,
  sources: [wellSource(S0), wellSource(S1), wellSource(S2)],
  ...change,
})
