import { BitReader } from './bit-reader.ts'

/** adts_fixed_header, ISO/IEC 14496-3 1.A.2.2.1. */
const HEADER_BYTES = 7
const CRC_BYTES = 2
/** id_syn_ele of a program config element. */
const PROGRAM_CONFIG = 5
/** program_config_element up to its counts, and the counts: 4.4.1.1. */
const ELEMENT_BITS_BEFORE_COUNTS = 10

/** Length of the ADTS header in bytes, CRC included. */
export const adtsHeaderBytes = (frame: Uint8Array): number =>
  (frame[1]! & 1) === 0 ? HEADER_BYTES + CRC_BYTES : HEADER_BYTES

/** Access units that share the header: number_of_raw_data_blocks_in_frame + 1. */
export const adtsBlocks = (frame: Uint8Array): number => (frame[6]! & 3) + 1

/**
 * AudioSpecificConfig (1.6.2.1) of the stream that an ADTS frame belongs to. HE-AAC stays implicitly signalled, as
 * in ADTS. Undefined when the channels are given by a program config element that this frame lacks.
 */
export function aacRecord(frame: Uint8Array): Uint8Array | undefined {
  if (frame.length <= HEADER_BYTES) return undefined
  const objectType = (frame[2]! >> 6) + 1
  const rateIndex = (frame[2]! >> 2) & 0x0f
  const channels = ((frame[2]! & 1) << 2) | (frame[3]! >> 6)
  const bits = new Bits()
  bits.put(objectType, 5).put(rateIndex, 4).put(channels, 4)
  // GASpecificConfig: frames of 1024 samples, no core coder, no extension.
  bits.put(0, 3)
  if (channels === 0 && !copyProgramConfig(frame, bits)) return undefined
  return bits.bytes()
}

class Bits {
  readonly #bits: number[] = []

  put(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.#bits.push((value >> i) & 1)
    return this
  }

  align(): void {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0)
  }

  bytes(): Uint8Array {
    this.align()
    const bytes = new Uint8Array(this.#bits.length / 8)
    for (const [i, bit] of this.#bits.entries()) bytes[i >> 3]! |= bit << (7 - (i & 7))
    return bytes
  }
}

/** 4.4.1.1: copies the element, byte-aligned, without its comment. */
function copyProgramConfig(frame: Uint8Array, bits: Bits): boolean {
  const r = new BitReader(frame, adtsHeaderBytes(frame), frame.length, 'plain')
  if (r.bits(3) !== PROGRAM_CONFIG) return false
  const copy = (count: number): number => {
    const value = r.bits(count)
    bits.put(value, count)
    return value
  }
  copy(ELEMENT_BITS_BEFORE_COUNTS)
  const speakers = copy(4) + copy(4) + copy(4)
  const lfe = copy(2)
  const associated = copy(3)
  const coupling = copy(4)
  if (copy(1) === 1) copy(4)
  if (copy(1) === 1) copy(4)
  if (copy(1) === 1) copy(3)
  for (let i = 0; i < speakers; i++) copy(5)
  for (let i = 0; i < lfe + associated; i++) copy(4)
  for (let i = 0; i < coupling; i++) copy(5)
  bits.align()
  bits.put(0, 8)
  return !r.exhausted
}
