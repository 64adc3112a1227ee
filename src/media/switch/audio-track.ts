import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { Playable } from '../buffer/playable.ts'
import type { SilentAudio } from './slate-loop.ts'

/** What an audio track plays from a splice on. */
export interface AudioFeed {
  /** Undefined: the source has no such track, silence stands in. */
  readonly playable: Playable | undefined
  /** Program time minus source time, before the rounding to the frame grid. */
  readonly offset: number
  /** Program time of the splice: the feed before goes on until its frames reach it. */
  readonly from: number
}

interface QueuedFeed extends AudioFeed {
  next: number
  /** Rounding to the program's audio frame grid, in ticks; undefined until the first frame. */
  shift: number | undefined
}

export type WriteAudio = (unit: AccessUnit, pts: Ticks90k) => void

/** How long the end of a starved track may stay behind the clock before silence is put in. Less than the mux delay. */
export const STARVED_TICKS = 120 * 90
/** More silence than this at once is not made good frame by frame: the host was paused. */
const FILL_LIMIT_TICKS = 2 * 90_000

/** One audio track of the program: frames from one feed after the other, on one grid, without a hole (DESIGN.md, 3.5). */
export class AudioTrack {
  readonly #track: number
  readonly #silence: SilentAudio | undefined
  readonly #write: WriteAudio
  readonly #feeds: QueuedFeed[] = []
  #end: number
  #silent = 0
  silenceInserted = 0
  framesDropped = 0

  constructor(options: {
    readonly track: number
    readonly start: number
    readonly silence: SilentAudio | undefined
    readonly write: WriteAudio
  }) {
    this.#track = options.track
    this.#end = options.start
    this.#silence = options.silence
    this.#write = options.write
  }

  /** Program time at which the last frame written ends. */
  get end(): number {
    return this.#end
  }

  /** The rounding in force for the newest feed, in ticks; undefined while an older one still plays. */
  get shift(): number | undefined {
    return this.#feeds.at(-1)?.shift
  }

  get settled(): boolean {
    return this.#feeds.length === 1 && this.#feeds[0]!.shift !== undefined
  }

  enqueue(feed: AudioFeed): void {
    // A feed that ends where it begins is never heard: cuts may follow each other faster than frames.
    while (this.#feeds.length > 1 && this.#feeds.at(-1)!.from >= feed.from) this.#feeds.pop()
    this.#feeds.push({
      ...feed,
      next: feed.playable?.audioStart(this.#track) ?? 0,
      shift: undefined,
    })
  }

  /** Where this track still reads `playable`, or undefined. */
  positionIn(playable: Playable): number | undefined {
    return this.#feeds.find((feed) => feed.playable === playable)?.next
  }

  /** True when what is heard is `playable`, and it has no frame left, whenever that would be due. */
  isDry(playable: Playable): boolean {
    this.#changeFeed()
    const feed = this.#feeds[0]
    if (feed === undefined || feed.playable !== playable) return false
    return (
      playable.audio(this.#track, Math.max(feed.next, playable.audioStart(this.#track))) ===
      undefined
    )
  }

  /** A hole is left on purpose: with no latency, or after the host was paused. */
  skipTo(time: number): void {
    if (time > this.#end) this.#end = time
  }

  /** Writes what is due at program time `clock`. */
  pump(clock: number): void {
    for (let budget = 4_096; budget > 0; budget--) {
      this.#changeFeed()
      const feed = this.#feeds[0]
      if (feed === undefined || !this.#step(feed, clock)) return
    }
  }

  #changeFeed(): void {
    while (this.#feeds.length > 1 && this.#end >= this.#feeds[1]!.from - this.#halfFrame()) {
      this.#feeds.shift()
    }
  }

  /** Frame length to reckon with where no frame is at hand. */
  #frame(): number {
    return this.#silence?.frameTicks ?? 1_920
  }

  #halfFrame(): number {
    return this.#frame() / 2
  }

  #step(feed: QueuedFeed, clock: number): boolean {
    const playable = feed.playable
    if (playable === undefined) return this.#fillSilence(clock)
    feed.next = Math.max(feed.next, playable.audioStart(this.#track))
    const unit = playable.audio(this.#track, feed.next)?.unit
    if (unit === undefined) return this.#starved(playable, clock)
    const half = unit.duration / 2
    const placed = unit.pts + feed.offset + (feed.shift ?? 0)
    const gap = placed - this.#end
    if (gap < -half) {
      // Before the splice, or overlapping what silence already stands for.
      feed.next++
      if (feed.shift !== undefined) this.framesDropped++
      return true
    }
    if (gap > half) return this.#fillSilence(clock)
    feed.shift ??= -gap
    const pts = unit.pts + feed.offset + feed.shift
    if (pts > clock) return false
    feed.next++
    playable.readTo(this.#track, feed.next)
    this.#emit(unit, pts)
    return true
  }

  #starved(playable: Playable, clock: number): boolean {
    const next = this.#feeds[1]
    if (next !== undefined && this.#end <= clock) {
      // The source that was left has no more: the next one takes over early, where it has frames from before the splice.
      this.#feeds.shift()
      return true
    }
    return this.#fillSilence(playable.closed ? clock : clock - STARVED_TICKS)
  }

  #fillSilence(until: number): boolean {
    if (this.#end > until) return false
    const silence = this.#silence
    if (silence === undefined || until - this.#end > FILL_LIMIT_TICKS) {
      this.#end = Math.max(this.#end, until)
      return false
    }
    const data = silence.frames[this.#silent++ % silence.frames.length]!
    const pts = ticks(this.#end)
    this.silenceInserted++
    const duration = silence.frameTicks
    this.#emit(
      { pid: 0, kind: 'audio', pts, dts: pts, entry: 'none', leading: false, duration, data },
      pts,
    )
    return true
  }

  #emit(unit: AccessUnit, pts: number): void {
    this.#write(unit, ticks(pts))
    this.#end = pts + unit.duration
  }
}
