import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** Time after which a video track without IDR pictures counts as one that has none. */
const MAX_IDR_WAIT_TICKS = 6 * 90_000
/** A larger step between two pictures is not part of a group: the timeline restarted. */
const MIN_JUMP_TICKS = 90_000

/** `no_idr`: H.264 that refreshes without IDR pictures, which cannot be cut into as it is (DESIGN.md, 3.3). */
export type RapDistanceVerdict = 'fit' | 'no_idr' | 'too_far_apart'

export interface RapDistanceRules {
  /** True if recovery points are accepted (an option of the source). */
  readonly recoveryPoints: boolean
  /** Longest group of pictures that a segment can hold; undefined where nothing is packaged. */
  readonly maxGopTicks: number | undefined
}

/** Judges the distance of a source's random access points. */
export class RapDistanceMonitor {
  #verdict: RapDistanceVerdict = 'fit'
  #idr: 'unknown' | 'seen' = 'unknown'
  #firstDts: number | undefined
  #lastDts: number | undefined
  #sinceRap: number | undefined

  get verdict(): RapDistanceVerdict {
    return this.#verdict
  }

  /** The next unit is of another run of the source. */
  restart(): void {
    this.#firstDts = undefined
    this.#lastDts = undefined
    this.#sinceRap = undefined
  }

  /** True when the verdict changed. It does not return to 'fit': such a source would be at fault again. */
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
    // A picture after a jump belongs to a group whose start is unknown.
    this.#sinceRap = step < 0 || step > MIN_JUMP_TICKS ? undefined : this.#sinceRap + step
    return maxGopTicks !== undefined && (this.#sinceRap ?? 0) > maxGopTicks
  }
}
