interface Timed {
  /** Index. */
  readonly track: number
  readonly dts: number
}

/** A track that waits for this many units of the others is not waited for: it may have nothing to say. */
const MAX_WAITING_UNITS = 512

/** Units of several tracks, each in its own order, in the order of their decoding times. */
export class TrackMerge<Unit extends Timed> {
  readonly #queues: Unit[][]
  #waiting = 0

  constructor(tracks: number) {
    this.#queues = Array.from({ length: tracks }, () => [])
  }

  /** What may go out now that this one came. */
  *addUnit(unit: Unit): Generator<Unit> {
    this.#queues[unit.track]!.push(unit)
    this.#waiting++
    while (this.#waiting > MAX_WAITING_UNITS || this.#queues.every((queue) => queue.length > 0)) {
      yield this.#shift()
    }
  }

  /** All that waits. */
  *rest(): Generator<Unit> {
    while (this.#waiting > 0) yield this.#shift()
  }

  clear(): void {
    for (const queue of this.#queues) queue.length = 0
    this.#waiting = 0
  }

  #shift(): Unit {
    let first: Unit[] | undefined
    for (const queue of this.#queues) {
      const head = queue[0]
      if (head !== undefined && (first === undefined || head.dts < first[0]!.dts)) first = queue
    }
    this.#waiting--
    return first!.shift()!
  }
}
