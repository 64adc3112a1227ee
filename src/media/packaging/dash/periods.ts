import { TICKS_PER_MS } from '../../../contract/time.ts'
import { adjoins } from './segment-timeline.ts'

/** One segment number in all its renditions: listed when each of them has it or never will. */
export interface Column {
  readonly number: number
  /** Program time (ticks) of its first picture. */
  readonly start: number
  /** Milliseconds since 1970 at `start`. */
  readonly wallMs: number
  /** 'broken': the program's times are unrelated to those of the number before (a restart). */
  readonly timeline: 'continuous' | 'broken'
  /** By name; a rendition with a gap here is left out. */
  readonly renditions: ReadonlyMap<string, ColumnSegment>
}

export interface ColumnSegment {
  /** Identity of the initialisation segment: its file name. */
  readonly init: string
  /** Program time in ticks, may be fractional. */
  readonly start: number
  readonly duration: number
}

/** Consecutive numbers with the same renditions and initialisation segments on one timeline. */
export interface PlannedPeriod {
  readonly id: string
  /** Ticks since the start of availability. */
  readonly start: number
  /** Program time (ticks) presented at `start`. */
  readonly mediaStart: number
  readonly columns: readonly Column[]
}

interface OpenPeriod extends PlannedPeriod {
  readonly columns: Column[]
}

/**
 * Plan of the DASH periods. Players count segments inside a period, and dash.js 5 supports neither FailoverContent nor a
 * hole in a SegmentTimeline, but continues from period to period over either. So a period starts where a rendition is
 * added, removed or changes its initialisation segment, where the timeline breaks, and behind a hole. Ids and starts do
 * not change while the window moves.
 */
export class PeriodPlan {
  readonly #availabilityStartMs: number
  #periods: OpenPeriod[] = []

  constructor(availabilityStartMs: number) {
    this.#availabilityStartMs = availabilityStartMs
  }

  get periods(): readonly PlannedPeriod[] {
    return this.#periods
  }

  /** Adds a column with a higher number. */
  addColumn(column: Column): void {
    if (column.renditions.size === 0) return
    const period = this.#periods.at(-1)
    const last = period?.columns.at(-1)
    const follows =
      last !== undefined &&
      column.timeline === 'continuous' &&
      column.number === last.number + 1 &&
      continues(last, column)
    if (follows) period!.columns.push(column)
    else this.#periods.push(this.#createPeriod(column, period))
  }

  /** Drops columns that are no longer listed. The newest period stays, as the reference of the next column. */
  dropBefore(number: number): void {
    for (const { columns } of this.#periods) {
      const kept = columns.findIndex((column) => column.number >= number)
      columns.splice(0, kept < 0 ? columns.length - 1 : kept)
    }
    this.#periods = this.#periods.filter(
      ({ columns }, i, all) => i === all.length - 1 || columns[0]!.number >= number,
    )
  }

  /** On a continuous timeline periods adjoin exactly; else the wall clock gives the start, never inside the last one. */
  #createPeriod(column: Column, previous: OpenPeriod | undefined): OpenPeriod {
    const { start: mediaStart, wallMs } = column
    const id = `p${column.number}`
    const byWall = Math.max(0, Math.round((wallMs - this.#availabilityStartMs) * TICKS_PER_MS))
    if (previous === undefined) return { id, start: byWall, mediaStart, columns: [column] }
    const place = (programTime: number): number =>
      previous.start + programTime - previous.mediaStart
    const start =
      column.timeline === 'continuous'
        ? place(mediaStart)
        : Math.max(byWall, Math.ceil(place(endOf(previous))))
    return { id, start, mediaStart, columns: [column] }
  }
}

const endOf = ({ columns }: OpenPeriod): number =>
  Math.max(
    ...[...columns.at(-1)!.renditions.values()].map(({ start, duration }) => start + duration),
  )

/** The same renditions with the same initialisation segments, each continuing at its end. */
const continues = (a: Column, b: Column): boolean =>
  a.renditions.size === b.renditions.size &&
  [...a.renditions].every(([name, before]) => {
    const after = b.renditions.get(name)
    return after !== undefined && after.init === before.init && adjoins(before, after)
  })
