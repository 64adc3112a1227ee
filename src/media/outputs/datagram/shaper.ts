import type { Ticks90k } from '../../../contract/time.ts'
import type { TimedBytes } from '../interface/output.ts'

/** Whole TS packets that leave together. */
export interface DatagramPayload {
  readonly bytes: Uint8Array
  /** Program time at which the first byte leaves. */
  readonly time: Ticks90k
}

/** Decides when which bytes leave. Pure: `now` is milliseconds of a monotonic clock. */
export interface Shaper {
  /** False when full: the rest of the program stays in the ring. */
  hasRoom(): boolean
  addPart(part: TimedBytes, now: number): void
  /** Next due datagram; undefined when nothing is due. */
  takeDue(now: number): DatagramPayload | undefined
  /** Number of times that the program did not fit. */
  readonly overruns: number
}
