/** Window of the earliest arrivals, in buckets of a second: three of the longest usual playlist segments. */
const WINDOW_SECONDS = 30
const BUCKET_MS = 1_000
/** A longer pause in arrivals starts a burst; a shorter one is jitter, which `latency` covers. */
const MIN_BURST_PAUSE_MS = 250
/** After a longer pause that is not a habit the edge may have moved: it is measured again from the next arrivals. */
const MIN_SILENCE_MS = 1_000
/** Time after such a pause by which held-up units have arrived, if they arrive at all. */
const SETTLED_MS = 1_500
export const MAX_BURST_MS = 15_000

interface Bucket {
  readonly second: number
  earliest: number
}

/** First unit after a pause; its lateness is how long units must rest to cover such pauses. */
interface Burst {
  readonly at: number
  readonly offset: number
  /** First arrival of the segment, which may bring history. */
  readonly isFirst: boolean
}

/**
 * The live edge of a source, measured from arrivals: the smallest (arrival − DTS) of the window. The burst of a source
 * that arrives by the segment is how much later than that the first unit after each pause arrives.
 */
export class LiveEdge {
  readonly #buckets: Bucket[] = []
  readonly #bursts: Burst[] = []
  #lastArrival = Number.NEGATIVE_INFINITY
  #resumedAt: number | undefined

  addArrival(dts: number, arrival: number): void {
    const offset = arrival - dts / 90
    if (arrival - this.#lastArrival > MIN_BURST_PAUSE_MS) this.#addBurst(offset, arrival)
    if (arrival - this.#lastArrival > MIN_SILENCE_MS && this.#bursts.length <= 2)
      this.#resumedAt = arrival
    this.#lastArrival = arrival
    this.#dropBeforeSilence(arrival)
    const second = Math.floor(arrival / BUCKET_MS)
    const last = this.#buckets.at(-1)
    if (last?.second === second) {
      if (offset < last.earliest) last.earliest = offset
      return
    }
    this.#buckets.push({ second, earliest: offset })
    while (this.#buckets[0]!.second < second - WINDOW_SECONDS) this.#buckets.shift()
  }

  #dropBeforeSilence(arrival: number): void {
    if (this.#resumedAt === undefined || arrival - this.#resumedAt < SETTLED_MS) return
    const resumed = Math.floor(this.#resumedAt / BUCKET_MS)
    while (this.#buckets.length > 0 && this.#buckets[0]!.second < resumed) this.#buckets.shift()
    this.#resumedAt = undefined
  }

  /** Wall milliseconds minus source milliseconds of the earliest arrivals; undefined before the first unit. */
  get offset(): number | undefined {
    if (this.#buckets.length === 0) return undefined
    let earliest = Number.POSITIVE_INFINITY
    for (const bucket of this.#buckets) if (bucket.earliest < earliest) earliest = bucket.earliest
    return earliest
  }

  /**
   * Rest that a bursty source needs beyond `latencyMs`, milliseconds; 0 for a steady one. A single pause is a stall, not
   * a habit, unless the source arrives by the segment; the history of the first burst counts only until two later bursts
   * were measured.
   */
  burstMs(latencyMs: number, arrives: 'steadily' | 'by_segment'): number {
    const edge = this.offset
    if (edge === undefined) return 0
    const later = this.#bursts.filter((burst) => !burst.isFirst)
    const counted = later.length >= 2 || arrives === 'steadily' ? later : this.#bursts
    const late = counted.map((burst) => burst.offset - edge).sort((a, b) => b - a)
    const worst = (arrives === 'by_segment' ? late[0] : late[1]) ?? 0
    return worst > Math.max(MIN_BURST_PAUSE_MS, latencyMs / 2) ? Math.min(worst, MAX_BURST_MS) : 0
  }

  #addBurst(offset: number, arrival: number): void {
    this.#bursts.push({ at: arrival, offset, isFirst: this.#bursts.length === 0 })
    const oldest = arrival - WINDOW_SECONDS * BUCKET_MS
    while (this.#bursts[0]!.at < oldest) this.#bursts.shift()
  }
}
