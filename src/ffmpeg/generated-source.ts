import { SluiceError } from '../contract/errors.ts'
import type { AudioFormat, Rational, VideoFormat } from '../contract/format.ts'
import { drawMessage, escapeFilterValue } from './filter-text.ts'
import { protocolsOf, type GeneratedKind } from './source-kinds.ts'
import type { SourceUrl } from './source-url.ts'
import {
  gopFrames,
  rateOf,
  rateText,
  type AudioTarget,
  type TargetFormat,
  type VideoTarget,
} from './target-format.ts'

/** Inputs of a generated source (video first, audio second), and the format to encode them to. */
export interface GeneratedInputs {
  readonly inputs: readonly string[]
  readonly target: TargetFormat
  readonly bFrames: number
}

export const DEFAULT_VIDEO: VideoTarget = {
  format: {
    codec: 'h264',
    profile: 'high',
    chroma: '4:2:0',
    depth: 8,
    width: 1280,
    height: 720,
    frameRate: { num: 25, den: 1 },
    scan: 'progressive',
  },
  gopSeconds: 2,
  preset: 'veryfast',
}

export const DEFAULT_AUDIO: AudioTarget = {
  format: { codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1024 },
}

const FRAME_SAMPLES: Readonly<Record<string, number>> = {
  aac: 1024,
  mp2: 1152,
  mp3: 1152,
  ac3: 1536,
  eac3: 1536,
}

interface Option {
  readonly shape: RegExp
  readonly expected: string
}

const INTEGER: Option = { shape: /^\d{1,9}$/, expected: 'a whole number' }
const OPTIONS: Readonly<Record<string, Option>> = {
  size: { shape: /^[1-9]\d{1,3}x[1-9]\d{1,3}$/, expected: 'WIDTHxHEIGHT, both even' },
  rate: {
    shape: /^[1-9]\d{0,6}(?:\/[1-9]\d{0,6}|\.\d{1,3})?$/,
    expected: 'frames per second: 25, 29.97 or 30000/1001',
  },
  gop: INTEGER,
  bframes: { shape: /^\d{1,2}$/, expected: '0 to 16' },
  bitrate: INTEGER,
  preset: { shape: /^[a-z]{4,9}$/, expected: 'a preset of x264' },
  vcodec: { shape: /^(?:h264|hevc|mpeg2video|none)$/, expected: 'h264, hevc, mpeg2video or none' },
  acodec: {
    shape: /^(?:aac|mp2|mp3|ac3|eac3|none)$/,
    expected: 'aac, mp2, mp3, ac3, eac3 or none',
  },
  samplerate: {
    shape: /^(?:16|22\.05|24|32|44\.1|48)000$|^22050$|^44100$/,
    expected: '48000 or 44100',
  },
  channels: { shape: /^[1-8]$/, expected: '1 to 8' },
  abitrate: INTEGER,
  tone: { shape: /^\d{1,5}$/, expected: 'hertz, 0 for silence' },
  text: { shape: /^[^]{0,500}$/, expected: 'at most 500 characters' },
  background: {
    shape: /^(?:0x|#)?[0-9a-z]{1,32}(?:@[\d.]+)?$/i,
    expected: 'a colour name or 0xRRGGBB',
  },
}

const checkOptions = (options: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(options)) {
    const option = OPTIONS[name]
    if (option === undefined) {
      throw new SluiceError(
        'option_refused',
        `option ${JSON.stringify(name)} of a generated source is unknown; use ${Object.keys(OPTIONS).join(', ')}`,
      )
    }
    if (!option.shape.test(value)) {
      throw new SluiceError(
        'option_refused',
        `option ${name}=${JSON.stringify(value)} of a generated source must be ${option.expected}`,
      )
    }
  }
}

/** Parses a frame rate; the rounded figures of NTSC rates mean the exact rates. */
export const parseRate = (text: string): Rational => {
  const [num = '25', den] = text.split('/')
  if (den !== undefined) return { num: Number(num), den: Number(den) }
  const rate = Number(text)
  if (Number.isInteger(rate)) return { num: rate, den: 1 }
  const ntsc = Math.ceil(rate) * 1000
  return Math.abs(ntsc / 1001 - rate) < 0.01
    ? { num: ntsc, den: 1001 }
    : { num: Math.round(rate * 1000), den: 1000 }
}

const videoOf = (
  base: VideoTarget | undefined,
  options: Readonly<Record<string, string>>,
): VideoTarget | undefined => {
  const { size, rate, gop, bitrate, preset, vcodec } = options
  const isVideoAsked = [size, rate, gop, bitrate, preset, vcodec].some(
    (option) => option !== undefined,
  )
  if (vcodec === 'none' || (base === undefined && !isVideoAsked)) return undefined
  const start = base ?? DEFAULT_VIDEO
  const [width, height] = (size ?? `${start.format.width}x${start.format.height}`)
    .split('x')
    .map((side) => Math.max(16, Number(side) & ~1))
  const codec = (vcodec ?? start.format.codec) as VideoFormat['codec']
  const format: VideoFormat = {
    ...start.format,
    codec,
    profile: codec === start.format.codec ? start.format.profile : 'main',
    width: width!,
    height: height!,
    ...(rate === undefined ? {} : { frameRate: parseRate(rate) }),
  }
  const video: VideoTarget = {
    format,
    gopSeconds: start.gopSeconds,
    preset: preset ?? start.preset,
    ...(bitrate === undefined ? {} : { bitrate: Number(bitrate) }),
  }
  return gop === undefined ? video : { ...video, gopSeconds: Math.max(1, +gop) / rateOf(video) }
}

