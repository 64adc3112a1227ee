import type { Ticks90k } from '../../../contract/time.ts'
import type { Boundary } from './grid.ts'
import type { VideoFrame, SegmentWriter, AudioFrame } from './segment-writer.ts'

export interface RenditionSegmenterOptions {
  readonly writer: SegmentWriter
  readonly video: 'with' | 'without'
  /** Indices of its audio tracks. */
  readonly audioTracks: readonly number[]
  /** Ticks that a track may lag behind another at a boundary; then it is not waited for. */
  readonly maxWaitTicks: number
}

interface PlannedSegment {
  readonly boundary: Boundary
  /** End of the segment; known once the next one is planned. */
  end: Ticks90k | undefined
  closedAtMs: number
}

type Frame =
  | { readonly track: 'video'; readonly pts: Ticks90k; readonly picture: VideoFrame }
  | { readonly track: number; readonly pts: Ticks90k; readonly audio: AudioFrame }

/** Limit of frames that wait for other tracks to reach a boundary: far above those of a segment, to bound memory. */
const MAX_HELD_FRAMES = 20_000
/** Limit of audio frames held before the first picture of a segment. */
const MAX_AHEAD_FRAMES = 1_000
/** Offset of a forced random access point from its boundary, by rounding. */
const MAX_BOUNDARY_OFFSET_TICKS = 900
/** Tolerance of audio on a grid that does not divide 90 kHz. */
const ROUNDING = 0.5

/**
 * Puts the frames of one rendition into the segments of the grid: pictures from the first one, in decoding order, that is
 * shown at the boundary or later; audio by its presentation time. A segment stays open until all tracks have reached
 * its end. Boundaries are planned before the frames behind them come.
 */
export class RenditionSegmenter {
  readonly #writer: SegmentWriter
  readonly #tracks: ReadonlySet<Frame['track']>
  /** Track by which a segment is entered: video, or the first audio track. */
  readonly #leadTrack: Frame['track']
  readonly #maxWaitTicks: number
  /** The open or awaited segment, and those after it. */
  readonly #planned: PlannedSegment[] = []
  #state: 'open' | 'waiting' = 'waiting'
  /** Number below which it enters at no boundary. */
  #firstNumber = 0
  #leading: 'kept' | 'dropped' = 'kept'
  readonly #crossed = new Set<Frame['track']>()
  #held: Frame[] = []
  #ahead: Frame[] = []
  /** Audio frames from before the segment that was entered. */
  dropped = 0
  gaps = 0

  constructor({ writer, video, audioTracks, maxWaitTicks }: RenditionSegmenterOptions) {
    this.#writer = writer
    this.#maxWaitTicks = maxWaitTicks
    this.#tracks = new Set(video === 'with' ? (['video', ...audioTracks] as const) : audioTracks)
    this.#leadTrack = video === 'with' ? 'video' : (audioTracks[0] ?? 0)
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
    if (!this.#tracks.has('video')) return
    const { leading, rap } = picture.unit
    if (leading && this.#leading === 'dropped') return
    if (rap !== 'none') this.#leading = 'kept'
    const frame = { track: 'video', pts: picture.pts, picture } as const
    if (this.#state === 'open') this.#addFrame(frame)
    else if (rap !== 'none') this.#startSegment(frame)
  }

  audio(track: number, audio: AudioFrame): void {
    if (!this.#tracks.has(track)) return
    const frame = { track, pts: audio.pts, audio }
    if (this.#state === 'open') this.#addFrame(frame)
    else if (track === this.#leadTrack) this.#startSegment(frame)
    else this.#holdAhead(frame)
  }

  /** The next frames do not continue those before: the open segment is lost, and none is entered before a rejoin. */
  restart(): void {
    this.#abandonSegment()
    this.#ahead = []
    this.#firstNumber = Number.POSITIVE_INFINITY
  }

  /** Boundaries closed `maxWaitMs` ago without their segment become gaps. */
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
    if (first.pts - boundary.start > MAX_BOUNDARY_OFFSET_TICKS && first.track === 'video') return
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
    return this.#crossed.has(track) || pts >= next.start - (track === 'video' ? 0 : ROUNDING)
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
    else this.#writer.audio(frame.track, frame.audio)
  }
}

function firstVideoFrame(frames: readonly Frame[]): VideoFrame | undefined {
  for (const frame of frames) if ('picture' in frame) return frame.picture
  return undefined
}
