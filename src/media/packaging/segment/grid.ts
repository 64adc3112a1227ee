/**
 * Segment boundaries: RFC 8216bis, 4.4.3.1 (EXTINF rounded to seconds never exceeds the target duration). One grid for
 * all renditions of a program, so that they have the same numbers and boundaries.
 */
import { targetSecondsOf } from '../../../contract/output-spec.ts'
import { TICKS_PER_SECOND, ticks, type Ticks90k } from '../../../contract/time.ts'
import { PresentationOrder } from '../../../mpegts/presentation-order.ts'

export interface GridOptions {
  /** Wanted duration of a segment, seconds. */
  readonly segmentSeconds: number
  /** Ticks by which a rendition's segment may be longer than the grid's: its longest audio frame. */
  readonly slack: number
  /** Number of the first segment. */
  readonly first: number
  readonly begins: 'fresh' | 'after_restart'
  /** Milliseconds since 1970 at a program time, as measured. */
  readonly wallOf: (time: Ticks90k) => number
}

/** A picture, in decoding order; without video: an audio frame of the first track. */
export interface GridFrame {
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  /** `open`: pictures that follow it in decoding may be shown before it. */
  readonly rap: 'none' | 'closed' | 'open'
  /** Boundary wanted here for another reason than time; only where `rap` is not 'none'. */
  readonly demand: 'none' | 'cut' | 'discontinuity'
}

/** Start of a segment, in every rendition with the first picture, in decoding order, shown at `start` or later. */
export interface Boundary {
  readonly number: number
  /** Program time of its first picture, in presentation order. */
  readonly start: Ticks90k
  readonly wallMs: number
  readonly discontinuity: boolean
  /** A rung may re-enter here: a random access point, and a discontinuity in all renditions. */
  readonly isRejoin: boolean
  /** End of the segment before: `start`, but for a hole in the program. Undefined: there is none before it. */
  readonly end: Ticks90k | undefined
}

/** A larger drift of the wall clock is followed at once; a smaller one is jitter of the measurement. */
const MAX_WALL_DRIFT_MS = 100
/** Number of recent groups of pictures, the longest of which is expected next. */
const MAX_GROUPS = 4
/** A second segment at the same time would have no duration. */
const MIN_SEGMENT_TICKS = 1
/** Players round: half a second above the target is too long. */
const ROUNDING_TICKS = TICKS_PER_SECOND / 2
/** Durations are written with three decimals or more. */
const PRINTED_TICKS = 180

/** The last clean cut lies a reorder group, a picture and an audio frame before the limit. */
const GOP_MARGIN_TICKS = 0.3 * TICKS_PER_SECOND

/** Distance of random access points, in ticks, up to which each segment has one. */
export const maxGopTicksOf = (segmentSeconds: number): number =>
  targetSecondsOf(segmentSeconds) * TICKS_PER_SECOND + ROUNDING_TICKS - GOP_MARGIN_TICKS

export class Grid {
  readonly #options: GridOptions
  readonly #wantedTicks: number
  readonly #maxTicks: number
  #order = new PresentationOrder()
  #isComplete = true
  #newest = Number.NEGATIVE_INFINITY
  #current: Boundary | undefined
  #next: number
  /** PTS of the newest random access point, and the lengths of the groups before it. */
  #lastRap: number | undefined
  readonly #groups: number[] = []
  /** Time of the last clean cut in this segment, and the longest distance of two of them. */
  #cleanAt = 0
  #cleanStep = 0
  #hole: 'none' | 'here' = 'none'
  #due: 'nothing' | 'discontinuity' | 'reentry'

  constructor(options: GridOptions) {
    this.#options = options
    this.#wantedTicks = options.segmentSeconds * TICKS_PER_SECOND
    const target = targetSecondsOf(options.segmentSeconds) * TICKS_PER_SECOND
    this.#maxTicks = target + ROUNDING_TICKS - PRINTED_TICKS - options.slack
    this.#next = options.first
    this.#due = options.begins === 'after_restart' ? 'discontinuity' : 'nothing'
  }

  get current(): Boundary | undefined {
    return this.#current
  }

  /** Makes the next boundary that is a random access point a discontinuity in all renditions: a rung returns. */
  demandRejoin(): void {
    this.#due = 'reentry'
  }

  /** The next picture does not continue the one before. */
  hole(): void {
    this.#hole = 'here'
  }