const audioOf = (
  base: AudioTarget | undefined,
  options: Readonly<Record<string, string>>,
): AudioTarget | undefined => {
  const { acodec, samplerate, channels, abitrate } = options
  if (acodec === 'none') return undefined
  const start = base ?? DEFAULT_AUDIO
  const codec = (acodec ?? start.format.codec) as AudioFormat['codec']
  return {
    format: {
      codec,
      profile: codec === 'aac' ? 'lc' : '',
      sampleRate: Number(samplerate ?? start.format.sampleRate),
      channels: Number(channels ?? start.format.channels),
      frameSamples: FRAME_SAMPLES[codec] ?? start.format.frameSamples,
    },
    ...(abitrate !== undefined
      ? { bitrate: Number(abitrate) }
      : base?.bitrate !== undefined && codec === base.format.codec
        ? { bitrate: base.bitrate }
        : {}),
  }
}

// Filters that read or write files, load code, or listen; found whatever the quoting.
const LAVFI_REFUSED =
  /\b(?:a?movie|a?zmq|a?sendcmd|ladspa|lv2|frei0r\w*|subtitles|ass|lut1d|lut3d|haldclut\w*|removelogo|find_rect|cover_rect|dnn\w*|derain|sr|openclsrc|program_opencl|arnndn|sofalizer|metadata|ametadata|vmafmotion|libvmaf|ssim|psnr|signature|vidstab\w*|textfile|fontfile|filename|file|stats_file|path)\b/i

const lavfiGraph = (graph: string): string => {
  const refused = LAVFI_REFUSED.exec(graph.replace(/[\\']/g, ''))
  if (refused !== null) {
    throw new SluiceError(
      'option_refused',
      `lavfi graph: "${refused[0]}" is not allowed (it reaches files)`,
    )
  }
  return graph
}

/** Read in real time: generated sources are live. */
const liveInput = (graph: string): string[] => ['-re', '-f', 'lavfi', '-i', graph]

/** A tone that swells once a second, so that a frozen or repeated second is audible. */
const toneGraph = (hertz: number, rate: number): string =>
  `sine=frequency=${hertz}:sample_rate=${rate},tremolo=f=1:d=0.4`

const audioGraph = (hertz: number, audio: AudioTarget): string => {
  const { sampleRate } = audio.format
  return hertz === 0 ? `anullsrc=r=${sampleRate}:cl=stereo` : toneGraph(hertz, sampleRate)
}

const DEFAULT_TONE: Readonly<Record<GeneratedKind, number>> = {
  test: 440,
  bars: 1000,
  color: 0,
  text: 0,
  image: 0,
  lavfi: 0,
}
const BACKGROUND = '0x14202c'

const withText = (graph: string, text: string, video: VideoTarget): string => {
  const drawn = drawMessage(text, video.format)
  return drawn === '' ? graph : `${graph},${drawn}`
}

const videoInput = (url: SourceUrl, video: VideoTarget): string[] => {
  const { width, height } = video.format
  const options = `size=${width}x${height}:rate=${rateText(video)}`
  const text = url.options['text'] ?? ''
  const background = escapeFilterValue(url.options['background'] ?? BACKGROUND)
  switch (url.kind) {
    case 'test':
      return liveInput(withText(`testsrc2=${options}`, text, video))
    case 'bars':
      return liveInput(withText(`smptehdbars=${options}`, text, video))
    case 'color':
      return liveInput(
        withText(`color=c=${escapeFilterValue(url.target || BACKGROUND)}:${options}`, text, video),
      )
    case 'text':
      return liveInput(withText(`color=c=${background}:${options}`, url.target || text, video))
    case 'image':
      return [
        ...['-re', '-protocol_whitelist', protocolsOf('image'), '-f', 'image2'],
        ...['-pattern_type', 'none', '-loop', '1', '-framerate', rateText(video)],
        ...['-i', `file:${url.target}`],
      ]
    default:
      return liveInput(lavfiGraph(url.target))
  }
}

/**
 * Inputs of test:, bars:, color:, text:, image: and lavfi:. `base` is the format for what the URL leaves open; without
 * video in it the source has audio only, unless its query sets a video option.
 */
export const generatedInputs = (url: SourceUrl, base: TargetFormat): GeneratedInputs => {
  checkOptions(url.options)
  const video = videoOf(base.video, url.options)
  const audio = audioOf(base.audio, url.options)
  if (video === undefined && audio === undefined) {
    throw new SluiceError(
      'option_refused',
      'a generated source with vcodec=none and acodec=none is empty',
    )
  }
  const hertz = Number(url.options['tone'] ?? DEFAULT_TONE[url.kind as GeneratedKind])
  return {
    inputs: [
      ...(video === undefined ? [] : videoInput(url, video)),
      // A graph of the user's has its own audio, or none.
      ...(audio === undefined || url.kind === 'lavfi' ? [] : liveInput(audioGraph(hertz, audio))),
    ],
    target: {
      ...(video === undefined ? {} : { video }),
      ...(audio === undefined ? {} : { audio }),
    },
    bFrames: Math.min(16, Number(url.options['bframes'] ?? 0), video ? gopFrames(video) - 1 : 0),
  }
}
