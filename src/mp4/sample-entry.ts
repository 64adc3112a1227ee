import { box, fullBox, u16, u32, u8, zeros } from './box.ts'
import { objectTypeOf } from './object-type.ts'
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts'

/** 72 dpi in 16.16, as in every visual entry (ISO/IEC 14496-12, 12.1.3). */
const RESOLUTION = 0x00480000
const DEPTH_24 = 0x18
const NO_COLOUR_TABLE = 0xffff
const COMPRESSOR_NAME_BYTES = 32
const DATA_REFERENCE = 1
const SAMPLE_BITS = 16

/** Descriptor tags, ISO/IEC 14496-1 7.2.2.1. */
const ES_DESCRIPTOR = 3
const DECODER_CONFIG = 4
const DECODER_SPECIFIC = 5
const SL_CONFIG = 6
/** streamType audio, upStream 0, reserved 1 (7.2.6.6). */
const AUDIO_STREAM = (5 << 2) | 1
/** SLConfigDescriptor of MP4 files (7.3.2.3). */
const SL_OF_MP4 = 2

export const sampleEntry = (track: Mp4Track): Uint8Array =>
  track.kind === 'video' ? visualEntry(track) : audioEntry(track)

/** 'avc1', 'avc3', 'hvc1' or 'hev1': ISO/IEC 14496-15 5.4.2 and 8.4.1. */
export const videoEntryName = ({ codec, parameterSets }: Mp4VideoTrack): string => {
  if (codec === 'h264') return parameterSets === 'in_entry' ? 'avc1' : 'avc3'
  return parameterSets === 'in_entry' ? 'hvc1' : 'hev1'
}

const visualEntry = (track: Mp4VideoTrack): Uint8Array => {
  const aspect = track.pixelAspect
  return box(
    videoEntryName(track),
    zeros(6),
    u16(DATA_REFERENCE),
    zeros(16),
    u16(track.width, track.height),
    u32(RESOLUTION, RESOLUTION, 0),
    u16(1),
    zeros(COMPRESSOR_NAME_BYTES),
    u16(DEPTH_24, NO_COLOUR_TABLE),
    box(track.codec === 'h264' ? 'avcC' : 'hvcC', track.config),
    ...(aspect === undefined ? [] : [box('pasp', u32(aspect.num, aspect.den))]),
  )
}

const audioEntry = (track: Mp4AudioTrack): Uint8Array => {
  // The field is 16.16 bits: a rate that does not fit is in the codec's own bytes.
  const rate = track.sampleRate <= 0xffff ? track.sampleRate : 0
  const fields = [
    zeros(6),
    u16(DATA_REFERENCE),
    zeros(8),
    u16(track.channels, SAMPLE_BITS, 0, 0, rate, 0),
  ]
  if (track.codec === 'ac3') return box('ac-3', ...fields, box('dac3', track.config))
  if (track.codec === 'eac3') return box('ec-3', ...fields, box('dec3', track.config))
  return box('mp4a', ...fields, elementaryStream(track))
}

/** esds, ISO/IEC 14496-14 6.7.2 (here: 5.6). */
const elementaryStream = (track: Mp4AudioTrack): Uint8Array => {
  const specific = track.config.length === 0 ? [] : [descriptor(DECODER_SPECIFIC, track.config)]
  // Buffer size and bit rates are unavailable before encoding.
  const decoder = [u8(objectTypeOf(track), AUDIO_STREAM), zeros(11), ...specific]
  return fullBox(
    'esds',
    {},
    descriptor(
      ES_DESCRIPTOR,
      zeros(3),
      descriptor(DECODER_CONFIG, ...decoder),
      descriptor(SL_CONFIG, u8(SL_OF_MP4)),
    ),
  )
}

/** A descriptor, its length in the usual four bytes: 7 bits each, the top bit set when more follow. */
const descriptor = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const size = content.reduce((sum, part) => sum + part.length, 0)
  const length = [0x80 | (size >> 21), 0x80 | (size >> 14), 0x80 | (size >> 7), size & 0x7f]
  const out = new Uint8Array(5 + size)
  out.set([tag, ...length])
  let at = 5
  for (const part of content) {
    out.set(part, at)
    at += part.length
  }
  return out
}
