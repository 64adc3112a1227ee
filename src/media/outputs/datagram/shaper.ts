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
  /** True while it wants more of the program; what it does not take stays in the ring. */
  hasRoom(): boolean
  addPart(part: TimedBytes, now: number): void
  /** What is due by now, one datagram at a time; undefined when nothing is. */
  takeDue(now: number): DatagramPayload | undefined
  /** How often the program did not fit. */
  readonly overruns: number
}
