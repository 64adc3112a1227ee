/** ISO/IEC 13818-1, 2.14.1 and 2.17.1: each H.264 and HEVC access unit in a transport stream begins with a delimiter. */
import type { Codec } from '../contract/format.ts'

/** End of sequence and end of stream with their start codes, and one zero more; a longer run does not fit into a head. */
const MAX_ENDS_BYTES = 16

interface NalTypes {
  readonly typeOf: (header: number) => number
  readonly headerBytes: number
  readonly delimiterType: number
  readonly isEnd: (type: number) => boolean
  readonly delimiter: Uint8Array
}

/** ITU-T H.264, 7.3.2.4 and table 7-1: delimiter 9 with primary_pic_type 7 (any slices), end of sequence 10, of stream 11. */
const H264: NalTypes = {
  typeOf: (header) => header & 0x1f,
  headerBytes: 1,
  delimiterType: 9,
  isEnd: (type) => type === 10 || type === 11,
  delimiter: Uint8Array.of(0, 0, 0, 1, 0x09, 0xf0),
}
/** ITU-T H.265, 7.3.2.5 and table 7-1: delimiter 35 with pic_type 2 (any slices), end of sequence 36, of bitstream 37. */
const HEVC: NalTypes = {
  typeOf: (header) => (header >> 1) & 0x3f,
  headerBytes: 2,
  delimiterType: 35,
  isEnd: (type) => type === 36 || type === 37,
  delimiter: Uint8Array.of(0, 0, 0, 1, 0x46, 0x01, 0x50),
}

export interface UnitHead {
  /** Goes in front of the unit's bytes from `rest` on. */
  readonly bytes: Uint8Array
  readonly rest: number
}

const UNCHANGED: UnitHead = { bytes: new Uint8Array(0), rest: 0 }
const WITH_H264_DELIMITER: UnitHead = { bytes: H264.delimiter, rest: 0 }
const WITH_HEVC_DELIMITER: UnitHead = { bytes: HEVC.delimiter, rest: 0 }

/** Bytes to write before `unit`. A leading end of sequence belongs to the picture before: the delimiter follows it. */
export const delimiterFor = (codec: Codec, unit: Uint8Array): UnitHead => {
  if (codec === 'h264') return headOf(unit, H264) ?? WITH_H264_DELIMITER
  return codec === 'hevc' ? (headOf(unit, HEVC) ?? WITH_HEVC_DELIMITER) : UNCHANGED
}

/** Head of the unit; undefined: a delimiter precedes the whole unit. */
const headOf = (unit: Uint8Array, nal: NalTypes): UnitHead | undefined => {
  let from = 0
  for (;;) {
    const header = headerAt(unit, from)
    if (header < 0) break
    const type = nal.typeOf(unit[header]!)
    if (type === nal.delimiterType) return UNCHANGED
    if (!nal.isEnd(type)) break
    from = header + nal.headerBytes
  }
  if (from === 0) return undefined
  if (from >= unit.length || from > MAX_ENDS_BYTES) return UNCHANGED
  const bytes = new Uint8Array(from + nal.delimiter.length)
  bytes.set(unit.subarray(0, from))
  bytes.set(nal.delimiter, from)
  return { bytes, rest: from }
}

/** Offset of the header of the NAL unit whose start code is at `from`, or -1. */
const headerAt = (unit: Uint8Array, from: number): number => {
  let at = from
  while (at < unit.length && unit[at] === 0) at++
  return at + 1 < unit.length && unit[at] === 1 ? at + 1 : -1
}
