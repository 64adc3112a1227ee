import { backoffDelay, type BackoffLimits } from '../../lib/backoff.ts'
import type { SourceState } from '../../contract/status.ts'
import type { ReaderEnd } from './source-reader.ts'

/** What is wished for; what is observed is `Supervision`. */
export type Wanted = 'run' | 'stop'

/** `attempt` counts the tries since the source last delivered media for long enough. */
export type Supervision =
  | { readonly kind: 'stopped'; readonly reason?: string }
  | { readonly kind: 'starting'; readonly attempt: number }
  | { readonly kind: 'running'; readonly attempt: number }
  | {
      readonly kind: 'waiting'
      readonly attempt: number
      readonly reason: string
      readonly retryInMs: number
    }
  | { readonly kind: 'failed'; readonly reason: string }

/** What is said outside about a change. */
export interface SourceTransition {
  readonly state: SourceState
  readonly reason?: string
  readonly retryInMs?: number
}

export interface SupervisionLimits {
  /** Media for this long makes an attempt a success: the next failure begins anew. */
  readonly healthyMs: number
  /** The first retry after a success comes between this and two and a half times this. */
  readonly quickMs: number
  readonly backoff: BackoffLimits
  /** A reader that gives no byte for this long is restarted. */
  readonly noDataMs: number
}

export const DEFAULT_SUPERVISION: SupervisionLimits = {
  healthyMs: 10_000,
  quickMs: 100,
  backoff: { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.5 },
  noDataMs: 10_000,
}

/** max(10 s, five times the stall threshold). */
export const noDataMsFor = (stallMs: number, arrives: 'steadily' | 'by_segment'): number =>
  Math.max(arrives === 'by_segment' ? 30_000 : 10_000, 5 * stallMs)

const QUICK_SPREAD = 1.5

export interface AttemptEnd {
  readonly end: ReaderEnd
  /** Finite, and not to be looped: an end is what was asked for. */
  readonly finite: boolean
  /** How long media came, milliseconds. */
  readonly mediaMs: number
  readonly attempt: number
}

/** Where an ended attempt leads. The end of a live stream is a failure, exit code 0 too. */
export const afterAttempt = (
  attempted: AttemptEnd,
  limits: SupervisionLimits,
  random: () => number,
): Supervision => {
  const { end } = attempted
  if (end.kind === 'aborted') return { kind: 'stopped' }
  if (end.kind === 'ended' && attempted.finite) return { kind: 'stopped', reason: 'ended' }
  if (end.kind === 'failed' && end.permanent) return { kind: 'failed', reason: end.reason }
  const healthy = attempted.mediaMs >= limits.healthyMs
  return {
    kind: 'waiting',
    attempt: healthy ? 1 : attempted.attempt + 1,
    reason: end.reason,
    retryInMs: Math.round(
      healthy
        ? limits.quickMs * (1 + QUICK_SPREAD * random())
        : backoffDelay(attempted.attempt, limits.backoff, random),
    ),
  }
}

export const transitionOf = (state: Supervision): SourceTransition => {
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
