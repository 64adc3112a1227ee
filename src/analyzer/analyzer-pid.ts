/** State of one PID: counters, the continuity counter, the packet before. */
import type { PidReport } from './analysis-report.ts'
import {
  adaptationFlags,
  continuityAt,
  HAS_PCR,
  hasPayload,
  PACKET_SIZE,
} from '../mpegts/packet.ts'
import type { SectionAssembler } from '../mpegts/section.ts'

/** ISO/IEC 13818-1, 2.4.3.4: the PCR of a repeated packet may differ. */
const PCR_FROM = 6
const PCR_TO = 12

export type Continuity = 'good' | 'duplicate' | 'error'

export class PidWatch {
  readonly pid: number
  readonly #maxExamples: number
  #counter = -1
  #repeats = 0
  readonly #last = new Uint8Array(PACKET_SIZE)
  readonly errorsAt: number[] = []
  packets = 0
  continuityErrors = 0
  duplicates = 0
  scrambled = 0
  transportErrors = 0
  discontinuities = 0
  /** Set where this PID carries tables. */
  sections: SectionAssembler | undefined

  constructor(pid: number, examples: number) {
    this.pid = pid
    this.#maxExamples = examples
  }

  get counter(): number {
    return this.#counter
  }

  /** Checks the counter by 2.4.3.3. `signalled`: discontinuity_indicator, which allows a jump. */
  checkContinuity(bytes: Uint8Array, at: number, signalled: boolean): Continuity {
    const counter = continuityAt(bytes, at)
    const before = this.#counter
    const carries = hasPayload(bytes, at)
    this.#counter = counter
    const expected = carries ? (before + 1) & 0x0f : before
    const good = before < 0 || signalled || counter === expected
    if (
      !good &&
      carries &&
      counter === before &&
      this.#repeats === 0 &&
      this.#isRepeat(bytes, at)
    ) {
      this.#repeats++
      this.duplicates++
      return 'duplicate'
    }
    if (carries) {
      this.#repeats = 0
      this.#last.set(bytes.subarray(at, at + PACKET_SIZE))
    }
    return good ? 'good' : 'error'
  }

  /** Resets the counter after a packet with an unreliable header: the next one is not compared with it. */
  resetCounter(): void {
    this.#counter = -1
  }

  addError(position: number): void {
    this.continuityErrors++
    if (this.errorsAt.length < this.#maxExamples) this.errorsAt.push(position)
  }

  report(what: string, bitrate: PidReport['bitrate']): PidReport {
    return {
      pid: this.pid,
      what,
      packets: this.packets,
      bitrate,
      continuityErrors: this.continuityErrors,
      continuityErrorsAt: [...this.errorsAt],
      duplicates: this.duplicates,
      scrambled: this.scrambled,
      transportErrors: this.transportErrors,
      signalledDiscontinuities: this.discontinuities,
    }
  }

  #isRepeat(bytes: Uint8Array, at: number): boolean {
    const withPcr = (adaptationFlags(bytes, at) & HAS_PCR) !== 0
    for (let i = 0; i < PACKET_SIZE; i++) {
      if (bytes[at + i] === this.#last[i]) continue
      if (!withPcr || i < PCR_FROM || i >= PCR_TO) return false
    }
    return true
  }
}
