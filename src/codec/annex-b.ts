import { Buffer } from 'node:buffer'

/**
 * Byte stream format of ITU-T H.264 / H.265 Annex B (and, with other codes behind the prefix,
 * ISO/IEC 13818-2): units are found by the prefix 00 00 01; a fourth zero in front belongs to it.
 */
export const PREFIX_BYTES = 3
const PREFIX = Uint8Array.of(0, 0, 1)
/** Headers lie this close together: a plain loop beats a native call there. */
const LOOP_SEARCH_BYTES = 96

/** Offset of the next 00 00 01 at or after `from`, or -1. */
export function nextPrefix(bytes: Uint8Array, from: number): number {
  const near = Math.min(bytes.length, from + LOOP_SEARCH_BYTES)
  let at = from + 2
  while (at < near) {
    const value = bytes[at]!
    if (value > 1) at += 3
    else if (value === 0) at += 1
    else if (bytes[at - 1] === 0 && bytes[at - 2] === 0) return at - 2
    else at += 3
  }
  if (near === bytes.length) return -1
  // The search of Buffer works on any Uint8Array and is several times faster than a loop.
  return Buffer.prototype.indexOf.call(bytes, PREFIX, at - 2)
}

/** Start of the unit with the prefix at `prefix`, its zero_byte included; never before `floor`. */
export const unitStart = (bytes: Uint8Array, prefix: number, floor = 0): number =>
  prefix > floor && bytes[prefix - 1] === 0 ? prefix - 1 : prefix

/** End of a NAL unit that runs up to `end`, without trailing zeros (B.1.1: they are not part of it). */
export function trimZeros(bytes: Uint8Array, start: number, end: number): number {
  let trimmed = end
  while (trimmed > start && bytes[trimmed - 1] === 0) trimmed--
  return trimmed
}

/** Offset of the first prefix if only zeros precede it, otherwise -1. */
export function leadingPrefix(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length && bytes[at] === 0) at++
  return at >= 2 && bytes[at] === 1 ? at - 2 : -1
}

/** Copy of the bytes with `block` inserted at `at`. */
export function insertAt(bytes: Uint8Array, at: number, block: Uint8Array): Uint8Array {
  const joined = new Uint8Array(bytes.length + block.length)
  joined.set(bytes.subarray(0, at), 0)
  joined.set(block, at)
  joined.set(bytes.subarray(at), at + block.length)
  return joined
}

/** NAL units, each with a four-byte start code. */
export function withStartCodes(units: readonly Uint8Array[]): Uint8Array {
  const block = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.length, 0))
  let at = 0
  for (const unit of units) {
    block[at + 3] = 1
    block.set(unit, at + 4)
    at += 4 + unit.length
  }
  return block
}
