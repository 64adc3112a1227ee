/** Steps kept for the median frame duration. */
const MEDIAN_STEPS = 15
/** A step of more than this many frame durations is a hole: DESIGN.md, section 3.1. */
const GAP_FACTOR = 1.5
/** More pictures than any codec reorders: beyond it the source itself has the hole. */
const MAX_PENDING = 32

/**
 * Finds the pictures, in decoding order, after which presentation is complete, so that a cut may leave there.
 * Two proofs: no hole among the presentation times seen (at once, for steady frame rates), or a later picture's
 * DTS shows that none can come before the ones seen (for variable rates, a reorder depth later).
 */
export class PresentationOrder {
  #completeThrough = Number.NaN
  #dts = Number.NaN
  #newest = Number.NEGATIVE_INFINITY
  readonly #pending: number[] = []
  readonly #steps: number[] = []
  #median = 0

  /** Median duration of a picture in ticks; 0 until two have been seen. */
  get frameTicks(): number {
    return this.#median
  }

  /** `provesEarlier`: the pictures before this one are complete; `complete`: those up to and including it are. */
  addPicture(pts: number, dts: number): { provesEarlier: boolean; complete: boolean } {
    if (Number.isNaN(this.#completeThrough)) {
      this.#completeThrough = pts
      this.#newest = pts
      this.#dts = dts
      return { provesEarlier: false, complete: true }
    }
    if (this.#median === 0 && dts > this.#dts) this.#median = dts - this.#dts
    const provesEarlier = dts >= this.#newest || this.#pending.length >= MAX_PENDING
    if (provesEarlier) this.#completePending()
    this.#dts = dts
    this.#newest = Math.max(this.#newest, pts)
    if (pts > this.#completeThrough) this.#insert(pts)
    this.#advance()
    return { provesEarlier, complete: this.#pending.length === 0 }
  }

  #completePending(): void {
    for (const pts of this.#pending) this.#addStep(pts)
    this.#pending.length = 0
  }

  #insert(pts: number): void {
    let at = this.#pending.length
    while (at > 0 && this.#pending[at - 1]! > pts) at--
    this.#pending.splice(at, 0, pts)
  }

  #advance(): void {
    while (this.#pending.length > 0) {
      const next = this.#pending[0]!
      if (next - this.#completeThrough > GAP_FACTOR * this.#median) return
      this.#pending.shift()
      this.#addStep(next)
    }
  }

  #addStep(pts: number): void {
    this.#steps.push(pts - this.#completeThrough)
    if (this.#steps.length > MEDIAN_STEPS) this.#steps.shift()
    this.#median = [...this.#steps].sort((a, b) => a - b)[this.#steps.length >> 1]!
    this.#completeThrough = pts
  }
}