  /** Another source follows: the lengths of earlier groups do not apply to it. */
  splice(): void {
    this.#groups.length = 0
    this.#lastRap = undefined
  }

  /** Adds a frame; returns the boundary before it, if there is one. */
  addFrame(gridFrame: GridFrame): Boundary | undefined {
    const { pts, dts } = gridFrame
    const complete = this.#isComplete || dts >= this.#newest
    const boundary = this.#decide(gridFrame, complete)
    if (boundary !== undefined) this.#startSegment(boundary)
    else if (complete && this.#current !== undefined) this.#addCleanPoint(this.#end)
    if (gridFrame.rap !== 'none') this.#addRap(pts)
    if (this.#hole === 'here') this.#order = new PresentationOrder()
    this.#hole = 'none'
    this.#isComplete = this.#order.addPicture(pts, dts).complete
    this.#newest = Math.max(this.#newest, pts)
    return boundary
  }

  /** End of the frames given so far. */
  get #end(): number {
    return this.#newest + this.#order.frameTicks
  }

  #decide(gridFrame: GridFrame, complete: boolean): Boundary | undefined {
    const { pts, rap, demand } = gridFrame
    const current = this.#current
    if (current === undefined) return rap === 'none' ? undefined : this.#boundary(pts, gridFrame)
    if (this.#hole === 'here') return this.#boundary(pts, gridFrame)
    const start = this.#startAt(gridFrame, complete)
    const elapsed = start - current.start
    if (elapsed < MIN_SEGMENT_TICKS) return undefined
    const frame = this.#order.frameTicks
    if (rap === 'none') {
      const step = complete ? Math.max(this.#cleanStep, frame) : frame
      return elapsed + step > this.#maxTicks ? this.#boundary(start, gridFrame) : undefined
    }
    const long = elapsed >= this.#wantedTicks - frame / 2
    const due = demand !== 'none' || long || elapsed + this.#groupFrom(start) > this.#maxTicks
    return due ? this.#boundary(start, gridFrame) : undefined
  }

  /** Expected length of the group that starts at `start`: the longest before it; behind a splice, a segment. */
  #groupFrom(start: number): number {
    const known =
      this.#lastRap === undefined ? this.#groups : [...this.#groups, start - this.#lastRap]
    return known.length === 0 ? this.#wantedTicks : Math.max(...known)
  }

  /** First presentation time from this picture on: pictures decoded after it may be shown before it. */
  #startAt({ pts, rap }: GridFrame, complete: boolean): number {
    if (rap === 'closed') return pts
    const end = this.#end
    if (!complete) return Math.min(pts, end)
    return Math.abs(pts - end) <= this.#order.frameTicks / 2 ? pts : Math.min(pts, end)
  }

  #boundary(at: number, { rap, demand }: GridFrame): Boundary {
    const due = rap === 'none' ? 'nothing' : this.#due
    if (rap !== 'none') this.#due = 'nothing'
    const hole = this.#hole === 'here' && this.#current !== undefined
    const start = ticks(at)
    const end = hole ? ticks(this.#endAtHole(at)) : start
    return {
      number: this.#next++,
      start,
      wallMs: this.#wallAt(start),
      discontinuity: hole || due !== 'nothing' || demand === 'discontinuity',
      isRejoin: due === 'reentry',
      end: this.#current === undefined ? undefined : end,
    }
  }

  #endAtHole(start: number): number {
    return Math.max(this.#current!.start + MIN_SEGMENT_TICKS, Math.min(start, this.#end))
  }

  #wallAt(start: Ticks90k): number {
    const measured = this.#options.wallOf(start)
    const before = this.#current
    if (before === undefined) return measured
    const reckoned = before.wallMs + ((start - before.start) * 1_000) / TICKS_PER_SECOND
    return Math.abs(reckoned - measured) > MAX_WALL_DRIFT_MS ? measured : reckoned
  }

  #startSegment(boundary: Boundary): void {
    this.#current = boundary
    this.#cleanAt = boundary.start
    this.#cleanStep = 0
  }

  #addCleanPoint(at: number): void {
    this.#cleanStep = Math.max(this.#cleanStep, at - this.#cleanAt)
    this.#cleanAt = at
  }

  #addRap(pts: number): void {
    if (this.#lastRap !== undefined && pts > this.#lastRap) {
      this.#groups.push(pts - this.#lastRap)
      if (this.#groups.length > MAX_GROUPS) this.#groups.shift()
    }
    this.#lastRap = pts
  }
}
