import { TICKS_PER_MS, ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

export type WriteVideo = (
  unit: AccessUnit,
  times: { readonly pts: Ticks90k; readonly dts: Ticks90k },
) => void

/** DESIGN.md, section 3.1: DTS rises by at least 1 ms. */
const MIN_DTS_STEP = TICKS_PER_MS

/** The program's pictures: DTS always rises, presentation times are never moved (DESIGN.md, 3.1 and 3.6). */
export class VideoTrack {
  readonly #write: WriteVideo
  #lastDts = Number.NEGATIVE_INFINITY
  #end: number
  dtsCompressed = 0
  /** Pictures that could not be shown without sending DTS backwards past their own PTS. */
  dropped = 0

  constructor(start: number, write: WriteVideo) {
    this.#end = start
    this.#write = write
  }

  /** Program time at which the last picture, in presentation order, ends. */
  get end(): number {
    return this.#end
  }

  get lastDts(): number {
    return this.#lastDts
  }

  skipTo(time: number): void {
    if (time > this.#end) this.#end = time
  }

  put(unit: AccessUnit, offset: number, frameTicks: number): void {
    const pts = unit.pts + offset
    let dts = unit.dts + offset
    if (dts < this.#lastDts + MIN_DTS_STEP) {
      dts = this.#lastDts + MIN_DTS_STEP
      this.dtsCompressed++
    }
    if (dts > pts) {
      this.dropped++
      return
    }
    this.#lastDts = dts
    this.#end = Math.max(this.#end, pts + frameTicks)
    this.#write(unit, { pts: ticks(pts), dts: ticks(dts) })
  }
}
