import type { Writable } from 'node:stream'
import type { ChannelId, OutputId } from '../../contract/ids.ts'
import type { ChannelSpec } from '../../contract/spec.ts'
import type { FfmpegCapabilities } from '../../ffmpeg/capabilities.ts'
import { DEFAULT_AUDIO, DEFAULT_VIDEO } from '../../ffmpeg/generated-source.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { TargetFormat } from '../../ffmpeg/target-format.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { ChannelParts, EventSink, ChannelTicker } from '../channel/channel-parts.ts'
import type { Budgets } from './budgets.ts'
import type { FormatStore } from './format-store.ts'
import { Input } from '../input/input.ts'
import type { InputSettings } from '../input/input-parts.ts'
import { OutputKinds } from '../outputs/output-kinds.ts'
import { Listeners } from '../outputs/audio/listeners.ts'
import type { OutputContext } from '../outputs/interface/output-kind.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import { SlateRenderer } from '../slate/slate-renderer.ts'
import { SourceMonitor } from '../input/source-monitor.ts'
import { Conformer } from '../input/conform/conformer.ts'
import { arrivalOf, hostOf } from '../../ffmpeg/source-url.ts'
import { readerFactory } from '../sources/open-reader.ts'
import { SupervisedSource } from '../sources/supervised-source.ts'
import { DEFAULT_SUPERVISION, noDataMsFor } from '../sources/supervision.ts'

export interface RealPartsOptions {
  readonly id: ChannelId
  readonly events: EventSink
  readonly version: string
  readonly channel: ChannelSpec
  readonly host: ProcessHost
  readonly ffmpeg: FfmpegCapabilities
  readonly clock: Clock
  readonly ticker: ChannelTicker
  readonly budgets: Budgets
  readonly stdout: Writable
  /** Folder for state that outlives the process; it may not exist yet. */
  readonly stateFolder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly formats: FormatStore
  /** A redacted line of FFmpeg about a source or an output. */
  readonly onLine: (id: string, line: StderrLine) => void
  readonly warn: (id: string, message: string) => void
}

/** The parts of a channel in production: FFmpeg processes, sockets, files. */
export function realParts(options: RealPartsOptions): ChannelParts {
  const { channel, clock, host, ffmpeg } = options
  const memory = options.budgets
  const outputs: OutputContext = {
    channel,
    host,
    ffmpeg,
    clock,
    wallTime: Date.now,
    random: Math.random,
    memory,
    stdout: options.stdout,
    stateFolder: options.stateFolder,
    env: options.env,
    onLine: (output, line) => options.onLine(output, line),
    warn: options.warn,
  }
  const kinds = new OutputKinds()
  const slates = new SlateRenderer({ host, ffmpeg: ffmpeg.ffmpeg })
  return {
    id: options.id,
    events: options.events,
    version: options.version,
    clock,
    ticker: options.ticker,
    memory,
    wallTime: Date.now,
    ...options.formats,
    makeSlate: (format, spec, signal) => slates.renderSlate(targetOf(format), spec, signal),
    checkOutput: (spec) => kinds.check(spec, outputs),
    openOutput: (spec, wiring) => kinds.open(spec, { ...outputs, ...wiring }),
    openListeners: ({ frames }, log) =>
      new Listeners({ id: 'listen' as OutputId, context: outputs, frames, log }),
    openInput: ({ spec, settings, events, wanted, viewerLog }) => {
      const openReader = readerFactory(spec, {
        host,
        clock,
        ffmpeg,
        encoded: encodedOf(settings),
        onLine: (line) => options.onLine(spec.id, line),
        warn: (message) => options.warn(spec.id, message),
      })
      const { stallMs } = settings.thresholdsOf(spec)
      return new Input({
        spec,
        clock,
        settings,
        events,
        memory,
        latencyMs: channel.latencyMs,
        ...arrivalOf(spec.url),
        monitor: new SourceMonitor(spec.id, {
          limits: channel.viewers,
          clock,
          log: viewerLog,
          memory,
        }),
        openConformer: (plan) =>
          new Conformer({
            host,
            clock,
            plan,
            ffmpeg: ffmpeg.ffmpeg,
            random: Math.random,
            purpose: `conform ${spec.id}`,
            onLine: (line) => options.onLine(spec.id, line),
            warn: (message) => options.warn(spec.id, message),
          }),
        supervise: (sink, onChange) =>
          new SupervisedSource({
            openReader,
            sink,
            clock,
            budget: options.budgets.connections,
            wanted,
            onChange,
            random: Math.random,
            host: hostOf(spec.url),
            limits: {
              ...DEFAULT_SUPERVISION,
              noDataMs: noDataMsFor(stallMs, arrivalOf(spec.url).arrives),
            },
          }),
      })
    },
  }
}

const targetOf = ({ video, audio }: ProgramFormat): TargetFormat => ({
  ...(video === undefined ? {} : { video }),
  ...(audio === undefined ? {} : { audio }),
})

/** Format of generated and transcoded sources: the channel's, as soon as it is chosen. */
const encodedOf = (settings: InputSettings): Required<TargetFormat> => ({
  get video() {
    return settings.format?.video ?? DEFAULT_VIDEO
  },
  get audio() {
    return settings.format?.audio ?? DEFAULT_AUDIO
  },
})
