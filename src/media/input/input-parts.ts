import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { SourceId } from '../../contract/ids.ts'
import type { MemoryKind } from '../../contract/host-status.ts'
import type { ConformMode, SourceSpec, Thresholds } from '../../contract/spec.ts'
import type { SourceStatus } from '../../contract/status.ts'
import type { Account } from '../../lib/account.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { SourceMonitor } from './source-monitor.ts'
import type { ConformPlan } from './conform/conform-plan.ts'
import type { Transcoder } from './conforming.ts'
import type { SourceSink } from '../sources/source-reader.ts'
import type { SupervisedSource } from '../sources/supervised-source.ts'
import type { SourceTransition } from '../sources/supervision.ts'
import type { HealthVerdict } from '../buffer/source-health.ts'

export interface InputParts {
  readonly spec: SourceSpec
  readonly clock: Clock
  readonly latencyMs: number
  readonly live: boolean
  readonly arrives: 'steadily' | 'by_segment'
  /** Creates the supervised reader of this input. */
  readonly supervise: (
    sink: SourceSink,
    onChange: (change: SourceTransition) => void,
  ) => SupervisedSource
  readonly openConformer: (plan: ConformPlan) => Transcoder
  readonly monitor: SourceMonitor
  readonly settings: InputSettings
  readonly events: InputEvents
  readonly memory: Account<MemoryKind>
}

/** The channel's decisions; read at each use, because they may change on the air. */
export interface InputSettings {
  readonly format: ProgramFormat | undefined
  /** Limit of the distance of random access points for outputs that package segments; undefined: none does. */
  readonly maxGopTicks: number | undefined
  conformOf(spec: SourceSpec): ConformMode
  thresholdsOf(spec: SourceSpec): Thresholds
}

/** Formats of the chosen tracks; undefined where there is none or it is not known yet. */
export interface InputFormats {
  readonly video: VideoFormat | undefined
  readonly audio: AudioFormat | undefined
}

export interface InputEvents {
  state(source: SourceId, change: SourceTransition): void
  health(source: SourceId, verdict: HealthVerdict): void
  format(source: SourceId, formats: InputFormats, conform: SourceStatus['conform']): void
}
