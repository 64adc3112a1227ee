import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { ViewerStatus } from '../../contract/status.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ViewerIdentity } from './viewer-log.ts'
import type { ProgramReader } from '../outputs/interface/output.ts'

/** Large enough that system calls cost little, small enough that a fast viewer delays the others by well below a millisecond. */
const MAX_WRITE_BYTES = 128 * 1024

export interface ViewerParts {
  readonly id: number
  readonly path: string
  readonly agent: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly socket: Socket
  readonly reader: ProgramReader
  readonly clock: Clock
}

/** One connection. At most one write is under way, of shared bytes: a viewer has no buffer of its own. */
export class Viewer {
  /** Index in the fan-out; −1 when it has left. */
  slot = -1
  readonly #parts: ViewerParts
  readonly #address: string
  #pendingBytes = 0
  #bytes = 0
  #leaveReason: string | undefined
  #lastProgressAt: number

  constructor(parts: ViewerParts) {
    this.#parts = parts
    this.#address = parts.socket.remoteAddress ?? ''
    this.#lastProgressAt = parts.clock.now()
  }

  /** Writes what there is, unless the socket is busy with the last write. */
  pump(): void {
    if (this.#pendingBytes > 0) return
    const { reader, socket } = this.#parts
    if (socket.destroyed) return
    const bytes = reader.read(MAX_WRITE_BYTES)
    if (bytes === undefined) {
      if (reader.ended) socket.end()
      return
    }
    this.#pendingBytes = bytes.length
    this.#lastProgressAt = this.#parts.clock.now()
    socket.write(
      bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      this.#written,
    )
  }

  /** Time for which the viewer has taken nothing although there were bytes, milliseconds. */
  stalledFor(now: number): number {
    return this.#pendingBytes > 0 && !this.#parts.socket.destroyed ? now - this.#lastProgressAt : 0
  }

  get id(): number {
    return this.#parts.id
  }

  get bytes(): number {
    return this.#bytes
  }

  get skips(): number {
    return this.#parts.reader.skips
  }

  get lag(): number {
    return this.#parts.reader.lag
  }

  /** Reason given to `disconnect`; undefined when the viewer left. */
  get leaveReason(): string | undefined {
    return this.#leaveReason
  }

  get identity(): ViewerIdentity {
    const { id, path, agent } = this.#parts
    return { id, path, agent, address: this.#address }
  }

  disconnect(reason: string): void {
    this.#leaveReason ??= reason
    this.#parts.socket.destroy()
  }

  status(): ViewerStatus {
    const { since, reader } = this.#parts
    return {
      ...this.identity,
      since,
      bytes: this.#bytes,
      lagMs: Math.round(reader.lag),
      skips: reader.skips,
    }
  }

  readonly #written = (error?: Error | null): void => {
    const count = this.#pendingBytes
    this.#pendingBytes = 0
    if (error !== null && error !== undefined) return
    this.#bytes += count
    // Bytes that came while the socket was busy, or behind a skip's preamble.
    this.pump()
  }
}
