import type { AccessUnit } from '../../mpegts/access-unit.ts'

export interface BufferedUnit {
  readonly unit: AccessUnit
  /** Monotonic wall time of its arrival, milliseconds. */
  readonly arrival: number
  /** Video: the pictures up to this one are complete in presentation order: a cut may leave behind it. */
  cleanAfter: boolean
}

/** Number of dropped elements at which the backing array is compacted. */
const COMPACT_AT = 512

/** A queue whose elements keep their absolute index while its front is dropped: several readers can hold positions. */
export class UnitQueue {
  /** Undefined where dropped: units are freed before the array is compacted. */
  #items: (BufferedUnit | undefined)[] = []
  #head = 0
  #base = 0
  #bytes = 0

  /** Index of the oldest element kept. */
  get start(): number {
    return this.#base + this.#head
  }

  /** One past the index of the newest element. */
  get end(): number {
    return this.#base + this.#items.length
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  at(index: number): BufferedUnit | undefined {
    return index < this.start ? undefined : this.#items[index - this.#base]
  }

  first(): BufferedUnit | undefined {
    return this.#items[this.#head]
  }

  last(): BufferedUnit | undefined {
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1]
  }

  push(item: BufferedUnit): number {
    this.#items.push(item)
    this.#bytes += item.unit.data.length
    return this.end - 1
  }

  dropBefore(index: number): void {
    const stop = Math.min(index, this.end)
    for (let i = this.start; i < stop; i++) {
      this.#bytes -= this.#items[i - this.#base]!.unit.data.length
      this.#items[i - this.#base] = undefined
    }
    this.#head = Math.max(this.#head, stop - this.#base)
    if (this.#head >= COMPACT_AT || this.#head === this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#base += this.#head
      this.#head = 0
    }
  }

  /** Index of the first element from `from` on that satisfies `wanted`, or `end`. */
  findIndex(from: number, wanted: (item: BufferedUnit) => boolean): number {
    for (let i = Math.max(from, this.start); i < this.end; i++) {
      if (wanted(this.#items[i - this.#base]!)) return i
    }
    return this.end
  }
}
