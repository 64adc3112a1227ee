export interface BackoffLimits {
  /** Delay before the first retry, before jitter; milliseconds. */
  readonly firstMs: number
  readonly maxMs: number
  /** Ratio of each delay to the one before. */
  readonly factor: number
  /** Share of the delay that is random, 0 (none) to 1 (anywhere between 0 and the delay). */
  readonly jitter: number
}

export const DEFAULT_BACKOFF: BackoffLimits = {
  firstMs: 500,
  maxMs: 30_000,
  factor: 2,
  jitter: 0.5,
}

/**
 * Milliseconds to wait before retry `attempt` (1 = the first). Jitter only shortens, so that `maxMs` holds,
 * and spreads callers that lost the same host at the same moment.
 */
export const backoffDelay = (
  attempt: number,
  limits: BackoffLimits,
  random: () => number,
): number => {
  const exponent = Math.max(0, attempt - 1)
  const full = Math.min(limits.maxMs, limits.firstMs * limits.factor ** exponent)
  return full * (1 - limits.jitter * random())
}
