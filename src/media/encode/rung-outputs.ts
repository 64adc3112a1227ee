import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { LadderTrack } from '../../ffmpeg/ladder-arguments.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** Called as the encoder writes, DTS rising strictly per track; rungs and tracks are not ordered among each other. */
export interface RungSink {
  /** Times are program time, exact: a random access point forced at one of the program has exactly its PTS. */
  video(
    rung: number,
    unit: AccessUnit,
    times: { readonly pts: Ticks90k; readonly dts: Ticks90k },
  ): void
  /** `pts` may be fractional. The first frame after a start is the encoder's priming: it ends where the audio starts. */
  audio(rung: number, track: number, unit: AccessUnit, pts: Ticks90k): void
  /** The next unit is not continuous with the last. Not called at the very first start. */
  restarted(): void
}

/** The output of consecutive encoders as one timeline for each track. */
export class RungOutputs {
  readonly #sink: RungSink
  /** By track of the output: DTS of the newest picture, or the end of the newest audio frame. */
  readonly #reached = new Map<number, number>()
  #state: 'empty' | 'given' | 'broken' = 'empty'

  constructor(sink: RungSink) {
    this.#sink = sink
  }

  /** The next unit is not continuous with the last. */
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

  /** Position of the slowest track; undefined before the first output. */
  get reached(): number | undefined {
    return this.#reached.size === 0 ? undefined : Math.min(...this.#reached.values())
  }

  #video(index: number, rung: number, unit: AccessUnit): void {
    const last = this.#reached.get(index)
    const dts = last === undefined || unit.dts > last ? unit.dts : ticks(last + 1)
    // A picture with PTS below DTS: an encoder that took over too early.
    if (dts > unit.pts) return
    this.#reached.set(index, dts)
    this.#sink.video(rung, { ...unit, dts }, { pts: unit.pts, dts })
  }

  #audio(index: number, track: LadderTrack & { readonly kind: 'audio' }, unit: AccessUnit): void {
    const last = this.#reached.get(index)
    // An encoder that takes over starts with its priming, where the one before has its last frame.
    if (last !== undefined && unit.pts < last - unit.duration / 2) return
    this.#reached.set(index, unit.pts + unit.duration)
    for (const rung of track.rungs) this.#sink.audio(rung, track.track, unit, unit.pts)
  }
}
