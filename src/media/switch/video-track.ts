import { TICKS_PER_MS, ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

export type WriteVideo = (
  unit: AccessUnit,
  times: { readonly pts: Ticks90k; readonly dts: Ticks90k },
) => void

/** DTS rises by at least 1 ms (DESIGN.md, 3.1). */
const MIN_DTS_STEP_TICKS = TICKS_PER_MS

/** The program's video track: DTS always rises, presentation times are never moved (DESIGN.md, 3.1 and 3.6). */
export class VideoTrack {
  readonly #write: WriteVideo
  #lastDts: number
  #end: number
  #frameTicks = 0
  dtsCompressed = 0
  /** Pictures that could not be shown without sending DTS backwards past their own PTS. */
  dropped = 0

  constructor(start: number, write: WriteVideo) {
    this.#end = start
    this.#lastDts = start - MIN_DTS_STEP_TICKS
    this.#write = write
  }

  /** Program time at which the last picture in presentation order ends. */
  get end(): number {
    return this.#end
  }

  /** Duration of the last picture in ticks; of the one before it where a segment has only one picture. */
  get frameTicks(): number {
    return this.#frameTicks
  }

  get lastDts(): number {
    return this.#lastDts
  }

  /** DTS that a picture due at `dts` would get: behind a splice, pictures decoded early are late. */
  earliestDts(dts: number): number {
    return Math.max(dts, this.#lastDts + MIN_DTS_STEP_TICKS)
  }

  /** Leaves a hole: later pictures are decoded behind it, whatever their reorder depth. */
  skipTo(time: number): void {
    if (time > this.#end) this.#end = time
    this.#lastDts = Math.max(this.#lastDts, time - MIN_DTS_STEP_TICKS)
  }

  write(unit: AccessUnit, offset: number, frameTicks: number): void {
    const pts = unit.pts + offset
    const dts = this.earliestDts(unit.dts + offset)
    if (dts > unit.dts + offset) this.dtsCompressed++
    if (dts > pts) {
      this.dropped++
      return
    }
    this.#lastDts = dts
    if (frameTicks > 0) this.#frameTicks = frameTicks
    this.#end = Math.max(this.#end, pts + this.#frameTicks)
    this.#write(unit, { pts: ticks(pts), dts: ticks(dts) })
  }
}
