import type { Entry } from './lane.ts'
import type { Playable } from '../buffer/playable.ts'
import type { ProgramClock } from './program-clock.ts'
import type { SlateLoop } from './slate-loop.ts'
import { Stretch } from '../buffer/stretch.ts'
import type { SwitchSource } from './switch-source.ts'

/** Pictures that may follow an entry point in decoding order and precede it in presentation. */
const LEADING_LIMIT = 32

/** The splice as it stands: where the program's pictures end, and what its clock says. */
export interface SplicePlace {
  readonly end: number
  readonly clock: ProgramClock
  readonly now: number
}

/** Offset at which a unit of `stretch` is due exactly when its own timeline says so. */
export function idealOffset(source: SwitchSource, stretch: Stretch, place: SplicePlace): number {
  const due = source.buffer.duePts(stretch, place.now)
  if (due === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY
  if (due === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY
  return place.clock.at(place.now) - due
}

/** Where the live edge lies on the program's timeline: it moves when the source's clock drifts, and only then. */
export function edgeOffset(playable: Playable, place: SplicePlace): number | undefined {
  const edge = playable instanceof Stretch ? playable.edge.offset : undefined
  return edge === undefined ? undefined : place.clock.at(place.now) - (place.now - edge) * 90
}

/** Enter at the latest entry point at or before the play-out point (paced sources: where they stand). */
export function entryForCutover(
  source: SwitchSource,
  stretch: Stretch,
  place: SplicePlace,
): Entry | undefined {
  const ideal = idealOffset(source, stretch, place)
  if (ideal === Number.POSITIVE_INFINITY) return undefined
  const index = source.buffer.live
    ? stretch.entryAtOrBefore(place.end - ideal + stretch.frameTicks / 2)
    : stretch.entryWaiting()
  return index === undefined ? undefined : entryAt(source, stretch, index, ideal)
}

/** Source time of the program's end, from which on a graceful take looks for an entry point; undefined before any unit. */
export function placeIn(
  source: SwitchSource,
  stretch: Stretch,
  place: SplicePlace,
): number | undefined {
  const ideal = idealOffset(source, stretch, place)
  return ideal === Number.POSITIVE_INFINITY ? undefined : place.end - ideal - stretch.frameTicks / 2
}

/** Enter at the first entry point after `after`, source time (paced sources: where they stand). */
export function entryForGraceful(
  source: SwitchSource,
  stretch: Stretch,
  place: SplicePlace & { readonly after: number },
): Entry | undefined {
  const index = source.buffer.live ? stretch.entryAfter(place.after) : stretch.entryWaiting()
  if (index === undefined) return undefined
  return entryAt(source, stretch, index, idealOffset(source, stretch, place))
}

/** The oldest entry point there is, whether its time has come or not. */
export function firstEntry(
  source: SwitchSource,
  stretch: Stretch,
  place: SplicePlace,
): Entry | undefined {
  const index = stretch.entryWaiting()
  if (index === undefined) return undefined
  return entryAt(source, stretch, index, idealOffset(source, stretch, place))
}

export function slateEntry(slate: SlateLoop): Entry {
  return {
    source: undefined,
    playable: slate,
    index: 0,
    anchor: 0,
    ideal: Number.NEGATIVE_INFINITY,
  }
}

export function entryAt(
  source: SwitchSource,
  stretch: Stretch,
  index: number,
  ideal: number,
): Entry {
  return { source, playable: stretch, index, anchor: anchorOf(stretch, index), ideal }
}

function anchorOf(stretch: Stretch, index: number): number {
  if (!stretch.hasVideo) return stretch.audio(0, index)!.unit.pts
  let anchor: number = stretch.video(index)!.unit.pts
  for (let i = index + 1; i <= index + LEADING_LIMIT; i++) {
    const unit = stretch.video(i)?.unit
    if (unit === undefined || unit.entry !== 'none' || unit.dts > anchor) break
    if (!unit.leading && unit.pts < anchor) anchor = unit.pts
  }
  return anchor
}

/**
 * Would the source still have something to show once the program has reached `clock`? A live one is judged by its own
 * schedule, so that a stalled one is not entered to play again what it has played.
 */
export function hasAhead(entry: Entry, end: number, clock: number): boolean {
  const { playable } = entry
  const offset = Number.isFinite(entry.ideal) ? entry.ideal : offsetOf(entry, end)
  if (!playable.hasVideo) {
    const next = playable.audio(0, entry.index + 1)
    return next !== undefined && next.unit.dts + offset >= clock - playable.frameTicks
  }
  if (playable.cleanEnd === Number.POSITIVE_INFINITY) return true
  const newest = playable.video(playable.cleanEnd - 1)
  return newest !== undefined && newest.unit.dts + offset >= clock
}

/** The offset a splice at `end` gives: computed from what was emitted, never accumulated (DESIGN.md, 3.5). */
export const offsetOf = (entry: Entry, end: number): number =>
  entry.fixedOffset ?? end - entry.anchor
