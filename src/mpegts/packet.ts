/** Transport packet layer: ISO/IEC 13818-1, 2.4.3.2 to 2.4.3.5. Accessors read in place; nothing here allocates. */
import type { Pid } from './access-unit.ts'

export const PACKET_SIZE = 188
export const SYNC_BYTE = 0x47
export const HEADER_SIZE = 4
export const MAX_PAYLOAD_BYTES = PACKET_SIZE - HEADER_SIZE

export const PID_PAT: Pid = 0x0000
export const PID_CAT: Pid = 0x0001
/** EN 300 468, 5.1.3. */
export const PID_SDT: Pid = 0x0011
export const PID_NULL: Pid = 0x1fff
/** PIDs below this one are reserved for tables (ISO/IEC 13818-1 Table 2-3, EN 300 468 Table 1). */
export const PID_FIRST_FREE: Pid = 0x0020
export const PID_COUNT = 0x2000

/** Byte 1. */
export const TRANSPORT_ERROR = 0x80
export const PAYLOAD_UNIT_START = 0x40
export const PID_HIGH = 0x1f
/** Byte 3. */
export const SCRAMBLING = 0xc0
export const HAS_ADAPTATION = 0x20
export const HAS_PAYLOAD = 0x10
export const CONTINUITY = 0x0f
/** Byte 5, the flags of the adaptation field (2.4.3.4). */
export const DISCONTINUITY = 0x80
export const RANDOM_ACCESS = 0x40
export const HAS_PCR = 0x10

const PCR_EXTENSION_STEPS = 300
/** Weight of the first PCR byte in the 33-bit base. */
const BASE_HIGH = 2 ** 25

/** 2.4.3.2. `at` is the offset of the sync byte in each accessor below. */
export const pidAt = (b: Uint8Array, at: number): Pid => ((b[at + 1]! & PID_HIGH) << 8) | b[at + 2]!
export const hasTransportError = (b: Uint8Array, at: number): boolean =>
  (b[at + 1]! & TRANSPORT_ERROR) !== 0
export const startsUnit = (b: Uint8Array, at: number): boolean =>
  (b[at + 1]! & PAYLOAD_UNIT_START) !== 0
export const isScrambled = (b: Uint8Array, at: number): boolean => (b[at + 3]! & SCRAMBLING) !== 0
export const hasAdaptation = (b: Uint8Array, at: number): boolean =>
  (b[at + 3]! & HAS_ADAPTATION) !== 0
export const hasPayload = (b: Uint8Array, at: number): boolean => (b[at + 3]! & HAS_PAYLOAD) !== 0
export const continuityAt = (b: Uint8Array, at: number): number => b[at + 3]! & CONTINUITY

/** The flag byte of the adaptation field; 0 where there is none. */
export const adaptationFlags = (b: Uint8Array, at: number): number =>
  hasAdaptation(b, at) && b[at + 4]! > 0 ? b[at + 5]! : 0
export const hasDiscontinuity = (b: Uint8Array, at: number): boolean =>
  (adaptationFlags(b, at) & DISCONTINUITY) !== 0
export const hasRandomAccess = (b: Uint8Array, at: number): boolean =>
  (adaptationFlags(b, at) & RANDOM_ACCESS) !== 0
export const hasPcr = (b: Uint8Array, at: number): boolean =>
  (adaptationFlags(b, at) & HAS_PCR) !== 0 && b[at + 4]! >= 7

/** Offset of the first payload byte, at + 188 where there is none (also when the adaptation field's length exceeds the packet). */
export const payloadAt = (b: Uint8Array, at: number): number => {
  if (!hasPayload(b, at)) return at + PACKET_SIZE
  if (!hasAdaptation(b, at)) return at + HEADER_SIZE
  return Math.min(at + PACKET_SIZE, at + HEADER_SIZE + 1 + b[at + 4]!)
}

/** 2.4.3.5: program_clock_reference in 27 MHz ticks, 0 … 2^33 * 300 - 1. Valid only where hasPcr is true. */
export const pcrAt = (b: Uint8Array, at: number): number => {
  const base =
    b[at + 6]! * BASE_HIGH +
    ((b[at + 7]! << 17) | (b[at + 8]! << 9) | (b[at + 9]! << 1) | (b[at + 10]! >> 7))
  return base * PCR_EXTENSION_STEPS + (((b[at + 10]! & 1) << 8) | b[at + 11]!)
}

/** Writes the six PCR bytes at `at` (not a packet offset). `pcr27` in 0 … 2^33 * 300 - 1. */
export const writePcr = (b: Uint8Array, at: number, pcr27: number): void => {
  const base = Math.floor(pcr27 / PCR_EXTENSION_STEPS)
  const extension = pcr27 - base * PCR_EXTENSION_STEPS
  const high = Math.floor(base / BASE_HIGH)
  const low = base - high * BASE_HIGH
  b[at] = high
  b[at + 1] = low >> 17
  b[at + 2] = low >> 9
  b[at + 3] = low >> 1
  b[at + 4] = ((low & 1) << 7) | 0x7e | (extension >> 8)
  b[at + 5] = extension
}
