import { nextPrefix, PREFIX_BYTES, trimZeros } from './annex-b.ts'

/** Spans of the NAL units in a byte stream, without start codes and trailing zeros: [start, end, start, end …]. */
export function nalSpans(unit: Uint8Array): number[] {
  const spans: number[] = []
  let prefix = nextPrefix(unit, 0)
  while (prefix >= 0) {
    const start = prefix + PREFIX_BYTES
    const next = nextPrefix(unit, start)
    const end = trimZeros(unit, start, next < 0 ? unit.length : next)
    if (end > start) spans.push(start, end)
    prefix = next
  }
  return spans
}

const LENGTH_BYTES = 4

/** NAL units behind lengths of four bytes (ISO/IEC 14496-15, 4.3.3), without those whose first byte `isExcluded` names. */
export function lengthPrefixed(
  unit: Uint8Array,
  isExcluded: (firstByte: number) => boolean,
): Uint8Array {
  const spans = nalSpans(unit)
  let size = 0
  for (let i = 0; i < spans.length; i += 2) {
    if (!isExcluded(unit[spans[i]!]!)) size += LENGTH_BYTES + spans[i + 1]! - spans[i]!
  }
  const out = new Uint8Array(size)
  let at = 0
  for (let i = 0; i < spans.length; i += 2) {
    const start = spans[i]!
    const length = spans[i + 1]! - start
    if (isExcluded(unit[start]!)) continue
    out[at] = length >>> 24
    out[at + 1] = length >>> 16
    out[at + 2] = length >>> 8
    out[at + 3] = length
    out.set(unit.subarray(start, start + length), at + LENGTH_BYTES)
    at += LENGTH_BYTES + length
  }
  return out
}

/** NAL units of one type, in order, without duplicates. */
export function nalUnitsOf(
  unit: Uint8Array,
  spans: readonly number[],
  isWanted: (firstByte: number) => boolean,
): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let i = 0; i < spans.length; i += 2) {
    if (!isWanted(unit[spans[i]!]!)) continue
    const nal = unit.subarray(spans[i], spans[i + 1])
    if (!found.some((known) => sameBytes(known, nal))) found.push(nal)
  }
  return found
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
