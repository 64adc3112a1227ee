import type { AudioFormat, Rational, VideoFormat } from '../contract/format.ts'
import type { EncoderPreset } from '../contract/output-spec.ts'
import { GLOBAL, TS_OUTPUT } from './arguments.ts'
import { AUDIO_FILTERS } from './target-format.ts'

export type KeyFrames =
  | { readonly every: 'pictures'; readonly count: number }
  | { readonly every: 'seconds'; readonly seconds: number }

export interface RungVideo {
  readonly height: number
  /** Default: keeps the program's aspect, even. */
  readonly width?: number
  /** Bits per second. */
  readonly bitrate: number
  readonly maxBitrate: number
  /** Bits. */
  readonly bufferSize: number
  readonly preset: EncoderPreset
  /** Besides those at the program's random access points. */
  readonly keyFrames: KeyFrames
}

export interface RungAudio {
  readonly codec: 'aac' | 'mp3'
  /** Bits per second, for one track. */
  readonly bitrate: number
}

export interface EncoderRung {
  readonly video: RungVideo | 'none'
  readonly audio: RungAudio | 'none'
}

/** Input: the program as a transport stream. */
export interface LadderProgram {
  readonly video: VideoFormat | undefined
  readonly audio: AudioFormat | undefined
  readonly audioTracks: number
  /** Width to height of one pixel; square where it is absent. */
  readonly pixelAspect?: Rational
}

/** A track of the output, in the order of its program map. */
export type LadderTrack =
  | { readonly kind: 'video'; readonly rung: number }
  /** Shared by rungs with the same audio. */
  | { readonly kind: 'audio'; readonly rungs: readonly number[]; readonly track: number }

export interface LadderPlan {
  readonly args: readonly string[]
  readonly tracks: readonly LadderTrack[]
}

export interface LadderRequest {
  readonly program: LadderProgram
  readonly rungs: readonly EncoderRung[]
  readonly encoder?: LadderEncoder
}

/** A row of its own for each encoder of H.264 that FFmpeg has. */
export type LadderEncoder = 'libx264'

interface VideoRung {
  readonly rung: number
  readonly video: RungVideo
}

interface SharedAudio {
  readonly audio: RungAudio
  readonly rungs: number[]
}

/** Options of one output stream: names without the dash and the stream, and their values. */
type StreamOptions = readonly (readonly [string, string | number])[]

const FALLBACK_RATE: Rational = { num: 25, den: 1 }

/**
 * Transport stream in on stdin, one with the tracks of all rungs out on stdout, program time kept. Measured with FFmpeg
 * 5.1; the reasons and figures: docs/adr/0012.
 */
export const ladderPlan = (request: LadderRequest): LadderPlan => {
  const { program, rungs, encoder = 'libx264' } = request
  const videoStreams = program.video === undefined ? [] : videoRungs(rungs)
  const sharedAudio = program.audio === undefined ? [] : sharedAudioOf(rungs)
  const audioStreams = sharedAudio.flatMap(({ audio, rungs: audioRungs }) =>
    Array.from({ length: program.audioTracks }, (_, track) => ({
      audio,
      takers: audioRungs,
      track,
    })),
  )
  const args = [
    ...GLOBAL,
    // Frame threads in the decoder would hold back a picture per thread.
    ...['-protocol_whitelist', 'pipe', '-thread_type', 'slice'],
    ...['-probesize', '200000', '-analyzeduration', '300000'],
    ...['-f', 'mpegts', '-i', 'pipe:0', '-dn', '-sn', '-ignore_unknown'],
    ...(videoStreams.length === 0
      ? ['-vn']
      : ['-filter_complex', filterGraph(program, videoStreams)]),
    ...videoStreams.flatMap(({ video }, index) => [
      ...['-map', `[v${index}]`],
      ...streamArguments(`v:${index}`, timingOptions()),
      ...streamArguments(`v:${index}`, ENCODERS[encoder](video, program.video?.frameRate)),
    ]),
    ...audioStreams.flatMap(({ audio, track }, index) => [
      ...['-map', `0:a:${track}`],
      ...streamArguments(`a:${index}`, audioOptions(audio, program.audio!)),
    ]),
    // An encoder's priming may lie before zero.
    ...['-avoid_negative_ts', 'disabled', ...TS_OUTPUT],
  ]
  const tracks: LadderTrack[] = [
    ...videoStreams.map(({ rung }) => ({ kind: 'video' as const, rung })),
    ...audioStreams.map(({ takers: audioRungs, track }) => ({
      kind: 'audio' as const,
      rungs: audioRungs,
      track,
    })),
  ]
  return { args, tracks }
}

/** Width of a rung without a configured one: square pixels, the program's shape, even. */
const rungWidth = (height: number, program: LadderProgram): number => {
  const { width, height: lines } = program.video ?? { width: 16, height: 9 }
  const { num, den } = program.pixelAspect ?? { num: 1, den: 1 }
  return Math.max(2, 2 * Math.round((height * width * num) / (lines * den) / 2))
}

