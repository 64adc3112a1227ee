/** The analyzer's report as plain JSON values. Times are milliseconds unless the name has another unit. */
import type { AudioFormat, Codec, VideoFormat } from '../contract/format.ts'
import type { RuleSet, Severity, ViolationCode } from './analyzer-rules.ts'

export const NOT_MEASURABLE = 'not measurable'
/** A measured value or 'not measurable': never a zero that was not measured. */
export type Measured<Value = number> = Value | typeof NOT_MEASURABLE

export const measured = <Value>(value: Value | undefined): Measured<Value> =>
  value === undefined ? NOT_MEASURABLE : value

/** Place in the stream: byte offset of the packet, and program time since the first PCR. */
export interface Place {
  readonly position: number
  readonly timeMs: Measured
}

export interface ViolationExample extends Place {
  readonly pid?: number
  readonly detail: string
}

export interface Violation {
  readonly code: ViolationCode
  /** Name in ETSI TR 101 290; absent: a rule of Sluice or of ISO/IEC 13818-1. */
  readonly standard?: string
  readonly severity: Severity
  readonly count: number
  readonly first: ViolationExample
  /** The first few, `first` among them. */
  readonly examples: readonly ViolationExample[]
  readonly sentence: string
}

export interface Range {
  readonly min: number
  readonly max: number
}

export interface TableReport {
  readonly sections: number
  readonly maxIntervalMs: Measured
  /** Of the newest section. */
  readonly version: Measured
  readonly versionChanges: number
}

export interface PcrReport {
  readonly pid: number
  readonly count: number
  readonly maxIntervalMs: Measured
  /** Signalled discontinuities; the others are violations. */
  readonly discontinuities: number
  /** Largest distance from the line through position, where the bitrate is constant. */
  readonly accuracyNs: Measured
  /** Largest distance from the line through arrival, and that line's slope. */
  readonly arrivalJitterMs: Measured
  readonly arrivalDriftPpm: Measured
}

export interface WorstStep extends Place {
  readonly ms: number
  readonly ptsTicks: number
}

export interface VideoReport {
  readonly pictures: number
  readonly format: Measured<VideoFormat>
  /** Of the newest pictures, in presentation order. */
  readonly medianFrameMs: Measured
  readonly gaps: number
  readonly longestStep: Measured<WorstStep>
  readonly randomAccessPoints: number
  readonly randomAccessIntervalMs: Measured<Range>
  readonly randomAccessWithoutTables: number
  readonly randomAccessWithoutParameterSets: number
}

export interface AudioReport {
  readonly frames: number
  readonly format: Measured<AudioFormat>
  readonly frameMs: Measured
  readonly holes: number
  readonly longestHole: Measured<WorstStep>
  readonly overlaps: number
  readonly longestOverlap: Measured<WorstStep>
  /** Bytes that belong to no frame. */
  readonly strayBytes: number
}

export interface TrackReport {
  readonly pid: number
  readonly streamType: number
  readonly kind: 'video' | 'audio' | 'other'
  readonly codec: Codec | 'unknown'
  readonly language?: string
  readonly pesPackets: number
  /** Raw 33-bit PTS of the first one. */
  readonly firstPtsTicks: Measured
  readonly durationMs: Measured
  readonly minDtsStepMs: Measured
  readonly maxPtsIntervalMs: Measured
  /** Time stamp minus the newest PCR at the first byte of its PES packet. */
  readonly dtsMinusPcrMs: Measured<Range>
  readonly ptsMinusPcrMs: Measured<Range>
  /** DTS minus the time of that byte, interpolated between the PCR around it. */
  readonly dtsMinusArrivalMs: Measured<Range>
  readonly timelineBreaks: number
  readonly video?: VideoReport
  readonly audio?: AudioReport
}

export interface ProgramReport {
  readonly number: number
  readonly serviceName?: string
  readonly pmtPid: number
  readonly pmt: TableReport
  readonly pcr: PcrReport
  readonly tracks: readonly TrackReport[]
  /** First PTS of the first audio track minus that of the first video track. */
  readonly audioOffsetMs: Measured
  /** Audio DTS minus the newest video DTS, in the order of the bytes. */
  readonly interleaveSkewMs: Measured<Range>
}

export interface PidReport {
  readonly pid: number
  readonly what: string
  readonly packets: number
  readonly bitrate: Measured
  readonly continuityErrors: number
  /** Byte offsets of the first few. */
  readonly continuityErrorsAt: readonly number[]
  readonly duplicates: number
  readonly scrambled: number
  readonly transportErrors: number
  readonly signalledDiscontinuities: number
}

export interface AnalysisReport {
  readonly rules: RuleSet
  readonly bytes: number
  readonly packets: number
  readonly skippedBytes: number
  readonly syncLosses: number
  readonly syncByteErrors: number
  readonly transportErrors: number
  readonly continuityErrors: number
  readonly duplicates: number
  readonly scrambledPackets: number
  readonly nullPackets: number
  readonly crcErrors: number
  readonly signalledDiscontinuities: number
  readonly durationMs: Measured
  readonly bitrate: Measured
  readonly pat: TableReport
  readonly sdt: TableReport
  readonly programs: readonly ProgramReport[]
  readonly pids: readonly PidReport[]
  readonly errors: number
  readonly warnings: number
  readonly violations: readonly Violation[]
}
