import { ticks, type Millis } from '../../../contract/time.ts'
import type { Program, ProgramReader, TimedBytes } from '../interface/output.ts'
import type { RecordingChunk, RecordingInput } from './recording-chunk.ts'
import type { TakeMarks } from './take-marks.ts'
import { rapsIn, unwrapNear } from './ts-raps.ts'

/** The program's own transport stream: the ring holds what the disk has not accepted yet. */
export class TsRecordingInput implements RecordingInput {
  readonly #reader: ProgramReader
  readonly #marks: TakeMarks
  readonly #split: 'continuous' | 'take'
  /** Parts of a chunk that was split at its random access points. */
  #ready: RecordingChunk[] = []
  /** A part is missing: the rest needs a new file. */
  #isBroken = false

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

  next(): RecordingChunk | undefined {
    const ready = this.#ready.shift()
    if (ready !== undefined) return ready
    let part = this.#reader.next()
    while (part?.skipped === true) {
      // Its mark of the hole is useless at the start of a file.
      this.#isBroken = true
      part = this.#reader.next()
    }
    if (part === undefined) return undefined
    if (part.randomAccess < 0) return plainChunk(part, part.bytes)
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

  /** Every chunk of the ring has whole units: nothing to complete. */
  finish(): void {}

  #divide(part: TimedBytes): RecordingChunk[] {
    const { bytes, time, randomAccess } = part
    const raps = rapsIn(bytes, randomAccess)
    const first = raps[0]?.offset ?? bytes.length
    const chunks: RecordingChunk[] = first > 0 ? [plainChunk(part, bytes.subarray(0, first))] : []
    for (const [index, { offset, pts33 }] of raps.entries()) {
      const own = bytes.subarray(offset, raps[index + 1]?.offset ?? bytes.length)
      const at = ticks(unwrapNear(pts33, time))
      const { onAir, cut } = this.#marks.takeAt(at)
      const isTake = cut === 'take' && this.#split === 'take'
      const splitPoint = {
        ...{ at, onAir },
        begins: isTake || this.#isBroken ? 'must' : 'may',
        follows: this.#isBroken ? 'after_a_hole' : 'directly',
      } as const
      this.#isBroken = false
      chunks.push({ time, origin: time, splitPoint, bytesFor: () => own })
    }
    return chunks
  }
}

const plainChunk = ({ time }: TimedBytes, bytes: Uint8Array): RecordingChunk => ({
  time,
  origin: time,
  splitPoint: undefined,
  bytesFor: () => bytes,
})
