/** Joins the payloads of one PID to PES packets (ISO/IEC 13818-1, 2.4.3.6) in memory that is never written again. */
import type { DemuxTally } from './demux-counters.ts'
import { PES_FIXED_BYTES, parsePesHeader, pesLengthAt, startsPes, type PesHeader } from './pes.ts'
import { WordBytes, uninitialised } from './word-bytes.ts'

/** A PES packet above this is not a picture: its end was lost. */
export const MAX_PES_BYTES = 16 * 2 ** 20

export interface Pes {
  readonly header: PesHeader
  readonly bounded: boolean
  /** The elementary stream bytes; owned by the receiver. */
  readonly payload: Uint8Array
}

export interface PesListener {
  pes(pes: Pes): void
  /** Bytes of this PID are missing here. */
  lost(): void
}

/** Receiver of one PID's payloads. Ranges are [from, to) of the packet's bytes, valid during the call. */
export interface PayloadConsumer {
  start(source: WordBytes, from: number, to: number): void
  append(source: WordBytes, from: number, to: number): void
  /** True if these equal the previous payload; undefined when that is no longer held. */
  isRepeat(source: WordBytes, from: number, to: number): boolean | undefined
  /** Packets of this PID are missing, torn or unreadable. */
  lost(): void
  flush(): void
  reset(): void
}

/** Consumer for PIDs that a table lists but nothing reads. */
export const IGNORED: PayloadConsumer = {
  start: () => {},
  append: () => {},
  isRepeat: () => undefined,
  lost: () => {},
  flush: () => {},
  reset: () => {},
}

/**
 * Frames are slices of slabs, one behind the other, so that a frame costs neither an allocation nor a second copy. A
 * slab belongs to one PID, so that the frames that keep it alive are of one age.
 */
export class PesAssembler implements PayloadConsumer {
  readonly #listener: PesListener
  readonly #tally: DemuxTally
  readonly #slabSize: number
  readonly #onDamage: 'drop' | 'pass'
  #slab = new WordBytes(new Uint8Array(0))
  /** The PES under way lies at [#start, #end) of the slab. */
  #start = 0
  #end = 0
  #state: 'idle' | 'collecting' | 'damaged' = 'idle'
  /** Whole size of the PES under way; 0 when unbounded, or not yet read. */
  #size = 0

  constructor(
    listener: PesListener,
    options: {
      readonly tally: DemuxTally
      readonly slabSize: number
      readonly onDamage: 'drop' | 'pass'
    },
  ) {
    this.#listener = listener
    this.#tally = options.tally
    this.#slabSize = options.slabSize
    this.#onDamage = options.onDamage
  }

  start(source: WordBytes, from: number, to: number): void {
    this.#finish()
    if (to - from >= 3 && !startsPes(source.bytes, from)) {
      this.#tally.damagedUnits++
      this.#listener.lost()
      return
    }
    this.#state = 'collecting'
    this.#size = 0
    // The same place within a word as in the packet: then all its packets can be copied word by word.
    const phase = (source.phase(from) - this.#slab.phase(this.#end)) & 3
    this.#start = this.#end + phase
    this.#end = this.#start
    if (to - from >= PES_FIXED_BYTES) this.#readSize(source.bytes, from)
    this.#append(source, from, to)
  }

  append(source: WordBytes, from: number, to: number): void {
    if (this.#state === 'collecting') this.#append(source, from, to)
  }

  isRepeat(source: WordBytes, from: number, to: number): boolean | undefined {
    const length = to - from
    if (this.#state !== 'collecting' || this.#end - this.#start < length) return undefined
    const tail = this.#slab.bytes.subarray(this.#end - length, this.#end)
    return Buffer.compare(tail, source.bytes.subarray(from, to)) === 0
  }

  lost(): void {
    if (this.#state === 'collecting') {
      if (this.#onDamage === 'pass') return
      this.#discard()
      this.#state = 'damaged'
      this.#tally.damagedUnits++
    }
    this.#listener.lost()
  }

  flush(): void {
    this.#finish()
  }

  reset(): void {
    if (this.#state === 'collecting') this.#discard()
    this.#state = 'idle'
    this.#listener.lost()
  }

  #discard(): void {
    this.#end = this.#start
    // A slab that had to grow for a dropped PES is released.
    if (this.#slab.bytes.length > this.#slabSize) this.#replaceSlab(this.#slabSize)
  }

  #readSize(bytes: Uint8Array, at: number): void {
    const length = pesLengthAt(bytes, at)
    if (length === 0) return
    this.#size = PES_FIXED_BYTES + length
    if (this.#start + this.#size > this.#slab.bytes.length) this.#grow(this.#size)
  }

  #append(source: WordBytes, from: number, to: number): void {
    const end = this.#end + to - from
    if (end > this.#slab.bytes.length) {
      const size = end - this.#start
      if (size > MAX_PES_BYTES) {
        this.#tally.oversizedPes++
        this.#discard()
        this.#state = 'damaged'
        this.#listener.lost()
        return
      }
      this.#grow(Math.min(MAX_PES_BYTES, 2 * size))
    }
    const before = this.#end - this.#start
    this.#slab.copyFrom(source, from, to, this.#end)
    this.#end += to - from
    const now = this.#end - this.#start
    if (before < PES_FIXED_BYTES && this.#size === 0 && now >= PES_FIXED_BYTES) {
      this.#readSize(this.#slab.bytes, this.#start)
    }
    if (this.#size > 0 && now >= this.#size) this.#complete(this.#start + this.#size)
  }

  /** Moves the PES under way to a fresh slab with room for `size` bytes of it. */
  #grow(size: number): void {
    const partial = this.#slab.bytes.subarray(this.#start, this.#end)
    const phase = this.#slab.phase(this.#start)
    this.#replaceSlab(Math.max(this.#slabSize, size + 4))
    this.#start = phase
    this.#end = phase + partial.length
    this.#slab.bytes.set(partial, phase)
  }

  #replaceSlab(size: number): void {
    this.#slab = new WordBytes(uninitialised(size))
    this.#start = 0
    this.#end = 0
  }

  #finish(): void {
    if (this.#state === 'collecting') {
      if (this.#size === 0 || this.#onDamage === 'pass') this.#complete(this.#end)
      else this.lost()
    }
    this.#state = 'idle'
  }

  #complete(end: number): void {
    const bytes = this.#slab.bytes
    const header = parsePesHeader(bytes, this.#start, end)
    this.#state = 'idle'
    if (header === undefined) {
      this.#tally.damagedUnits++
      this.#discard()
      this.#listener.lost()
      return
    }
    const payload = bytes.subarray(this.#start + header.size, end)
    this.#listener.pes({ header, bounded: this.#size > 0, payload })
  }
}
