import type { SplicePoint } from './on-air-source.ts'
import type { Playable } from '../buffer/playable.ts'
import type { ProgramClock } from './program-clock.ts'
import type { SlateLoop } from './slate-loop.ts'
import { TimelineSegment } from '../buffer/timeline-segment.ts'
import type { SwitchSource } from './switch-source.ts'

/** Pictures that may follow a random access point in decoding order and precede it in presentation. */
const MAX_LEADING_PICTURES = 32

/** State of the program at a splice: end of what was emitted, clock, wall time. */
export interface SpliceContext {
  readonly end: number
  readonly clock: ProgramClock
  readonly now: number
}

/** Offset at which the units of `segment` are due exactly by its own timeline. */
export function idealOffset(
  source: SwitchSource,
  segment: TimelineSegment,
  context: SpliceContext,
): number {
  const due = source.buffer.duePts(segment, context.now)
  if (due === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY
  if (due === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY
  return context.clock.at(context.now) - due
}

/** Offset of the live edge on the program's timeline: it moves only when the source's clock drifts. */
export function edgeOffset(playable: Playable, context: SpliceContext): number | undefined {
  const edge = playable instanceof TimelineSegment ? playable.edge.offset : undefined
  return edge === undefined ? undefined : context.clock.at(context.now) - (context.now - edge) * 90
}

/** Splice point at the latest random access point at or before the play-out point (paced sources: at their position). */
export function splicePointForCutover(
  source: SwitchSource,
  segment: TimelineSegment,
  context: SpliceContext,
): SplicePoint | undefined {
  const ideal = idealOffset(source, segment, context)
  if (ideal === Number.POSITIVE_INFINITY) return undefined
  const index = source.buffer.live
    ? segment.rapAtOrBefore(context.end - ideal + segment.frameTicks / 2)
    : segment.firstUnplayedRap()
  return index === undefined ? undefined : splicePointAt(source, segment, index, ideal)
}

/** Source time of the program's end: a graceful take enters behind it; undefined before any unit. */
export function sourceTimeOfEnd(
  source: SwitchSource,
  segment: TimelineSegment,
  context: SpliceContext,
): number | undefined {
  const ideal = idealOffset(source, segment, context)
  return ideal === Number.POSITIVE_INFINITY
    ? undefined
    : context.end - ideal - segment.frameTicks / 2
}

/** Splice point at the first random access point after `after`, source time (paced sources: at their position). */
export function splicePointForGraceful(
  source: SwitchSource,
  segment: TimelineSegment,
  context: SpliceContext & { readonly after: number },
): SplicePoint | undefined {
  const index = source.buffer.live ? segment.rapAfter(context.after) : segment.firstUnplayedRap()
  if (index === undefined) return undefined
  return splicePointAt(source, segment, index, idealOffset(source, segment, context))
}

/** Splice point at the oldest random access point, due or not. */
export function firstSplicePoint(
  source: SwitchSource,
  segment: TimelineSegment,
  context: SpliceContext,
): SplicePoint | undefined {
  const index = segment.firstUnplayedRap()
  if (index === undefined) return undefined
  return splicePointAt(source, segment, index, idealOffset(source, segment, context))
}

export function slateSplicePoint(slate: SlateLoop): SplicePoint {
  return {
    source: undefined,
    playable: slate,
    index: 0,
    anchor: 0,
    ideal: Number.NEGATIVE_INFINITY,
  }
}

export function splicePointAt(
  source: SwitchSource,
  segment: TimelineSegment,
  index: number,
  ideal: number,
): SplicePoint {
  return { source, playable: segment, index, anchor: anchorOf(segment, index), ideal }
}

function anchorOf(segment: TimelineSegment, index: number): number {
  if (!segment.hasVideo) return segment.audio(0, index)!.unit.pts
  let anchor: number = segment.video(index)!.unit.pts
  for (let i = index + 1; i <= index + MAX_LEADING_PICTURES; i++) {
    const unit = segment.video(i)?.unit
    if (unit === undefined || unit.rap !== 'none' || unit.dts > anchor) break
    if (!unit.leading && unit.pts < anchor) anchor = unit.pts
  }
  return anchor
}

/**
 * True if the source still has media to play once the program has reached `clock`. A live one is judged by its own
 * schedule, so that a stalled one does not play again what it has played.
 */
export function hasMediaAhead(splicePoint: SplicePoint, end: number, clock: number): boolean {
  const { playable } = splicePoint
  const offset = Number.isFinite(splicePoint.ideal) ? splicePoint.ideal : offsetOf(splicePoint, end)
  if (!playable.hasVideo) {
    const next = playable.audio(0, splicePoint.index + 1)
    return next !== undefined && next.unit.dts + offset >= clock - playable.frameTicks
  }
  if (playable.cleanEnd === Number.POSITIVE_INFINITY) return true
  const newest = playable.video(playable.cleanEnd - 1)
  return newest !== undefined && newest.unit.dts + offset >= clock
}

/** Offset of a splice at `end`: computed from what was emitted, never accumulated (DESIGN.md, 3.5). */
export const offsetOf = (splicePoint: SplicePoint, end: number): number =>
  splicePoint.fixedOffset ?? end - splicePoint.anchor
