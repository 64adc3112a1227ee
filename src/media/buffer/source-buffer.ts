import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { TimelineSegment } from './timeline-segment.ts'

/** A larger step of the leading track is a jump, not a low frame rate. */
const MIN_JUMP_TICKS = 90_000
const MIN_JUMP_FRAMES = 8
/** Backward step up to which timestamps do not jump (reordered arrival of damaged streams). */
const MAX_BACKWARD_TICKS = 9_000
/** Limits of a source's buffer (DESIGN.md, section 4). */
export const MAX_BUFFERED = { seconds: 12, bytes: 64 * 1024 * 1024 } as const
/** Audio may precede the first picture of a new timeline by this much: a transcoder delays the video. */
const MAX_EARLY_AUDIO_TICKS = 5 * 90_000
const MAX_REMEMBERED_PICTURES = 1_024
/** Read-ahead of a source that is paced by us, beyond the latency. */
const MAX_PACED_AHEAD_MS = 2_000

export interface SourceBufferOptions {
  readonly live: boolean
  readonly recoveryPoints: boolean
  readonly latencyMs: number
  /** Held back in addition to the latency. */
  readonly delayMs: number
  /**
   * A playlist arrives by the segment, and after a reconnect may bring again what it brought before: that is not played
   * again.
   */
  readonly arrives: 'steadily' | 'by_segment'
}

/** Tracks of the program that the source has. */
export interface BufferLayout {
  readonly hasVideo: boolean
  readonly hasAudio: readonly boolean[]
}

/** Next index of each track that a bus reads in a segment; +Infinity where it reads none. */
export interface Position {
  readonly video: number
  readonly audio: readonly number[]
}

export type PositionOf = (segment: TimelineSegment) => Position | undefined

/** Buffered media of one source: bounded, filled all the time, read by any number of buses. */
export class SourceBuffer {
  readonly #options: SourceBufferOptions
  #live: boolean
  readonly #readers = new Set<PositionOf>()
  readonly #segments: TimelineSegment[] = []
  /** Size by DTS of the pictures received last: a reconnected playlist brings them again. */
  readonly #remembered = new Map<number, number>()
  #layout: BufferLayout = { hasVideo: true, hasAudio: [] }
  #startsSegment = true
  /** Cause of the newest segment: only around a jump do two timelines mix. */
  #newestStartedBy: 'announced' | 'jump' = 'announced'
  #catchingUp: { readonly afterDts: number } | undefined
  #jumps = 0
  #dropped = 0

  constructor(options: SourceBufferOptions) {
    this.#options = options
    this.#live = options.live
  }

  get live(): boolean {
    return this.#live
  }

  /** A playlist is found to be live or recorded only when it is read. */
  setLive(live: boolean): void {
    this.#live = live
  }

  get segments(): readonly TimelineSegment[] {
    return this.#segments
  }

  get newest(): TimelineSegment | undefined {
    return this.#segments.at(-1)
  }

  /** Segment to enter: the newest of a live source; the first of a finite source, behind the one on air, that can be played. */
  segmentToEnter(onAirSegment: TimelineSegment | undefined): TimelineSegment | undefined {
    if (this.live) return this.newest
    const from = onAirSegment === undefined ? 0 : this.#segments.indexOf(onAirSegment) + 1
    return this.#segments.find((segment, at) => at >= from && !segment.exhausted)
  }

  get jumps(): number {
    return this.#jumps
  }

  /** Units never stored: before the first random access point, repeated after a reconnect, beyond the limits. */
  get dropped(): number {
    return this.#dropped
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  get heldMs(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.heldTicks, 0) / 90
  }

