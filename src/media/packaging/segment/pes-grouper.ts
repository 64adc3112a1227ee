import type { Ticks90k } from '../../../contract/time.ts'
import type { AudioFrame } from './segment-writer.ts'

/** Consecutive audio frames in one PES packet, with one time. */
export interface PesGroup {
  readonly track: number
  /** PTS of its first frame. */
  readonly pts: Ticks90k
  readonly data: Uint8Array
}

interface OpenGroup {
  readonly pts: Ticks90k
  readonly frames: Uint8Array[]
  end: number
}

/** A transport packet holds 184 bytes: single short frames would fill half of it with stuffing. */
const MAX_GROUP_FRAMES = 4
/** Longest group, in ticks: it is written at its first frame's time. */
const MAX_GROUP_TICKS = 9_000
/** Tolerance of a frame that starts where the last one ended. */
const ROUNDING = 2

/** Groups the frames of one audio track (ISO/IEC 13818-1, 2.4.3.7: a PES packet may hold several). */
export class PesGrouper {
  readonly #track: number
  #open: OpenGroup | undefined

  constructor(track: number) {
    this.#track = track
  }

  *addFrame({ unit, pts }: AudioFrame): Generator<PesGroup> {
    const open = this.#open
    if (open !== undefined && Math.abs(pts - open.end) > ROUNDING) yield* this.rest()
    this.#open ??= { pts, frames: [], end: pts }
    const { frames } = this.#open
    frames.push(unit.data)
    this.#open.end = pts + unit.duration
    const full = this.#open.end + unit.duration - this.#open.pts > MAX_GROUP_TICKS
    if (full || frames.length >= MAX_GROUP_FRAMES) yield* this.rest()
  }

  *rest(): Generator<PesGroup> {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    const { frames, pts } = open
    yield {
      track: this.#track,
      pts,
      data: frames.length === 1 ? frames[0]! : Buffer.concat(frames),
    }
  }
}
