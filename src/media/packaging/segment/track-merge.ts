interface Timed {
  /** Index of the track. */
  readonly track: number
  readonly dts: number
}

/** Limit of units that wait for another track, which may be silent. */
const MAX_WAITING_UNITS = 512

/** Units of several tracks, each in its own order, in the order of their decoding times. */
export class TrackMerge<Unit extends Timed> {
  readonly #queues: Unit[][]
  #waiting = 0

  constructor(tracks: number) {
    this.#queues = Array.from({ length: tracks }, () => [])
  }

  /** Adds a unit; yields those whose order is final. */
  *addUnit(unit: Unit): Generator<Unit> {
    this.#queues[unit.track]!.push(unit)
    this.#waiting++
    while (this.#waiting > MAX_WAITING_UNITS || this.#queues.every((queue) => queue.length > 0)) {
      yield this.#shift()
    }
  }

  /** Yields all that wait. */
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
