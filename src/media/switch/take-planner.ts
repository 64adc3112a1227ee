import type { TakeRefusal } from '../../contract/commands.ts'
import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { TakeMode } from '../../contract/spec.ts'
import {
  entryAt,
  entryForCutover,
  entryForGraceful,
  hasAhead,
  idealOffset,
  placeIn,
  slateEntry,
  type SplicePlace,
} from './entry-choice.ts'
import type { Entry, Lane } from './lane.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { Stretch } from '../buffer/stretch.ts'
import type { SwitchSource } from './switch-source.ts'
import { compareTwins, type Twins } from './twins.ts'

/** Twins are compared this often while a seamless take waits: hashing costs. */
const COMPARE_EVERY_MS = 250

/** A take on its way to its splice point. */
export interface TakePlan {
  readonly source: SourceId
  readonly mode: TakeMode
  /** Monotonic wall time before which it must not cut. */
  readonly notBefore: number
  /** Monotonic wall time at which it is given up. */
  readonly deadline: number
}

/** What the planner keeps between two boundaries while a plan waits. One for each plan. */
export interface PlanMemory {
  /** Graceful: source time at the wish. The entry point behind it may come when the program's pictures are past it. */
  armed?: { readonly stretch: Stretch; readonly after: number }
  twins?: Twins
  comparedAt?: number
}

export type PlanStep =
  | { readonly kind: 'wait' }
  | { readonly kind: 'cut'; readonly entry: Entry; readonly executed: TakeMode }
  | { readonly kind: 'refuse'; readonly why: TakeRefusal; readonly message: string }

export interface PlanContext {
  readonly source: SwitchSource | undefined
  readonly lane: Lane
  readonly slate: SlateLoop
  readonly place: SplicePlace
  /** Program time at which a source must still have something to show. */
  readonly aheadOf: number
  readonly memory: PlanMemory
}

const WAIT: PlanStep = { kind: 'wait' }

/** What a take does at this boundary of the program. Updates `context.memory`. */
export function stepPlan(plan: TakePlan, context: PlanContext): PlanStep {
  const { source, place } = context
  if (place.now < plan.notBefore) return WAIT
  if (plan.source === SLATE) {
    return { kind: 'cut', entry: slateEntry(context.slate), executed: plan.mode }
  }
  if (source === undefined) {
    return refuse(
      'source_removed',
      `source "${plan.source}" was removed before the take could be made`,
    )
  }
  const stretch = source.buffer.next(undefined)
  const step = stretch === undefined ? WAIT : stepInto(plan, stretch, context)
  if (step.kind !== 'wait' || place.now < plan.deadline) return step
  return overdue(plan, source, context.memory.twins)
}

function stepInto(plan: TakePlan, stretch: Stretch, context: PlanContext): PlanStep {
  if (!context.source!.fits) return WAIT
  if (plan.mode === 'seamless') return stepSeamless(plan, stretch, context)
  if (plan.mode === 'cutover') {
    const entry = entryForCutover(context.source!, stretch, context.place)
    if (entry !== undefined && plays(entry, context))
      return { kind: 'cut', entry, executed: 'cutover' }
    // With an entry point but nothing behind it the source has stalled.
    if (entry !== undefined) return WAIT
  }
  return stepGraceful(stretch, context)
}

function stepGraceful(stretch: Stretch, context: PlanContext): PlanStep {
  const source = context.source!
  const { memory } = context
  if (memory.armed?.stretch !== stretch) {
    const after = placeIn(source, stretch, context.place)
    if (after === undefined) return WAIT
    memory.armed = { stretch, after }
  }
  const entry = entryForGraceful(source, stretch, { ...context.place, after: memory.armed.after })
  if (entry === undefined) return WAIT
  const due = entry.anchor + entry.ideal - stretch.frameTicks / 2
  if (context.place.end < due || !plays(entry, context)) return WAIT
  return { kind: 'cut', entry, executed: 'graceful' }
}

const plays = (entry: Entry, context: PlanContext): boolean =>
  hasAhead(entry, context.place.end, context.aheadOf)

function stepSeamless(plan: TakePlan, stretch: Stretch, context: PlanContext): PlanStep {
  const { lane, place, source, memory } = context
  const onAir = lane.stretch
  if (onAir === undefined || !onAir.hasVideo || !stretch.hasVideo) {
    return refuse(
      'timelines_differ',
      `"${plan.source}" has no timeline in common with "${lane.source}": use cutover or graceful`,
    )
  }
  if (
    memory.twins === undefined ||
    (memory.twins.kind === 'no' && place.now >= (memory.comparedAt ?? 0) + COMPARE_EVERY_MS)
  ) {
    memory.twins = compareTwins(onAir, stretch)
    memory.comparedAt = place.now
  }
  const { twins } = memory
  const next = onAir.video(lane.next)?.unit
  if (twins.kind === 'no' || next === undefined) return WAIT
  const joins = twins.kind === 'identical' || next.entry !== 'none'
  const index = joins ? indexAt(stretch, next.pts - twins.delta) : undefined
  if (index === undefined || index >= stretch.cleanEnd) return WAIT
  const unit = stretch.video(index)!.unit
  if (twins.kind === 'aligned' && unit.entry === 'none') return WAIT
  const ideal = idealOffset(source!, stretch, place)
  const entry = {
    ...entryAt(source!, stretch, index, ideal),
    fixedOffset: lane.offset + twins.delta,
  }
  return { kind: 'cut', entry, executed: 'seamless' }
}

function indexAt(stretch: Stretch, pts: number): number | undefined {
  for (let i = stretch.videoEnd - 1; i >= stretch.videoStart(); i--) {
    if (stretch.video(i)?.unit.pts === pts) return i
  }
  return undefined
}

function overdue(plan: TakePlan, source: SwitchSource, twins: Twins | undefined): PlanStep {
  if (!source.fits) {
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
