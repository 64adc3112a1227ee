import type { Ticks90k } from '../../../contract/time.ts'
import type { FrameSink } from '../../outputs/interface/program-frames.ts'

/** Some seconds of video and audio. */
const MAX_CALLS = 2_000

/**
 * Holds the program's frames while the store is being opened: otherwise the first group of pictures would be lost, and
 * with it the time until the next one.
 */
export class EarlyFrames implements FrameSink {
  #calls: ((sink: FrameSink) => void)[] = []
  #clock: Ticks90k | undefined

  advance(clock: Ticks90k): void {
    this.#clock = clock
  }

  video(...given: Parameters<NonNullable<FrameSink['video']>>): void {
    this.#hold((sink) => sink.video?.(...given))
  }

  audio(...given: Parameters<NonNullable<FrameSink['audio']>>): void {
    this.#hold((sink) => sink.audio?.(...given))
  }

  cut(cut: Parameters<NonNullable<FrameSink['cut']>>[0]): void {
    this.#hold((sink) => sink.cut?.(cut))
  }

  hole(): void {
    this.#hold((sink) => sink.hole?.())
  }

  /** Replays all calls in order. First the newest clock: an old one would look like a delay. */
  replay(sink: FrameSink): void {
    if (this.#clock !== undefined) sink.advance?.(this.#clock)
    this.#clock = undefined
    for (const call of this.#calls.splice(0)) call(sink)
  }

  /** Drops all beyond the limit: frames from the middle of a group are not decodable. */
  #hold(call: (sink: FrameSink) => void): void {
    if (this.#calls.length >= MAX_CALLS) this.#calls = []
    this.#calls.push(call)
  }
}
