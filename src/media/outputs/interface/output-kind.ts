import type { Writable } from 'node:stream'
import type { OutputAlert } from '../../../contract/events.ts'
import type { MemoryKind } from '../../../contract/host-status.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import type { ChannelSpec } from '../../../contract/spec.ts'
import type { FfmpegCapabilities } from '../../../ffmpeg/capabilities.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Account } from '../../../lib/account.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { ProcessHost } from '../../../process/host.ts'
import type { Output, OutputProgram } from './output.ts'

/** Parts that every output of a channel is built with. */
export interface OutputContext {
  readonly channel: ChannelSpec
  readonly host: ProcessHost
  readonly ffmpeg: FfmpegCapabilities
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly random: () => number
  readonly memory: Account<MemoryKind>
  readonly stdout: Writable
  /** Folder of the channel for state that outlives the process; may not exist yet. */
  readonly stateFolder: string
  /** Environment variables, for secrets named by reference. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A redacted line of FFmpeg for an output. */
  readonly onLine: (output: string, line: StderrLine) => void
  readonly warn: (output: string, message: string) => void
}

export interface OutputParts extends OutputContext {
  readonly program: OutputProgram
  readonly alert: (what: OutputAlert, message: string) => void
}

/** One kind of output: its addresses, and how it is created. */
export interface OutputKind {
  /** As in messages: "rtmp://host/app/key". */
  readonly grammar: string
  /** True for addresses of this kind. */
  matchesUrl(url: string): boolean
  /** Throws SluiceError with output and field for a spec that can never be opened. */
  checkSpec(spec: OutputSpec, context: Pick<OutputContext, 'channel' | 'env'>): void
  /** Opens nothing: `run` does. Throws as `checkSpec` does. */
  createOutput(spec: OutputSpec, parts: OutputParts): Output
}