const videoRungs = (rungs: readonly EncoderRung[]): VideoRung[] =>
  rungs.flatMap(({ video }, rung) => (video === 'none' ? [] : [{ rung, video }]))

const sharedAudioOf = (rungs: readonly EncoderRung[]): SharedAudio[] => {
  const sharedAudio: SharedAudio[] = []
  for (const [rung, { audio }] of rungs.entries()) {
    if (audio === 'none') continue
    const same = sharedAudio.find(
      (shared) => shared.audio.codec === audio.codec && shared.audio.bitrate === audio.bitrate,
    )
    if (same === undefined) sharedAudio.push({ audio, rungs: [rung] })
    else same.rungs.push(rung)
  }
  return sharedAudio
}

/** Decoded once, and fields woven once; then a copy for each rung. */
const filterGraph = (program: LadderProgram, rungs: readonly VideoRung[]): string => {
  const deinterlace =
    program.video?.scan === 'interlaced' ? 'yadif=mode=send_frame:deint=interlaced,' : ''
  const copies = rungs.map((_, index) => `[c${index}]`).join('')
  return [
    `[0:v:0]${deinterlace}split=${rungs.length}${copies}`,
    ...rungs.map(({ video }, index) => `[c${index}]${scaleFilter(video, program)}[v${index}]`),
  ].join(';')
}

/**
 * Scales every picture to one size: a picture of another shape (a change of size under `conform: copy`) keeps its own,
 * the rest is black. A difference by rounding to even widths is no other shape.
 */
const scaleFilter = (video: RungVideo, program: LadderProgram): string => {
  const { height: h } = video
  const w = video.width ?? rungWidth(h, program)
  const same = `lt(abs(${h}*dar-${w}),3)`
  return [
    `scale=w='if(${same},${w},min(${w},2*round(${h}*dar/2)))'` +
      `:h='if(${same},${h},min(${h},2*round(${w}/dar/2)))':flags=bicubic`,
    `pad=${w}:${h}:(ow-iw)/2:(oh-ih)/2`,
    'setsar=1',
    'format=yuv420p',
  ].join(',')
}

/** Picture for picture with the program's timestamps, and a random access point where the program has one. */
const timingOptions = (): StreamOptions => [
  ['fps_mode', 'passthrough'],
  ['enc_time_base', '1:90000'],
  ['force_key_frames', 'source'],
]

const gopOf = (keyFrames: KeyFrames, rate: Rational): number =>
  keyFrames.every === 'pictures'
    ? keyFrames.count
    : Math.max(1, Math.round((keyFrames.seconds * rate.num) / rate.den))

/** Closed GOPs, no random access points chosen by the encoder, parameter sets in front of each. */
const ENCODERS: Readonly<
  Record<LadderEncoder, (video: RungVideo, rate: Rational | undefined) => StreamOptions>
> = {
  libx264: (video, rate) => [
    ['c', 'libx264'],
    ['preset', video.preset],
    ['profile', 'high'],
    ['b', video.bitrate],
    ['maxrate', video.maxBitrate],
    ['bufsize', video.bufferSize],
    ['g', gopOf(video.keyFrames, rate ?? FALLBACK_RATE)],
    ['sc_threshold', 0],
    ['flags', '+cgop'],
    ['forced-idr', 1],
    ['x264-params', x264Params(video.preset, rate ?? FALLBACK_RATE)],
    // x264 writes its time base in the field of the frame rate.
    ...(rate === undefined
      ? []
      : [['bsf', `h264_metadata=tick_rate=${2 * rate.num}/${rate.den}`] as const]),
  ],
}

/** Pictures that each preset looks ahead; the slower ones further than a live stream can wait. */
const LOOKAHEAD: Readonly<Record<EncoderPreset, number>> = {
  ultrafast: 0,
  superfast: 0,
  veryfast: 10,
  faster: 20,
  fast: 30,
  medium: 40,
  slow: 50,
  slower: 60,
  veryslow: 60,
}
const LOOKAHEAD_SECONDS = 0.25

/** x264's own options; without a thread of its own the look-ahead holds back fewer pictures. */
const x264Params = (preset: EncoderPreset, { num, den }: Rational): string => {
  const maxFrames = Math.ceil((LOOKAHEAD_SECONDS * num) / den)
  return `open-gop=0:sync-lookahead=0:rc-lookahead=${Math.min(LOOKAHEAD[preset], maxFrames)}`
}

const audioOptions = (audio: RungAudio, program: AudioFormat): StreamOptions => [
  ['filter', AUDIO_FILTERS],
  ['c', audio.codec === 'mp3' ? 'libmp3lame' : 'aac'],
  ['b', audio.bitrate],
  ['ar', program.sampleRate],
  ['ac', audio.codec === 'mp3' ? Math.min(2, program.channels) : program.channels],
]

const streamArguments = (stream: string, options: StreamOptions): string[] =>
  options.flatMap(([name, value]) => [`-${name}:${stream}`, String(value)])
