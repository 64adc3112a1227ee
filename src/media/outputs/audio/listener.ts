import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Clock } from '../../../lib/clock.ts'
import type { ViewerIdentity } from '../../viewers/viewer-log.ts'
import type { FrameRing } from './frame-ring.ts'
import type { IcyFraming } from './icy.ts'

/** Limit of one write. */
const MAX_WRITE_BYTES = 32 * 1024

/** State shared by all listeners of one coding. */
export interface SharedAudio {
  readonly ring: FrameRing
  /** Undefined until the encoder has yielded it. */
  readonly head: Uint8Array | undefined
}

export interface ListenerParts {
  readonly identity: ViewerIdentity
  readonly socket: Socket
  readonly audio: SharedAudio
  readonly clock: Clock
  readonly burstMs: number
  readonly lagMs: number
  /** For a listener that requested titles. */
  readonly icy: { readonly framing: IcyFraming; readonly title: () => string } | undefined
}

/** One connection: a place in the shared frames, and at most one pending write. */
export class Listener {
  /** Index in the fan-out; −1 when it has left. */
  slot = -1
  readonly #parts: ListenerParts
  /** Undefined before the first write. */
  #next: number | undefined
  #pendingBytes = 0
  #bytes = 0
  #skips = 0
  #leaveReason: string | undefined
  #lastProgressAt: number

  constructor(parts: ListenerParts) {
    this.#parts = parts
    this.#lastProgressAt = parts.clock.now()
  }

  /** Writes the available frames unless the previous write is pending. */
  pump(): void {
    const { socket } = this.#parts
    if (this.#pendingBytes > 0 || socket.destroyed) return
    const bytes = this.#nextBytes()
    if (bytes === undefined) return
    this.#pendingBytes = bytes.length
    this.#lastProgressAt = this.#parts.clock.now()
    socket.write(bytes, this.#written)
  }

  get bytes(): number {
    return this.#bytes
  }

  get skips(): number {
    return this.#skips
  }

  /** Milliseconds behind the newest frame. */
  get lag(): number {
    return this.#next === undefined ? 0 : this.#parts.audio.ring.msSince(this.#next)
  }

  /** Milliseconds in which the socket accepted nothing although there were frames. */
  stalledFor(now: number): number {
    return this.#pendingBytes > 0 && !this.#parts.socket.destroyed ? now - this.#lastProgressAt : 0
  }

  get identity(): ViewerIdentity {
    return this.#parts.identity
  }

  /** Reason of a disconnect by us; undefined when the listener left. */
  get leaveReason(): string | undefined {
    return this.#leaveReason
  }

  disconnect(reason: string): void {
    this.#leaveReason ??= reason
    this.#parts.socket.destroy()
  }

  #nextBytes(): Buffer | undefined {
    const { audio, burstMs, lagMs } = this.#parts
    const { ring, head } = audio
    if (head === undefined || ring.end === ring.oldest) return undefined
    const parts: Uint8Array[] = []
    if (this.#next === undefined) {
      this.#next = ring.numberBefore(burstMs)
      if (head.length > 0) parts.push(...this.#framed(head))
    } else if (this.#next < ring.oldest || this.lag > lagMs) {
      this.#next = ring.end - 1
      this.#skips++
    }
    let length = 0
    for (let unit = ring.unit(this.#next); unit !== undefined; unit = ring.unit(this.#next)) {
      parts.push(...this.#framed(unit.bytes))
      this.#next++
      length += unit.bytes.length
      if (length >= MAX_WRITE_BYTES) break
    }
    return parts.length === 0 ? undefined : Buffer.concat(parts)
  }

  #framed(bytes: Uint8Array): Uint8Array[] {
    const { icy } = this.#parts
    return icy === undefined ? [bytes] : icy.framing.frame(bytes, icy.title())
  }

  readonly #written = (error?: Error | null): void => {
    const count = this.#pendingBytes
    this.#pendingBytes = 0
    if (error !== null && error !== undefined) return
    this.#bytes += count
    this.pump()
  }
}
