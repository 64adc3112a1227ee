import { adtsHeaderBytes } from '../codec/aac-record.ts'
import { lengthPrefixed } from '../codec/nal-spans.ts'
import type { AudioCodec } from '../contract/format.ts'

/** nal_unit_type of access unit delimiter and filler: ITU-T H.264 table 7-1, H.265 table 7-1. */
const H264_EXCLUDED = new Set([9, 12])
const HEVC_EXCLUDED = new Set([35, 38])

const isExcluded = {
  h264: (first: number): boolean => H264_EXCLUDED.has(first & 0x1f),
  hevc: (first: number): boolean => HEVC_EXCLUDED.has((first >> 1) & 0x3f),
} as const

/** Annex B to length-prefixed NAL units; delimiters and filler are left out, parameter sets kept. */
export const videoSample = (codec: 'h264' | 'hevc', unit: Uint8Array): Uint8Array =>
  lengthPrefixed(unit, isExcluded[codec])

/** Frame without its ADTS header (a view); other codecs unchanged. */
export const audioSample = (codec: AudioCodec, frame: Uint8Array): Uint8Array =>
  codec === 'aac' ? frame.subarray(adtsHeaderBytes(frame)) : frame
