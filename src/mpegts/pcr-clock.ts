/** Values of the PCR to write: ISO/IEC 13818-1, 2.4.2.2 and 2.7.2; DESIGN.md section 3, invariant 2. */
import { PCR_STEPS, WRAP_33 } from './timestamps.ts'

/** 2.7.2 allows 100 ms, TR 101 290 (2.3a) 40 ms. */
export const MAX_PCR_INTERVAL_TICKS = 3600

/**
 * The PCR runs behind the program time `t` that the caller has reached, by the mux delay less the greatest distance of
 * two PCRs: so a unit that is due lies at most the mux delay ahead even of a PCR that is about to be replaced. The caller
 * guarantees that later units have a DTS of about `t` or above; PCR ≤ DTS holds for those that are late by less than this
 * lag. An early unit (DTS ahead of `t`) pulls the PCR up to `dts - lag`, but never past the last DTS of any track: as DTS
 * strictly increases per track, no later unit falls behind it. PCR never steps back; a unit below it is counted as late.
 */
export class PcrClock {
  readonly #lagTicks: number
  readonly #lastDts: (number | undefined)[]
  #time: number | undefined
  #last: number | undefined
  lateUnits = 0

  constructor(muxDelay: number, tracks: number) {
    this.#lagTicks = muxDelay - Math.min(MAX_PCR_INTERVAL_TICKS, muxDelay / 4)
    this.#lastDts = new Array<number | undefined>(tracks).fill(undefined)
  }

  /** PCR of the program time, in (fractional) 90 kHz ticks; undefined before the first time. */
  get now(): number | undefined {
    if (this.#time === undefined) return undefined
    return Math.max(this.#last ?? -Infinity, this.#time - this.#lagTicks)
  }

  /** The PCR that was written last. */
  get last(): number | undefined {
    return this.#last
  }

  advance(t: number): void {
    if (this.#time === undefined || t > this.#time) this.#time = t
  }

  /** A unit is about to be written. */
  onUnit(track: number, dts: number): void {
    this.#time ??= dts
    this.#lastDts[track] = dts
    if (this.#last !== undefined && dts < this.#last) this.lateUnits++
    if (dts <= this.#time) return
    let safe = dts - this.#lagTicks
    for (const last of this.#lastDts) if (last !== undefined && last < safe) safe = last
    this.#time = Math.max(this.#time, safe + this.#lagTicks)
  }

  onPcrWritten(pcr: number): void {
    this.#last = pcr
  }
}

/** 27 MHz on the wire: 33 bits of base and an extension from what is left of the tick. */
export const wirePcr = (pcr: number): number => {
  const wrapped = Math.floor(pcr * PCR_STEPS) % (WRAP_33 * PCR_STEPS)
  return wrapped < 0 ? wrapped + WRAP_33 * PCR_STEPS : wrapped
}
