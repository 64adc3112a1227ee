import type { CodedUnit } from './coded-audio.ts'

/** The newest coded units, numbered without gaps: each listener keeps a number instead of a queue. */
export class FrameRing {
  readonly #keepMs: number
  #units: CodedUnit[] = []
  #oldest = 0
  #ms = 0

  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  append(unit: CodedUnit): void {
    this.#units.push(unit)
    this.#ms += unit.ms
    while (this.#ms - this.#units[0]!.ms >= this.#keepMs) {
      this.#ms -= this.#units.shift()!.ms
      this.#oldest++
    }
  }

  unit(number: number): CodedUnit | undefined {
    return this.#units[number - this.#oldest]
  }

  get oldest(): number {
    return this.#oldest
  }

  /** Number of the next unit. */
  get end(): number {
    return this.#oldest + this.#units.length
  }

  /** Number of the newest unit that started at least this long ago, or of the oldest. */
  numberBefore(ms: number): number {
    let number = this.end
    for (let back = 0; back < ms && number > this.#oldest;) back += this.unit(--number)!.ms
    return number
  }

  /** Milliseconds from the start of a unit to the end of the newest. */
  msSince(number: number): number {
    let ms = 0
    for (let each = Math.max(number, this.#oldest); each < this.end; each++) {
      ms += this.unit(each)!.ms
    }
    return ms
  }
}
