import { SluiceError } from '../contract/errors.ts'
import type { AudioCodec, AudioFormat, VideoCodec, VideoFormat } from '../contract/format.ts'

export interface VideoTarget {
  readonly format: VideoFormat
  /** Seconds between random access points. */
  readonly gopSeconds: number
  /** Bits per second; absent: by quality. */
  readonly bitrate?: number
  /** Preset of x264 and x265: speed against size. */
  readonly preset: string
}

export interface AudioTarget {
  readonly format: AudioFormat
  readonly bitrate?: number
}

/** Output format of a transcoder. A missing track is left out, not filled. */
export interface TargetFormat {
  readonly video?: VideoTarget
  readonly audio?: AudioTarget
}

export interface VideoTuning {
  /** No look-ahead and no frame threads: a picture leaves the encoder at once. */
  readonly delay: 'lowest' | 'normal'
  readonly bFrames: number
}

const DEFAULT_FRAME_RATE = { num: 25, den: 1 } as const

export const rateOf = ({ format }: VideoTarget): number => {
  const { num, den } = format.frameRate ?? DEFAULT_FRAME_RATE
  return num / den
}

export const rateText = ({ format }: VideoTarget): string => {
  const { num, den } = format.frameRate ?? DEFAULT_FRAME_RATE
  return `${num}/${den}`
}

/** Length of a GOP in pictures; at least one. */
export const gopFrames = (video: VideoTarget): number =>
  Math.max(1, Math.round(video.gopSeconds * rateOf(video)))

const ENCODERS: Readonly<Record<VideoCodec | AudioCodec, string | undefined>> = {
  h264: 'libx264',
  hevc: 'libx265',
  mpeg2video: 'mpeg2video',
  aac: 'aac',
  aac_latm: 'aac',
  mp1: undefined,
  mp2: 'mp2',
  mp3: 'libmp3lame',
  ac3: 'ac3',
  eac3: 'eac3',
}

/** FFmpeg's encoder for a codec; 'codec_not_carriable' when it has none. */
const encoderFor = (codec: VideoCodec | AudioCodec): string => {
  const encoder = ENCODERS[codec]
  if (encoder === undefined) {
    throw new SluiceError(
      'codec_not_carriable',
      `FFmpeg cannot encode ${codec}; use aac, mp2 or ac3`,
    )
  }
  return encoder
}

/** Bits per pixel for acceptable live quality by codec, where the target has no bitrate. */
const BITS_PER_PIXEL: Readonly<Record<VideoCodec, number>> = {
  h264: 0.1,
  hevc: 0.07,
  mpeg2video: 0.2,
}
const MIN_VIDEO_BITRATE = 300_000

const videoBitrate = (video: VideoTarget): number => {
  const { codec, width, height } = video.format
  const guess = width * height * rateOf(video) * BITS_PER_PIXEL[codec]
  return video.bitrate ?? Math.max(MIN_VIDEO_BITRATE, Math.round(guess))
}

const PIXEL_LAYOUT: Readonly<Record<VideoFormat['chroma'], string>> = {
  '4:0:0': 'gray',
  '4:2:0': 'yuv420p',
  '4:2:2': 'yuv422p',
  '4:4:4': 'yuv444p',
}

const pixelFormat = ({ chroma, depth }: VideoFormat): string =>
  depth > 8 ? `${PIXEL_LAYOUT[chroma]}${depth}le` : PIXEL_LAYOUT[chroma]

const X264_PROFILES: ReadonlySet<string> = new Set([
  ...['baseline', 'main', 'high', 'high10', 'high422', 'high444'],
])

const profileArguments = ({ codec, profile, chroma, depth }: VideoFormat): string[] => {
  // "constrained baseline" and the like belong to the family that x264 calls by the last word.
  const name = profile.replace(/^constrained[ _-]/, '').replaceAll(/[ :_-]/g, '')
  if (codec === 'h264') return X264_PROFILES.has(name) ? ['-profile:v', name] : []
  if (codec === 'hevc') {
    return chroma === '4:2:0' ? ['-profile:v', depth > 8 ? 'main10' : 'main'] : []
  }
  return ['-profile:v', chroma === '4:2:2' ? '0' : name === 'simple' ? '5' : '4']
}

const allowsBFrames = ({ codec, profile }: VideoFormat): boolean =>
  !(codec === 'h264' && profile.includes('baseline')) &&
  !(codec === 'mpeg2video' && profile === 'simple')

