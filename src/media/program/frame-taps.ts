import type { Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { FrameSink, ProgramCut } from '../outputs/interface/program-frames.ts'

interface Tap {
  readonly sink: FrameSink
  readonly onFault: (error: unknown) => void
}

/** Those who take the program frame by frame. One that throws is detached: play-out and the others go on. */
export class FrameTaps {
  readonly #taps = new Set<Tap>()

  attach(sink: FrameSink, onFault: (error: unknown) => void): () => void {
    const tap = { sink, onFault }
    this.#taps.add(tap)
    return () => void this.#taps.delete(tap)
  }

  advance(clock: Ticks90k): void {
    for (const tap of this.#taps) this.#call(tap, () => tap.sink.advance?.(clock))
  }

  video(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void {
    for (const tap of this.#taps) this.#call(tap, () => tap.sink.video?.(unit, times))
  }

  audio(track: number, unit: AccessUnit, pts: Ticks90k): void {
    for (const tap of this.#taps) this.#call(tap, () => tap.sink.audio?.(track, unit, pts))
  }

  cut(cut: ProgramCut): void {
    for (const tap of this.#taps) this.#call(tap, () => tap.sink.cut?.(cut))
  }

  hole(): void {
    for (const tap of this.#taps) this.#call(tap, () => tap.sink.hole?.())
  }

  #call(tap: Tap, give: () => void): void {
    try {
      give()
    } catch (error) {
      this.#taps.delete(tap)
      tap.onFault(error)
    }
  }
}
