/**
 * Where segments begin: RFC 8216bis, 4.4.3.1 (EXTINF rounded to seconds never exceeds the target duration). One grid for
 * all renditions of a program, so that they have the same numbers and boundaries.
 */
import { targetSecondsOf } from '../../../contract/output-spec.ts'
import { TICKS_PER_SECOND, ticks, type Ticks90k } from '../../../contract/time.ts'
import { PresentationOrder } from '../../../mpegts/presentation-order.ts'

export interface GridOptions {
  /** Seconds that a segment aims at. */
  readonly segmentSeconds: number
  /** Ticks by which a rendition's own segment may be longer than the grid's: its longest audio frame. */
  readonly slack: number
  /** Number of the first segment. */
  readonly first: number
  readonly begins: 'fresh' | 'after_restart'
  /** Milliseconds since 1970 at a program time, as measured. */
  readonly wallOf: (time: Ticks90k) => number
}

/** A picture, in decoding order; without video: an audio frame of the first track. */
export interface GridPicture {
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  /** `open`: pictures that follow it in decoding may be shown before it. */
  readonly entry: 'none' | 'closed' | 'open'
  /** What a boundary here is wanted for, whatever the time: only where `entry` is not 'none'. */
  readonly demand: 'none' | 'cut' | 'discontinuity'
}

/** The beginning of a segment. In every rendition it starts with the first picture, in decoding order, shown at `start` or later. */
export interface Boundary {
  readonly number: number
  /** Program time of its first picture, in presentation order. */
  readonly start: Ticks90k
  readonly wallMs: number
  readonly discontinuity: boolean
  /** Those who lost the thread may begin here again: a random access point, and a discontinuity in all renditions. */
  readonly reentry: boolean
  /** Where the segment before it ends: `start`, but for a hole in the program. Undefined: there is none before it. */
  readonly end: Ticks90k | undefined
}

/** A wall clock that is further off than this is followed at once; less is jitter of the measurement. */
const WALL_OFF_MS = 100
/** Groups of pictures remembered, the longest of which is expected to come again. */
const GROUPS = 4
/** A second segment at the same time would have no duration. */
const SHORTEST = 1
/** Players round: half a second above the target is one too much. */
const ROUNDING_TICKS = TICKS_PER_SECOND / 2
/** Durations are written with three decimals or more. */
const PRINTED_TICKS = 180

/** The last place for a clean cut lies a reorder group, a picture and a frame of sound before the limit. */
const GOP_MARGIN_TICKS = 0.3 * TICKS_PER_SECOND

/** Ticks: random access points that are no further apart leave no segment without one. */
export const longestGopOf = (segmentSeconds: number): number =>
  targetSecondsOf(segmentSeconds) * TICKS_PER_SECOND + ROUNDING_TICKS - GOP_MARGIN_TICKS

export class Grid {
  readonly #options: GridOptions
  readonly #wanted: number
  readonly #limit: number
  #order = new PresentationOrder()
  #complete = true
  #newest = Number.NEGATIVE_INFINITY
  #current: Boundary | undefined
  #next: number
  /** The newest entry, and how long the groups before it were. */
  #entry: number | undefined
  readonly #groups: number[] = []
  /** Where in this segment a cut would have been clean last, and the longest way between two such places. */
  #cleanAt = 0
  #cleanStep = 0
  #hole: 'none' | 'here' = 'none'
  #due: 'nothing' | 'discontinuity' | 'reentry'

  constructor(options: GridOptions) {
    this.#options = options
    this.#wanted = options.segmentSeconds * TICKS_PER_SECOND
    const target = targetSecondsOf(options.segmentSeconds) * TICKS_PER_SECOND
    this.#limit = target + ROUNDING_TICKS - PRINTED_TICKS - options.slack
    this.#next = options.first
    this.#due = options.begins === 'after_restart' ? 'discontinuity' : 'nothing'
  }

  get current(): Boundary | undefined {
    return this.#current
  }

  /** The next boundary that is a random access point is a discontinuity in all renditions: a rung comes back. */
  demandReentry(): void {
    this.#due = 'reentry'
  }

  /** The next picture does not continue what was before. */
  hole(): void {
    this.#hole = 'here'
  }

