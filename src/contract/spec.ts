import type { BusId, SourceId } from './ids.ts'
import { z } from 'zod'
import { branded, idText } from './branded.ts'
import { HlsSpec, ListenerSpec, OutputSpec } from './output-spec.ts'

/** Entry of a take into its source: DESIGN.md, section 5. */
export const TakeMode = z.enum(['cutover', 'graceful', 'seamless'])
export type TakeMode = z.infer<typeof TakeMode>

export const IngestMode = z.enum(['hot', 'standby'])
export type IngestMode = z.infer<typeof IngestMode>

export const ConformMode = z.enum(['copy', 'auto', 'transcode'])
export type ConformMode = z.infer<typeof ConformMode>

export const FailoverMode = z.enum(['auto', 'observe', 'off'])
export type FailoverMode = z.infer<typeof FailoverMode>

export const RevertPolicy = z.enum(['auto', 'manual'])
export type RevertPolicy = z.infer<typeof RevertPolicy>

export const BusIdText = branded<BusId>(idText)

export const SourceIdText = branded<SourceId>(
  idText.refine((id) => id !== 'slate', '"slate" is the channel\'s own slate; choose another id'),
)

const milliseconds = (from: number, to: number) => z.number().int().min(from).max(to)
const ratio = z.number().min(0).max(1)

const thresholdLimits = {
  /** No media time for this long. */
  stallMs: milliseconds(40, 60_000),
  /** A track that the source announced has been missing for this long while another ran. */
  missingTrackMs: milliseconds(100, 600_000),
  /** Continuity errors per second, over the window. 0 switches the check off. */
  continuityPerSecond: z.number().min(0).max(10_000),
  /** Lost packets in proportion to all, over the window. 0 switches the check off. */
  packetLoss: ratio,
  lossWindowMs: milliseconds(500, 600_000),
  /** Bits per second below which the source is unhealthy, over the window. 0 switches the check off. */
  bitrateFloor: z.number().min(0),
  /** Timestamp jumps within the window. 0 switches the check off. */
  timestampJumps: z.number().int().min(0),
  /** Time for which a source must have been healthy before a revert. */
  returnMs: milliseconds(0, 3_600_000),
}

/** Limits beyond which a source counts as unhealthy; leaving, returning and forgetting differ (DESIGN.md, section 6). */
export const Thresholds = z.strictObject({
  stallMs: thresholdLimits.stallMs.default(2_000),
  missingTrackMs: thresholdLimits.missingTrackMs.default(5_000),
  continuityPerSecond: thresholdLimits.continuityPerSecond.default(10),
  packetLoss: thresholdLimits.packetLoss.default(0.05),
  lossWindowMs: thresholdLimits.lossWindowMs.default(5_000),
  bitrateFloor: thresholdLimits.bitrateFloor.default(0),
  timestampJumps: thresholdLimits.timestampJumps.default(5),
  returnMs: thresholdLimits.returnMs.default(10_000),
})
/** One source's own limits; absent ones are the channel's. */
export const ThresholdOverrides = z.strictObject(thresholdLimits).partial()
export type Thresholds = z.infer<typeof Thresholds>

export const TrackChoice = z.union([
  z.enum(['auto', 'none']),
  z.number().int().min(0).max(31),
  /** ISO 639-2 language code. */
  z.string().regex(/^[a-z]{3}$/, 'a three-letter language code, an index, "auto" or "none"'),
])
export type TrackChoice = z.infer<typeof TrackChoice>

export const SourceSpec = z.strictObject({
  id: SourceIdText,
  /** Any URL, file or device that FFmpeg reads, or udp:, rtp:, test:, bars:, image:, text:, lavfi:. */
  url: z.string().min(1).max(4096),
  label: z.string().max(200).optional(),
  /** Smaller is preferred. Default: the index in the list. */
  priority: z.number().int().min(0).max(1_000_000).optional(),
  ingest: IngestMode.optional(),
  /** Program number where the transport stream holds several. */
  program: z.number().int().min(1).max(65_535).optional(),
  video: TrackChoice.default('auto'),
  audio: TrackChoice.default('auto'),
  /** Delay in addition to the channel's latency. */
  delayMs: milliseconds(0, 10_000).default(0),
  /** Shift of audio against video: positive is later. */
  lipSyncMs: milliseconds(-2_000, 2_000).default(0),
  conform: ConformMode.optional(),
  /** `copy` remuxes, `transcode` re-encodes at the source, `auto` copies what a transport stream can carry. */
  recipe: z.enum(['auto', 'copy', 'transcode']).default('auto'),
  /** Files only: restart at the end. */
  loop: z.boolean().default(true),
  /** FFmpeg input options, name and value, from the allowed list. */
  inputOptions: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  /** Network interface (address) for multicast. */
  interface: z.string().max(64).optional(),
  /** Accept H.264 without IDR pictures at its recovery points: no promise about decoder errors. */
  recoveryPoints: z.boolean().default(false),
  thresholds: ThresholdOverrides.optional(),
})
export type SourceSpec = z.infer<typeof SourceSpec>
export type SourceSpecInput = z.input<typeof SourceSpec>

