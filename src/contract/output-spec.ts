import type { OutputId } from './ids.ts'
import { z } from 'zod'
import { branded, idText } from './branded.ts'

const UNITS = { k: 1_000, m: 1_000_000 } as const

/** Bits per second: a number, or text with a unit as FFmpeg writes it ("5000k", "6M"). */
export const Bitrate = z
  .union([
    z.number(),
    z.string().regex(/^\d+(?:\.\d+)?[kKmM]?$/, 'bits per second, "5000k" or "6M"'),
  ])
  .transform((given) => (typeof given === 'number' ? given : bitsOf(given)))
  .pipe(z.number().int().min(8_000).max(200_000_000))

function bitsOf(text: string): number {
  const unit = text.at(-1)!.toLowerCase()
  return Math.round(Number.parseFloat(text) * (unit === 'k' || unit === 'm' ? UNITS[unit] : 1))
}

/** x264's presets. */
export const EncoderPreset = z.enum([
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
  'veryslow',
])
export type EncoderPreset = z.infer<typeof EncoderPreset>

/** A transcoded rung. Rungs above the program's own size are left out. */
export const LadderRung = z.strictObject({
  height: z.number().int().min(64).max(4_320).multipleOf(2),
  videoBitrate: Bitrate,
  audioBitrate: Bitrate,
})
export type LadderRung = z.infer<typeof LadderRung>

export const DEFAULT_LADDER = [
  { height: 1080, videoBitrate: '5000k', audioBitrate: '192k' },
  { height: 720, videoBitrate: '2800k', audioBitrate: '128k' },
  { height: 576, videoBitrate: '1400k', audioBitrate: '96k' },
] as const

export const LadderSpec = z.strictObject({
  preset: EncoderPreset.default('veryfast'),
  /** Pictures between random access points within a segment; those of the program are forced as well. */
  gopSize: z.number().int().min(1).max(1_000).default(48),
  variants: z
    .array(LadderRung)
    .min(1)
    .max(8)
    .prefault([...DEFAULT_LADDER]),
  /** An audio-only variant. */
  audioOnly: z.boolean().default(true),
})
export type LadderSpec = z.infer<typeof LadderSpec>

/** RFC 8216, 4.3.3.1: the target duration that follows from `segmentTime`, whole seconds. */
export const targetSecondsOf = (segmentSeconds: number): number =>
  Math.max(1, Math.round(segmentSeconds))

/** Packaging of the program for `hls:` and `dash:` outputs. */
export const HlsSpec = z.strictObject({
  /** `copy`: only the program itself; `abr`: with the ladder below it. */
  mode: z.enum(['copy', 'abr']).default('copy'),
  /** Wanted duration of a segment, seconds. The target duration follows from it and never grows. */
  segmentTime: z.number().min(1).max(30).default(4),
  /** Segments in the playlist. */
  listSize: z.number().int().min(3).max(10_000).default(20),
  /** Seconds that a take waits for a standby source to start. Absent: the channel's own. */
  transitionTimeout: z.number().min(0.5).max(120).optional(),
  container: z.enum(['ts', 'fmp4']).default('ts'),
  /** LL-HLS: parts, blocking reload, preload hints. Implies fmp4. */
  lowLatency: z.boolean().default(false),
  /** Target duration of a part, seconds. */
  partTarget: z.number().min(0.2).max(1).default(0.5),
  discontinuity: z.enum(['when-needed', 'every-take']).default('when-needed'),
  /** Seconds of media that stay listed, where that is more than `listSize` segments. */
  dvrSeconds: z.number().int().min(0).max(604_800).default(0),
  /** EXT-X-START: seconds from the start, or from the end when negative. */
  startOffset: z.number().min(-604_800).max(604_800).optional(),
  storage: z.enum(['disk', 'memory']).default('disk'),
  /** Folder of the segments. Default: a folder in the state folder. */
  dir: z.string().min(1).max(4_096).optional(),
  /** Megabytes that segments may take; the oldest are deleted first, which shortens the list. */
  quotaMb: z.number().int().min(16).max(10_000_000).default(2_048),
  ladder: LadderSpec.prefault({}),
})
export type HlsSpec = z.infer<typeof HlsSpec>

