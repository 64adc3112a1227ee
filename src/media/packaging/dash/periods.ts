import { TICKS_PER_MS } from '../../../contract/time.ts'
import { adjoins } from './segment-timeline.ts'

/** One segment number in all its renditions: listed only when each of them has it, or will never have it. */
export interface Column {
  readonly number: number
  /** Program time (ticks) of its first picture. */
  readonly start: number
  /** Milliseconds since 1970 at `start`. */
  readonly wallMs: number
  /** 'broken': the program's times have nothing to do with those of the number before (a restart). */
  readonly timeline: 'continuous' | 'broken'
  /** By name; a rendition with a gap here is left out. */
  readonly renditions: ReadonlyMap<string, ColumnSegment>
}

export interface ColumnSegment {
  /** Equal while one initialisation segment serves: its file name does. */
  readonly init: string
  /** Ticks of the program, perhaps fractional. */
  readonly start: number
  readonly duration: number
}

/** A run of numbers with the same renditions and initialisation segments on one timeline. */
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
 * Where DASH periods begin. Players count segments inside a period, and dash.js 5 neither knows FailoverContent nor finds
 * its way over a hole in a SegmentTimeline, but goes from period to period over either. So one begins where a rendition
 * comes, goes or changes its initialisation segment, where the timeline breaks, and behind a hole. Ids and starts stay
 * while the window moves on.
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

  /** Numbers rise. */
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

  /** Forgets what is no longer listed. The newest period stays, so that the next column finds its place. */
  dropBefore(number: number): void {
    for (const { columns } of this.#periods) {
      const kept = columns.findIndex((column) => column.number >= number)
      columns.splice(0, kept < 0 ? columns.length - 1 : kept)
    }
    this.#periods = this.#periods.filter(
      ({ columns }, i, all) => i === all.length - 1 || columns[0]!.number >= number,
    )
  }

  /** On a continuous timeline periods adjoin exactly; else the wall clock says where, but never inside the last one. */
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

/** The same renditions with the same initialisation segments, each from where it ended. */
const continues = (a: Column, b: Column): boolean =>
  a.renditions.size === b.renditions.size &&
  [...a.renditions].every(([name, before]) => {
    const after = b.renditions.get(name)
    return after !== undefined && after.init === before.init && adjoins(before, after)
  })
