import type { TakeRefusal } from '../../contract/commands.ts'
import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { TakeMode } from '../../contract/spec.ts'
import {
  splicePointAt,
  splicePointForCutover,
  splicePointForGraceful,
  hasMediaAhead,
  idealOffset,
  sourceTimeOfEnd,
  slateSplicePoint,
  type SpliceContext,
} from './rap-choice.ts'
import type { SplicePoint, OnAirSource } from './on-air-source.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { TimelineSegment } from '../buffer/timeline-segment.ts'
import type { SwitchSource } from './switch-source.ts'
import { compareTwins, type Twins } from './twins.ts'

/** Interval at which twins are compared while a seamless take waits: hashing costs. */
const COMPARE_INTERVAL_MS = 250

/** A take that waits for its splice point. */
export interface TakePlan {
  readonly source: SourceId
  readonly mode: TakeMode
  /** Monotonic wall time before which it must not cut. */
  readonly notBefore: number
  /** Monotonic wall time at which it is refused. */
  readonly deadline: number
}

/** State of the planner between two boundaries while a plan waits. One for each plan. */
export interface PlanMemory {
  /** Graceful: source time when planned. The random access point after it may come when the program is past it. */
  armed?: { readonly segment: TimelineSegment; readonly after: number }
  twins?: Twins
  comparedAt?: number
}

export type PlanStep =
  | { readonly kind: 'wait' }
  | { readonly kind: 'cut'; readonly splicePoint: SplicePoint; readonly executed: TakeMode }
  | { readonly kind: 'refuse'; readonly why: TakeRefusal; readonly message: string }

export interface PlanContext {
  readonly source: SwitchSource | undefined
  readonly onAir: OnAirSource
  readonly slate: SlateLoop
  readonly splice: SpliceContext
  /** Program time at which a source must still have media to play. */
  readonly aheadOf: number
  readonly memory: PlanMemory
}

const WAIT: PlanStep = { kind: 'wait' }

/** Decides a take at this boundary of the program. Updates `context.memory`. */
export function stepPlan(plan: TakePlan, context: PlanContext): PlanStep {
  const { source, splice } = context
  if (splice.now < plan.notBefore) return WAIT
  if (plan.source === SLATE) {
    return { kind: 'cut', splicePoint: slateSplicePoint(context.slate), executed: plan.mode }
  }
  if (source === undefined) {
    return refuse(
      'source_removed',
      `source "${plan.source}" was removed before the take could be made`,
    )
  }
  const segment = source.buffer.segmentToEnter(undefined)
  const step = segment === undefined ? WAIT : stepIntoSegment(plan, segment, context)
  if (step.kind !== 'wait' || splice.now < plan.deadline) return step
  return refuseOverdue(plan, source, context.memory.twins)
}

function stepIntoSegment(plan: TakePlan, segment: TimelineSegment, context: PlanContext): PlanStep {
  if (!context.source!.isReady) return WAIT
  if (plan.mode === 'seamless') return stepSeamless(plan, segment, context)
  if (plan.mode === 'cutover') {
    const splicePoint = splicePointForCutover(context.source!, segment, context.splice)
    if (splicePoint !== undefined && canPlay(splicePoint, context))
      return { kind: 'cut', splicePoint, executed: 'cutover' }
    // A random access point with nothing behind it: the source has stalled.
    if (splicePoint !== undefined) return WAIT
  }
  return stepGraceful(segment, context)
}

function stepGraceful(segment: TimelineSegment, context: PlanContext): PlanStep {
  const source = context.source!
  const { memory } = context
  if (memory.armed?.segment !== segment) {
    const after = sourceTimeOfEnd(source, segment, context.splice)
    if (after === undefined) return WAIT
    memory.armed = { segment, after }
  }
  const splicePoint = splicePointForGraceful(source, segment, {
    ...context.splice,
    after: memory.armed.after,
  })
  if (splicePoint === undefined) return WAIT
  const due = splicePoint.anchor + splicePoint.ideal - segment.frameTicks / 2
  if (context.splice.end < due || !canPlay(splicePoint, context)) return WAIT
  return { kind: 'cut', splicePoint, executed: 'graceful' }
}

const canPlay = (splicePoint: SplicePoint, context: PlanContext): boolean =>
  hasMediaAhead(splicePoint, context.splice.end, context.aheadOf)

function stepSeamless(plan: TakePlan, segment: TimelineSegment, context: PlanContext): PlanStep {
  const { onAir, splice, source, memory } = context
  const onAirSegment = onAir.segment
  if (onAirSegment === undefined || !onAirSegment.hasVideo || !segment.hasVideo) {
    return refuse(
      'timelines_differ',
      `"${plan.source}" has no timeline in common with "${onAir.source}": use cutover or graceful`,
    )
  }
  if (
    memory.twins === undefined ||
    (memory.twins.kind === 'no' && splice.now >= (memory.comparedAt ?? 0) + COMPARE_INTERVAL_MS)
  ) {
    memory.twins = compareTwins(onAirSegment, segment)
    memory.comparedAt = splice.now
  }
  const { twins } = memory
  const next = onAirSegment.video(onAir.next)?.unit
  if (twins.kind === 'no' || next === undefined) return WAIT
  const joins = twins.kind === 'identical' || next.rap !== 'none'
  const index = joins ? indexAt(segment, next.pts - twins.delta) : undefined
  if (index === undefined || index >= segment.cleanEnd) return WAIT
  const unit = segment.video(index)!.unit
  if (twins.kind === 'aligned' && unit.rap === 'none') return WAIT
  const ideal = idealOffset(source!, segment, splice)
  const splicePoint = {
    ...splicePointAt(source!, segment, index, ideal),
    fixedOffset: onAir.offset + twins.delta,
  }
  return { kind: 'cut', splicePoint, executed: 'seamless' }
}

function indexAt(segment: TimelineSegment, pts: number): number | undefined {
  for (let i = segment.videoEnd - 1; i >= segment.videoStart(); i--) {
    if (segment.video(i)?.unit.pts === pts) return i
  }
  return undefined
}

function refuseOverdue(plan: TakePlan, source: SwitchSource, twins: Twins | undefined): PlanStep {
  if (!source.isReady) {
    return refuse('not_conformed_yet', `"${plan.source}" is not ready in the channel's format yet`)
  }
  if (plan.mode === 'seamless' && twins !== undefined) {
    const why = twins.kind === 'no' ? twins.why : 'too_far_apart'
    const message =
      why === 'timelines_differ'
        ? `"${plan.source}" does not carry the encoder timeline of the source on air: use cutover or graceful`
        : `"${plan.source}" is further behind or ahead than the buffers hold: raise the latency, or use cutover or graceful`
    return refuse(why, message)
  }
  return refuse('no_random_access_point', `no random access point of "${plan.source}" came in time`)
}

const refuse = (why: TakeRefusal, message: string): PlanStep => ({ kind: 'refuse', why, message })
