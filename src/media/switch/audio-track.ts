import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { Playable } from '../buffer/playable.ts'
import type { SilentAudio } from './slate-loop.ts'

/** Source of an audio track from a splice on. */
export interface AudioSplice {
  /** Undefined: the source has no such track; silence is written. */
  readonly playable: Playable | undefined
  /** Program time minus source time, before the rounding to the frame grid. */
  readonly offset: number
  /** Program time of the splice: the previous one plays until its frames reach it. */
  readonly from: number
}

interface QueuedAudioSplice extends AudioSplice {
  next: number
  /** Rounding to the program's audio frame grid, in ticks; undefined until the first frame. */
  shift: number | undefined
}

export type WriteAudio = (unit: AccessUnit, pts: Ticks90k) => void

/** Lag of a starved track's end behind the clock before silence is inserted. Less than the mux delay. */
export const MAX_STARVED_TICKS = 120 * 90
/** A longer gap is not filled with silence frame by frame: the host was paused. */
const MAX_FILL_TICKS = 2 * 90_000

/** One audio track of the program: the frames of one splice after the other, on one grid, without a hole (DESIGN.md, 3.5). */
export class AudioTrack {
  readonly #track: number
  readonly #silence: SilentAudio | undefined
  readonly #write: WriteAudio
  readonly #queue: QueuedAudioSplice[] = []
  #end: number
  #silenceIndex = 0
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

  /** Rounding of the newest splice, in ticks; undefined while an older one still plays. */
  get shift(): number | undefined {
    return this.#queue.at(-1)?.shift
  }

  get isSettled(): boolean {
    return this.#queue.length === 1 && this.#queue[0]!.shift !== undefined
  }

  enqueue(splice: AudioSplice): void {
    // A splice that ends where it starts is never played: cuts may follow each other faster than frames.
    while (this.#queue.length > 1 && this.#queue.at(-1)!.from >= splice.from) this.#queue.pop()
    this.#queue.push({
      ...splice,
      next: splice.playable?.audioStart(this.#track) ?? 0,
      shift: undefined,
    })
  }

  /** Index that this track reads next in `playable`, or undefined. */
  positionIn(playable: Playable): number | undefined {
    return this.#queue.find((splice) => splice.playable === playable)?.next
  }

  /** True when `playable` is played and has no frame left, whenever that would be due. */
  hasUnderrun(playable: Playable): boolean {
    this.#advanceQueue()
    const splice = this.#queue[0]
    if (splice === undefined || splice.playable !== playable) return false
    return (
      playable.audio(this.#track, Math.max(splice.next, playable.audioStart(this.#track))) ===
      undefined
    )
  }

  /** Leaves a hole on purpose: with latency 0, or after the host was paused. */
  skipTo(time: number): void {
    if (time > this.#end) this.#end = time
  }

  /** Writes what is due at program time `clock`. */
  pump(clock: number): void {
    for (let budget = 4_096; budget > 0; budget--) {
      this.#advanceQueue()
      const splice = this.#queue[0]
      if (splice === undefined || !this.#step(splice, clock)) return
    }
  }

  #advanceQueue(): void {
    while (this.#queue.length > 1 && this.#end >= this.#queue[1]!.from - this.#halfFrameTicks()) {
      this.#queue.shift()
    }
  }

  /** Frame length where no frame is at hand. */
  #frameTicks(): number {
    return this.#silence?.frameTicks ?? 1_920
  }

  #halfFrameTicks(): number {
    return this.#frameTicks() / 2
  }

  #step(splice: QueuedAudioSplice, clock: number): boolean {
    const playable = splice.playable
    if (playable === undefined) return this.#fillSilence(clock)
    splice.next = Math.max(splice.next, playable.audioStart(this.#track))
    const unit = playable.audio(this.#track, splice.next)?.unit
    if (unit === undefined) return this.#onStarved(playable, clock)
    const half = unit.duration / 2
    const placed = unit.pts + splice.offset + (splice.shift ?? 0)
    const gap = placed - this.#end
    if (gap < -half) {
      // Before the splice, or overlapping silence already written.
      splice.next++
      if (splice.shift !== undefined) this.framesDropped++
      return true
    }
    if (gap > half) return this.#fillSilence(clock)
    splice.shift ??= -gap
    const pts = unit.pts + splice.offset + splice.shift
    if (pts > clock) return false
    splice.next++
    playable.markRead(this.#track, splice.next)
    this.#emit(unit, pts)
    return true
  }

  #onStarved(playable: Playable, clock: number): boolean {
    const next = this.#queue[1]
    if (next !== undefined && this.#end <= clock) {
      // The source that was left has no more frames: the next one takes over early, with frames from before the splice.
      this.#queue.shift()
      return true
    }
    return this.#fillSilence(playable.closed ? clock : clock - MAX_STARVED_TICKS)
  }

  #fillSilence(until: number): boolean {
    if (this.#end > until) return false
    const silence = this.#silence
    if (silence === undefined || until - this.#end > MAX_FILL_TICKS) {
      this.#end = Math.max(this.#end, until)
      return false
    }
    const data = silence.frames[this.#silenceIndex++ % silence.frames.length]!
    const pts = ticks(this.#end)
    this.silenceInserted++
    const duration = silence.frameTicks
    this.#emit(
      { pid: 0, kind: 'audio', pts, dts: pts, rap: 'none', leading: false, duration, data },
      pts,
    )
    return true
  }

  #emit(unit: AccessUnit, pts: number): void {
    this.#write(unit, ticks(pts))
    this.#end = pts + unit.duration
  }
}