  burstMs(segment: TimelineSegment): number {
    return segment.edge.burstMs(this.#options.latencyMs, this.#options.arrives)
  }

  /** Time that a unit rests in the buffer before it is due, milliseconds. */
  delayMs(segment: TimelineSegment): number {
    return this.#options.latencyMs + this.#options.delayMs + (this.live ? this.burstMs(segment) : 0)
  }

  /** Source time due at wall time `now`; +Infinity for a source that is paced by us, −Infinity before any unit. */
  duePts(segment: TimelineSegment, now: number): number {
    if (!this.live) return Number.POSITIVE_INFINITY
    const edge = segment.edge.offset
    if (edge === undefined) return Number.NEGATIVE_INFINITY
    return (now - edge - this.delayMs(segment)) * 90
  }

  addReader(position: PositionOf): () => void {
    this.#readers.add(position)
    return () => this.#readers.delete(position)
  }

  /** Sets the announced tracks; the next unit starts a new segment. */
  setLayout(layout: BufferLayout): void {
    this.#layout = layout
    this.breakTimeline()
  }

  /** The reader (re)started: the next unit starts a new segment. */
  breakTimeline(): void {
    this.newest?.close()
    this.#startsSegment = true
  }

  /** The contents no longer fit the program: no bus may enter them; a bus that plays them plays them to the end. */
  clear(): void {
    this.breakTimeline()
    this.#segments.length = 0
  }

  addVideo(unit: AccessUnit, now: number): void {
    const segment = this.#segmentFor(unit, now, 'leading')
    if (segment === undefined || !segment.addVideo(unit, now)) this.#dropped++
    else {
      this.#remember(unit)
      if (!this.live) this.#dropToRap(segment)
    }
  }

  addAudio(track: number, unit: AccessUnit, now: number): void {
    const leads = !this.#layout.hasVideo && track === 0
    const segment = this.#segmentFor(unit, now, leads ? 'leading' : 'following')
    if (segment === undefined) this.#dropped++
    else segment.addAudio(track, unit, now)
  }

  /** True when a finite source is read far enough ahead, or the buffer exceeds its bytes. */
  get full(): boolean {
    if (this.bytes > MAX_BUFFERED.bytes) return true
    if (this.live) return false
    const ahead = this.#segments.reduce((sum, segment) => sum + this.#ticksAhead(segment), 0)
    return ahead > (this.#options.latencyMs + MAX_PACED_AHEAD_MS) * 90
  }

  /** Media still to be played, in ticks: from the reader's position, else from the first unplayed unit. */
  #ticksAhead(segment: TimelineSegment): number {
    const read = this.#positionsIn(segment).map((at) => leadingIndexOf(segment, at))
    const from = Math.min(...read)
    return segment.ticksFrom(Number.isFinite(from) ? from : segment.firstUnplayedRap())
  }

  /** A reader left in the middle of a group: drops up to the next random access point. */
  #dropToRap(segment: TimelineSegment): void {
    if (segment.firstUnplayedRap() !== undefined) return
    const read = this.#positionsIn(segment).map((at) => leadingIndexOf(segment, at))
    segment.dropBefore(Math.min(Number.POSITIVE_INFINITY, ...read))
  }

  #positionsIn(segment: TimelineSegment): Position[] {
    return [...this.#readers].map((at) => at(segment)).filter((at) => at !== undefined)
  }

  /** Drops what no bus needs and no take could enter at. */
  trim(now: number): void {
    let passed = this.live
    for (const segment of this.#segments.toReversed()) {
      const here = this.#positionsIn(segment)
      this.#trimSegment(segment, here, now)
      const over = passed || segment.exhausted
      if (here.length === 0 && over && segment !== this.newest) {
        this.#segments.splice(this.#segments.indexOf(segment), 1)
      }
      // A finite source is kept from its readers' positions on.
      passed ||= here.length > 0
    }
  }

