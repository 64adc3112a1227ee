import { ticks, type Ticks90k } from '../../contract/time.ts'

/** Limit by which play-out follows a source's drift (DESIGN.md, section 4). */
const MAX_SLEW_PPM = 500
/** Correction per millisecond of drift: 10 ms are corrected in about 100 s. */
const SLEW_PPM_PER_MS = 10
/** Drift below this is the noise of the estimate. */
const MIN_DRIFT_MS = 2

/** The program's clock: it runs with wall time and is never stepped; its rate follows the source on air. */
export class ProgramClock {
  #baseTicks: number
  #baseMs: number
  #ppm = 0

  constructor(start: { readonly at: number; readonly ticks: Ticks90k }) {
    this.#baseMs = start.at
    this.#baseTicks = start.ticks
  }

  get ppm(): number {
    return this.#ppm
  }

  /** Program time at the wall time `nowMs`. */
  at(nowMs: number): Ticks90k {
    return ticks(this.#baseTicks + (nowMs - this.#baseMs) * this.#ticksPerMs())
  }

  /** Wall time at which program time `t` is reached. */
  wallAt(t: number): number {
    return this.#baseMs + (t - this.#baseTicks) / this.#ticksPerMs()
  }

  /** `driftMs`: how much later than at its entry the source on air arrives; positive slows the program. */
  followDrift(driftMs: number, nowMs: number): void {
    const wanted =
      Math.abs(driftMs) <= MIN_DRIFT_MS
        ? 0
        : Math.max(-MAX_SLEW_PPM, Math.min(MAX_SLEW_PPM, -driftMs * SLEW_PPM_PER_MS))
    if (wanted === this.#ppm) return
    this.#baseTicks = this.at(nowMs)
    this.#baseMs = nowMs
    this.#ppm = wanted
  }

  #ticksPerMs(): number {
    return 90 * (1 + this.#ppm / 1e6)
  }
}
