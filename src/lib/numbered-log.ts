export interface LogLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Requested entries that are no longer held. */
export interface LogGap {
  readonly from: number
  readonly to: number
}

interface Kept<Entry> {
  readonly entry: Entry
  readonly bytes: number
}

/**
 * Entries numbered from 1 without gaps, kept within a bound: the oldest go first. Readers hold a number, never a queue, so
 * that one that does not read costs nothing.
 */
export class NumberedLog<Entry> {
  readonly #limits: LogLimits
  #kept: Kept<Entry>[] = []
  #bytes = 0
  #newest = 0

  constructor(limits: LogLimits) {
    this.#limits = limits
  }

  /** Number of the newest entry; 0 before the first. */
  get newest(): number {
    return this.#newest
  }

  /** Number of the oldest entry that is kept; one more than the newest where there is none. */
  get oldest(): number {
    return this.#newest - this.#kept.length + 1
  }

  append(entry: Entry, bytes: number): void {
    this.appendAt(this.#newest + 1, entry, bytes)
  }

  /** Appends under `number`; a gap in the numbers drops all older entries, so that held ones are contiguous. */
  appendAt(number: number, entry: Entry, bytes: number): void {
    if (number !== this.#newest + 1) this.discardThrough(this.#newest)
    this.#newest = number
    this.#kept.push({ entry, bytes })
    this.#bytes += bytes
    const { maxEntries, maxBytes } = this.#limits
    while (this.#kept.length > maxEntries || (this.#bytes > maxBytes && this.#kept.length > 1)) {
      this.discardThrough(this.oldest)
    }
  }

  /** Drops entries up to and including `number`. */
  discardThrough(number: number): void {
    const count = Math.min(number - this.oldest + 1, this.#kept.length)
    if (count <= 0) return
    for (const { bytes } of this.#kept.splice(0, count)) this.#bytes -= bytes
  }

  /** The entry behind a number, the gap that begins there, or undefined when there is nothing newer. */
  after(number: number): { readonly entry: Entry } | { readonly gap: LogGap } | undefined {
    const { oldest } = this
    if (number + 1 < oldest) return { gap: { from: number + 1, to: oldest - 1 } }
    return this.#kept[number + 1 - oldest]
  }
}