  /** What comes is another source's: the groups so far do not tell how long its own are. */
  splice(): void {
    this.#groups.length = 0
    this.#entry = undefined
  }

  /** The boundary that lies before this picture, if one does. */
  picture(picture: GridPicture): Boundary | undefined {
    const { pts, dts } = picture
    const complete = this.#complete || dts >= this.#newest
    const boundary = this.#decide(picture, complete)
    if (boundary !== undefined) this.#begun(boundary)
    else if (complete && this.#current !== undefined) this.#noteClean(this.#end)
    if (picture.entry !== 'none') this.#noteEntry(pts)
    if (this.#hole === 'here') this.#order = new PresentationOrder()
    this.#hole = 'none'
    this.#complete = this.#order.add(pts, dts).complete
    this.#newest = Math.max(this.#newest, pts)
    return boundary
  }

  /** Where what was given so far ends. */
  get #end(): number {
    return this.#newest + this.#order.frameTicks
  }

  #decide(picture: GridPicture, complete: boolean): Boundary | undefined {
    const { pts, entry, demand } = picture
    const current = this.#current
    if (current === undefined) return entry === 'none' ? undefined : this.#boundary(pts, picture)
    if (this.#hole === 'here') return this.#boundary(pts, picture)
    const start = this.#startAt(picture, complete)
    const elapsed = start - current.start
    if (elapsed < SHORTEST) return undefined
    const frame = this.#order.frameTicks
    if (entry === 'none') {
      const step = complete ? Math.max(this.#cleanStep, frame) : frame
      return elapsed + step > this.#limit ? this.#boundary(start, picture) : undefined
    }
    const long = elapsed >= this.#wanted - frame / 2
    const due = demand !== 'none' || long || elapsed + this.#groupFrom(start) > this.#limit
    return due ? this.#boundary(start, picture) : undefined
  }

  /** How long the group that begins at `start` may be: as the ones before; behind a splice, as a segment. */
  #groupFrom(start: number): number {
    const known = this.#entry === undefined ? this.#groups : [...this.#groups, start - this.#entry]
    return known.length === 0 ? this.#wanted : Math.max(...known)
  }

  /** The first presentation time from this picture on: pictures that are decoded after it may be shown before it. */
  #startAt({ pts, entry }: GridPicture, complete: boolean): number {
    if (entry === 'closed') return pts
    const end = this.#end
    if (!complete) return Math.min(pts, end)
    return Math.abs(pts - end) <= this.#order.frameTicks / 2 ? pts : Math.min(pts, end)
  }

  #boundary(at: number, { entry, demand }: GridPicture): Boundary {
    const due = entry === 'none' ? 'nothing' : this.#due
    if (entry !== 'none') this.#due = 'nothing'
    const hole = this.#hole === 'here' && this.#current !== undefined
    const start = ticks(at)
    const end = hole ? ticks(this.#endAtHole(at)) : start
    return {
      number: this.#next++,
      start,
      wallMs: this.#wallAt(start),
      discontinuity: hole || due !== 'nothing' || demand === 'discontinuity',
      reentry: due === 'reentry',
      end: this.#current === undefined ? undefined : end,
    }
  }

  #endAtHole(start: number): number {
    return Math.max(this.#current!.start + SHORTEST, Math.min(start, this.#end))
  }

  #wallAt(start: Ticks90k): number {
    const measured = this.#options.wallOf(start)
    const before = this.#current
    if (before === undefined) return measured
    const reckoned = before.wallMs + ((start - before.start) * 1_000) / TICKS_PER_SECOND
    return Math.abs(reckoned - measured) > WALL_OFF_MS ? measured : reckoned
  }

  #begun(boundary: Boundary): void {
    this.#current = boundary
    this.#cleanAt = boundary.start
    this.#cleanStep = 0
  }

  #noteClean(at: number): void {
    this.#cleanStep = Math.max(this.#cleanStep, at - this.#cleanAt)
    this.#cleanAt = at
  }

  #noteEntry(pts: number): void {
    if (this.#entry !== undefined && pts > this.#entry) {
      this.#groups.push(pts - this.#entry)
      if (this.#groups.length > GROUPS) this.#groups.shift()
    }
    this.#entry = pts
  }
}
