import type { SourceId } from '../../contract/ids.ts'
import {
  entryForCutover,
  firstEntry,
  hasAhead,
  slateEntry,
  type SplicePlace,
} from './entry-choice.ts'
import type { Entry, Lane } from './lane.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { SourceLookup, StandingOrder, SwitchSource } from './switch-source.ts'

/** A new stretch of the same source is entered this much before its own delay would have it, rather than leave the source. */
const EARLY_TICKS = 400 * 90

export interface FallbackContext {
  readonly lane: Lane
  readonly order: StandingOrder
  readonly sources: SourceLookup
  readonly slate: SlateLoop
  readonly place: SplicePlace
  /** Program time at which a source must still have something to show. */
  readonly aheadOf: number
}

/** What goes on air when the source on air has nothing left: its own next stretch, a substitute, the slate. */
export function chooseFallback(context: FallbackContext): Entry {
  return (
    sameSourceAgain(context) ??
    firstPlayable([context.order.wanted, ...context.order.substitutes], context) ??
    slateEntry(context.slate)
  )
}

/** Whom the slate makes room for: the wanted source, else the first substitute that plays. */
export function leaveSlate(context: FallbackContext): Entry | undefined {
  return firstPlayable([context.order.wanted, ...context.order.substitutes], context)
}

/** DESIGN.md, 3.7: a jump on air is a new splice of the same source. */
function sameSourceAgain(context: FallbackContext): Entry | undefined {
  const { lane, place } = context
  const source = context.sources.get(lane.source)
  const stretch = source?.buffer.next(lane.stretch)
  if (source === undefined || stretch === undefined || stretch === lane.stretch || !source.fits) {
    return undefined
  }
  const entry = entryForCutover(source, stretch, place) ?? firstEntry(source, stretch, place)
  if (entry === undefined) return undefined
  const early = entry.anchor + entry.ideal - place.end
  return early <= EARLY_TICKS && plays(entry, context) ? entry : undefined
}

function firstPlayable(ids: readonly SourceId[], context: FallbackContext): Entry | undefined {
  for (const id of ids) {
    const source = context.sources.get(id)
    const entry = source === undefined ? undefined : playableNow(source, context)
    if (entry !== undefined) return entry
  }
  return undefined
}

function playableNow(source: SwitchSource, context: FallbackContext): Entry | undefined {
  const stretch = source.buffer.next(undefined)
  if (stretch === undefined || !source.fits || stretch === context.lane.stretch) return undefined
  if (stretch.closed && source.buffer.live) return undefined
  const entry = entryForCutover(source, stretch, context.place)
  return entry !== undefined && plays(entry, context) ? entry : undefined
}

const plays = (entry: Entry, context: FallbackContext): boolean =>
  hasAhead(entry, context.place.end, context.aheadOf)
