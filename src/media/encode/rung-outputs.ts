import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { LadderTrack } from '../../ffmpeg/ladder-arguments.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** Called as the encoder writes, DTS rising strictly per track; rungs and tracks are not ordered among each other. */
export interface RungSink {
  /** Times are program time, exact: a key frame forced at a random access point of the program has exactly its PTS. */
  video(
    rung: number,
    unit: AccessUnit,
    times: { readonly pts: Ticks90k; readonly dts: Ticks90k },
  ): void
  /** `pts` may be fractional. The first frame after a start is the encoder's priming: it ends where the sound begins. */
  audio(rung: number, track: number, unit: AccessUnit, pts: Ticks90k): void
  /** What follows is not continuous with what was given before. Not called at the very first start. */
  restarted(): void
}

/** What all encoders of a program gave, one after the other, as one timeline for each track. */
export class RungOutputs {
  readonly #sink: RungSink
  /** By track of the output: DTS of the newest picture, or the end of the newest audio frame. */
  readonly #reached = new Map<number, number>()
  #state: 'empty' | 'given' | 'broken' = 'empty'

  constructor(sink: RungSink) {
    this.#sink = sink
  }

  /** What comes next does not follow on from what was given. */
  markBreak(): void {
    if (this.#state === 'given') this.#state = 'broken'
  }

  /** `unit` has program time. */
  addUnit(index: number, track: LadderTrack, unit: AccessUnit): void {
    if (this.#state === 'broken') {
      this.#reached.clear()
      this.#sink.restarted()
    }
    this.#state = 'given'
    if (track.kind === 'video') this.#video(index, track.rung, unit)
    else this.#audio(index, track, unit)
  }

  /** How far the slowest track has come; undefined before there was anything. */
  get reached(): number | undefined {
    return this.#reached.size === 0 ? undefined : Math.min(...this.#reached.values())
  }

  #video(index: number, rung: number, unit: AccessUnit): void {
    const last = this.#reached.get(index)
    const dts = last === undefined || unit.dts > last ? unit.dts : ticks(last + 1)
    // A picture that would be shown before it is decoded: an encoder that took over too early.
    if (dts > unit.pts) return
    this.#reached.set(index, dts)
    this.#sink.video(rung, { ...unit, dts }, { pts: unit.pts, dts })
  }

  #audio(index: number, track: LadderTrack & { readonly kind: 'audio' }, unit: AccessUnit): void {
    const last = this.#reached.get(index)
    // An encoder that takes over begins with its priming, where the one before has its last frame.
    if (last !== undefined && unit.pts < last - unit.duration / 2) return
    this.#reached.set(index, unit.pts + unit.duration)
    for (const rung of track.rungs) this.#sink.audio(rung, track.track, unit, unit.pts)
  }
}
