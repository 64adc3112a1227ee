import { ticks, type Millis } from '../../../contract/time.ts'
import type { Program, ProgramReader, TimedBytes } from '../interface/output.ts'
import type { Piece, PieceFeed } from './piece.ts'
import type { TakeMarks } from './take-marks.ts'
import { entriesIn, unwrapNear } from './ts-entries.ts'

/** The program's own transport stream: the ring keeps what the disk has not taken yet. */
export class TsFeed implements PieceFeed {
  readonly #reader: ProgramReader
  readonly #marks: TakeMarks
  readonly #split: 'continuous' | 'take'
  /** What a chunk with random access points was divided into. */
  #ready: Piece[] = []
  /** A part is missing: what follows belongs into a file of its own. */
  #broken = false

  constructor(options: {
    readonly program: Program
    readonly marks: TakeMarks
    readonly split: 'continuous' | 'take'
    readonly lagLimit: Millis
  }) {
    const { program, marks, split, lagLimit } = options
    this.#reader = program.join({ joinAge: 0 as Millis, lagLimit })
    this.#marks = marks
    this.#split = split
  }

  next(): Piece | undefined {
    const ready = this.#ready.shift()
    if (ready !== undefined) return ready
    let part = this.#reader.next()
    while (part?.skipped === true) {
      // What it says of the hole is of no use at the beginning of a file.
      this.#broken = true
      part = this.#reader.next()
    }
    if (part === undefined) return undefined
    if (part.randomAccess < 0) return plain(part, part.bytes)
    this.#ready = this.#divide(part)
    return this.#ready.shift()
  }

  get lag(): Millis {
    return this.#reader.lag
  }

  get skips(): number {
    return this.#reader.skips
  }

  get ended(): boolean {
    return this.#ready.length === 0 && this.#reader.ended
  }

  /** Every chunk of the ring is whole units: there is nothing to complete. */
  finish(): void {}

  #divide(part: TimedBytes): Piece[] {
    const { bytes, time, randomAccess } = part
    const entries = entriesIn(bytes, randomAccess)
    const first = entries[0]?.offset ?? bytes.length
    const pieces: Piece[] = first > 0 ? [plain(part, bytes.subarray(0, first))] : []
    for (const [index, { offset, pts33 }] of entries.entries()) {
      const own = bytes.subarray(offset, entries[index + 1]?.offset ?? bytes.length)
      const at = ticks(unwrapNear(pts33, time))
      const { onAir, cut } = this.#marks.at(at)
      const isTake = cut === 'take' && this.#split === 'take'
      const entry = {
        ...{ at, onAir },
        begins: isTake || this.#broken ? 'must' : 'may',
        follows: this.#broken ? 'after_a_hole' : 'directly',
      } as const
      this.#broken = false
      pieces.push({ time, origin: time, entry, bytesFor: () => own })
    }
    return pieces
  }
}

const plain = ({ time }: TimedBytes, bytes: Uint8Array): Piece => ({
  time,
  origin: time,
  entry: undefined,
  bytesFor: () => bytes,
})
