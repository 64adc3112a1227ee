import type { Ticks90k } from '../../../contract/time.ts'
import type { Boundary } from './grid.ts'
import type { Picture, SegmentWriter, Sound } from './segment-writer.ts'

export interface RenditionFeedOptions {
  readonly writer: SegmentWriter
  readonly pictures: 'with' | 'without'
  /** Indices of its audio tracks. */
  readonly sounds: readonly number[]
  /** A track that has not reached a boundary when another is this far past it is not waited for. Ticks. */
  readonly patience: number
}

interface Planned {
  readonly boundary: Boundary
  /** Where it ends; known once the next one is planned. */
  end: Ticks90k | undefined
  closedAtMs: number
}

type Frame =
  | { readonly track: 'pictures'; readonly pts: Ticks90k; readonly picture: Picture }
  | { readonly track: number; readonly pts: Ticks90k; readonly sound: Sound }

/** Frames that wait for other tracks to reach a boundary: far above what a segment has, so that memory is bounded. */
const HELD_MOST = 20_000
/** Sound that comes before the first picture of a segment that is waited for. */
const AHEAD_MOST = 1_000
/** A key frame that an encoder was made to put at a boundary stands there, but for rounding. */
const AT_BOUNDARY = 900
/** Sound on a grid that does not divide 90 kHz. */
const ROUNDING = 0.5

/**
 * Puts the frames of one rendition into the segments of the grid: pictures from the first one, in decoding order, that
 * is shown at the boundary or later; sound by its presentation time. A segment stays open until all tracks have reached
 * its end. Boundaries are planned before the frames that lie behind them come.
 */
export class RenditionFeed {
  readonly #writer: SegmentWriter
  readonly #tracks: ReadonlySet<Frame['track']>
  /** Where it enters: at a picture, or at a frame of the first audio track. */
  readonly #lead: Frame['track']
  readonly #patience: number
  /** The segment that is open, or waited for, and those after it. */
  readonly #planned: Planned[] = []
  #state: 'open' | 'waiting' = 'waiting'
  /** It enters at no boundary below this number. */
  #enterAt = 0
  #leading: 'kept' | 'dropped' = 'kept'
  readonly #crossed = new Set<Frame['track']>()
  #held: Frame[] = []
  #ahead: Frame[] = []
  /** Sound without a place: from before the segment that was entered. */
  dropped = 0
  gaps = 0

  constructor({ writer, pictures, sounds, patience }: RenditionFeedOptions) {
    this.#writer = writer
    this.#patience = patience
    this.#tracks = new Set(pictures === 'with' ? (['pictures', ...sounds] as const) : sounds)
    this.#lead = pictures === 'with' ? 'pictures' : (sounds[0] ?? 0)
  }

  plan(boundary: Boundary, nowMs: number): void {
    const last = this.#planned.at(-1)
    if (last !== undefined) {
      last.end = boundary.end ?? boundary.start
      last.closedAtMs = nowMs
    }
    this.#planned.push({ boundary, end: undefined, closedAtMs: Number.POSITIVE_INFINITY })
    if (this.#enterAt === Number.POSITIVE_INFINITY && boundary.reentry) {
      this.#enterAt = boundary.number
    }
    this.#giveUpBefore(this.#enterAt)
  }

  picture(picture: Picture): void {
    if (!this.#tracks.has('pictures')) return
    const { leading, entry } = picture.unit
    if (leading && this.#leading === 'dropped') return
    if (entry !== 'none') this.#leading = 'kept'
    const frame = { track: 'pictures', pts: picture.pts, picture } as const
    if (this.#state === 'open') this.#take(frame)
    else if (entry !== 'none') this.#enter(frame)
  }

  sound(track: number, sound: Sound): void {
    if (!this.#tracks.has(track)) return
    const frame = { track, pts: sound.pts, sound }
    if (this.#state === 'open') this.#take(frame)
    else if (track === this.#lead) this.#enter(frame)
    else this.#keepAhead(frame)
  }

  /** What comes next does not continue what came: the open segment is lost, and none is entered before a reentry. */
  lose(): void {
    this.#drop()
    this.#ahead = []
    this.#enterAt = Number.POSITIVE_INFINITY
  }

  /** Boundaries that were closed `patienceMs` ago, and whose segment has not come, become gaps. */
  expire(nowMs: number, patienceMs: number): void {
    for (let head = this.#planned[0]; head !== undefined; head = this.#planned[0]) {
      if (head.closedAtMs + patienceMs > nowMs) return
      this.#drop()
      if (this.#planned[0] === head) this.#gap()
    }
  }

  #giveUpBefore(number: number): void {
    if (this.#state === 'open' || number === Number.POSITIVE_INFINITY) return
    while (this.#planned.length > 1 && this.#planned[0]!.boundary.number < number) this.#gap()
  }

  #gap(): void {
    const { boundary, end } = this.#planned.shift()!
    this.gaps++
    this.#writer.gap(boundary, end ?? boundary.start)
  }

  #drop(): void {
    if (this.#state === 'waiting') return
    this.#state = 'waiting'
    this.#held = []
    this.#crossed.clear()
    if (this.#writer.abandon() === 'published') this.#planned.shift()
  }

  #enter(first: Frame): void {
    const at = this.#planned.findLastIndex(
      ({ boundary }) => boundary.start <= first.pts + AT_BOUNDARY,
    )
    const boundary = this.#planned[at]?.boundary
    if (boundary === undefined || boundary.number < this.#enterAt) return
    if (first.pts - boundary.start > AT_BOUNDARY && first.track === 'pictures') return
    for (let i = 0; i < at; i++) this.#gap()
    this.#state = 'open'
    this.#leading = 'dropped'
    this.#writer.begin(boundary)
    this.#take(first)
    const ahead = this.#ahead
    this.#ahead = []
    for (const frame of ahead) {
      if (frame.pts >= boundary.start - ROUNDING) this.#take(frame)
      else this.dropped++
    }
  }

  #keepAhead(frame: Frame): void {
    this.#ahead.push(frame)
    if (this.#ahead.length <= AHEAD_MOST) return
    this.#ahead.shift()
    this.dropped++
  }

  #take(frame: Frame): void {
    const next = this.#planned[1]?.boundary
    if (next === undefined || !this.#isBehind(frame, next)) return this.#write(frame)
    this.#crossed.add(frame.track)
    this.#held.push(frame)
    const late = frame.pts - next.start > this.#patience || this.#held.length > HELD_MOST
    if (late || this.#crossed.size === this.#tracks.size) this.#turn()
  }

  #isBehind({ track, pts }: Frame, next: Boundary): boolean {
    return this.#crossed.has(track) || pts >= next.start - (track === 'pictures' ? 0 : ROUNDING)
  }

  #turn(): void {
    const held = this.#held
    const done = this.#planned.shift()!
    const next = this.#planned[0]!.boundary
    this.#held = []
    this.#crossed.clear()
    this.#writer.end(done.end ?? next.start, firstPicture(held))
    this.#writer.begin(next)
    for (const frame of held) this.#take(frame)
  }

  #write(frame: Frame): void {
    if ('picture' in frame) this.#writer.picture(frame.picture)
    else this.#writer.sound(frame.track, frame.sound)
  }
}

function firstPicture(frames: readonly Frame[]): Picture | undefined {
  for (const frame of frames) if ('picture' in frame) return frame.picture
  return undefined
}
