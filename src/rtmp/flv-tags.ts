/**
 * Bodies of audio and video messages: "Adobe Flash Video File Format Specification" 10.1, annex E.4.2 and E.4.3. The
 * same bytes are FLV tags in files.
 */

const KEY_FRAME = 1
const INTER_FRAME = 2
const AVC = 7
const AVC_HEADER = 0
const AVC_PICTURE = 1
const VIDEO_HEADER_BYTES = 5

const MP3 = 2
const AAC = 10
const MP3_8_KHZ = 14
const AAC_HEADER = 0
const AAC_FRAME = 1
/** SoundRate 44 kHz, 16 bits, stereo: fixed for AAC, whatever its format. */
const AAC_SOUND = (AAC << 4) | 0x0f

/** Sequence header with an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
export const avcHeader = (config: Uint8Array): Uint8Array =>
  prefixed([(KEY_FRAME << 4) | AVC, AVC_HEADER, 0, 0, 0], config)

export interface AvcPicture {
  readonly rap: 'key' | 'other'
  /** Presentation time less decoding time, milliseconds: 24 bits, signed. */
  readonly compositionMs: number
  /** NAL units with four-byte lengths. */
  readonly sample: Uint8Array
}

export const avcPicture = ({ rap, compositionMs, sample }: AvcPicture): Uint8Array => {
  const tag = new Uint8Array(VIDEO_HEADER_BYTES + sample.length)
  tag[0] = ((rap === 'key' ? KEY_FRAME : INTER_FRAME) << 4) | AVC
  tag[1] = AVC_PICTURE
  tag[2] = (compositionMs >> 16) & 0xff
  tag[3] = (compositionMs >> 8) & 0xff
  tag[4] = compositionMs & 0xff
  tag.set(sample, VIDEO_HEADER_BYTES)
  return tag
}

/** Sequence header with an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
export const aacHeader = (config: Uint8Array): Uint8Array =>
  prefixed([AAC_SOUND, AAC_HEADER], config)

/** One frame, without ADTS header. */
export const aacFrame = (frame: Uint8Array): Uint8Array => prefixed([AAC_SOUND, AAC_FRAME], frame)

/** MP3 tag: holds 5.5, 11, 22 or 44 kHz, and 8 kHz by a format of its own; decoders read the frame itself. */
export const mp3Frame = (
  frame: Uint8Array,
  audio: { readonly sampleRate: number; readonly channels: number },
): Uint8Array => {
  const { sampleRate, channels } = audio
  const format = sampleRate === 8_000 ? MP3_8_KHZ : MP3
  const rate = sampleRate >= 44_100 ? 3 : sampleRate >= 22_050 ? 2 : sampleRate >= 11_025 ? 1 : 0
  return prefixed([(format << 4) | (rate << 2) | 2 | (channels > 1 ? 1 : 0)], frame)
}

const prefixed = (head: readonly number[], body: Uint8Array): Uint8Array => {
  const tag = new Uint8Array(head.length + body.length)
  tag.set(head)
  tag.set(body, head.length)
  return tag
}

/** Codec ids of onMetaData, E.5: numbers, as FFmpeg and OBS write them. */
export const METADATA_CODEC = { h264: AVC, aac: AAC, mp3: MP3 } as const
