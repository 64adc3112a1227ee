import type { Ticks90k } from '../../../contract/time.ts'
import type { ProgramCut, ProgramFrames } from '../interface/program-frames.ts'
import type { SourceLabel } from './recording-chunk.ts'

interface Mark {
  readonly onAir: SourceLabel
  readonly at: Ticks90k
}

/** More cuts between two checks are merged. */
const MAX_MARKS = 256
/** The audio's times are rounded where they are written. */
const TOLERANCE_TICKS = 2

/** The source of a random access point, and whether a take put it on the air. */
export class TakeMarks {
  readonly #marks: Mark[] = []
  #onAir: SourceLabel
  readonly #detach: () => void

  constructor(frames: ProgramFrames, onFault: (error: unknown) => void) {
    this.#onAir = { source: frames.onAir.id, label: frames.onAir.label }
    this.#detach = frames.attach({ cut: (cut) => this.cut(cut) }, onFault)
  }

  cut({ to, label, at }: ProgramCut): void {
    this.#marks.push({ onAir: { source: to, label }, at })
    if (this.#marks.length > MAX_MARKS) this.#marks.shift()
  }

  /** Called once for each random access point, in order: the first one after a take reports it. */
  takeAt(pts: number): { readonly onAir: SourceLabel; readonly cut: 'take' | 'none' } {
    const before = this.#onAir
    while (this.#marks.length > 0 && this.#marks[0]!.at <= pts + TOLERANCE_TICKS) {
      this.#onAir = this.#marks.shift()!.onAir
    }
    // The same source on another timeline is not a take.
    return { onAir: this.#onAir, cut: before.source === this.#onAir.source ? 'none' : 'take' }
  }

  close(): void {
    this.#detach()
  }
}
