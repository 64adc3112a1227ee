import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { ChannelStatus, SourceStatus } from '../../contract/status.ts'
import type { FailoverFacts, SourceFacts } from './failover.ts'

/** The settings of failover that a status does not tell. */
export interface FailoverLimits {
  readonly switchesPerHour: number
  /** A source's own threshold, or the channel's. */
  readonly returnMsOf: (id: SourceId) => number
}

/** Since when each source is healthy, as seen from here. */
export interface HealthRecord {
  readonly revision: string
  readonly healthySince: number | null
}
export type HealthRecords = ReadonlyMap<SourceId, HealthRecord>

/** The records after one more look. A source that is new, or replaced under its id, begins anew. */
export const recordHealth = (
  sources: readonly SourceStatus[],
  now: number,
  before: HealthRecords,
): HealthRecords =>
  new Map(
    sources.map((source) => {
      const revision = revisionOf(source)
      const known = before.get(source.id)
      const since = known?.revision === revision ? known.healthySince : null
      return [source.id, { revision, healthySince: source.healthy ? (since ?? now) : null }]
    }),
  )

export const factsOf = (
  status: ChannelStatus,
  records: HealthRecords,
  limits: FailoverLimits,
): Omit<FailoverFacts, 'ordered'> => ({
  wanted: status.program.wanted,
  onAir: status.program.onAir,
  pending: status.program.pending,
  operatorSlate: status.program.onAir === SLATE && status.program.wanted === SLATE,
  mode: status.failover,
  revert: status.revert,
  switchesPerHour: limits.switchesPerHour,
  sources: status.sources.map((source) => sourceFacts(source, records, limits)),
})

const sourceFacts = (
  source: SourceStatus,
  records: HealthRecords,
  limits: FailoverLimits,
): SourceFacts => ({
  id: source.id,
  priority: source.priority,
  healthy: source.healthy,
  problems: source.problems,
  healthySince: records.get(source.id)?.healthySince ?? null,
  ready: isReady(source),
  startable: source.ingest === 'standby' && source.state === 'stopped',
  returnMs: limits.returnMsOf(source.id),
  revision: revisionOf(source),
})

/** Running, conformed, and with something to enter in its buffer. */
const isReady = (source: SourceStatus): boolean =>
  source.state === 'running' &&
  source.bufferMs > 0 &&
  source.tracks.length > 0 &&
  (source.conform === 'as_is' || source.conform === 'transcoding')

const revisionOf = (source: SourceStatus): string => source.url
