/** PES packet headers: ISO/IEC 13818-1, 2.4.3.6 and 2.4.3.7. */
import { readTimestamp, writeTimestamp } from './timestamps.ts'

export const STREAM_ID_VIDEO = 0xe0
export const STREAM_ID_AUDIO = 0xc0
export const STREAM_ID_PRIVATE_1 = 0xbd
const STREAM_ID_PADDING = 0xbe
/** packet_start_code_prefix, stream_id, PES_packet_length. */
export const PES_FIXED_BYTES = 6
/** … plus the two flag bytes and PES_header_data_length. */
export const MIN_PES_HEADER_BYTES = 9
const FLAG_ALIGNED = 0x04
const FLAGS_MARKER = 0x80
const FLAG_PTS = 0x80
const FLAG_DTS = 0x40
const TIMESTAMP_SIZE = 5
const SCRAMBLING = 0x30
const STUFFING = 0xff

/** Table 2-21: stream ids whose packets have no optional header and carry no coded frames. */
const isHeaderless = (streamId: number): boolean =>
  streamId === 0xbc ||
  streamId === STREAM_ID_PADDING ||
  streamId === 0xbf ||
  streamId === 0xf0 ||
  streamId === 0xf1 ||
  streamId === 0xf2 ||
  streamId === 0xf8 ||
  streamId === 0xff

export const startsPes = (b: Uint8Array, at: number): boolean =>
  b[at] === 0 && b[at + 1] === 0 && b[at + 2] === 1

/** PES_packet_length; 0 means unbounded (video only). */
export const pesLengthAt = (b: Uint8Array, at: number): number => (b[at + 4]! << 8) | b[at + 5]!

export interface PesHeader {
  /** Raw 33-bit values. */
  readonly pts: number | undefined
  readonly dts: number | undefined
  /** Offset of the elementary stream bytes from the start of the PES packet. */
  readonly size: number
}

/** The header of the PES packet at [at, end); undefined where it is damaged, scrambled, or of a kind without frames. */
export const parsePesHeader = (b: Uint8Array, at: number, end: number): PesHeader | undefined => {
  if (end - at < MIN_PES_HEADER_BYTES || !startsPes(b, at) || isHeaderless(b[at + 3]!))
    return undefined
  if ((b[at + 6]! & 0xc0) !== 0x80 || (b[at + 6]! & SCRAMBLING) !== 0) return undefined
  const size = MIN_PES_HEADER_BYTES + b[at + 8]!
  if (at + size > end) return undefined
  const flags = b[at + 7]!
  const hasPts = (flags & FLAG_PTS) !== 0 && b[at + 8]! >= TIMESTAMP_SIZE
  const hasDts = hasPts && (flags & FLAG_DTS) !== 0 && b[at + 8]! >= 2 * TIMESTAMP_SIZE
  return {
    pts: hasPts ? readTimestamp(b, at + MIN_PES_HEADER_BYTES) : undefined,
    dts: hasDts ? readTimestamp(b, at + MIN_PES_HEADER_BYTES + TIMESTAMP_SIZE) : undefined,
    size,
  }
}

export interface PesFields {
  readonly streamId: number
  /** Within 33 bits. The DTS is written only where it differs. */
  readonly pts33: number
  readonly dts33: number
  /** Elementary stream bytes that follow. */
  readonly payload: number
  /** Stuffing bytes at the end of the header (2.4.3.7 allows 32). */
  readonly stuffing: number
}

export const pesHeaderSize = (fields: PesFields): number =>
  MIN_PES_HEADER_BYTES +
  (fields.pts33 === fields.dts33 ? TIMESTAMP_SIZE : 2 * TIMESTAMP_SIZE) +
  fields.stuffing

/**
 * Writes the header and returns its size. PES_packet_length is exact wherever 16 bits hold it, so that a receiver has
 * the frame's end with its last byte; a longer video frame is written as unbounded.
 */
export const writePesHeader = (b: Uint8Array, at: number, fields: PesFields): number => {
  const size = pesHeaderSize(fields)
  const length = size - PES_FIXED_BYTES + fields.payload
  const bounded = length <= 0xffff ? length : 0
  const withDts = fields.pts33 !== fields.dts33
  b[at] = 0
  b[at + 1] = 0
  b[at + 2] = 1
  b[at + 3] = fields.streamId
  b[at + 4] = bounded >> 8
  b[at + 5] = bounded
  b[at + 6] = FLAGS_MARKER | FLAG_ALIGNED
  b[at + 7] = FLAG_PTS | (withDts ? FLAG_DTS : 0)
  b[at + 8] = size - MIN_PES_HEADER_BYTES
  writeTimestamp(b, at + 9, { prefix: withDts ? 3 : 2, time33: fields.pts33 })
  if (withDts) writeTimestamp(b, at + 14, { prefix: 1, time33: fields.dts33 })
  b.fill(STUFFING, at + size - fields.stuffing, at + size)
  return size
}
