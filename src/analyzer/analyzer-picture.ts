/**
 * A second check of random access: the kinds of unit at the front of a picture. Independent of codec/, whose result it
 * checks, and therefore plain.
 */
import type { VideoCodec } from '../contract/format.ts'

export interface PictureFront {
  /** Decoding can begin here, judged by the kind of the picture alone. */
  readonly rap: boolean
  /** H.264: SPS and PPS; HEVC: VPS, SPS and PPS; MPEG-2: a sequence header. */
  readonly parameterSets: boolean
}

/** ITU-T H.264 Table 7-1; H.265 Table 7-1; ISO/IEC 13818-2 Table 6-1. */
const H264_SLICE = 1
const H264_IDR = 5
const H264_SPS = 7
const H264_PPS = 8
const HEVC_FIRST_NOT_SLICE = 32
const HEVC_IRAP_FROM = 16
const HEVC_IRAP_TO = 21
const HEVC_VPS = 32
const HEVC_PPS = 34
const MPEG2_PICTURE = 0x00
const MPEG2_SEQUENCE = 0xb3
const MPEG2_CODING_TYPE_I = 1

/** Reads the first bytes of an access unit, up to its first slice at least. */
export const pictureFront = (codec: VideoCodec, front: Uint8Array): PictureFront => {
  if (codec === 'h264') return h264Front(front)
  return codec === 'hevc' ? hevcFront(front) : mpeg2Front(front)
}

const h264Front = (front: Uint8Array): PictureFront => {
  let sets = 0
  for (let at = nextCode(front, 0); at >= 0; at = nextCode(front, at)) {
    const type = front[at]! & 0x1f
    if (type === H264_SPS) sets |= 1
    else if (type === H264_PPS) sets |= 2
    else if (type >= H264_SLICE && type <= H264_IDR) {
      return { rap: type === H264_IDR, parameterSets: sets === 3 }
    }
  }
  return { rap: false, parameterSets: sets === 3 }
}

const hevcFront = (front: Uint8Array): PictureFront => {
  let sets = 0
  for (let at = nextCode(front, 0); at >= 0; at = nextCode(front, at)) {
    const type = (front[at]! >> 1) & 0x3f
    if (type >= HEVC_VPS && type <= HEVC_PPS) sets |= 1 << (type - HEVC_VPS)
    else if (type < HEVC_FIRST_NOT_SLICE) {
      return { rap: type >= HEVC_IRAP_FROM && type <= HEVC_IRAP_TO, parameterSets: sets === 7 }
    }
  }
  return { rap: false, parameterSets: sets === 7 }
}

/** An I picture without a sequence header is no random access point, which is no violation. */
const mpeg2Front = (front: Uint8Array): PictureFront => {
  let sequence = false
  for (let at = nextCode(front, 0); at >= 0; at = nextCode(front, at)) {
    if (front[at] === MPEG2_SEQUENCE) sequence = true
    else if (front[at] === MPEG2_PICTURE) {
      const isIntra = ((front[at + 2] ?? 0) >> 3) % 8 === MPEG2_CODING_TYPE_I
      return { rap: isIntra && sequence, parameterSets: sequence }
    }
  }
  return { rap: false, parameterSets: sequence }
}

/** Offset of the byte behind the next 00 00 01, or -1. */
const nextCode = (b: Uint8Array, from: number): number => {
  for (let at = from + 2; at + 1 < b.length; at++) {
    if (b[at] === 1 && b[at - 1] === 0 && b[at - 2] === 0) return at + 1
  }
  return -1
}
