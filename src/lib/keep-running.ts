import { backoffDelay, type BackoffLimits } from './backoff.ts'
import { pause, type Clock } from './clock.ts'
import { messageOf } from './error-message.ts'

/** Delays between a lost attempt and the next. */
export interface RetryPolicy {
  readonly backoff: BackoffLimits
  /** After an attempt that ran for this long, the delays restart from the first. */
  readonly healthyMs: number
  /** After such an attempt the next one follows within 1 to 2.5 times this; default: the first delay of `backoff`. */
  readonly quickMs?: number
}

/** End of an attempt; one that throws is `lost`. After an abort the value is ignored. */
export type AttemptEnd =
  /** Complete: nothing is left to run. */
  | { readonly kind: 'ended'; readonly reason?: string }
  /** Permanent: another attempt cannot succeed. */
  | { readonly kind: 'failed'; readonly reason: string }
  | {
      readonly kind: 'lost'
      readonly reason: string
      /** Default: from `onRunning` to the end; 0 without it. */
      readonly ranMs?: number
      /** In place of the usual one. Each policy counts its own losses. */
      readonly policy?: RetryPolicy
    }

/** `attempt` counts the attempts since the last healthy one, from 1. */
export type RunState =
  | { readonly kind: 'starting'; readonly attempt: number }
  | { readonly kind: 'running'; readonly attempt: number }
  | {
      readonly kind: 'waiting'
      readonly attempt: number
      readonly reason: string
      readonly retryInMs: number
    }
  | RunEnd

/** `stopped` without a reason: by the abort. */
export type RunEnd =
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stopped'; readonly reason?: string }

export interface AttemptContext {
  readonly signal: AbortSignal
  /** To be called once it does its work. */
  readonly onRunning: () => void
}

/** Resolves when all that it started has ended, after an abort too. */
export type Attempt = (context: AttemptContext) => Promise<AttemptEnd>

export interface KeepRunningOptions extends RetryPolicy {
  readonly clock: Clock
  /** 0 to 1, for the jitter. */
  readonly random: () => number
  /** Each change; the last one is the state that `keepRunning` resolves with. */
  readonly onState: (state: RunState) => void
}

const QUICK_SPREAD = 1.5

/** Runs an attempt, waits after a loss, and runs the next one. Never rejects for what an attempt throws. */
export const keepRunning = async (
  attempt: Attempt,
  options: KeepRunningOptions,
  signal: AbortSignal,
): Promise<RunEnd> => {
  const { clock, random, onState } = options
  const delays = new RetryDelays(random)
  let count = 1
  let final: RunEnd | undefined
  while (!signal.aborted && final === undefined) {
    onState({ kind: 'starting', attempt: count })
    const { end, ranMs } = await runOnce(attempt, clock, signal, () =>
      onState({ kind: 'running', attempt: count }),
    )
    if (signal.aborted) break
    if (end.kind === 'lost') {
      const { isHealthy, retryInMs } = delays.next(end.policy ?? options, ranMs)
      count = isHealthy ? 1 : count + 1
      onState({ kind: 'waiting', attempt: count, reason: end.reason, retryInMs })
      await pause(clock, retryInMs, signal)
    } else final = end.kind === 'failed' ? end : { ...end, kind: 'stopped' }
  }
  final ??= { kind: 'stopped' }
  onState(final)
  return final
}

const runOnce = async (
  attempt: Attempt,
  clock: Clock,
  signal: AbortSignal,
  onRunning: () => void,
): Promise<{ readonly end: AttemptEnd; readonly ranMs: number }> => {
  const run: { since: number | undefined; over: boolean } = { since: undefined, over: false }
  let end: AttemptEnd
  try {
    end = await attempt({
      signal,
      onRunning: () => {
        if (run.since !== undefined || run.over || signal.aborted) return
        run.since = clock.now()
        onRunning()
      },
    })
  } catch (error) {
    end = { kind: 'lost', reason: messageOf(error) }
  }
  run.over = true
  const ranMs = run.since === undefined ? 0 : clock.now() - run.since
  return { end, ranMs: (end.kind === 'lost' ? end.ranMs : undefined) ?? ranMs }
}

class RetryDelays {
  readonly #random: () => number
  /** Losses since an attempt that was healthy by the policy. */
  readonly #losses = new Map<RetryPolicy, number>()

  constructor(random: () => number) {
    this.#random = random
  }

  /** Milliseconds, whole. `ranMs` counts for the other policies as well. */
  next(policy: RetryPolicy, ranMs: number): { isHealthy: boolean; retryInMs: number } {
    for (const each of this.#losses.keys()) {
      if (ranMs >= each.healthyMs) this.#losses.delete(each)
    }
    const isHealthy = ranMs >= policy.healthyMs
    if (isHealthy && policy.quickMs !== undefined) {
      const retryInMs = Math.round(policy.quickMs * (1 + QUICK_SPREAD * this.#random()))
      return { isHealthy, retryInMs }
    }
    const losses = (this.#losses.get(policy) ?? 0) + 1
    this.#losses.set(policy, losses)
    return { isHealthy, retryInMs: Math.round(backoffDelay(losses, policy.backoff, this.#random)) }
  }
}