const codecArguments = (video: VideoTarget, tuning: VideoTuning): string[] => {
  const { codec, scan } = video.format
  const gop = gopFrames(video)
  const isLowDelay = tuning.delay === 'lowest'
  switch (codec) {
    case 'h264':
      return [
        ...['-preset', video.preset],
        ...(isLowDelay ? ['-tune', 'zerolatency'] : []),
        ...['-x264-params', `scenecut=0:open-gop=0:keyint=${gop}:min-keyint=${gop}`],
        ...(scan === 'interlaced' ? ['-flags', '+ildct+ilme'] : ['-flags', '+cgop']),
      ]
    case 'hevc':
      return [
        ...['-preset', video.preset],
        ...(isLowDelay ? ['-tune', 'zerolatency'] : []),
        // x265 writes about itself to stderr at its own level, past -loglevel.
        '-x265-params',
        `scenecut=0:open-gop=0:keyint=${gop}:min-keyint=${gop}:repeat-headers=1:log-level=error`,
      ]
    case 'mpeg2video':
      return [
        ...['-flags', scan === 'interlaced' ? '+ildct+ilme+cgop' : '+cgop'],
        ...['-sc_threshold', '1000000000'],
        ...(isLowDelay ? ['-flags2', '+fast'] : []),
      ]
  }
}

/** Encoder arguments: closed GOPs of exactly the target's length. */
export const videoEncoding = (video: VideoTarget, tuning: VideoTuning): string[] => {
  const bitrate = videoBitrate(video)
  const bFrames = allowsBFrames(video.format) ? tuning.bFrames : 0
  return [
    ...['-c:v', encoderFor(video.format.codec), ...codecArguments(video, tuning)],
    ...profileArguments(video.format),
    ...['-g', String(gopFrames(video)), '-bf', String(bFrames)],
    ...['-b:v', String(bitrate), '-maxrate:v', String(bitrate), '-bufsize:v', String(bitrate)],
    // The colour description of a source would make the next one's parameter sets differ from it.
    ...['-pix_fmt', pixelFormat(video.format)],
  ]
}

/**
 * Scales to the target's size and rate: the whole picture and its shape are kept (anamorphic too), the rest is black. The
 * `fps` filter fills a forward jump in time completely with repeated pictures: a transcoder must be restarted when its
 * input's timeline jumps.
 */
export const videoFilters = (video: VideoTarget): string => {
  const { width, height, scan } = video.format
  const fit = `scale=w='min(${width},trunc(${height}*dar/2)*2)':h='min(${height},trunc(${width}/dar/2)*2)'`
  return [
    ...(scan === 'progressive' ? ['yadif=mode=send_frame:deint=interlaced'] : []),
    `${fit}:flags=bicubic`,
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
    `fps=${rateText(video)}`,
    `format=${pixelFormat(video.format)}`,
  ].join(',')
}

const AUDIO_BITRATE_PER_CHANNEL: Readonly<Record<AudioCodec, number>> = {
  aac: 64_000,
  aac_latm: 64_000,
  mp1: 128_000,
  mp2: 96_000,
  mp3: 64_000,
  ac3: 96_000,
  eac3: 64_000,
}

// The standards' own steps, up to 384 kbit/s: FFmpeg's mp2 refuses values between them, ac3 rounds.
const BITRATE_STEPS = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384].map(
  (kilobits) => kilobits * 1_000,
)

const nextBitrateStep = (bitrate: number): number =>
  BITRATE_STEPS.find((step) => step >= bitrate) ?? BITRATE_STEPS.at(-1)!

const audioBitrate = ({ format, bitrate }: AudioTarget): number => {
  const wanted = bitrate ?? AUDIO_BITRATE_PER_CHANNEL[format.codec] * format.channels
  const fixedSteps = format.codec === 'mp1' || format.codec === 'mp2' || format.codec === 'mp3'
  return fixedSteps ? nextBitrateStep(wanted) : wanted
}

export const audioEncoding = (audio: AudioTarget): string[] => {
  const { codec, sampleRate, channels } = audio.format
  return [
    ...['-c:a', encoderFor(codec)],
    ...['-ar', String(sampleRate), '-ac', String(channels)],
    ...['-b:a', String(audioBitrate(audio))],
    ...(codec === 'aac_latm' ? ['-mpegts_flags', '+latm'] : []),
  ]
}

/** Holes and overlaps in the input are filled and cut so that samples follow their timestamps. */
export const AUDIO_FILTERS = 'aresample=async=1:min_hard_comp=0.05'