/** Fields of a source that may change while it runs; those of the reader restart it. */
export const SourceChange = SourceSpec.omit({ id: true })
  .partial()
  .extend({
    // Without defaults: an absent field stays as it is.
    video: TrackChoice.optional(),
    audio: TrackChoice.optional(),
    delayMs: milliseconds(0, 10_000).optional(),
    lipSyncMs: milliseconds(-2_000, 2_000).optional(),
    recipe: z.enum(['auto', 'copy', 'transcode']).optional(),
    loop: z.boolean().optional(),
    inputOptions: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    recoveryPoints: z.boolean().optional(),
  })
export type SourceChange = z.infer<typeof SourceChange>

const bitrate = z.number().int().min(8_000).max(200_000_000)

/** The format of the program when it is configured, not taken from the first usable source. */
export const FormatSpec = z.strictObject({
  video: z
    .union([
      z.literal('none'),
      z.strictObject({
        codec: z.enum(['h264', 'hevc', 'mpeg2video']).default('h264'),
        width: z.number().int().min(64).max(8192).multipleOf(2).default(1280),
        height: z.number().int().min(64).max(8192).multipleOf(2).default(720),
        /** Pictures per second, as a number or a fraction: 25, 29.97, "30000/1001". */
        rate: z
          .union([z.number().min(1).max(240), z.string().regex(/^\d{1,7}\/\d{1,7}$/)])
          .default(25),
        profile: z.string().max(32).optional(),
        bitrate: bitrate.optional(),
        /** Seconds between random access points of conformed sources and the slate. */
        gopSeconds: z.number().min(0.2).max(10).default(2),
        preset: z.string().max(16).default('veryfast'),
      }),
    ])
    .optional(),
  audio: z
    .strictObject({
      codec: z.enum(['aac', 'mp2', 'mp3', 'ac3', 'eac3']).default('aac'),
      sampleRate: z
        .union([
          z.literal(16_000),
          z.literal(22_050),
          z.literal(24_000),
          z.literal(32_000),
          z.literal(44_100),
          z.literal(48_000),
        ])
        .default(48_000),
      channels: z.number().int().min(1).max(8).default(2),
      bitrate: bitrate.optional(),
      /** One per audio track of the program, ISO 639-2. Default: one track without a language. */
      languages: z
        .array(z.string().regex(/^[a-z]{3}$/))
        .max(16)
        .optional(),
    })
    .optional(),
})
export type FormatSpec = z.infer<typeof FormatSpec>

export const SlateSpec = z.strictObject({
  message: z.string().max(500).default('We will be right back'),
  /** A still image instead of the plain background. */
  image: z.string().max(4096).optional(),
  background: z.string().max(32).default('0x14202c'),
})
export type SlateSpec = z.infer<typeof SlateSpec>

export const ViewerLimits = z.strictObject({
  maxViewers: z.number().int().min(0).max(100_000).default(2_000),
  /** A viewer with a longer lag skips to the newest random access point. */
  lagMs: milliseconds(500, 60_000).default(5_000),
  /** A viewer that accepts nothing for this long is disconnected. */
  graceMs: milliseconds(500, 600_000).default(10_000),
  /** Past media that a new viewer gets, to fill its start-up buffer at once. */
  joinMs: milliseconds(0, 10_000).default(1_000),
})
export type ViewerLimits = z.infer<typeof ViewerLimits>

export const FailoverSpec = z.strictObject({
  mode: FailoverMode.default('auto'),
  revert: RevertPolicy.default('auto'),
  thresholds: Thresholds.prefault({}),
  /** Automatic switches per hour; beyond it the on-air source stays as long as it plays. */
  switchesPerHour: z.number().int().min(1).max(3_600).default(60),
})
export type FailoverSpec = z.infer<typeof FailoverSpec>

export const ChannelSpec = z.strictObject({
  name: z.string().min(1).max(200).default('Sluice'),
  mode: TakeMode.default('cutover'),
  ingest: IngestMode.default('hot'),
  latencyMs: milliseconds(0, 10_000).default(800),
  conform: ConformMode.default('auto'),
  format: FormatSpec.optional(),
  failover: FailoverSpec.prefault({}),
  slate: SlateSpec.prefault({}),
  viewers: ViewerLimits.prefault({}),
  listeners: ListenerSpec.prefault({}),
  /** Packaging of the program for `hls:` and `dash:` outputs. */
  hls: HlsSpec.prefault({}),
  /** Wait of a take for the first random access point of a standby source. */
  startTimeoutMs: milliseconds(500, 120_000).default(15_000),
  sources: z.array(SourceSpec).max(200).default([]),
  outputs: z.array(OutputSpec).max(200).default([]),
})
export type ChannelSpec = z.infer<typeof ChannelSpec>