/** Push to a platform. The defaults of `encode` are those that platforms recommend for 1080p. */
export const PushSpec = z.strictObject({
  /** The stream key, when the URL does not end with it: in full, `{env:NAME}` or `{file:/path}`. */
  key: z.string().min(1).max(1_024).optional(),
  /** `auto`: copy what the destination accepts, encode the rest. */
  recipe: z.enum(['auto', 'copy', 'encode']).default('auto'),
  videoBitrate: Bitrate.prefault('6000k'),
  maxBitrate: Bitrate.prefault('6000k'),
  bufferSize: Bitrate.prefault('12M'),
  audioBitrate: Bitrate.prefault('160k'),
  keyFrameSeconds: z.number().min(0.5).max(10).default(2),
  preset: EncoderPreset.default('veryfast'),
  /** Height of the encoded video; never above the program's. Absent: the program's. */
  height: z.number().int().min(64).max(4_320).multipleOf(2).optional(),
  /** A longer lag is skipped to the next random access point. */
  lagMs: z.number().int().min(500).max(60_000).default(3_000),
  /** A destination that accepts nothing for this long is reconnected. */
  stallMs: z.number().int().min(1_000).max(120_000).default(10_000),
})
export type PushSpec = z.infer<typeof PushSpec>

export const IcecastSpec = z.strictObject({
  format: z.enum(['mp3', 'aac', 'opus']).default('mp3'),
  bitrate: Bitrate.prefault('128k'),
  /** When the URL has none: in full, `{env:NAME}` or `{file:/path}`. */
  password: z.string().min(1).max(1_024).optional(),
  name: z.string().max(200).optional(),
  genre: z.string().max(200).optional(),
  description: z.string().max(1_000).optional(),
  /** Listed in public directories. */
  public: z.boolean().default(false),
})
export type IcecastSpec = z.infer<typeof IcecastSpec>

export const RecordSpec = z.strictObject({
  format: z.enum(['ts', 'mp4']).default('ts'),
  /** `take`: a new file at each take; both rotate by time and size. */
  split: z.enum(['continuous', 'take']).default('continuous'),
  rotateSeconds: z.number().int().min(1).max(604_800).default(3_600),
  rotateMb: z.number().int().min(1).max(10_000_000).optional(),
  /** Megabytes that all recordings of this folder may take; the oldest are deleted first. */
  quotaMb: z.number().int().min(1).max(100_000_000).optional(),
  /** Megabytes that must stay free on the disk; below, recording stops until there is room. */
  minFreeMb: z.number().int().min(0).max(10_000_000).default(64),
})
export type RecordSpec = z.infer<typeof RecordSpec>

/** Audio listeners over HTTP, without an Icecast server: `/listen.mp3`. */
export const ListenerSpec = z.strictObject({
  maxListeners: z.number().int().min(0).max(100_000).default(500),
  bitrate: Bitrate.prefault('128k'),
})
export type ListenerSpec = z.infer<typeof ListenerSpec>

export const OutputIdText = branded<OutputId>(idText)

/** One output. A section of another kind is refused when it is opened. */
export const OutputSpec = z.strictObject({
  id: OutputIdText,
  /** udp://, rtp://, rtmp://, rtmps://, srt://, twitch:, kick:, youtube:, icecast://, hls:, dash:, record:dir, a file, or -. */
  url: z.string().min(1).max(4096),
  push: PushSpec.optional(),
  icecast: IcecastSpec.optional(),
  record: RecordSpec.optional(),
})
export type OutputSpec = z.infer<typeof OutputSpec>
