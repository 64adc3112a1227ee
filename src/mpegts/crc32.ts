/** CRC-32/MPEG-2: ISO/IEC 13818-1 Annex A (polynomial 0x04C11DB7, initial value all ones, not reflected, not inverted). */
const POLYNOMIAL = 0x04c11db7

const TABLE = /* @__PURE__ */ Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder < 0 ? (remainder << 1) ^ POLYNOMIAL : remainder << 1
  }
  return remainder
})

/** Unsigned CRC of [from, to). Over a section with its CRC field the result is 0 when the section is whole. */
export const crc32Mpeg = (b: Uint8Array, from = 0, to = b.length): number => {
  let crc = -1
  for (let i = from; i < to; i++) crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ b[i]!]!
  return crc >>> 0
}
