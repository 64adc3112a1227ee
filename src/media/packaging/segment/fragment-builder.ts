import type { Sample } from '../../../mp4/fragment.ts'

/** A time this close to the end of the samples before is equal to it: fractional times were rounded. */
const ROUNDING = 2
/** Durations are sums of fractions. */
const EPSILON = 0.01

/** Samples that become one fragment. */
export class FragmentBuilder {
  readonly #maxTicks: number
  #samples: Sample[] = []
  #baseTime = 0
  /** End of the samples in the track's own units, over fragments. */
  #end = Number.NaN
  #ticks = 0

  /** `maxTicks`: longest fragment. */
  constructor(maxTicks: number) {
    this.#maxTicks = maxTicks
  }

  /** Duration of the samples held, ticks. */
  get ticks(): number {
    return this.#ticks
  }

  isFullFor(duration: number): boolean {
    return this.#samples.length > 0 && this.#ticks + duration > this.#maxTicks + EPSILON
  }

  /** False: a hole lies before `time`, which needs a new fragment. */
  continuesAt(time: number): boolean {
    return this.#samples.length === 0 || Math.abs(time - this.#end) <= ROUNDING
  }

  /** `time` in the track's own units, may be fractional; `duration` in ticks. */
  addSample(at: { readonly time: number; readonly duration: number }, sample: Sample): void {
    if (this.#samples.length === 0) {
      const near = Math.abs(at.time - this.#end) <= ROUNDING
      this.#baseTime = near ? this.#end : Math.max(0, Math.round(at.time))
      this.#end = this.#baseTime
    }
    this.#end += sample.duration
    this.#samples.push(sample)
    this.#ticks += at.duration
  }

  take(): {
    readonly baseTime: number
    readonly samples: readonly Sample[]
    readonly ticks: number
  } {
    const taken = { baseTime: this.#baseTime, samples: this.#samples, ticks: this.#ticks }
    this.#samples = []
    this.#ticks = 0
    return taken
  }
}
