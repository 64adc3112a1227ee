import type { Clock, Timer } from '../../src/lib/clock.ts'
import { millis } from '../../src/contract/time.ts'

interface Pending {
  due: number
  readonly order: number
  readonly every: number | undefined
  readonly run: () => void
}

/** A clock that only `advance` moves. Timers fire in order of due time, then of creation. */
export class FakeClock implements Clock {
  #now: number
  #order = 0
  readonly #pending = new Set<Pending>()

  constructor(start = 0) {
    this.#now = start
  }

  now(): ReturnType<Clock['now']> {
    return millis(this.#now)
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ due: this.#now + Math.max(0, ms), every: undefined, run })
  }

  every(ms: number, run: () => void): Timer {
    if (!(ms > 0)) throw new RangeError(`every(${ms}): the interval must be positive`)
    return this.#add({ due: this.#now + ms, every: ms, run })
  }

  /** Fires all timers due within the next `ms`, and moves the clock by as much. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#earliest()
      if (next === undefined || next.due > until) break
      this.#now = Math.max(this.#now, next.due)
      if (next.every === undefined) this.#pending.delete(next)
      else next.due += next.every
      next.run()
    }
    this.#now = until
  }

  /** As `advance` in steps, letting promises settle after each: for code that awaits between timers. */
  async advanceAsync(ms: number, stepMs = 10): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Timers not yet fired or cancelled: 0 at the end of a test proves that no timer leaked. */
  get pendingTimers(): number {
    return this.#pending.size
  }

  #add(timer: Omit<Pending, 'order'>): Timer {
    const pending: Pending = { ...timer, order: this.#order++ }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  #earliest(): Pending | undefined {
    let best: Pending | undefined
    for (const p of this.#pending) {
      if (best === undefined || p.due < best.due || (p.due === best.due && p.order < best.order)) {
        best = p
      }
    }
    return best
  }
}
