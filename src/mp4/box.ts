import { joined } from '../codec/avc-record.ts'

/** Boxes of ISO/IEC 14496-12 for tables and headers, written once. Fragments write theirs in place. */
const HEADER_BYTES = 8

/** A box (4.2). */
export function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, part) => sum + part.length, HEADER_BYTES)
  return joined([u32(size), ascii(type), ...content])
}

/** A box with version and flags (4.2). */
export const fullBox = (
  type: string,
  { version = 0, flags = 0 }: { readonly version?: number; readonly flags?: number },
  ...content: readonly Uint8Array[]
): Uint8Array => box(type, u32(version * 2 ** 24 + flags), ...content)

export const ascii = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0))

export const u8 = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)

export const u16 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [value >> 8, value]))

export const u32 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [value >>> 24, value >> 16, value >> 8, value]))

export const zeros = (count: number): Uint8Array => new Uint8Array(count)
