const LONGEST_AGENT = 200

/** Who asked lately: an estimate, because segments are asked for one by one, by whoever is behind one address. */
export class ViewerEstimate {
  readonly #seen = new Map<string, number>()
  readonly #rememberMs: number
  readonly #most: number

  constructor(rememberMs: number, most: number) {
    this.#rememberMs = rememberMs
    this.#most = most
  }

  /** Milliseconds of a clock. */
  saw(address: string, agent: string, now: number): void {
    const key = `${address} ${agent.slice(0, LONGEST_AGENT)}`
    // The latest stand last, so that the first is the one to forget.
    this.#seen.delete(key)
    this.#seen.set(key, now)
    if (this.#seen.size <= this.#most) return
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
