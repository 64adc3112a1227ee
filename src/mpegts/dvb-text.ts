/** Text fields of service information: EN 300 468 Annex A. */

/** A.2 Table A.3: first byte that selects UTF-8. */
const SELECT_UTF8 = 0x15
const MIN_TEXT_BYTE = 0x20
/** A service descriptor of at most 255 bytes holds two texts: each gets no more than this, cut between characters. */
const MAX_TEXT_BYTES = 120

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/** ASCII as it is (the default table agrees with it), anything else as UTF-8 with its selector. At most 120 bytes. */
export const encodeDvbText = (text: string): Uint8Array => {
  const clean = text.replaceAll(/\p{Cc}/gu, ' ')
  const encoder = new TextEncoder()
  if (isAscii(clean)) return encoder.encode(clean.slice(0, MAX_TEXT_BYTES))
  const bytes = new Uint8Array(MAX_TEXT_BYTES)
  bytes[0] = SELECT_UTF8
  const { written } = encoder.encodeInto(clean, bytes.subarray(1))
  return bytes.subarray(0, 1 + written)
}

/** UTF-8 and the Latin tables; an unknown table is read as Latin-1, so that at least its ASCII letters are right. */
export const decodeDvbText = (bytes: Uint8Array): string => {
  const first = bytes[0]
  if (first === undefined) return ''
  if (first >= MIN_TEXT_BYTE) return decodeLatin(bytes)
  if (first === SELECT_UTF8) return new TextDecoder('utf-8').decode(bytes.subarray(1))
  return decodeLatin(bytes.subarray(first === 0x10 ? 3 : 1))
}

/** Control codes of A.1 (0x80 to 0x9F: emphasis, line break) are not text. */
const decodeLatin = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes)
    if (byte >= 0x20 && (byte < 0x7f || byte > 0x9f)) text += String.fromCharCode(byte)
  return text
}
