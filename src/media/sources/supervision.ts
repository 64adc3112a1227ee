import type { AttemptEnd, RetryPolicy, RunState } from '../../lib/keep-running.ts'
import type { SourceState } from '../../contract/status.ts'
import type { ReaderEnd } from './source-reader.ts'

/** The wanted state; the observed one is a `RunState`. */
export type Wanted = 'run' | 'stop'

/** A change of state as it is reported. */
export interface SourceTransition {
  readonly state: SourceState
  readonly reason?: string
  readonly retryInMs?: number
}

/** An attempt is healthy by the time in which media came. */
export interface SupervisionLimits extends RetryPolicy {
  /** Time without a byte after which a reader is restarted. */
  readonly noDataMs: number
}

export const DEFAULT_SUPERVISION: SupervisionLimits = {
  healthyMs: 10_000,
  quickMs: 100,
  backoff: { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.5 },
  noDataMs: 10_000,
}

/** max(10 s, five times the stall threshold); by the segment at least 30 s. */
export const noDataMsFor = (stallMs: number, arrives: 'steadily' | 'by_segment'): number =>
  Math.max(arrives === 'by_segment' ? 30_000 : 10_000, 5 * stallMs)

interface Attempted {
  readonly end: ReaderEnd
  /** Finite and not looped: its end is no failure. */
  readonly finite: boolean
  /** Time in which media came, milliseconds. */
  readonly mediaMs: number
}

/** The end of a live stream is a loss, exit code 0 too. */
export const attemptEndOf = ({ end, finite, mediaMs }: Attempted): AttemptEnd => {
  if (end.kind === 'aborted') return { kind: 'ended' }
  if (end.kind === 'ended' && finite) return { kind: 'ended', reason: 'ended' }
  if (end.kind === 'failed' && end.permanent) return { kind: 'failed', reason: end.reason }
  return { kind: 'lost', reason: end.reason, ranMs: mediaMs }
}

export const transitionOf = (state: RunState): SourceTransition => {
  switch (state.kind) {
    case 'stopped':
      return {
        state: 'stopped',
        ...(state.reason === undefined ? {} : { reason: state.reason }),
      }
    case 'waiting':
      return { state: 'waiting', reason: state.reason, retryInMs: state.retryInMs }
    case 'failed':
      return { state: 'failed', reason: state.reason }
    case 'starting':
    case 'running':
      return { state: state.kind }
  }
}
