import type { SourceId } from '../../contract/ids.ts'
import {
  splicePointForCutover,
  firstSplicePoint,
  hasMediaAhead,
  slateSplicePoint,
  type SpliceContext,
} from './rap-choice.ts'
import type { SplicePoint, OnAirSource } from './on-air-source.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { SourceLookup, StandingOrder, SwitchSource } from './switch-source.ts'

/** The next segment of the same source may be entered this much before it is due, rather than leave the source. */
const MAX_EARLY_TICKS = 400 * 90

export interface FallbackContext {
  readonly onAir: OnAirSource
  readonly standingOrder: StandingOrder
  readonly sources: SourceLookup
  readonly slate: SlateLoop
  readonly splice: SpliceContext
  /** Program time at which a source must still have media to play. */
  readonly aheadOf: number
}

/** Splice point after the source on air has ended: its own next segment, a substitute, the slate. */
export function chooseFallback(context: FallbackContext): SplicePoint {
  return (
    resumeSameSource(context) ??
    firstPlayable([context.standingOrder.wanted, ...context.standingOrder.substitutes], context) ??
    slateSplicePoint(context.slate)
  )
}

/** Splice point of the source that replaces the slate: the wanted one, else the first substitute that plays. */
export function chooseSlateReplacement(context: FallbackContext): SplicePoint | undefined {
  return firstPlayable(
    [context.standingOrder.wanted, ...context.standingOrder.substitutes],
    context,
  )
}

/** DESIGN.md, 3.7: a jump on air is a new splice of the same source. */
function resumeSameSource(context: FallbackContext): SplicePoint | undefined {
  const { onAir, splice } = context
  const source = context.sources.get(onAir.source)
  const segment = source?.buffer.segmentToEnter(onAir.segment)
  if (
    source === undefined ||
    segment === undefined ||
    segment === onAir.segment ||
    !source.isReady
  ) {
    return undefined
  }
  const splicePoint =
    splicePointForCutover(source, segment, splice) ?? firstSplicePoint(source, segment, splice)
  if (splicePoint === undefined) return undefined
  const early = splicePoint.anchor + splicePoint.ideal - splice.end
  return early <= MAX_EARLY_TICKS && canPlay(splicePoint, context) ? splicePoint : undefined
}

function firstPlayable(
  ids: readonly SourceId[],
  context: FallbackContext,
): SplicePoint | undefined {
  for (const id of ids) {
    const source = context.sources.get(id)
    const splicePoint = source === undefined ? undefined : playableNow(source, context)
    if (splicePoint !== undefined) return splicePoint
  }
  return undefined
}

function playableNow(source: SwitchSource, context: FallbackContext): SplicePoint | undefined {
  const segment = source.buffer.segmentToEnter(undefined)
  if (segment === undefined || !source.isReady || segment === context.onAir.segment)
    return undefined
  if (segment.closed && source.buffer.live) return undefined
  const splicePoint = splicePointForCutover(source, segment, context.splice)
  return splicePoint !== undefined && canPlay(splicePoint, context) ? splicePoint : undefined
}

const canPlay = (splicePoint: SplicePoint, context: FallbackContext): boolean =>
  hasMediaAhead(splicePoint, context.splice.end, context.aheadOf)
