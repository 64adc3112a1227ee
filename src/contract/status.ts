import type { AudioFormat, VideoFormat } from './format.ts'
import type { BusId, ChannelId, OutputId, SourceId } from './ids.ts'
import type { ConformMode, FailoverMode, IngestMode, RevertPolicy, TakeMode } from './spec.ts'

export type SourceState =
  | 'stopped'
  | 'starting'
  | 'running'
  /** Between two attempts. */
  | 'waiting'
  /** Given up: a fault that trying again cannot mend. */
  | 'failed'

export type HealthCondition =
  | 'stall'
  | 'ended'
  | 'missing_track'
  | 'continuity'
  | 'packet_loss'
  | 'bitrate'
  | 'timestamp_jumps'
  | 'no_media'

export interface HealthProblem {
  readonly condition: HealthCondition
  readonly measured: number
  readonly limit: number
  readonly unit: string
}

/** A figure that may be hidden from us (an FFmpeg remuxer hides upstream loss): null means not measurable. */
export type Measured = number | null

export interface TrackStatus {
  readonly kind: 'video' | 'audio'
  readonly pid: number
  readonly language?: string
  readonly format?: VideoFormat | AudioFormat
  readonly bitrate: number
}

export interface SourceStatus {
  readonly id: SourceId
  readonly label: string
  /** Redacted. */
  readonly url: string
  readonly priority: number
  readonly ingest: IngestMode
  readonly state: SourceState
  readonly healthy: boolean
  readonly problems: readonly HealthProblem[]
  readonly onAir: boolean
  readonly onPreview: boolean
  readonly wanted: boolean
  readonly tracks: readonly TrackStatus[]
  readonly conform: 'as_is' | 'transcoding' | 'starting' | 'refused' | 'unknown'
  readonly conformReason?: string
  readonly bitrate: number
  readonly bufferMs: number
  readonly bufferBytes: number
  /** Since the last random access point that arrived, milliseconds; null before the first. */
  readonly sinceKeyMs: number | null
  readonly gopMs: number | null
  readonly burstMs: number
  readonly continuityErrors: Measured
  readonly lostPackets: Measured
  readonly timestampJumps: number
  readonly droppedUnits: number
  readonly restarts: number
  readonly pid?: number
  readonly lastError?: string
  /** Milliseconds until the next attempt, while waiting. */
  readonly retryInMs?: number
  readonly upSinceMs: number | null
}

export interface OutputStatus {
  readonly id: OutputId
  readonly kind: string
  readonly url: string
  readonly state: 'starting' | 'running' | 'waiting' | 'failed'
  readonly bytes: number
  readonly bitrate: number
  readonly lagMs: number
  /** How often it dropped what it could not take, and went on at a random access point. */
  readonly skips: number
  readonly errors: number
  /** Connections after the first one; 0 for what has none. */
  readonly reconnects: number
  readonly lastError?: string
  /** What only this kind of output has: listeners, segments, recordings, the encoder's restarts. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
}

export interface ViewerStatus {
  readonly id: number
  readonly path: string
  readonly address: string
  readonly agent: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly bytes: number
  readonly lagMs: number
  readonly skips: number
}

export interface RecordingStatus {
  readonly output: OutputId
  readonly name: string
  readonly bytes: number
  readonly durationMs: number
  readonly state: 'recording' | 'finished'
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly label?: string
  readonly source?: string
}

export interface BusStatus {
  readonly bus: BusId
  readonly onAir: SourceId
  readonly wanted: SourceId
  readonly pending: SourceId | null
  /** Program time, 90 kHz. */
  readonly programTime: number
  readonly onAirSinceMs: number
  readonly delayMs: number
  readonly takes: number
  readonly failovers: number
  readonly slateMs: number
  readonly silenceInserted: number
  readonly audioDropped: number
  readonly dtsCompressed: number
  readonly videoFramesMissing: number
  readonly bitrate: number
  readonly clockPpm: number
}

export interface ChannelStatus {
  readonly id: ChannelId
  readonly name: string
  readonly version: string
  readonly state: 'starting' | 'running' | 'stopping'
  readonly upMs: number
  readonly mode: TakeMode
  readonly ingest: IngestMode
  readonly conform: ConformMode
  readonly failover: FailoverMode
  readonly revert: RevertPolicy
  readonly latencyMs: number
  readonly format: {
    readonly video: VideoFormat | null
    readonly audio: AudioFormat | null
    readonly languages: readonly string[]
  } | null
  readonly program: BusStatus
  readonly preview: BusStatus
  readonly sources: readonly SourceStatus[]
  readonly outputs: readonly OutputStatus[]
  readonly viewers: readonly ViewerStatus[]
  /** Of the sound alone, over HTTP; null while the program has not begun. */
  readonly listeners: OutputStatus | null
}
