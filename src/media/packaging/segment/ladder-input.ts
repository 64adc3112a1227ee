import type { Ticks90k } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { RungSink } from '../../encode/program-encoder.ts'
import type { Boundary } from './grid.ts'
import type { Stream } from './stream.ts'

export interface LadderInputOptions {
  /** Streams in the order of the encoder's rungs. */
  readonly streams: readonly Stream[]
  /** Makes the next random access point that starts a segment a discontinuity in all renditions. */
  readonly demandRejoin: () => void
  /** Wait for a segment after the program's own was complete; then it becomes a gap. */
  readonly maxWaitMs: number
}

/**
 * The encoder's rungs on the program's grid. When the encoder dies, its missing segments become gaps; when it is back,
 * all renditions have a discontinuity at one number, and the rungs enter there.
 */
export class LadderInput implements RungSink {
  readonly #options: LadderInputOptions
  #state: 'running' | 'returning' = 'running'

  constructor(options: LadderInputOptions) {
    this.#options = options
  }

  get streams(): readonly Stream[] {
    return this.#options.streams
  }

  video(
    rung: number,
    unit: AccessUnit,
    { pts, dts }: { readonly pts: Ticks90k; readonly dts: Ticks90k },
  ): void {
    const stream = this.streams[rung]
    if (stream === undefined) return
    if (unit.rap !== 'none') {
      stream.updateVideoConfig(unit.data)
      this.#onReturn()
    }
    stream.video({ unit, pts, dts })
  }

  audio(rung: number, track: number, unit: AccessUnit, pts: Ticks90k): void {
    this.streams[rung]?.audio(track, { unit, pts })
  }

  restarted(): void {
    for (const stream of this.streams) stream.restart()
    this.#state = 'returning'
  }

  plan(boundary: Boundary, nowMs: number): void {
    for (const stream of this.streams) stream.plan(boundary, nowMs)
  }

  expire(nowMs: number): void {
    for (const stream of this.streams) stream.expire(nowMs, this.#options.maxWaitMs)
  }

  #onReturn(): void {
    if (this.#state === 'running') return
    this.#state = 'running'
    this.#options.demandRejoin()
  }
}
