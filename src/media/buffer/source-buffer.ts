import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { Stretch } from './stretch.ts'

/** A step of the leading track above this is a jump, not a slow picture rate. */
const JUMP_TICKS = 90_000
const JUMP_FRAMES = 8
/** How far back times may step without being a jump (reordered arrival of damaged streams). */
const BACK_TICKS = 9_000
/** DESIGN.md, section 4: what a source's buffer may hold. */
export const BUFFER_LIMIT = { seconds: 12, bytes: 64 * 1024 * 1024 } as const
/** Sound may come this much before the first picture of a new timeline: a transcoder holds the pictures for a while. */
const EARLY_AUDIO_TICKS = 5 * 90_000
const REMEMBERED_PICTURES = 1_024
/** How far ahead of its play-out a source that is paced by us is read, on top of the latency. */
const PACED_AHEAD_MS = 2_000

export interface SourceBufferOptions {
  readonly live: boolean
  readonly recoveryPoints: boolean
  readonly latencyMs: number
  /** Held back in addition to the latency. */
  readonly delayMs: number
  /**
   * Playlists arrive by the segment, and a reconnected reader may bring again what it brought before: that is not played
   * again.
   */
  readonly arrives: 'steadily' | 'by_segment'
}

/** Which of the program's tracks the source has. */
export interface BufferLayout {
  readonly hasVideo: boolean
  readonly hasAudio: readonly boolean[]
}

/** What a bus still needs of a stretch: the next index of each track, +Infinity where it reads none. */
export interface Position {
  readonly video: number
  readonly audio: readonly number[]
}

export type PositionOf = (stretch: Stretch) => Position | undefined

/** Everything of one source that rests in Sluice: bounded, always being filled, read by any number of buses. */
export class SourceBuffer {
  readonly #options: SourceBufferOptions
  #live: boolean
  readonly #readers = new Set<PositionOf>()
  readonly #stretches: Stretch[] = []
  /** DTS and size of the pictures received last: a reconnected playlist brings them again. */
  readonly #remembered = new Map<number, number>()
  #layout: BufferLayout = { hasVideo: true, hasAudio: [] }
  #fresh = true
  /** How the newest stretch came to be: only around a jump do two timelines mix. */
  #began: 'announced' | 'jump' = 'announced'
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

  /** Whether a playlist is live or recorded is known only once it is read. */
  setLive(live: boolean): void {
    this.#live = live
  }

  get stretches(): readonly Stretch[] {
    return this.#stretches
  }

  get newest(): Stretch | undefined {
    return this.#stretches.at(-1)
  }

  /** The stretch to enter: the newest of a live source, the one where a finite source waits. */
  next(onAir: Stretch | undefined): Stretch | undefined {
    if (this.live) return this.newest
    const from = onAir === undefined ? 0 : this.#stretches.indexOf(onAir) + 1
    return this.#stretches.find((stretch, at) => at >= from && !stretch.exhausted)
  }

  get jumps(): number {
    return this.#jumps
  }

  /** Units that never got a place: before the first entry point, repeated after a reconnect, past the limits. */
  get dropped(): number {
    return this.#dropped
  }

  get bytes(): number {
    return this.#stretches.reduce((sum, stretch) => sum + stretch.bytes, 0)
  }

  get heldMs(): number {
    return this.#stretches.reduce((sum, stretch) => sum + stretch.heldTicks, 0) / 90
  }

