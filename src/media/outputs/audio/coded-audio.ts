import type { AudioFormat } from '../../../contract/format.ts'
import type { AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'

/** Coding of the sent audio: fixed for the life of a stream, also when the program's audio changes. */
export interface CodedAudio {
  readonly format: AudioEncoding
  /** Bits per second. */
  readonly bitrate: number
  readonly sampleRate: number
  readonly channels: number
}

/** Indivisible unit: an MP3 or ADTS frame, or a page of Ogg. */
export interface CodedUnit {
  readonly bytes: Uint8Array
  /** Duration, milliseconds. */
  readonly ms: number
}

export const FRAME_SAMPLES: Readonly<Record<AudioEncoding, number>> = {
  mp3: 1_152,
  aac: 1_024,
  opus: 960,
}

export const CONTENT_TYPES: Readonly<Record<AudioEncoding, string>> = {
  mp3: 'audio/mpeg',
  aac: 'audio/aac',
  opus: 'application/ogg',
}

/** Bitrates of ISO/IEC 11172-3, layer III, kbit/s. */
const MP3_KILOBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]

const BITRATE_LIMITS: Readonly<
  Record<AudioEncoding, { readonly from: number; readonly to: number }>
> = {
  mp3: { from: 32_000, to: 320_000 },
  aac: { from: 16_000, to: 512_000 },
  opus: { from: 8_000, to: 510_000 },
}

/** Undefined when the bitrate is possible. */
export const bitrateProblem = (format: AudioEncoding, bitrate: number): string | undefined => {
  const { from, to } = BITRATE_LIMITS[format]
  return bitrate >= from && bitrate <= to
    ? undefined
    : `${bitrate} is not possible for ${format}: it must be from ${from} to ${to} bit/s`
}

/** The nearest possible bitrate. */
export const clampBitrate = (format: AudioEncoding, bitrate: number): number =>
  Math.min(BITRATE_LIMITS[format].to, Math.max(BITRATE_LIMITS[format].from, bitrate))

const OPUS_RATE = 48_000
/** Sampling rates that every player supports. HE-AAC's core has half and quarter ones, whose double would be too much. */
const COMMON_RATES = [48_000, 44_100, 32_000]

const commonRate = (rate: number): number =>
  COMMON_RATES.find((common) => [1, 2, 4, 0.5].some((times) => rate * times === common)) ?? 48_000

const nearest = (values: readonly number[], wanted: number): number =>
  values.reduce((best, value) =>
    Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best,
  )

/** Coding in the program's own rate and channels, as far as the format has them; at most stereo. */
export const codedAudio = (
  format: AudioEncoding,
  bitrate: number,
  program: AudioFormat,
): CodedAudio => ({
  format,
  bitrate: format === 'mp3' ? nearest(MP3_KILOBITS, bitrate / 1_000) * 1_000 : bitrate,
  sampleRate: format === 'opus' ? OPUS_RATE : commonRate(program.sampleRate),
  channels: Math.min(2, program.channels),
})

/**
 * Frames of the program that can be copied. MP3 cannot: a frame after a cut would refer to the bit reservoir of the source
 * before it.
 */
export const canCopy = (coded: CodedAudio, program: AudioFormat): boolean =>
  coded.format === 'aac' &&
  program.codec === 'aac' &&
  program.profile === 'lc' &&
  program.frameSamples === FRAME_SAMPLES.aac &&
  program.sampleRate === coded.sampleRate &&
  program.channels === coded.channels

/** Duration of a coded frame, seconds. */
export const frameSeconds = (coded: CodedAudio): number =>
  FRAME_SAMPLES[coded.format] / coded.sampleRate
