import type { Ticks90k } from '../../../contract/time.ts'
import { TICKS_PER_MS } from '../../../contract/time.ts'

const WINDOW_MS = 5_000
/** A larger step is not jitter: the program's clock or the host was stopped. */
const MAX_JITTER_MS = 500

/**
 * Maps program time to the monotonic clock: the program runs with wall time, so the arrival with the least delay in the
 * last seconds gives the offset.
 */
export class ProgramTime {
  #offset = Number.POSITIVE_INFINITY
  #windowOffset = Number.POSITIVE_INFINITY
  #windowEnd = 0

  addArrival(time: Ticks90k, now: number): void {
    const offset = now - time / TICKS_PER_MS
    if (Math.abs(offset - this.#offset) > MAX_JITTER_MS) {
      this.#offset = offset
      this.#windowOffset = offset
      this.#windowEnd = now + WINDOW_MS
      return
    }
    this.#windowOffset = Math.min(this.#windowOffset, offset)
    this.#offset = Math.min(this.#offset, offset)
    if (now < this.#windowEnd) return
    this.#offset = this.#windowOffset
    this.#windowOffset = offset
    this.#windowEnd = now + WINDOW_MS
  }

  /** Milliseconds of the monotonic clock. */
  dueAt(time: Ticks90k): number {
    return time / TICKS_PER_MS + this.#offset
  }

  /** Program time at a moment of the monotonic clock. */
  timeAt(now: number): Ticks90k {
    return ((now - this.#offset) * TICKS_PER_MS) as Ticks90k
  }
}
