/** Finds packets in bytes that arrive in any chunking: ISO/IEC 13818-1, 2.4.3.2, and TR 101 290, 5.2.1 (sync). */
import { PACKET_SIZE, SYNC_BYTE } from './packet.ts'
import { WordBytes } from './word-bytes.ts'
import type { DemuxTally } from './demux-counters.ts'

/** Consecutive sync bytes, one packet apart, that establish sync. */
const MIN_SYNC_RUN = 5
/** Plain packets; with a 4-byte time stamp in front (M2TS); with 16 bytes of parity behind. */
const STRIDES = [188, 192, 204] as const
type Stride = (typeof STRIDES)[number]
/** Bytes kept while searching, so that a run across two chunks is found. */
const SEARCH_WINDOW = (MIN_SYNC_RUN - 1) * 204 + 1

export interface PacketListener {
  /** One whole packet at `at`; valid during the call. */
  packet(source: WordBytes, at: number): void
  /** The packet before this call may be torn: no sync byte follows it. */
  damaged(): void
}

export class PacketFramer {
  readonly #listener: PacketListener
  readonly #tally: DemuxTally
  #state: 'searching' | 'locked' = 'searching'
  /** A search is counted as a loss only when sync was there before. */
  #stride: Stride | undefined
  /** Bytes that still belong to the stride of the last packet, but not to a packet. */
  #gap = 0
  readonly #carry = new WordBytes(new Uint8Array(PACKET_SIZE))
  #carried = 0
  #window = new Uint8Array(0)

  constructor(listener: PacketListener, tally: DemuxTally) {
    this.#listener = listener
    this.#tally = tally
  }

  push(chunk: Uint8Array): void {
    this.#tally.bytes += chunk.length
    let rest = chunk
    while (rest.length > 0) {
      rest = this.#state === 'locked' ? this.#readLocked(rest) : this.#search(rest, MIN_SYNC_RUN)
    }
  }

  /** End of stream: what is left may hold fewer packets than a run. */
  flush(): void {
    for (let run = MIN_SYNC_RUN - 1; run > 0 && this.#window.length >= PACKET_SIZE; run--) {
      let rest = this.#search(new Uint8Array(0), run)
      while (rest.length > 0) {
        rest = this.#state === 'locked' ? this.#readLocked(rest) : this.#search(rest, run)
      }
    }
    this.reset()
  }

  reset(): void {
    this.#tally.skippedBytes += this.#window.length + this.#carried
    this.#window = new Uint8Array(0)
    this.#carried = 0
    this.#gap = 0
    this.#stride = undefined
    this.#state = 'searching'
  }

  /** Consumes packets until sync is lost or the bytes end; returns what it did not consume. */
  #readLocked(chunk: Uint8Array): Uint8Array {
    let at = Math.min(this.#gap, chunk.length)
    this.#gap -= at
    if (this.#carried > 0) {
      const taken = Math.min(chunk.length - at, PACKET_SIZE - this.#carried)
      this.#carry.bytes.set(chunk.subarray(at, at + taken), this.#carried)
      this.#carried += taken
      at += taken
      if (this.#carried < PACKET_SIZE) return chunk.subarray(at)
      this.#carried = 0
      this.#listener.packet(this.#carry, 0)
      const gap = this.#strideExtra()
      const skipped = Math.min(gap, chunk.length - at)
      this.#gap = gap - skipped
      at += skipped
    }
    return at < chunk.length ? this.#readRun(chunk, at) : chunk.subarray(at)
  }

  #readRun(chunk: Uint8Array, start: number): Uint8Array {
    const stride = PACKET_SIZE + this.#strideExtra()
    const source = new WordBytes(chunk)
    const listener = this.#listener
    const end = chunk.length
    let at = start
    while (at < end) {
      if (chunk[at] !== SYNC_BYTE) return this.#loseSync(chunk.subarray(at))
      if (at + PACKET_SIZE > end) {
        this.#carry.bytes.set(chunk.subarray(at), 0)
        this.#carried = end - at
        return chunk.subarray(end)
      }
      // A packet that no sync byte follows is torn: bytes are missing in it, or the next one is damaged.
      const next = at + stride
      if (next < end && chunk[next] !== SYNC_BYTE) {
        listener.damaged()
        return this.#loseSync(chunk.subarray(at), 1)
      }
      listener.packet(source, at)
      at = next
    }
    this.#gap = at - end
    return chunk.subarray(end)
  }

  #loseSync(rest: Uint8Array, skip = 0): Uint8Array {
    this.#listener.damaged()
    this.#tally.syncLosses++
    this.#tally.skippedBytes += skip
    this.#state = 'searching'
    this.#gap = 0
    return rest.subarray(skip)
  }

  #strideExtra(): number {
    return (this.#stride ?? PACKET_SIZE) - PACKET_SIZE
  }

  /** Looks for a run of `needed` sync bytes; returns the bytes from the first of them on, or nothing. */
  #search(chunk: Uint8Array, needed: number): Uint8Array {
    const bytes = this.#window.length === 0 ? chunk : Buffer.concat([this.#window, chunk])
    let at = bytes.indexOf(SYNC_BYTE)
    while (at >= 0) {
      const verdict = this.#judge(bytes, at, needed)
      if (verdict === 'unknown') break
      if (verdict !== 'no') {
        this.#state = 'locked'
        this.#stride = verdict
        this.#tally.skippedBytes += at
        this.#window = new Uint8Array(0)
        return bytes.subarray(at)
      }
      at = bytes.indexOf(SYNC_BYTE, at + 1)
    }
    const keptFrom = at < 0 ? bytes.length : at
    this.#tally.skippedBytes += keptFrom
    this.#window = new Uint8Array(bytes.subarray(keptFrom)) // a copy: the chunk is the caller's
    return new Uint8Array(0)
  }

  #judge(bytes: Uint8Array, at: number, needed: number): Stride | 'no' | 'unknown' {
    let short = false
    for (const stride of this.#stride === undefined ? STRIDES : [this.#stride]) {
      const reach = runLength(bytes, at, { stride, needed })
      if (reach === needed) return stride
      if (at + reach * stride >= bytes.length) short = true
    }
    return short && bytes.length - at < SEARCH_WINDOW ? 'unknown' : 'no'
  }
}

/** Number of sync bytes, up to `needed`, before the first wrong or missing one. */
const runLength = (
  bytes: Uint8Array,
  at: number,
  run: { readonly stride: number; readonly needed: number },
): number => {
  let length = 1
  while (length < run.needed && bytes[at + length * run.stride] === SYNC_BYTE) length++
  return length
}
