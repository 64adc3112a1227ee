import type { TimedBytes } from '../interface/output.ts'
import { ProgramTime } from '../interface/program-time.ts'
import type { DatagramPayload, Shaper } from './shaper.ts'

const TS_PACKET_BYTES = 188
/** Time over which bytes due at one moment (a large picture) are spread: the latency of the pacing. */
const SPREAD_MS = 35
/** Longest wait of packets that do not fill a datagram. */
const MAX_PARTIAL_WAIT_MS = 35
/** Longest time that a late tick makes up for. */
const MAX_STEP_MS = 20

interface QueuedPart {
  readonly bytes: Uint8Array
  /** Earliest and latest time to leave, milliseconds of the monotonic clock. */
  readonly from: number
  readonly until: number
}

/**
 * Spreads the program's parts evenly instead of sending bursts. Each part may leave from its program time on and
 * should have left SPREAD_MS later; the rate at any moment is the lowest that meets all these limits.
 */
export class Pacer implements Shaper {
  readonly overruns = 0
  readonly #packets: number
  readonly #clock = new ProgramTime()
  readonly #queue: QueuedPart[] = []
  #headAt = 0
  #credit = 0
  #steppedAt: number | undefined

  constructor(packets: number) {
    this.#packets = packets
  }

  hasRoom(): boolean {
    return true
  }

  addPart(part: TimedBytes, now: number): void {
    this.#clock.addArrival(part.time, now)
    const from = this.#clock.dueAt(part.time)
    this.#queue.push({ bytes: part.bytes, from, until: from + SPREAD_MS })
  }

  takeDue(now: number): DatagramPayload | undefined {
    if (this.#steppedAt !== now) this.#step(now)
    const head = this.#queue[0]
    if (head === undefined || head.from > now) return undefined
    const full = this.#packets * TS_PACKET_BYTES
    const available = this.#available(now)
    if (available >= full ? this.#credit < full : now - head.from < MAX_PARTIAL_WAIT_MS)
      return undefined
    const bytes = this.#takeBytes(Math.min(full, available))
    this.#credit = Math.max(0, this.#credit - bytes.length)
    return { bytes, time: this.#clock.timeAt(now) }
  }

  #step(now: number): void {
    const ms = Math.min(MAX_STEP_MS, now - (this.#steppedAt ?? now))
    this.#steppedAt = now
    const waiting = this.#available(now)
    this.#credit = Math.min(this.#credit + this.#rate(now, ms) * ms, waiting)
  }

  /** Bytes per millisecond. */
  #rate(now: number, ms: number): number {
    let [bytes, rate] = [-this.#headAt, 0]
    for (const part of this.#queue) {
      if (part.from > now) break
      bytes += part.bytes.length
      // A part requested since the last step counts from the start of the step.
      rate = Math.max(rate, bytes / Math.max(part.until - now + ms, ms, 1))
    }
    return rate
  }

  #available(now: number): number {
    let bytes = -this.#headAt
    for (const part of this.#queue) {
      if (part.from > now) break
      bytes += part.bytes.length
    }
    return Math.max(0, bytes)
  }

  #takeBytes(count: number): Uint8Array {
    const cut = new Uint8Array(count)
    for (let filled = 0; filled < count;) {
      const { bytes } = this.#queue[0]!
      const length = Math.min(bytes.length - this.#headAt, count - filled)
      cut.set(bytes.subarray(this.#headAt, this.#headAt + length), filled)
      filled += length
      this.#headAt += length
      if (this.#headAt < bytes.length) continue
      this.#queue.shift()
      this.#headAt = 0
    }
    return cut
  }
}
