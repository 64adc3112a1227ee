import { Buffer } from 'node:buffer'
import type { Millis, Ticks90k } from '../../contract/time.ts'
import { TICKS_PER_MS } from '../../contract/time.ts'
import {
  discontinuityPreamble,
  collectFirstCounters,
  collectLastCounters,
  NULL_PID,
  TS_PACKET_BYTES,
} from './preamble.ts'
import { RingReader, type RingRap, type JoinOptions } from './reader.ts'

export interface RingChunk {
  /** Absolute and contiguous. */
  readonly index: number
  /** Whole packets; a view of the ring's memory that stays valid for as long as it is held. */
  readonly bytes: Buffer
  /** Program time of its first unit. */
  readonly time: Ticks90k
  /** Offset of the PAT before a random access point, or −1. */
  readonly randomAccess: number
  /** Absolute position in the program's byte stream. */
  readonly byteOffset: number
}

export interface RingLimits {
  /** Limit of the bytes held (plus the block being written). */
  readonly maxBytes: number
  /** Program time held at least: the readers' lag limit. Two GOPs are held even when they are longer. */
  readonly minDuration: Millis
  /** The program's PIDs, PAT and PMT included: each gets the discontinuity indicator when a reader skips. */
  readonly pids: readonly number[]
}

interface Block {
  readonly start: number
  readonly bytes: Buffer
  used: number
}

/** Readers write from one block at a time: large enough for one write to cover many chunks. */
const BLOCK_BYTES = 2_000 * TS_PACKET_BYTES

/**
 * The program's muxed bytes, shared by all readers. They are copied once, into large blocks, so that the bytes between
 * a reader's position and the newest byte are contiguous. Blocks are never written twice: a view handed out stays
 * valid, however long a socket holds it.
 */
export class Ring {
  readonly #limits: RingLimits
  readonly #pids: ReadonlySet<number>
  readonly #subscribers = new Set<() => void>()
  #chunks: RingChunk[] = []
  #blocks: Block[] = []
  #raps: RingRap[] = []
  #end = 0
  #count = 0
  #closed = false
  #preamble: { readonly position: number; readonly bytes: Buffer } | undefined

  constructor(limits: RingLimits) {
    this.#limits = limits
    this.#pids = new Set(limits.pids.filter((pid) => pid !== NULL_PID))
  }

