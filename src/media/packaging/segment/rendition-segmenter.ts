import type { Ticks90k } from '../../../contract/time.ts'
import type { Boundary } from './grid.ts'
import type { VideoFrame, SegmentWriter, AudioFrame } from './segment-writer.ts'

export interface RenditionSegmenterOptions {
  readonly writer: SegmentWriter
  readonly video: 'with' | 'without'
  /** Indices of its audio tracks. */
  readonly audioTracks: readonly number[]
  /** A track that has not reached a boundary when another is this far past it is not waited for. Ticks. */
  readonly maxWaitTicks: number
}

interface PlannedSegment {
  readonly boundary: Boundary
  /** Where it ends; known once the next one is planned. */
  end: Ticks90k | undefined
  closedAtMs: number
}

type Frame =
  | { readonly track: 'pictures'; readonly pts: Ticks90k; readonly picture: VideoFrame }
  | { readonly track: number; readonly pts: Ticks90k; readonly sound: AudioFrame }

/** Frames that wait for other tracks to reach a boundary: far above what a segment has, so that memory is bounded. */
const MAX_HELD_FRAMES = 20_000
/** Sound that comes before the first picture of a segment that is waited for. */
const MAX_AHEAD_FRAMES = 1_000
/** A key frame that an encoder was made to put at a boundary stands there, but for rounding. */
const MAX_BOUNDARY_OFFSET_TICKS = 900
/** Sound on a grid that does not divide 90 kHz. */
const ROUNDING = 0.5

/**
 * Puts the frames of one rendition into the segments of the grid: pictures from the first one, in decoding order, that
 * is shown at the boundary or later; sound by its presentation time. A segment stays open until all tracks have reached
 * its end. Boundaries are planned before the frames that lie behind them come.
 */
export class RenditionSegmenter {
  readonly #writer: SegmentWriter
  readonly #tracks: ReadonlySet<Frame['track']>
  /** Where it enters: at a picture, or at a frame of the first audio track. */
  readonly #leadTrack: Frame['track']
  readonly #maxWaitTicks: number
  /** The segment that is open, or waited for, and those after it. */
  readonly #planned: PlannedSegment[] = []
  #state: 'open' | 'waiting' = 'waiting'
  /** It enters at no boundary below this number. */
  #firstNumber = 0
  #leading: 'kept' | 'dropped' = 'kept'
  readonly #crossed = new Set<Frame['track']>()
  #held: Frame[] = []
  #ahead: Frame[] = []
  /** Sound without a place: from before the segment that was entered. */
  dropped = 0
  gaps = 0

  constructor({ writer, video, audioTracks, maxWaitTicks }: RenditionSegmenterOptions) {
    this.#writer = writer
    this.#maxWaitTicks = maxWaitTicks
    this.#tracks = new Set(video === 'with' ? (['pictures', ...audioTracks] as const) : audioTracks)
    this.#leadTrack = video === 'with' ? 'pictures' : (audioTracks[0] ?? 0)
  }

  plan(boundary: Boundary, nowMs: number): void {
    const last = this.#planned.at(-1)
    if (last !== undefined) {
      last.end = boundary.end ?? boundary.start
      last.closedAtMs = nowMs
    }
    this.#planned.push({ boundary, end: undefined, closedAtMs: Number.POSITIVE_INFINITY })
    if (this.#firstNumber === Number.POSITIVE_INFINITY && boundary.isRejoin) {
      this.#firstNumber = boundary.number
    }
    this.#addGapsBefore(this.#firstNumber)
  }

