import type { CodedUnit } from '../audio/coded-audio.ts'

/** Coded audio to be sent, bounded in time: beyond that whole frames are dropped, oldest first, and counted. */
export class UnitQueue {
  readonly #maxMs: number
  readonly #subscribers = new Set<() => void>()
  readonly #units: CodedUnit[] = []
  #ms = 0
  #skips = 0
  #droppedMs = 0
  /** Consecutive drops are one skip. */
  #state: 'flowing' | 'dropping' = 'flowing'

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  push(unit: CodedUnit): void {
    this.#units.push(unit)
    this.#ms += unit.ms
    while (this.#ms > this.#maxMs && this.#units.length > 1) {
      const { ms } = this.#units.shift()!
      this.#ms -= ms
      this.#droppedMs += ms
      if (this.#state === 'flowing') this.#skips++
      this.#state = 'dropping'
    }
    for (const notify of [...this.#subscribers]) notify()
  }

  /** Whole units, at least one where there is one, up to about `max` bytes. */
  take(max: number): readonly Uint8Array[] {
    const taken: Uint8Array[] = []
    let bytes = 0
    while (this.#units.length > 0 && bytes < max) {
      const unit = this.#units.shift()!
      this.#ms -= unit.ms
      bytes += unit.bytes.length
      taken.push(unit.bytes)
    }
    if (this.#units.length === 0) {
      this.#ms = 0
      this.#state = 'flowing'
    }
    return taken
  }

  /** Removes all without counting drops. */
  clear(): void {
    this.#units.length = 0
    this.#ms = 0
    this.#state = 'flowing'
  }

  /** Called after each unit. */
  subscribe(onUnit: () => void): () => void {
    this.#subscribers.add(onUnit)
    return () => void this.#subscribers.delete(onUnit)
  }

  get ms(): number {
    return this.#ms
  }

  get skips(): number {
    return this.#skips
  }

  get droppedMs(): number {
    return this.#droppedMs
  }
}
