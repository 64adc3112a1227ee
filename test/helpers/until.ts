import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20

export interface Waiting {
  /** Awaited condition, for the error. */
  readonly what: string | (() => string)
  /** Milliseconds; default 20,000. */
  readonly timeoutMs?: number
}

/** Polls until the fact holds; rejects with `what`. */
export const until = async (
  fact: () => boolean | Promise<boolean>,
  { what, timeoutMs = 20_000 }: Waiting,
): Promise<void> => {
  for (const end = performance.now() + timeoutMs; !(await fact()); await sleep(POLL_MS)) {
    if (performance.now() < end) continue
    throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`)
  }
}