  #trimSegment(segment: TimelineSegment, here: readonly Position[], now: number): void {
    const read = here.map((at) => leadingIndexOf(segment, at))
    const keep = this.live
      ? this.#oldestRapToKeep(segment, now)
      : this.#oldestUnplayedToKeep(segment, read)
    segment.dropBefore(Math.min(keep, ...read))
    if (segment.hasVideo) this.#trimAudio(segment, here, now)
  }

  /** A finite source moves with its readers, and waits at the random access point after the place where they left. */
  #oldestUnplayedToKeep(segment: TimelineSegment, read: readonly number[]): number {
    if (read.some((index) => Number.isFinite(index))) return Number.POSITIVE_INFINITY
    return segment.firstUnplayedRap() ?? Number.POSITIVE_INFINITY
  }

  #oldestRapToKeep(segment: TimelineSegment, now: number): number {
    const due = segment.rapAtOrBefore(this.duePts(segment, now)) ?? 0
    return Math.max(due, this.#limitIndex(segment))
  }

  #trimAudio(segment: TimelineSegment, here: readonly Position[], now: number): void {
    const videoPts =
      segment.video(segment.videoStart())?.unit.pts ?? this.#oldestAudioToKeep(segment, now)
    segment.hasAudio.forEach((_, track) => {
      const read = here
        .map((at) => segment.audio(track, at.audio[track] ?? 0)?.unit.pts)
        .filter((pts) => pts !== undefined)
      segment.dropAudioBefore(track, Math.min(videoPts, ...read))
    })
  }

  /** PTS from which audio is kept while no picture can be entered at. */
  #oldestAudioToKeep(segment: TimelineSegment, now: number): number {
    if (!Number.isNaN(segment.newestDts))
      return Math.min(this.duePts(segment, now), segment.newestDts)
    return (segment.audioEnd(0) ?? 0) - MAX_EARLY_AUDIO_TICKS
  }

  /** Index of the random access point up to which the oldest is dropped beyond the limits; 0 within them. */
  #limitIndex(segment: TimelineSegment): number {
    const seconds = MAX_BUFFERED.seconds + this.burstMs(segment) / 1_000
    if (segment.heldTicks <= seconds * 90_000 && segment.bytes <= MAX_BUFFERED.bytes) return 0
    const raps = segment.rapIndices()
    return raps.find((index) => index > segment.videoStart()) ?? segment.videoEnd
  }

  #segmentFor(
    unit: AccessUnit,
    now: number,
    role: 'leading' | 'following',
  ): TimelineSegment | undefined {
    if (this.#startsSegment) {
      // Only its video shows that a playlist repeats itself. Otherwise nothing of the old timeline comes after an
      // announced break: the audio of the new one may come first.
      const undecided = this.#options.arrives === 'by_segment' && this.#layout.hasVideo
      if (role === 'following' && undecided && this.newest !== undefined)
        return this.#nearestSegment(unit)
      const segment = this.#startSegment(unit, 'announced')
      return role === 'leading' && this.#skipsRepeated(unit) ? undefined : segment
    }
    const newest = this.newest!
    if (role === 'leading') {
      if (this.#skipsRepeated(unit)) return undefined
      if (!this.#isJump(newest, unit)) return newest
      this.#jumps++
      newest.close()
      return this.#startSegment(unit, 'jump')
    }
    return this.#nearestSegment(unit) ?? newest
  }

  #startSegment(unit: AccessUnit, how: 'announced' | 'jump'): TimelineSegment {
    this.#newestStartedBy = how
    const previous = this.newest
    const repeats =
      this.#options.arrives === 'by_segment' && this.#remembered.get(unit.dts) === unit.data.length
    this.#catchingUp =
      repeats && previous !== undefined ? { afterDts: previous.newestDts } : undefined
    if (!repeats) this.#remembered.clear()
    const segment = new TimelineSegment({
      hasVideo: this.#layout.hasVideo,
      hasAudio: this.#layout.hasAudio,
      recoveryPoints: this.#options.recoveryPoints,
    })
    this.#startsSegment = false
    this.#segments.push(segment)
    return segment
  }

  /** After a reconnect to the same timeline: true for a unit that was received before. */
  #skipsRepeated(unit: AccessUnit): boolean {
    if (this.#catchingUp === undefined) return false
    if (unit.dts <= this.#catchingUp.afterDts) return true
    this.#catchingUp = undefined
    return false
  }

  #isJump(segment: TimelineSegment, unit: AccessUnit): boolean {
    if (Number.isNaN(segment.newestDts)) return false
    const step = unit.dts - segment.newestDts
    return (
      step < -MAX_BACKWARD_TICKS ||
      step > Math.max(MIN_JUMP_TICKS, MIN_JUMP_FRAMES * segment.frameTicks)
    )
  }

  /** Around a jump, audio of the old timeline still arrives: the segment with the nearest times. */
  #nearestSegment(unit: AccessUnit): TimelineSegment | undefined {
    const candidates = this.#segments.slice(this.#newestStartedBy === 'jump' ? -2 : -1)
    let best: TimelineSegment | undefined
    let distance = Number.POSITIVE_INFINITY
    for (const segment of candidates) {
      const far = Number.isNaN(segment.newestDts) ? 0 : Math.abs(unit.dts - segment.newestDts)
      if (far <= distance) {
        best = segment
        distance = far
      }
    }
    return best
  }

  #remember(unit: AccessUnit): void {
    this.#remembered.set(unit.dts, unit.data.length)
    if (this.#remembered.size > MAX_REMEMBERED_PICTURES) {
      this.#remembered.delete(this.#remembered.keys().next().value!)
    }
  }
}

const leadingIndexOf = (segment: TimelineSegment, at: Position): number =>
  segment.hasVideo ? at.video : (at.audio[0] ?? 0)
