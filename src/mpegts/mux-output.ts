/** Memory that the muxer writes to: packets of one batch are contiguous, and never overwritten once taken. */
import { PACKET_SIZE } from './packet.ts'
import { WordBytes, uninitialised } from './word-bytes.ts'

/** About 256 KiB; whole packets, so that each begins on a word. */
const SLAB_BYTES = 1394 * PACKET_SIZE

export class MuxOutput {
  #slab = new WordBytes(new Uint8Array(0))
  #start = 0
  #end = 0

  get slab(): WordBytes {
    return this.#slab
  }

  /** Bytes written since the last batch was taken. */
  get pending(): number {
    return this.#end - this.#start
  }

  /** Makes room for `packets` and returns the offset of the first in `slab` (read `slab` after this call). */
  reserve(packets: number): number {
    const size = packets * PACKET_SIZE
    if (this.#end + size > this.#slab.bytes.length) this.#replaceSlab(size)
    const at = this.#end
    this.#end += size
    return at
  }

  takeBatch(): Uint8Array {
    const batch = this.#slab.bytes.subarray(this.#start, this.#end)
    this.#start = this.#end
    return batch
  }

  #replaceSlab(size: number): void {
    const batch = this.#slab.bytes.subarray(this.#start, this.#end)
    const needed = batch.length + size
    this.#slab = new WordBytes(uninitialised(needed > SLAB_BYTES ? 2 * needed : SLAB_BYTES))
    this.#slab.bytes.set(batch)
    this.#start = 0
    this.#end = batch.length
  }
}