  burstMs(stretch: Stretch): number {
    return stretch.edge.burst(this.#options.latencyMs, this.#options.arrives)
  }

  /** Rest of a unit in the buffer before it is due, milliseconds. */
  delayMs(stretch: Stretch): number {
    return this.#options.latencyMs + this.#options.delayMs + (this.live ? this.burstMs(stretch) : 0)
  }

  /** Source time that is due at wall time `now`; +Infinity for a source that is paced by us, −Infinity before any unit. */
  duePts(stretch: Stretch, now: number): number {
    if (!this.live) return Number.POSITIVE_INFINITY
    const edge = stretch.edge.offset
    if (edge === undefined) return Number.NEGATIVE_INFINITY
    return (now - edge - this.delayMs(stretch)) * 90
  }

  watch(position: PositionOf): () => void {
    this.#readers.add(position)
    return () => this.#readers.delete(position)
  }

  /** The tracks were announced or changed: what follows stands on its own. */
  setLayout(layout: BufferLayout): void {
    this.#layout = layout
    this.breakTimeline()
  }

  /** The reader (re)started: what comes next is a new stretch. */
  breakTimeline(): void {
    this.newest?.close()
    this.#fresh = true
  }

  /** What is here is not what the program takes any more: nobody may enter it. Who plays it plays it to its end. */
  forget(): void {
    this.breakTimeline()
    this.#stretches.length = 0
  }

  addVideo(unit: AccessUnit, now: number): void {
    const stretch = this.#stretchFor(unit, now, 'leading')
    if (stretch === undefined || !stretch.addVideo(unit, now)) this.#dropped++
    else {
      this.#remember(unit)
      if (!this.live) this.#skipToEntry(stretch)
    }
  }

  addAudio(track: number, unit: AccessUnit, now: number): void {
    const leads = !this.#layout.hasVideo && track === 0
    const stretch = this.#stretchFor(unit, now, leads ? 'leading' : 'following')
    if (stretch === undefined) this.#dropped++
    else stretch.addAudio(track, unit, now)
  }

  /** True when a finite source has enough ahead, or a live one floods. */
  get full(): boolean {
    if (this.bytes > BUFFER_LIMIT.bytes) return true
    if (this.live) return false
    const ahead = this.#stretches.reduce((sum, stretch) => sum + this.#ahead(stretch), 0)
    return ahead > (this.#options.latencyMs + PACED_AHEAD_MS) * 90
  }

  /** Media still to be played: from where it is read, else from where it waits. Ticks. */
  #ahead(stretch: Stretch): number {
    const read = this.#positionsIn(stretch).map((at) => leadingOf(stretch, at))
    const from = Math.min(...read)
    return stretch.ticksFrom(Number.isFinite(from) ? from : stretch.entryWaiting())
  }

  /** Left in the middle of a group: what comes before the next entry point is of no use to anyone. */
  #skipToEntry(stretch: Stretch): void {
    if (stretch.entryWaiting() !== undefined) return
    const read = this.#positionsIn(stretch).map((at) => leadingOf(stretch, at))
    stretch.dropBefore(Math.min(Number.POSITIVE_INFINITY, ...read))
  }

  #positionsIn(stretch: Stretch): Position[] {
    return [...this.#readers].map((at) => at(stretch)).filter((at) => at !== undefined)
  }

  /** Forgets what no bus needs and no take could enter at. */
  trim(now: number): void {
    let passed = this.live
    for (const stretch of this.#stretches.toReversed()) {
      const here = this.#positionsIn(stretch)
      this.#trimStretch(stretch, here, now)
      const over = passed || stretch.exhausted
      if (here.length === 0 && over && stretch !== this.newest) {
        this.#stretches.splice(this.#stretches.indexOf(stretch), 1)
      }
      // A finite source is kept from where its readers are.
      passed ||= here.length > 0
    }
  }

