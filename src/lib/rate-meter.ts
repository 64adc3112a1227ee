const WINDOW_MS = 1_000

/** Total bytes, and bits per second over the last one to two seconds. */
export class RateMeter {
  #total = 0
  #windowStart: number
  #windowBytes = 0
  #before: { readonly bytes: number; readonly ms: number } | undefined

  constructor(now: number) {
    this.#windowStart = now
  }

  addBytes(bytes: number, now: number): void {
    this.#roll(now)
    this.#total += bytes
    this.#windowBytes += bytes
  }

  get total(): number {
    return this.#total
  }

  bitrate(now: number): number {
    this.#roll(now)
    const bytes = this.#windowBytes + (this.#before?.bytes ?? 0)
    const ms = now - this.#windowStart + (this.#before?.ms ?? 0)
    return ms <= 0 ? 0 : Math.round((bytes * 8_000) / ms)
  }

  #roll(now: number): void {
    const ms = now - this.#windowStart
    if (ms < WINDOW_MS) return
    // Whatever it holds came in its first second: twice as long after its start, all of that is past.
    this.#before =
      ms < 2 * WINDOW_MS ? { bytes: this.#windowBytes, ms } : { bytes: 0, ms: WINDOW_MS }
    this.#windowBytes = 0
    this.#windowStart = now
  }
}
