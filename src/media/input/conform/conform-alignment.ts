import type { AccessUnit } from '../../../mpegts/access-unit.ts'

/** Longer than a reorder group and the lead of one track over another, shorter than a missing track. */
const MAX_HELD_TICKS = 90_000

/**
 * Holds units that bypass the transcoder until the transcoded tracks have reached their time, so that a source stays
 * interleaved. Bounded in media time: when a transcoded track is missing, the others go on.
 */
export class ConformAlignment {
  readonly #out: (unit: AccessUnit) => void
  #held: AccessUnit[] = []

  constructor(out: (unit: AccessUnit) => void) {
    this.#out = out
  }

  hold(unit: AccessUnit): void {
    this.#held.push(unit)
    this.release(unit.dts - MAX_HELD_TICKS)
  }

  /** Releases units up to `dts`, which the transcoded tracks have reached. */
  release(dts: number): void {
    let count = 0
    while (count < this.#held.length && this.#held[count]!.dts <= dts) count++
    if (count === 0) return
    for (const unit of this.#held.splice(0, count)) this.#out(unit)
  }

  get held(): number {
    return this.#held.length
  }
}
