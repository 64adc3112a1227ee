import type { AudioFormat, Rational, VideoFormat } from '../../contract/format.ts'
import type { FormatSpec } from '../../contract/spec.ts'

/** Format of the program's video, and how a conforming transcoder encodes to it. */
export interface ProgramVideo {
  readonly format: VideoFormat
  readonly gopSeconds: number
  readonly preset: string
  /** Bits per second; absent: by quality. */
  readonly bitrate?: number
}

export interface ProgramAudio {
  readonly format: AudioFormat
  readonly bitrate?: number
}

/** Fixed when the channel starts (DESIGN.md, 3.9 and 3.10). */
export interface ProgramFormat {
  readonly video: ProgramVideo | undefined
  readonly audio: ProgramAudio | undefined
  /** One per audio track; '' where none is known. */
  readonly languages: readonly string[]
}

/** Format of a source, once its tracks have been read. */
export interface SourceFormat {
  readonly video: VideoFormat | undefined
  /** Measured frame duration, for streams that do not carry a frame rate. */
  readonly frameTicks: number
  readonly audio: readonly { readonly format: AudioFormat; readonly language: string }[]
}

const DEFAULT_RATE: Rational = { num: 25, den: 1 }
const DEFAULT_GOP_SECONDS = 2
const DEFAULT_PRESET = 'veryfast'
const FRAME_SAMPLES = { aac: 1024, mp2: 1152, mp3: 1152, ac3: 1536, eac3: 1536 } as const
/** Error of timestamps that were rounded to milliseconds. */
const RATE_TOLERANCE = 0.015
/** Layer III at the low sampling rates of MPEG-2. */
const LOW_RATE = 32_000
const COMMON_RATES: readonly Rational[] = [
  ...[24, 25, 30, 48, 50, 60].map((num) => ({ num, den: 1 })),
  ...[24_000, 30_000, 60_000].map((num) => ({ num, den: 1001 })),
]

/** The whole format if the configuration fixes it, else undefined. */
export function configuredFormat(spec: FormatSpec | undefined): ProgramFormat | undefined {
  if (spec?.video === undefined) return undefined
  const video = spec.video === 'none' ? undefined : videoOf(spec.video)
  return { video, audio: audioOf(spec.audio), languages: spec.audio?.languages ?? [''] }
}

/** DESIGN.md, 3.10: 720p25 H.264 with AAC 48 kHz stereo. */
export function defaultFormat(spec: FormatSpec | undefined): ProgramFormat {
  return configuredFormat({ ...spec, video: spec?.video ?? DEFAULT_VIDEO })!
}

const DEFAULT_VIDEO = {
  codec: 'h264',
  width: 1280,
  height: 720,
  rate: 25,
  gopSeconds: DEFAULT_GOP_SECONDS,
  preset: DEFAULT_PRESET,
} as const

/** Format of the first usable source; configured parts replace its own. */
export function formatOfSource(source: SourceFormat, spec: FormatSpec | undefined): ProgramFormat {
  const given = configuredFormat(spec)
  if (given !== undefined) return given
  const frameRate = source.video?.frameRate ?? measuredRate(source.frameTicks)
  const video =
    source.video === undefined
      ? undefined
      : {
          format: { ...source.video, frameRate },
          gopSeconds: DEFAULT_GOP_SECONDS,
          preset: DEFAULT_PRESET,
        }
  if (spec?.audio !== undefined) {
    return { video, audio: audioOf(spec.audio), languages: spec.audio.languages ?? [''] }
  }
  const first = source.audio[0]
  if (first === undefined) return { video, audio: audioOf(undefined), languages: [''] }
  const alike = source.audio.filter((track) => track.format.codec === first.format.codec)
  return { video, audio: { format: first.format }, languages: alike.map((track) => track.language) }
}

function measuredRate(frameTicks: number): Rational {
  if (frameTicks <= 0) return DEFAULT_RATE
  const rate = 90_000 / frameTicks
  const off = ({ num, den }: Rational): number => Math.abs(num / den / rate - 1)
  const near = COMMON_RATES.toSorted((a, b) => off(a) - off(b))[0]!
  return off(near) < RATE_TOLERANCE ? near : { num: Math.max(1, Math.round(rate)), den: 1 }
}

type VideoSpec = Exclude<FormatSpec['video'], 'none' | undefined>

function videoOf(spec: VideoSpec): ProgramVideo {
  const profile = spec.profile ?? { h264: 'high', hevc: 'main', mpeg2video: 'main' }[spec.codec]
  return {
    format: {
      codec: spec.codec,
      profile,
      chroma: '4:2:0',
      depth: 8,
      width: spec.width,
      height: spec.height,
      frameRate: rateOf(spec.rate),
      scan: 'progressive',
    },
    gopSeconds: spec.gopSeconds,
    preset: spec.preset,
    ...(spec.bitrate === undefined ? {} : { bitrate: spec.bitrate }),
  }
}

function rateOf(rate: number | string): Rational {
  if (typeof rate === 'string') {
    const [num = 25, den = 1] = rate.split('/').map(Number)
    return { num, den }
  }
  const near = COMMON_RATES.find(({ num, den }) => Math.abs(num / den - rate) < 0.01)
  return near ?? { num: Math.round(rate * 1_000), den: 1_000 }
}

function audioOf(spec: FormatSpec['audio']): ProgramAudio {
  const { codec, sampleRate, channels, bitrate } = {
    codec: 'aac' as const,
    sampleRate: 48_000,
    channels: 2,
    ...spec,
  }
  const low = codec === 'mp3' && sampleRate < LOW_RATE
  return {
    format: {
      codec,
      profile: codec === 'aac' ? 'lc' : '',
      sampleRate,
      channels,
      frameSamples: low ? 576 : FRAME_SAMPLES[codec],
    },
    ...(bitrate === undefined ? {} : { bitrate }),
  }
}

/** For people: "h264 high 1280x720 25p". */
export function describeVideo(format: VideoFormat | undefined): string {
  if (format === undefined) return 'no video'
  const rate =
    format.frameRate === undefined ? '' : ` ${round(format.frameRate.num / format.frameRate.den)}`
  const scan = format.scan === 'progressive' ? 'p' : 'i'
  const kind =
    format.depth === 8 && format.chroma === '4:2:0' ? '' : ` ${format.chroma} ${format.depth} bit`
  return `${format.codec} ${format.profile}${kind} ${format.width}x${format.height}${rate}${rate === '' ? '' : scan}`
}

/** For people: "aac 48 kHz stereo". */
export function describeAudio(format: AudioFormat | undefined): string {
  if (format === undefined) return 'no audio'
  const channels =
    { 1: 'mono', 2: 'stereo', 6: '5.1' }[format.channels] ?? `${format.channels} channels`
  return `${format.codec} ${format.sampleRate / 1_000} kHz ${channels}`
}

const round = (value: number): string => String(Math.round(value * 100) / 100)
