import { PACKET_SIZE, SYNC_BYTE } from '../mpegts/packet.ts'

/** TR 101 290, 5.2.1: in synchronisation after five good sync bytes, out of it after two bad ones in a row. */
const MIN_SYNC_RUN = 5
const EMPTY = new Uint8Array(0)

export interface SyncListener {
  /** One packet at `at`; valid during the call only. `position` is its byte offset in the stream. */
  packet(bytes: Uint8Array, at: number, position: number): void
  syncByteError(position: number): void
  syncLoss(position: number): void
}

/** Cuts a byte stream into packets, whatever the chunking. Holds back less than six packets. */
export class SyncWatch {
  readonly #listener: SyncListener
  readonly #splitPacket = new Uint8Array(PACKET_SIZE)
  #state: 'searching' | 'locked' = 'searching'
  #carry = EMPTY
  /** Byte offset in the stream of the next byte to look at. */
  #position = 0
  skippedBytes = 0

  constructor(listener: SyncListener) {
    this.#listener = listener
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#joined(chunk)
    const end = this.#consume(bytes, MIN_SYNC_RUN)
    this.#carry = end < bytes.length ? bytes.slice(end) : EMPTY
  }

  /** Processes the bytes held back for lookahead. */
  finish(): void {
    let bytes = this.#carry
    for (let needed = MIN_SYNC_RUN - 1; needed >= 1 && bytes.length >= PACKET_SIZE; needed--) {
      bytes = bytes.subarray(this.#consume(bytes, needed))
    }
    this.skippedBytes += bytes.length
    this.#position += bytes.length
    this.#carry = EMPTY
  }

  /** The packet that two chunks share is joined separately, so that chunks are not copied. */
  #joined(chunk: Uint8Array): Uint8Array {
    const carried = this.#carry.length
    if (carried === 0) return chunk
    const missing = PACKET_SIZE - carried
    if (this.#state === 'locked' && missing > 0 && chunk.length >= missing) {
      if (this.#carry[0] === SYNC_BYTE) {
        this.#splitPacket.set(this.#carry)
        this.#splitPacket.set(chunk.subarray(0, missing), carried)
        this.#emit(this.#splitPacket, 0)
        return chunk.subarray(missing)
      }
    }
    const bytes = new Uint8Array(carried + chunk.length)
    bytes.set(this.#carry)
    bytes.set(chunk, carried)
    return bytes
  }

  /** Returns the number of bytes consumed. `needed`: sync bytes in a row that establish sync. */
  #consume(bytes: Uint8Array, needed: number): number {
    let at = 0
    while (at < bytes.length) {
      const next =
        this.#state === 'locked' ? this.#readLocked(bytes, at) : this.#search(bytes, at, needed)
      if (next === at) break
      at = next
    }
    return at
  }

  #readLocked(bytes: Uint8Array, from: number): number {
    let at = from
    while (at + PACKET_SIZE <= bytes.length && bytes[at] === SYNC_BYTE) {
      this.#emit(bytes, at)
      at += PACKET_SIZE
    }
    if (at + PACKET_SIZE >= bytes.length || bytes[at] === SYNC_BYTE) return at
    if (bytes[at + PACKET_SIZE] === SYNC_BYTE) {
      this.#listener.syncByteError(this.#position)
      return this.#skip(at, at + PACKET_SIZE)
    }
    this.#listener.syncByteError(this.#position)
    this.#listener.syncLoss(this.#position)
    this.#state = 'searching'
    return this.#skip(at, at + 1)
  }

  #search(bytes: Uint8Array, from: number, needed: number): number {
    const last = bytes.length - (needed - 1) * PACKET_SIZE - (needed === 1 ? PACKET_SIZE - 1 : 0)
    for (let at = from; at < last; at++) {
      if (bytes[at] !== SYNC_BYTE || !isRun(bytes, at, needed)) continue
      this.#state = 'locked'
      return this.#readLocked(bytes, this.#skip(from, at))
    }
    return this.#skip(from, Math.max(from, last))
  }

  #skip(from: number, to: number): number {
    this.skippedBytes += to - from
    this.#position += to - from
    return to
  }

  #emit(bytes: Uint8Array, at: number): void {
    this.#listener.packet(bytes, at, this.#position)
    this.#position += PACKET_SIZE
  }
}

const isRun = (bytes: Uint8Array, at: number, needed: number): boolean => {
  for (let i = 1; i < needed; i++) if (bytes[at + i * PACKET_SIZE] !== SYNC_BYTE) return false
  return true
}
