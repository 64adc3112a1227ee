/** ISO/IEC 13818-1, 2.14.1 and 2.17.1: each H.264 and HEVC access unit in a transport stream begins with a delimiter. */
import type { Codec } from '../contract/format.ts'

/** ITU-T H.264, 7.3.2.4: NAL type 9, primary_pic_type 7 (any slices). */
const H264_DELIMITER = Uint8Array.of(0, 0, 0, 1, 0x09, 0xf0)
const H264_TYPE_DELIMITER = 9
const H264_TYPE_END_OF_SEQUENCE = 10
/** ITU-T H.265, 7.3.2.5: NAL type 35, pic_type 2 (any slices). */
const HEVC_DELIMITER = Uint8Array.of(0, 0, 0, 1, 0x46, 0x01, 0x50)
const HEVC_TYPE_DELIMITER = 35
const HEVC_TYPE_END_OF_SEQUENCE = 36
const NOTHING = new Uint8Array(0)
/** Start code of four bytes and an end of sequence NAL of at most two. */
const HEAD_MAX = 8

export interface UnitHead {
  /** Goes in front of the unit's bytes from `rest` on. */
  readonly bytes: Uint8Array
  readonly rest: number
}

const AS_IT_IS: UnitHead = { bytes: NOTHING, rest: 0 }
const WITH_H264_DELIMITER: UnitHead = { bytes: H264_DELIMITER, rest: 0 }
const WITH_HEVC_DELIMITER: UnitHead = { bytes: HEVC_DELIMITER, rest: 0 }

/** What has to be written before `unit`. An end of sequence that leads it ends the picture before: the delimiter follows it. */
export const delimiterFor = (codec: Codec, unit: Uint8Array): UnitHead => {
  if (codec !== 'h264' && codec !== 'hevc') return AS_IT_IS
  const h264 = codec === 'h264'
  let at = 0
  while (at < unit.length && unit[at] === 0) at++
  const header = unit[at + 1] ?? 0
  const type = h264 ? header & 0x1f : (header >> 1) & 0x3f
  if (type === (h264 ? H264_TYPE_DELIMITER : HEVC_TYPE_DELIMITER)) return AS_IT_IS
  if (type === (h264 ? H264_TYPE_END_OF_SEQUENCE : HEVC_TYPE_END_OF_SEQUENCE)) {
    const end = at + (h264 ? 2 : 3)
    if (end > HEAD_MAX) return AS_IT_IS
    const delimiter = h264 ? H264_DELIMITER : HEVC_DELIMITER
    const bytes = new Uint8Array(end + delimiter.length)
    bytes.set(unit.subarray(0, end))
    bytes.set(delimiter, end)
    return { bytes, rest: end }
  }
  return h264 ? WITH_H264_DELIMITER : WITH_HEVC_DELIMITER
}
