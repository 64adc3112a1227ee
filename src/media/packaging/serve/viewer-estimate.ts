const MAX_AGENT_CHARS = 200

/** Estimate of viewers by recent requests: segments are requested one by one, and several viewers may share an address. */
export class ViewerEstimate {
  readonly #seen = new Map<string, number>()
  readonly #rememberMs: number
  readonly #maxViewers: number

  constructor(rememberMs: number, maxViewers: number) {
    this.#rememberMs = rememberMs
    this.#maxViewers = maxViewers
  }

  /** `now`: milliseconds of a clock. */
  addRequest(address: string, agent: string, now: number): void {
    const key = `${address} ${agent.slice(0, MAX_AGENT_CHARS)}`
    // The latest are last, so that the first is the one to drop.
    this.#seen.delete(key)
    this.#seen.set(key, now)
    if (this.#seen.size <= this.#maxViewers) return
    const [oldest] = this.#seen.keys()
    this.#seen.delete(oldest!)
  }

  count(now: number): number {
    for (const [key, at] of this.#seen) {
      if (now - at <= this.#rememberMs) break
      this.#seen.delete(key)
    }
    return this.#seen.size
  }
}
