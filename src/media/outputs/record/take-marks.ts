import type { Ticks90k } from '../../../contract/time.ts'
import type { ProgramCut, ProgramFrames } from '../interface/program-frames.ts'
import type { SourceLabel } from './recording-chunk.ts'

interface Mark {
  readonly onAir: SourceLabel
  readonly at: Ticks90k
}

/** More cuts than this between two looks are not told apart. */
const MAX_MARKS = 256
/** The audio's times are rounded where they are written. */
const TOLERANCE_TICKS = 2

/** Whose picture a random access point shows, and whether a take put it there. */
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

  /** Asked once for each random access point, in order: takes that came since are told by the first one behind them. */
  takeAt(pts: number): { readonly onAir: SourceLabel; readonly cut: 'take' | 'none' } {
    const before = this.#onAir
    while (this.#marks.length > 0 && this.#marks[0]!.at <= pts + TOLERANCE_TICKS) {
      this.#onAir = this.#marks.shift()!.onAir
    }
    // The same source on another timeline is no take.
    return { onAir: this.#onAir, cut: before.source === this.#onAir.source ? 'none' : 'take' }
  }

  close(): void {
    this.#detach()
  }
}