  video(picture: VideoFrame): void {
    if (!this.#tracks.has('pictures')) return
    const { leading, rap } = picture.unit
    if (leading && this.#leading === 'dropped') return
    if (rap !== 'none') this.#leading = 'kept'
    const frame = { track: 'pictures', pts: picture.pts, picture } as const
    if (this.#state === 'open') this.#addFrame(frame)
    else if (rap !== 'none') this.#startSegment(frame)
  }

  audio(track: number, sound: AudioFrame): void {
    if (!this.#tracks.has(track)) return
    const frame = { track, pts: sound.pts, sound }
    if (this.#state === 'open') this.#addFrame(frame)
    else if (track === this.#leadTrack) this.#startSegment(frame)
    else this.#holdAhead(frame)
  }

  /** What comes next does not continue what came: the open segment is lost, and none is entered before a reentry. */
  restart(): void {
    this.#abandonSegment()
    this.#ahead = []
    this.#firstNumber = Number.POSITIVE_INFINITY
  }

  /** Boundaries that were closed `patienceMs` ago, and whose segment has not come, become gaps. */
  expire(nowMs: number, maxWaitMs: number): void {
    for (let head = this.#planned[0]; head !== undefined; head = this.#planned[0]) {
      if (head.closedAtMs + maxWaitMs > nowMs) return
      this.#abandonSegment()
      if (this.#planned[0] === head) this.#addGap()
    }
  }

  #addGapsBefore(number: number): void {
    if (this.#state === 'open' || number === Number.POSITIVE_INFINITY) return
    while (this.#planned.length > 1 && this.#planned[0]!.boundary.number < number) this.#addGap()
  }

  #addGap(): void {
    const { boundary, end } = this.#planned.shift()!
    this.gaps++
    this.#writer.gap(boundary, end ?? boundary.start)
  }

  #abandonSegment(): void {
    if (this.#state === 'waiting') return
    this.#state = 'waiting'
    this.#held = []
    this.#crossed.clear()
    if (this.#writer.abandon() === 'published') this.#planned.shift()
  }

  #startSegment(first: Frame): void {
    const at = this.#planned.findLastIndex(
      ({ boundary }) => boundary.start <= first.pts + MAX_BOUNDARY_OFFSET_TICKS,
    )
    const boundary = this.#planned[at]?.boundary
    if (boundary === undefined || boundary.number < this.#firstNumber) return
    if (first.pts - boundary.start > MAX_BOUNDARY_OFFSET_TICKS && first.track === 'pictures') return
    for (let i = 0; i < at; i++) this.#addGap()
    this.#state = 'open'
    this.#leading = 'dropped'
    this.#writer.begin(boundary)
    this.#addFrame(first)
    const ahead = this.#ahead
    this.#ahead = []
    for (const frame of ahead) {
      if (frame.pts >= boundary.start - ROUNDING) this.#addFrame(frame)
      else this.dropped++
    }
  }

  #holdAhead(frame: Frame): void {
    this.#ahead.push(frame)
    if (this.#ahead.length <= MAX_AHEAD_FRAMES) return
    this.#ahead.shift()
    this.dropped++
  }

  #addFrame(frame: Frame): void {
    const next = this.#planned[1]?.boundary
    if (next === undefined || !this.#isPast(frame, next)) return this.#write(frame)
    this.#crossed.add(frame.track)
    this.#held.push(frame)
    const late = frame.pts - next.start > this.#maxWaitTicks || this.#held.length > MAX_HELD_FRAMES
    if (late || this.#crossed.size === this.#tracks.size) this.#nextSegment()
  }

  #isPast({ track, pts }: Frame, next: Boundary): boolean {
    return this.#crossed.has(track) || pts >= next.start - (track === 'pictures' ? 0 : ROUNDING)
  }

  #nextSegment(): void {
    const held = this.#held
    const done = this.#planned.shift()!
    const next = this.#planned[0]!.boundary
    this.#held = []
    this.#crossed.clear()
    this.#writer.end(done.end ?? next.start, firstVideoFrame(held))
    this.#writer.begin(next)
    for (const frame of held) this.#addFrame(frame)
  }

  #write(frame: Frame): void {
    if ('picture' in frame) this.#writer.video(frame.picture)
    else this.#writer.audio(frame.track, frame.sound)
  }
}

function firstVideoFrame(frames: readonly Frame[]): VideoFrame | undefined {
  for (const frame of frames) if ('picture' in frame) return frame.picture
  return undefined
}
