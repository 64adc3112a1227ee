import type { ChannelId } from '../../contract/ids.ts'
import type { ChannelEvent, OutputAlert } from '../../contract/events.ts'
import type { MemoryKind } from '../../contract/host-status.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { SlateSpec, SourceSpec } from '../../contract/spec.ts'
import type { Account } from '../../lib/account.ts'
import type { Clock } from '../../lib/clock.ts'
import type { InputEvents, InputSettings } from '../input/input-parts.ts'
import type { Input } from '../input/input.ts'
import type { Output, OutputProgram } from '../outputs/interface/output.ts'
import type { ViewerLog } from '../viewers/viewer-log.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'

/** Parts that the channel gives an output. */
export interface OutputWiring {
  readonly program: OutputProgram
  readonly alert: (what: OutputAlert, message: string) => void
}

/** Periodic work of a channel. `now`: monotonic milliseconds. */
export interface ChannelWork {
  /** Label of its figures. */
  readonly channel: string
  /** Plays out what is due: every 5 ms. */
  tick(now: number): void
  /** Health, buffers, outputs and standby sources: every 100 ms. */
  check(now: number): void
  /** A tick or check threw. */
  onFault(error: unknown, now: number): void
}

export interface ChannelTicker {
  /** Calls the work until the returned function is called. */
  register(work: ChannelWork): () => void
}

export interface EventSink {
  logEvent(event: ChannelEvent): void
}

/** Parts that a channel is built from; the composition root gives the real ones. */
export interface ChannelParts {
  readonly id: ChannelId
  /** Events of the channel, numbered and kept by its host. */
  readonly events: EventSink
  readonly version: string
  readonly clock: Clock
  readonly ticker: ChannelTicker
  readonly memory: Account<MemoryKind>
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  /** Throws SluiceError for a source that can never be opened. */
  readonly openInput: (wiring: {
    readonly spec: SourceSpec
    readonly settings: InputSettings
    readonly events: InputEvents
    readonly wanted: 'run' | 'stop'
    readonly viewerLog: ViewerLog
  }) => Input
  /** Throws SluiceError for an address of no output, as `openOutput` would. */
  readonly checkOutput: (spec: OutputSpec) => void
  /** Throws SluiceError for an address of no output. */
  readonly openOutput: (spec: OutputSpec, wiring: OutputWiring) => Output
  /** Audio listeners over HTTP. */
  readonly openListeners: (program: OutputProgram, log: ViewerLog) => Output
  readonly makeSlate: (
    format: ProgramFormat,
    spec: SlateSpec,
    signal: AbortSignal,
  ) => Promise<SlateMaterial>
  /** The format of an earlier run, when state is kept. */
  readonly storedFormat: () => ProgramFormat | undefined
  /** Never rejects. */
  readonly storeFormat: (format: ProgramFormat) => Promise<void>
}