  #trimStretch(stretch: Stretch, here: readonly Position[], now: number): void {
    const read = here.map((at) => leadingOf(stretch, at))
    const keep = this.live ? this.#oldestEntryToKeep(stretch, now) : this.#standstill(stretch, read)
    stretch.dropBefore(Math.min(keep, ...read))
    if (stretch.hasVideo) this.#trimAudio(stretch, here, now)
  }

  /** A finite source goes with its readers, and waits where they left it, at the next entry point. */
  #standstill(stretch: Stretch, read: readonly number[]): number {
    if (read.some((index) => Number.isFinite(index))) return Number.POSITIVE_INFINITY
    return stretch.entryWaiting() ?? Number.POSITIVE_INFINITY
  }

  #oldestEntryToKeep(stretch: Stretch, now: number): number {
    const due = stretch.entryAtOrBefore(this.duePts(stretch, now)) ?? 0
    return Math.max(due, this.#limitIndex(stretch))
  }

  #trimAudio(stretch: Stretch, here: readonly Position[], now: number): void {
    const picture = stretch.video(stretch.videoStart())?.unit.pts ?? this.#audioFloor(stretch, now)
    stretch.hasAudio.forEach((_, track) => {
      const read = here
        .map((at) => stretch.audio(track, at.audio[track] ?? 0)?.unit.pts)
        .filter((pts) => pts !== undefined)
      stretch.dropAudioBefore(track, Math.min(picture, ...read))
    })
  }

  /** Where to keep audio from while no picture has come that could be entered at. */
  #audioFloor(stretch: Stretch, now: number): number {
    if (!Number.isNaN(stretch.newestDts))
      return Math.min(this.duePts(stretch, now), stretch.newestDts)
    return (stretch.audioEnd(0) ?? 0) - EARLY_AUDIO_TICKS
  }

  /** Past the limits the oldest goes, up to an entry point; 0 while within them. */
  #limitIndex(stretch: Stretch): number {
    const seconds = BUFFER_LIMIT.seconds + this.burstMs(stretch) / 1_000
    if (stretch.heldTicks <= seconds * 90_000 && stretch.bytes <= BUFFER_LIMIT.bytes) return 0
    const entries = stretch.entryIndices()
    return entries.find((index) => index > stretch.videoStart()) ?? stretch.videoEnd
  }

  #stretchFor(unit: AccessUnit, now: number, role: 'leading' | 'following'): Stretch | undefined {
    if (this.#fresh) {
      // Whether a playlist repeats itself is told by its pictures. Else nothing of the old timeline comes after an
      // announced break: the new one's sound may come first.
      const undecided = this.#options.arrives === 'by_segment' && this.#layout.hasVideo
      if (role === 'following' && undecided && this.newest !== undefined) return this.#nearest(unit)
      return this.#begin(unit, 'announced')
    }
    const newest = this.newest!
    if (role === 'leading') {
      if (this.#skipsRepeated(unit)) return undefined
      if (!this.#jumped(newest, unit)) return newest
      this.#jumps++
      newest.close()
      return this.#begin(unit, 'jump')
    }
    return this.#nearest(unit) ?? newest
  }

  #begin(unit: AccessUnit, how: 'announced' | 'jump'): Stretch {
    this.#began = how
    const previous = this.newest
    const repeats =
      this.#options.arrives === 'by_segment' && this.#remembered.get(unit.dts) === unit.data.length
    this.#catchingUp =
      repeats && previous !== undefined ? { afterDts: previous.newestDts } : undefined
    if (!repeats) this.#remembered.clear()
    const stretch = new Stretch({
      hasVideo: this.#layout.hasVideo,
      hasAudio: this.#layout.hasAudio,
      recoveryPoints: this.#options.recoveryPoints,
    })
    this.#fresh = false
    this.#stretches.push(stretch)
    return stretch
  }

  /** After a reconnect to the same timeline: what was received before is not taken again. */
  #skipsRepeated(unit: AccessUnit): boolean {
    if (this.#catchingUp === undefined) return false
    if (unit.dts <= this.#catchingUp.afterDts) return true
    this.#catchingUp = undefined
    return false
  }

  #jumped(stretch: Stretch, unit: AccessUnit): boolean {
    if (Number.isNaN(stretch.newestDts)) return false
    const step = unit.dts - stretch.newestDts
    return step < -BACK_TICKS || step > Math.max(JUMP_TICKS, JUMP_FRAMES * stretch.frameTicks)
  }

  /** Around a jump, audio of the old timeline still arrives: it belongs where its times are nearest. */
  #nearest(unit: AccessUnit): Stretch | undefined {
    const candidates = this.#stretches.slice(this.#began === 'jump' ? -2 : -1)
    let best: Stretch | undefined
    let distance = Number.POSITIVE_INFINITY
    for (const stretch of candidates) {
      const far = Number.isNaN(stretch.newestDts) ? 0 : Math.abs(unit.dts - stretch.newestDts)
      if (far <= distance) {
        best = stretch
        distance = far
      }
    }
    return best
  }

  #remember(unit: AccessUnit): void {
    this.#remembered.set(unit.dts, unit.data.length)
    if (this.#remembered.size > REMEMBERED_PICTURES) {
      this.#remembered.delete(this.#remembered.keys().next().value!)
    }
  }
}

const leadingOf = (stretch: Stretch, at: Position): number =>
  stretch.hasVideo ? at.video : (at.audio[0] ?? 0)
