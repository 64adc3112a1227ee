/** RTP fixed header, RFC 3550 5.1. Accessors read in place. */
const VERSION = 2
const FIXED_HEADER = 12
const PADDING = 0x20
const EXTENSION = 0x10
const CSRC_COUNT = 0x0f
const CSRC_BYTES = 4
const EXTENSION_HEADER = 4
const TYPE = 0x7f

/** RFC 3551 6: MPEG-2 transport stream, 90 kHz. */
export const PAYLOAD_MP2T = 33

export const isRtp = (b: Uint8Array): boolean => b.length >= FIXED_HEADER && b[0]! >> 6 === VERSION

export const payloadTypeOf = (b: Uint8Array): number => b[1]! & TYPE
export const sequenceOf = (b: Uint8Array): number => (b[2]! << 8) | b[3]!
export const ssrcOf = (b: Uint8Array): number =>
  ((b[8]! << 24) | (b[9]! << 16) | (b[10]! << 8) | b[11]!) >>> 0

/** Payload without header, contributing sources, extension and padding; undefined where the lengths are inconsistent. */
export const rtpPayload = (b: Uint8Array): Uint8Array | undefined => {
  let start = FIXED_HEADER + (b[0]! & CSRC_COUNT) * CSRC_BYTES
  if ((b[0]! & EXTENSION) !== 0) {
    if (start + EXTENSION_HEADER > b.length) return undefined
    start += EXTENSION_HEADER + ((b[start + 2]! << 8) | b[start + 3]!) * 4
  }
  let end = b.length
  if ((b[0]! & PADDING) !== 0) {
    const padding = b[b.length - 1]!
    if (padding === 0) return undefined
    end -= padding
  }
  return start <= end ? b.subarray(start, end) : undefined
}
