import type { Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { FrameSink, ProgramCut } from '../outputs/interface/program-frames.ts'

interface AttachedSink {
  readonly sink: FrameSink
  readonly onFault: (error: unknown) => void
}

/** Sinks of the program's frames. One that throws is detached; play-out and the others continue. */
export class FrameSinks {
  readonly #attached = new Set<AttachedSink>()

  attach(sink: FrameSink, onFault: (error: unknown) => void): () => void {
    const attached = { sink, onFault }
    this.#attached.add(attached)
    return () => void this.#attached.delete(attached)
  }

  advance(clock: Ticks90k): void {
    for (const attached of this.#attached)
      this.#call(attached, () => attached.sink.advance?.(clock))
  }

  video(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void {
    for (const attached of this.#attached)
      this.#call(attached, () => attached.sink.video?.(unit, times))
  }

  audio(track: number, unit: AccessUnit, pts: Ticks90k): void {
    for (const attached of this.#attached)
      this.#call(attached, () => attached.sink.audio?.(track, unit, pts))
  }

  cut(cut: ProgramCut): void {
    for (const attached of this.#attached) this.#call(attached, () => attached.sink.cut?.(cut))
  }

  hole(): void {
    for (const attached of this.#attached) this.#call(attached, () => attached.sink.hole?.())
  }

  #call(attached: AttachedSink, deliver: () => void): void {
    try {
      deliver()
    } catch (error) {
      this.#attached.delete(attached)
      attached.onFault(error)
    }
  }
}
