/**
 * Steps of one video track in presentation order. Pictures come in decoding order; a picture's place in presentation
 * order is final once the DTS have passed its PTS, since a later picture's PTS is not below its DTS.
 */
import { measured, type WorstStep } from './analysis-report.ts'
import { median, rounded } from './analyzer-numbers.ts'
import { GAP_FACTOR } from './analyzer-rules.ts'

const TICKS_PER_MS = 90
/** More than any codec reorders; with corrupt time stamps no more are held back. */
const MAX_PENDING = 64
/** A single DTS out of order must not push pictures out early. */
const DTS_WINDOW = 3
/** Steps on each side that make a neighbourhood. */
const NEIGHBOUR_STEPS = 15
const MEDIAN_STEPS = 255
/** Time stamps are rounded to ticks on both ends of a step. */
const ROUNDING_TICKS = 2

export interface PicturePlace {
  /** Unwrapped ticks. */
  readonly pts: number
  readonly position: number
  readonly timeMs: number | undefined
}

interface Step {
  readonly ticks: number
  readonly to: PicturePlace
}

export interface PresentationListener {
  gap(stepTicks: number, usualTicks: number, at: PicturePlace): void
  /** A PTS that repeats, or lies before pictures already in order. */
  late(at: PicturePlace): void
}

export class PresentationCheck {
  readonly #listener: PresentationListener
  readonly #pending: PicturePlace[] = []
  readonly #dts: number[] = []
  #last: PicturePlace | undefined
  #steps: Step[] = []
  /** Index of the next step to judge: its right neighbourhood is not complete. */
  #next = 0
  readonly #newest: number[] = []
  #added = 0
  #gaps = 0
  #longest: Step | undefined
  #first: number | undefined

  constructor(listener: PresentationListener) {
    this.#listener = listener
  }

  push(picture: PicturePlace, dts: number): void {
    this.#dts.push(dts)
    if (this.#dts.length > DTS_WINDOW) this.#dts.shift()
    const pending = this.#pending
    let at = pending.length
    while (at > 0 && pending[at - 1]!.pts > picture.pts) at--
    pending.splice(at, 0, picture)
    const passed = Math.min(...this.#dts)
    while (pending.length > MAX_PENDING || (pending.length > 0 && pending[0]!.pts <= passed)) {
      this.#present(pending.shift()!)
    }
  }

  /** Ends this timeline: later pictures are not compared with it. */
  breakTimeline(): void {
    for (const picture of this.#pending) this.#present(picture)
    while (this.#next < this.#steps.length) this.#judge(this.#next++)
    this.#pending.length = 0
    this.#dts.length = 0
    this.#steps = []
    this.#next = 0
    this.#last = undefined
  }

  /**
   * End of the stream, which may lie in the middle of a reorder group: steps behind the first hole that missing pictures
   * could have filled are not judged.
   */
  finish(): void {
    const usual = median(this.#newest)
    for (const picture of this.#pending) {
      const step = this.#last === undefined ? 0 : picture.pts - this.#last.pts
      if (usual !== undefined && step > GAP_FACTOR * usual + ROUNDING_TICKS) break
      this.#present(picture)
    }
    this.#pending.length = 0
    this.breakTimeline()
  }

  get gaps(): number {
    return this.#gaps
  }

  /** First PTS in presentation order, of the pictures in order. */
  get firstPts(): number | undefined {
    return this.#first ?? this.#pending[0]?.pts
  }

  get medianMs(): number | undefined {
    const middle = median(this.#newest)
    return middle === undefined ? undefined : rounded(middle / TICKS_PER_MS)
  }

  get longest(): WorstStep | undefined {
    const longest = this.#longest
    if (longest === undefined) return undefined
    const { position, timeMs, pts } = longest.to
    const ms = rounded(longest.ticks / TICKS_PER_MS)
    return { ms, ptsTicks: pts, position, timeMs: measured(timeMs) }
  }

  #present(picture: PicturePlace): void {
    const last = this.#last
    this.#first ??= picture.pts
    if (last !== undefined && picture.pts <= last.pts) {
      this.#listener.late(picture)
      return
    }
    this.#last = picture
    if (last === undefined) return
    const step = { ticks: picture.pts - last.pts, to: picture }
    this.#newest[this.#added++ % MEDIAN_STEPS] = step.ticks
    if (this.#longest === undefined || step.ticks > this.#longest.ticks) this.#longest = step
    this.#steps.push(step)
    while (this.#next + NEIGHBOUR_STEPS < this.#steps.length) this.#judge(this.#next++)
    if (this.#steps.length > 4 * NEIGHBOUR_STEPS) {
      const done = this.#next - NEIGHBOUR_STEPS
      this.#steps = this.#steps.slice(done)
      this.#next -= done
    }
  }

  /** Judges a step by DESIGN 3.1: against the longer of the medians before and behind. */
  #judge(index: number): void {
    const step = this.#steps[index]!
    const before = this.#medianOf(Math.max(0, index - NEIGHBOUR_STEPS), index)
    const after = this.#medianOf(index + 1, index + 1 + NEIGHBOUR_STEPS)
    const usual = Math.max(before ?? 0, after ?? 0)
    if (usual === 0 || step.ticks <= GAP_FACTOR * usual + ROUNDING_TICKS) return
    this.#gaps++
    this.#listener.gap(step.ticks, usual, step.to)
  }

  #medianOf(from: number, to: number): number | undefined {
    return median(this.#steps.slice(from, to).map((step) => step.ticks))
  }
}
