import type { TimingStatus } from '../../contract/host-status.ts'

/** Figures cover the last one to two windows. */
const WINDOW_MS = 30_000

interface Window {
  count: number
  sum: number
  max: number
}

const emptyWindow = (): Window => ({ count: 0, sum: 0, max: 0 })

/** Mean and maximum of durations over the last windows. */
export class Timing {
  #current = emptyWindow()
  #last = emptyWindow()
  #endsAt: number

  constructor(now: number) {
    this.#endsAt = now + WINDOW_MS
  }

  /** Both in milliseconds. */
  add(duration: number, now: number): void {
    this.#turn(now)
    const window = this.#current
    window.count++
    window.sum += duration
    if (duration > window.max) window.max = duration
  }

  status(now: number): TimingStatus {
    this.#turn(now)
    const [a, b] = [this.#last, this.#current]
    const count = a.count + b.count
    return { mean: count === 0 ? 0 : (a.sum + b.sum) / count, max: Math.max(a.max, b.max) }
  }

  #turn(now: number): void {
    if (now < this.#endsAt) return
    const isRecent = now < this.#endsAt + WINDOW_MS
    this.#last = isRecent ? this.#current : emptyWindow()
    this.#current = emptyWindow()
    this.#endsAt = now + WINDOW_MS
  }
}
