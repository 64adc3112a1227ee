/** Window of a rate. */
const WINDOW_MS = 2_000

interface Meter {
  fromBytes: number
  fromAt: number
  rate: number
}

/** Bits per second of growing byte counts, each with a name. */
export class RateMeters {
  readonly #meters = new Map<string, Meter>()

  /** Adds a count and returns the rate of the last full window. */
  measure(name: string, bytes: number, now: number): number {
    const meter = this.#meters.get(name)
    if (meter === undefined || bytes < meter.fromBytes) {
      this.#meters.set(name, { fromBytes: bytes, fromAt: now, rate: 0 })
      return 0
    }
    const ms = now - meter.fromAt
    if (ms < WINDOW_MS) return meter.rate
    meter.rate = Math.round(((bytes - meter.fromBytes) * 8_000) / ms)
    meter.fromBytes = bytes
    meter.fromAt = now
    return meter.rate
  }

  removeMatching(part: string): void {
    for (const name of this.#meters.keys()) if (name.includes(part)) this.#meters.delete(name)
  }
}
