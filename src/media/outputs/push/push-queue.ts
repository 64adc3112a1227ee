import type { PushFrame } from './push-frame.ts'

const TICKS_PER_MS = 90
/** Limit at any bitrate and lag. */
const MAX_QUEUE_BYTES = 64 * 1024 * 1024

/**
 * Frames that a destination has not accepted yet: at most `lag` of program time, always starting at a random access point.
 * Older ones are dropped up to the newest random access point, or without one, up to the next.
 */
export class PushQueue {
  readonly #maxLagTicks: number
  /** Without video any frame is a random access point. */
  readonly #rapKind: 'video' | 'audio'
  #frames: PushFrame[] = []
  /** Index of the first frame that is not taken. */
  #head = 0
  #bytes = 0
  #newest = 0
  #state: 'await_entry' | 'flowing' = 'await_entry'
  #hasDroppedSinceTake = false
  #skips = 0

  constructor(options: { readonly lagMs: number; readonly entryKind: 'video' | 'audio' }) {
    this.#maxLagTicks = options.lagMs * TICKS_PER_MS
    this.#rapKind = options.entryKind
  }

  /** Number of drops between two taken frames. */
  get skips(): number {
    return this.#skips
  }

  get length(): number {
    return this.#frames.length - this.#head
  }

  /** Program time of the oldest frame; undefined when it is empty. */
  get oldest(): number | undefined {
    return this.#frames[this.#head]?.dts
  }

  /** Program time of the newest frame. */
  get newest(): number {
    return this.#newest
  }

  push(frame: PushFrame): void {
    this.#newest = Math.max(this.#newest, frame.dts)
    if (this.#state === 'await_entry') {
      if (!this.#isRap(frame)) return
      this.#state = 'flowing'
    }
    this.#frames.push(frame)
    this.#bytes += frame.bytes.length
    const oldest = this.#frames[this.#head]!
    if (this.#newest - oldest.dts > this.#maxLagTicks || this.#bytes > MAX_QUEUE_BYTES) this.#drop()
  }

  take(): PushFrame | undefined {
    const frame = this.#frames[this.#head]
    if (frame === undefined) return undefined
    this.#head++
    this.#bytes -= frame.bytes.length
    if (this.#hasDroppedSinceTake) this.#skips++
    this.#hasDroppedSinceTake = false
    if (this.#head > 256 && this.#head * 2 > this.#frames.length) this.#compact()
    return frame
  }

  /** For a new connection, without counting a skip: starts at the newest queued random access point, or the next. */
  restart(): void {
    this.#drop()
    this.#hasDroppedSinceTake = false
  }

  /** Continues at the newest random access point. */
  #drop(): void {
    this.#hasDroppedSinceTake = true
    const at = this.#frames.findLastIndex((frame) => this.#isRap(frame))
    const keep =
      at >= this.#head && this.#newest - this.#frames[at]!.dts <= this.#maxLagTicks ? at : -1
    this.#frames = keep < 0 ? [] : this.#frames.slice(keep)
    this.#head = 0
    this.#bytes = this.#frames.reduce((sum, frame) => sum + frame.bytes.length, 0)
    if (keep < 0 || this.#bytes > MAX_QUEUE_BYTES) {
      this.#frames = []
      this.#bytes = 0
      this.#state = 'await_entry'
    }
  }

  #compact(): void {
    this.#frames = this.#frames.slice(this.#head)
    this.#head = 0
  }

  #isRap(frame: PushFrame): boolean {
    return frame.kind === this.#rapKind && (frame.kind === 'audio' || frame.rap === 'key')
  }
}
