import { performance } from 'node:perf_hooks'
import type { Brand } from './brand.ts'

type Millis = Brand<number, 'Millis'>

export interface Timer {
  /** Idempotent; a cancelled timer never fires. */
  cancel(): void
}

/** Time as a dependency: the real one below, a fake one in tests. */
export interface Clock {
  /** Monotonic milliseconds (fractional) since an arbitrary origin. Never wall time. */
  now(): Millis
  after(ms: number, run: () => void): Timer
  /** Fires at whole multiples of `ms` after now; ticks missed while the process was busy are skipped, not made up. */
  every(ms: number, run: () => void): Timer
}

export const realClock: Clock = {
  now: () => performance.now() as Millis,
  after: (ms, run) => {
    const timeout = setTimeout(run, Math.max(0, ms))
    return { cancel: () => clearTimeout(timeout) }
  },
  every: (ms, run) => {
    const origin = performance.now()
    let ticks = 0
    let timeout: NodeJS.Timeout | undefined
    let cancelled = false
    const arm = (): void => {
      ticks = Math.max(ticks + 1, Math.ceil((performance.now() - origin) / ms))
      timeout = setTimeout(fire, Math.max(0, origin + ticks * ms - performance.now()))
    }
    const fire = (): void => {
      try {
        run()
      } finally {
        if (!cancelled) arm()
      }
    }
    arm()
    return {
      cancel: () => {
        cancelled = true
        clearTimeout(timeout)
      },
    }
  },
}

/** Resolves when the signal is aborted; never rejects. */
export const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/**
 * Resolves when the callback given to `subscribe` is called (later, not within it), or when the signal is aborted; never rejects. `subscribe`
 * returns how to unsubscribe, which is done either way.
 */
export const untilCalled = (
  subscribe: (call: () => void) => () => void,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const end = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const unsubscribe = subscribe(end)
    signal.addEventListener('abort', end)
  })

/** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
export const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  untilCalled((call) => {
    const timer = clock.after(ms, call)
    return () => timer.cancel()
  }, signal)
