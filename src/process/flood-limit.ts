import type { Millis } from '../contract/time.ts'

const WINDOW_MS = 1_000

/** Sum of a flood: number of lines and the last one. */
export interface FloodSum {
  readonly count: number
  readonly last: string
}

export interface FloodLimitSinks {
  readonly perSecond: number
  readonly forward: (line: string) => void
  readonly reportFlood: (flood: FloodSum) => void
}

/** Forwards the first `perSecond` lines of each second; the others are reported as one sum, with the last one. */
export class FloodLimit {
  readonly #sinks: FloodLimitSinks
  #windowStart = Number.NEGATIVE_INFINITY
  #forwarded = 0
  #held = 0
  #last = ''

  constructor(sinks: FloodLimitSinks) {
    this.#sinks = sinks
  }

  addLine(text: string, now: Millis): void {
    if (now - this.#windowStart >= WINDOW_MS) {
      this.flush()
      this.#windowStart = now
      this.#forwarded = 0
    }
    if (this.#forwarded < this.#sinks.perSecond) {
      this.#forwarded++
      this.#sinks.forward(text)
      return
    }
    this.#held++
    this.#last = text
  }

  /** Reports the sum held back: at the end, and at the next second. */
  flush(): void {
    if (this.#held === 0) return
    const sum = { count: this.#held, last: this.#last }
    this.#held = 0
    this.#last = ''
    this.#sinks.reportFlood(sum)
  }
}
