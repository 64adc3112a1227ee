import type { Buffer } from 'node:buffer'
import type { Millis, Ticks90k } from '../../contract/time.ts'

/** Position at which a reader may start: the PAT before a random access point. */
export interface RingRap {
  readonly position: number
  readonly time: Ticks90k
}

/** The program's bytes as a reader needs them: positions are those of the program's byte stream. */
interface ReadableRing {
  readonly start: number
  readonly end: number
  readonly closed: boolean
  view(position: number, max: number): Buffer | undefined
  chunkAt(position: number):
    | {
        readonly bytes: Buffer
        readonly time: Ticks90k
        readonly randomAccess: number
        readonly byteOffset: number
      }
    | undefined
  /** Distance of a position from the newest byte, in program time. */
  lagAt(position: number): Millis
  rapFrom(position: number): RingRap | undefined
  newestRap(minAge?: Millis): RingRap | undefined
  /** Preamble of a reader that skips to this position. */
  discontinuityAt(position: number): Buffer
}

export interface JoinOptions {
  /** Age of the random access point to start at, to fill a player's start-up buffer; `'next'`: wait for the next one. */
  readonly joinAge: Millis | 'next'
  /** A reader further behind than this skips to the newest random access point. */
  readonly lagLimit: Millis
  readonly lagBytes?: number
}

/** A part of the program with its time. */
export interface TimedBytes {
  readonly bytes: Buffer
  readonly time: Ticks90k
  /** True for a preamble: the reader skipped bytes, and this is the discontinuity indicator. */
  readonly skipped: boolean
  /** Offset of the PAT before a random access point in these bytes, or −1. */
  readonly randomAccess: number
}

/** Position of one reader in the ring, whatever its lag. The ring never waits for a reader and holds no list of them. */
export class RingReader {
  readonly #ring: ReadableRing
  readonly #options: JoinOptions
  /** −1 until there is a random access point to start at. */
  #position = -1
  readonly #joinedAt: number
  #hasWaited = false
  #skips = 0
  #pendingPreamble: Buffer | undefined
  /** A reader that started far behind the live edge (long GOP): until it has read up to this, that distance is added to the limits. */
  #backlogEnd = 0
  #backlog = 0
  #backlogBytes = 0

  constructor(ring: ReadableRing, options: JoinOptions) {
    this.#ring = ring
    this.#options = options
    this.#joinedAt = ring.end
    this.#moveToFirstRap()
  }

  /** At most `max` contiguous bytes (whole packets), across chunks; undefined at the newest byte or while waiting for a random access point. */
  read(max: number): Buffer | undefined {
    if (!this.#ensurePosition()) return undefined
    const preamble = this.#takePreamble()
    if (preamble !== undefined) return preamble
    const bytes = this.#ring.view(this.#position, max)
    if (bytes !== undefined) this.#position += bytes.length
    return bytes
  }

  /** The rest of the current chunk with its program time, for outputs that are paced by the program clock. */
  next(): TimedBytes | undefined {
    if (!this.#ensurePosition()) return undefined
    const chunk = this.#ring.chunkAt(this.#position)
    if (chunk === undefined) return undefined
    const preamble = this.#takePreamble()
    if (preamble !== undefined)
      return { bytes: preamble, time: chunk.time, skipped: true, randomAccess: -1 }
    const read = this.#position - chunk.byteOffset
    const bytes = chunk.bytes.subarray(read)
    this.#position += bytes.length
    const randomAccess = chunk.randomAccess < read ? -1 : chunk.randomAccess - read
    return { bytes, time: chunk.time, skipped: false, randomAccess }
  }

  /** Distance behind the newest byte, in program time. */
  get lag(): Millis {
    return this.#position < 0 ? (0 as Millis) : this.#ring.lagAt(this.#position)
  }

  get skips(): number {
    return this.#skips
  }

  /** True when the ring is closed and all is read. */
  get ended(): boolean {
    return this.#ring.closed && (this.#position < 0 || this.#position >= this.#ring.end)
  }

  /** Finds the first position, or skips from one that is too far behind; false while there is none. */
  #ensurePosition(): boolean {
    if (this.#position < 0 && !this.#moveToFirstRap()) return false
    if (this.#position >= this.#backlogEnd) {
      this.#backlog = 0
      this.#backlogBytes = 0
    }
    return !this.#isTooFarBehind() || this.#skip()
  }

  #moveToFirstRap(): boolean {
    const { joinAge } = this.#options
    // A reader that found none when it joined starts at the first that comes.
    const ahead = joinAge === 'next' || this.#hasWaited
    const rap = ahead ? this.#ring.rapFrom(this.#joinedAt) : this.#ring.newestRap(joinAge)
    this.#hasWaited = true
    if (rap === undefined) return false
    this.#moveTo(rap.position)
    return true
  }

  #moveTo(position: number): void {
    this.#position = position
    this.#backlogEnd = this.#ring.end
    this.#backlog = this.#ring.lagAt(position)
    this.#backlogBytes = this.#ring.end - position
  }

  #isTooFarBehind(): boolean {
    if (this.#position < this.#ring.start) return true
    const { lagLimit, lagBytes = Number.POSITIVE_INFINITY } = this.#options
    if (this.#ring.end - this.#position > lagBytes + this.#backlogBytes) return true
    return this.#ring.lagAt(this.#position) > lagLimit + this.#backlog
  }

  /** False when it must wait for a random access point. */
  #skip(): boolean {
    const lost = this.#position < this.#ring.start
    const rap = this.#ring.newestRap()
    if (rap === undefined) return !lost
    if (rap.position <= this.#position) return true
    this.#moveTo(rap.position)
    this.#skips++
    this.#pendingPreamble = this.#ring.discontinuityAt(rap.position)
    return true
  }

  #takePreamble(): Buffer | undefined {
    const preamble = this.#pendingPreamble
    this.#pendingPreamble = undefined
    return preamble !== undefined && preamble.length > 0 ? preamble : undefined
  }
}