  /** `bytes`: whole packets, copied. `randomAccess`: offset of the PAT before a random access point, or −1. */
  append(bytes: Uint8Array, time: Ticks90k, randomAccess = -1): void {
    if (this.#closed || bytes.length === 0) return
    if (bytes.length % TS_PACKET_BYTES !== 0) {
      throw new RangeError(`a ring chunk of ${bytes.length} bytes is not whole packets of 188`)
    }
    const chunk: RingChunk = {
      index: this.#count++,
      bytes: this.#store(bytes),
      time,
      randomAccess,
      byteOffset: this.#end,
    }
    this.#end += bytes.length
    this.#chunks.push(chunk)
    if (randomAccess >= 0) this.#raps.push({ position: chunk.byteOffset + randomAccess, time })
    this.#evict()
    for (const onAppend of this.#subscribers) onAppend()
  }

  /** Calls `onAppend` after each append, and once when the ring is closed; returns a function that stops the calls. */
  subscribe(onAppend: () => void): () => void {
    this.#subscribers.add(onAppend)
    return () => void this.#subscribers.delete(onAppend)
  }

  join(options: JoinOptions): RingReader {
    return new RingReader(this, options)
  }

  /** Ends the program. Readers may read the rest. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const onAppend of this.#subscribers) onAppend()
    this.#subscribers.clear()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Position behind the newest byte. */
  get end(): number {
    return this.#end
  }

  /** Position of the oldest byte that is still held. */
  get start(): number {
    return this.#chunks[0]?.byteOffset ?? this.#end
  }

  get bytes(): number {
    return this.#end - this.start
  }

  /** Program time held. */
  get duration(): Millis {
    return this.lagAt(this.start)
  }

  /** The newest random access point that is at least `minAge` old; where none is that old, the oldest one. */
  newestRap(minAge: Millis = 0 as Millis): RingRap | undefined {
    const latest = this.#newestTime() - minAge * TICKS_PER_MS
    for (let i = this.#raps.length - 1; i > 0; i--) {
      if (this.#raps[i]!.time <= latest) return this.#raps[i]
    }
    return this.#raps[0]
  }

  /** The first random access point at or behind `position`. */
  rapFrom(position: number): RingRap | undefined {
    return this.#raps.find((rap) => rap.position >= position)
  }

  /** Distance of `position` from the newest chunk, in program time. */
  lagAt(position: number): Millis {
    const chunk = this.chunkAt(position)
    return (chunk === undefined ? 0 : (this.#newestTime() - chunk.time) / TICKS_PER_MS) as Millis
  }

  /** The chunk that holds `position`; the oldest for a position that is no longer held; undefined at the end. */
  chunkAt(position: number): RingChunk | undefined {
    if (position >= this.#end) return undefined
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#chunks[middle]!.byteOffset <= position) low = middle
      else high = middle - 1
    }
    return this.#chunks[low]
  }

  /** At most `max` contiguous bytes from `position` on (whole packets, without a copy); undefined at the end. */
  view(position: number, max: number): Buffer | undefined {
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const { start, bytes, used } = this.#blocks[i]!
      if (start > position) continue
      const at = position - start
      if (at >= used) return undefined
      const room = max - (max % TS_PACKET_BYTES)
      return bytes.subarray(at, Math.min(used, at + room))
    }
    return undefined
  }

  /** Preamble of a reader that continues at `position` without having read the bytes before it. */
  discontinuityAt(position: number): Buffer {
    if (this.#preamble?.position === position) return this.#preamble.bytes
    const found = new Map<number, number>()
    for (let i = this.#blocks.length - 1; i >= 0 && found.size < this.#pids.size; i--) {
      const { start, bytes, used } = this.#blocks[i]!
      if (start < position) {
        collectLastCounters(bytes.subarray(0, Math.min(used, position - start)), this.#pids, found)
      }
    }
    for (let i = 0; i < this.#blocks.length && found.size < this.#pids.size; i++) {
      const { start, bytes, used } = this.#blocks[i]!
      if (start + used > position) {
        collectFirstCounters(bytes.subarray(Math.max(0, position - start), used), this.#pids, found)
      }
    }
    const counters = [...found].map(([pid, counter]) => ({ pid, counter }))
    const bytes = discontinuityPreamble(counters.toSorted((a, b) => a.pid - b.pid))
    this.#preamble = { position, bytes }
    return bytes
  }

  #newestTime(): number {
    return this.#chunks.at(-1)?.time ?? 0
  }

  #store(bytes: Uint8Array): Buffer {
    let block = this.#blocks.at(-1)
    if (block === undefined || block.used + bytes.length > block.bytes.length) {
      const size = Math.max(BLOCK_BYTES, bytes.length)
      block = { start: this.#end, bytes: Buffer.allocUnsafeSlow(size), used: 0 }
      this.#blocks.push(block)
    }
    block.bytes.set(bytes, block.used)
    const stored = block.bytes.subarray(block.used, block.used + bytes.length)
    block.used += bytes.length
    return stored
  }

  #evict(): void {
    const oldestKept = this.#newestTime() - this.#limits.minDuration * TICKS_PER_MS
    const twoGops = this.#raps.at(-2)?.position ?? 0
    let evicted = 0
    for (const chunk of this.#chunks) {
      const held = this.#end - chunk.byteOffset
      const end = chunk.byteOffset + chunk.bytes.length
      const unneeded = chunk.time < oldestKept && end <= twoGops
      if (chunk.index === this.#count - 1 || (held <= this.#limits.maxBytes && !unneeded)) break
      evicted++
    }
    if (evicted === 0) return
    this.#chunks.splice(0, evicted)
    const start = this.start
    while (this.#blocks.length > 0 && this.#blocks[0]!.start + this.#blocks[0]!.used <= start) {
      this.#blocks.shift()
    }
    while (this.#raps.length > 0 && this.#raps[0]!.position < start) this.#raps.shift()
  }
}
