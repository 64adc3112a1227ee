import type { Clock, Timer } from '../../lib/clock.ts'
import type { Viewer } from './viewer.ts'

/** A reader as the fan-out needs it. */
export interface FanOutReader {
  /** Index in the fan-out; −1 when it has left. */
  slot: number
  pump(): void
}

/** Number of viewers up to which all are written to at each append, for the least latency. */
const MAX_PROMPT_VIEWERS = 8
const TICK_INTERVAL_MS = 5
/** Period in which each of many viewers is served once: fewer and larger writes. */
const MAX_PERIOD_MS = 100
/** Limit of a tick: the rest waits for the next one, because other work of the event loop must not wait. */
const MAX_TICK_MS = 4
const BUDGET_CHECK_VIEWERS = 8

const periodFor = (viewers: number): number => Math.min(MAX_PERIOD_MS, viewers)

/**
 * Wakes the viewers: all of them at each append while they are few, else in turn, spread over the period. When the
 * time does not suffice a round takes longer, and the writes become larger and so cheaper.
 */
export class FanOut<Reader extends FanOutReader = Viewer> {
  readonly #clock: Clock
  readonly #viewers: Reader[] = []
  #cursor = 0
  #due = 0
  #tickedAt = 0
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get viewers(): readonly Reader[] {
    return this.#viewers
  }

  addViewer(viewer: Reader): void {
    viewer.slot = this.#viewers.push(viewer) - 1
    if (this.#viewers.length > MAX_PROMPT_VIEWERS && this.#timer === undefined) {
      this.#tickedAt = this.#clock.now()
      this.#timer = this.#clock.every(TICK_INTERVAL_MS, () => this.#tick())
    }
  }

  removeViewer(viewer: Reader): void {
    const last = this.#viewers.pop()
    if (last !== undefined && last !== viewer) {
      this.#viewers[viewer.slot] = last
      last.slot = viewer.slot
    }
    viewer.slot = -1
    if (this.#viewers.length <= MAX_PROMPT_VIEWERS) {
      this.#timer?.cancel()
      this.#timer = undefined
    }
  }

  onAppend(): void {
    if (this.#timer !== undefined) return
    for (const viewer of this.#viewers) viewer.pump()
  }

  #tick(): void {
    const start = this.#clock.now()
    const count = this.#viewers.length
    this.#due += (count * (start - this.#tickedAt)) / periodFor(count)
    this.#due = Math.min(this.#due, count)
    this.#tickedAt = start
    for (let served = 1; this.#due >= 1; served++) {
      this.#due--
      this.#cursor = this.#cursor + 1 < this.#viewers.length ? this.#cursor + 1 : 0
      this.#viewers[this.#cursor]?.pump()
      const check = served % BUDGET_CHECK_VIEWERS === 0
      if (check && this.#clock.now() - start > MAX_TICK_MS) break
    }
  }
}
