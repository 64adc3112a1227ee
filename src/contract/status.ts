import { z } from 'zod'
import { KnownBus, KnownChannel, KnownOutput, KnownSource } from './branded.ts'
import { AudioFormat, VideoFormat } from './format.ts'
import { ConformMode, FailoverMode, IngestMode, RevertPolicy, TakeMode } from './spec.ts'

export const SourceState = z.enum([
  'stopped',
  'starting',
  'running',
  /** Between two attempts. */
  'waiting',
  /** Ended by a fault that a retry cannot correct. */
  'failed',
])
export type SourceState = z.infer<typeof SourceState>

export const HealthCondition = z.enum([
  'stall',
  'ended',
  'missing_track',
  'continuity',
  'packet_loss',
  'bitrate',
  'timestamp_jumps',
  'no_media',
])
export type HealthCondition = z.infer<typeof HealthCondition>

export const HealthProblem = z
  .object({
    condition: HealthCondition,
    measured: z.number(),
    limit: z.number(),
    unit: z.string(),
  })
  .readonly()
export type HealthProblem = z.infer<typeof HealthProblem>

/** A figure that may be hidden (an FFmpeg remuxer hides upstream loss): null means not measurable. */
export const Measured = z.number().nullable()
export type Measured = z.infer<typeof Measured>

export const TrackStatus = z
  .object({
    kind: z.enum(['video', 'audio']),
    pid: z.number(),
    language: z.exactOptional(z.string()),
    format: z.exactOptional(z.union([VideoFormat, AudioFormat])),
    bitrate: z.number(),
  })
  .readonly()
export type TrackStatus = z.infer<typeof TrackStatus>

export const SourceStatus = z
  .object({
    id: KnownSource,
    label: z.string(),
    /** Redacted. */
    url: z.string(),
    priority: z.number(),
    ingest: IngestMode,
    state: SourceState,
    healthy: z.boolean(),
    problems: z.array(HealthProblem).readonly(),
    onAir: z.boolean(),
    onPreview: z.boolean(),
    wanted: z.boolean(),
    tracks: z.array(TrackStatus).readonly(),
    conform: z.enum(['as_is', 'transcoding', 'starting', 'refused', 'unknown']),
    conformReason: z.exactOptional(z.string()),
    bitrate: z.number(),
    bufferMs: z.number(),
    bufferBytes: z.number(),
    /** Since the last random access point that arrived, milliseconds; null before the first. */
    sinceKeyMs: z.number().nullable(),
    gopMs: z.number().nullable(),
    burstMs: z.number(),
    continuityErrors: Measured,
    lostPackets: Measured,
    timestampJumps: z.number(),
    droppedUnits: z.number(),
    restarts: z.number(),
    pid: z.exactOptional(z.number()),
    lastError: z.exactOptional(z.string()),
    /** Milliseconds until the next attempt, while waiting. */
    retryInMs: z.exactOptional(z.number()),
    upSinceMs: z.number().nullable(),
  })
  .readonly()
export type SourceStatus = z.infer<typeof SourceStatus>

export const OutputStatus = z
  .object({
    id: KnownOutput,
    kind: z.string(),
    url: z.string(),
    state: z.enum(['starting', 'running', 'waiting', 'failed']),
    bytes: z.number(),
    bitrate: z.number(),
    lagMs: z.number(),
    /** Number of skips to a later random access point, dropping what it could not take. */
    skips: z.number(),
    errors: z.number(),
    /** Connections after the first one; 0 without connections. */
    reconnects: z.number(),
    lastError: z.exactOptional(z.string()),
    /** Figures of its kind: listeners, segments, recordings, the encoder's restarts. */
    details: z.exactOptional(
      z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).readonly(),
    ),
  })
  .readonly()
export type OutputStatus = z.infer<typeof OutputStatus>

export const ViewerStatus = z
  .object({
    id: z.number(),
    path: z.string(),
    address: z.string(),
    agent: z.string(),
    /** Milliseconds since 1970. */
    since: z.number(),
    bytes: z.number(),
    lagMs: z.number(),
    skips: z.number(),
  })
  .readonly()
export type ViewerStatus = z.infer<typeof ViewerStatus>

export const RecordingStatus = z
  .object({
    output: KnownOutput,
    name: z.string(),
    bytes: z.number(),
    durationMs: z.number(),
    state: z.enum(['recording', 'finished']),
    /** Milliseconds since 1970. */
    startedAt: z.number(),
    label: z.exactOptional(z.string()),
    source: z.exactOptional(z.string()),
  })
  .readonly()
export type RecordingStatus = z.infer<typeof RecordingStatus>

export const BusStatus = z
  .object({
    bus: KnownBus,
    onAir: KnownSource,
    wanted: KnownSource,
    pending: KnownSource.nullable(),
    /** Program time, 90 kHz. */
    programTime: z.number(),
    onAirSinceMs: z.number(),
    delayMs: z.number(),
    takes: z.number(),
    failovers: z.number(),
    slateMs: z.number(),
    silenceInserted: z.number(),
    audioDropped: z.number(),
    dtsCompressed: z.number(),
    videoFramesMissing: z.number(),
    bitrate: z.number(),
    clockPpm: z.number(),
  })
  .readonly()
export type BusStatus = z.infer<typeof BusStatus>

export const ChannelStatus = z
  .object({
    id: KnownChannel,
    name: z.string(),
    version: z.string(),
    state: z.enum(['starting', 'running', 'stopping']),
    upMs: z.number(),
    mode: TakeMode,
    ingest: IngestMode,
    conform: ConformMode,
    failover: FailoverMode,
    revert: RevertPolicy,
    latencyMs: z.number(),
    format: z
      .object({
        video: VideoFormat.nullable(),
        audio: AudioFormat.nullable(),
        languages: z.array(z.string()).readonly(),
      })
      .readonly()
      .nullable(),
    program: BusStatus,
    preview: BusStatus,
    sources: z.array(SourceStatus).readonly(),
    outputs: z.array(OutputStatus).readonly(),
    viewers: z.array(ViewerStatus).readonly(),
    /** Of the audio listeners over HTTP; null until the program has started. */
    listeners: OutputStatus.nullable(),
  })
  .readonly()
export type ChannelStatus = z.infer<typeof ChannelStatus>
