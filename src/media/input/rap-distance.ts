import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** A video track is waited for this long before a source counts as one without entry points. */
const MAX_IDR_WAIT_TICKS = 6 * 90_000
/** A step between two pictures that is no part of a group: the timeline began anew. */
const MIN_JUMP_TICKS = 90_000

/** `no_idr`: H.264 that refreshes without IDR pictures, which cannot be cut into as it is (DESIGN.md, 3.3). */
export type RapDistanceVerdict = 'fit' | 'no_idr' | 'too_far_apart'

export interface RapDistanceRules {
  /** An option of the source: recovery points will do. */
  readonly recoveryPoints: boolean
  /** What is packaged in segments needs an entry point in each; undefined where nothing is. */
  readonly maxGopTicks: number | undefined
}

/** Whether a source's pictures can be entered often enough. */
export class RapDistanceMonitor {
  #verdict: RapDistanceVerdict = 'fit'
  #idr: 'unknown' | 'seen' = 'unknown'
  #firstDts: number | undefined
  #lastDts: number | undefined
  #sinceRap: number | undefined

  get verdict(): RapDistanceVerdict {
    return this.#verdict
  }

  /** Of another run of the source. */
  restart(): void {
    this.#firstDts = undefined
    this.#lastDts = undefined
    this.#sinceRap = undefined
  }

  /** True when the verdict changed. It never goes back: a source that was too slow once would be so again. */
  checkUnit(unit: AccessUnit, rules: RapDistanceRules): boolean {
    if (unit.kind !== 'video' || this.#verdict !== 'fit') return false
    const fault = this.#faultAt(unit, rules)
    if (fault !== undefined) this.#verdict = fault
    return fault !== undefined
  }

  #faultAt(unit: AccessUnit, rules: RapDistanceRules): RapDistanceVerdict | undefined {
    if (!rules.recoveryPoints && this.#lacksIdr(unit)) return 'no_idr'
    return this.#isTooFar(unit, rules) ? 'too_far_apart' : undefined
  }

  #lacksIdr(unit: AccessUnit): boolean {
    if (this.#idr === 'seen') return false
    if (unit.rap !== 'none' && unit.rap !== 'recovery_point') {
      this.#idr = 'seen'
      return false
    }
    this.#firstDts ??= unit.dts
    return unit.rap === 'recovery_point' && unit.dts - this.#firstDts >= MAX_IDR_WAIT_TICKS
  }

  #isTooFar(unit: AccessUnit, { maxGopTicks, recoveryPoints }: RapDistanceRules): boolean {
    const step = this.#lastDts === undefined ? 0 : unit.dts - this.#lastDts
    this.#lastDts = unit.dts
    if (unit.rap !== 'none' && (recoveryPoints || unit.rap !== 'recovery_point')) {
      this.#sinceRap = 0
      return false
    }
    if (this.#sinceRap === undefined) return false
    // What follows a jump belongs to a group whose beginning was not seen.
    this.#sinceRap = step < 0 || step > MIN_JUMP_TICKS ? undefined : this.#sinceRap + step
    return maxGopTicks !== undefined && (this.#sinceRap ?? 0) > maxGopTicks
  }
}
