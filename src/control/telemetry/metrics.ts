import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Registry } from 'prom-client'
import type { HostStatus } from '../../contract/host-status.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import { Registered, type Labels, type MetricSet, type Sample } from './metric-set.ts'
import { hostFigures, processFigures } from './process-metrics.ts'

export interface Metrics {
  readonly contentType: string
  /** The current figures in the text format of Prometheus. */
  render(): Promise<string>
  /** Ends the measurement of the event loop. */
  close(): void
}

export interface MetricsOptions {
  /** Of each channel. */
  readonly statuses: () => Promise<readonly ChannelStatus[]>
  readonly host: () => HostStatus
}

/** One registry per app: two apps in one process share nothing. Values are read at each request. */
export const buildMetrics = (options: MetricsOptions): Metrics => {
  const registry = new Registry()
  const figures = new Registered(registry)
  const loop = monitorEventLoopDelay({ resolution: 10 })
  loop.enable()
  return {
    contentType: registry.contentType,
    render: async () => {
      const statuses = await options.statuses()
      figures.reset()
      for (const status of statuses) channelFigures(figures.of({ channel: status.id }), status)
      hostFigures(figures, options.host())
      processFigures(figures, loop)
      loop.reset()
      return registry.metrics()
    },
    close: () => {
      loop.disable()
      registry.clear()
    },
  }
}

const oneIf = (on: boolean): number => (on ? 1 : 0)

const channelFigures = (figures: MetricSet, status: ChannelStatus): void => {
  const one = (value: number | null): Sample[] => [{ value }]
  figures.gauge('sluice_info', 'Version and name of the channel', [
    { value: 1, labels: { version: status.version, name: status.name } },
  ])
  figures.gauge('sluice_up_seconds', 'Time since the channel started', one(status.upMs / 1000))
  busFigures(figures, status)
  sourceFigures(figures, status)
  outputFigures(figures, status)
  figures.gauge('sluice_viewers', 'Viewers connected', one(status.viewers.length))
  figures.counter(
    'sluice_viewer_skips_total',
    'Skips of the viewers that are connected',
    one(status.viewers.reduce((sum, viewer) => sum + viewer.skips, 0)),
  )
}

const busFigures = (figures: MetricSet, status: ChannelStatus): void => {
  const buses = [status.program, status.preview]
  const each = (value: (bus: (typeof buses)[number]) => number): Sample[] =>
    buses.map((bus) => ({ value: value(bus), labels: { bus: bus.bus } }))
  figures.gauge(
    'sluice_bus_bitrate_bits',
    'Bits per second',
    each((b) => b.bitrate),
  )
  figures.gauge(
    'sluice_bus_delay_seconds',
    'Rest of a unit in Sluice',
    each((b) => b.delayMs / 1000),
  )
  figures.gauge(
    'sluice_bus_clock_ppm',
    'Correction of the play-out clock',
    each((b) => b.clockPpm),
  )
  figures.counter(
    'sluice_takes_total',
    'Takes executed',
    each((b) => b.takes),
  )
  figures.counter(
    'sluice_failovers_total',
    'Automatic switches',
    each((b) => b.failovers),
  )
  figures.counter(
    'sluice_slate_seconds_total',
    'Time on slate',
    each((b) => b.slateMs / 1000),
  )
  figures.counter(
    'sluice_silence_inserted_total',
    'Audio frames of silence inserted',
    each((b) => b.silenceInserted),
  )
  figures.counter(
    'sluice_audio_dropped_total',
    'Audio frames dropped',
    each((b) => b.audioDropped),
  )
  figures.counter(
    'sluice_dts_compressed_total',
    'DTS moved',
    each((b) => b.dtsCompressed),
  )
  figures.counter(
    'sluice_video_frames_missing_total',
    'Video frames missing',
    each((b) => b.videoFramesMissing),
  )
}

const sourceFigures = (figures: MetricSet, status: ChannelStatus): void => {
  type Source = ChannelStatus['sources'][number]
  const each = (value: (source: Source) => number | null): Sample[] =>
    status.sources.map((source) => ({ value: value(source), labels: { source: source.id } }))
  figures.gauge(
    'sluice_source_healthy',
    '1 when healthy',
    each((s) => oneIf(s.healthy)),
  )
  figures.gauge(
    'sluice_source_on_air',
    '1 when on the air',
    each((s) => oneIf(s.onAir)),
  )
  figures.gauge(
    'sluice_source_wanted',
    '1 when wanted',
    each((s) => oneIf(s.wanted)),
  )
  figures.gauge(
    'sluice_source_running',
    '1 when running',
    each((s) => oneIf(s.state === 'running')),
  )
  figures.gauge(
    'sluice_source_bitrate_bits',
    'Bits per second',
    each((s) => s.bitrate),
  )
  figures.gauge(
    'sluice_source_buffer_seconds',
    'Buffered',
    each((s) => s.bufferMs / 1000),
  )
  figures.gauge(
    'sluice_source_buffer_bytes',
    'Buffered',
    each((s) => s.bufferBytes),
  )
  figures.counter(
    'sluice_source_restarts_total',
    'Restarts',
    each((s) => s.restarts),
  )
  figures.counter(
    'sluice_source_continuity_errors_total',
    'Continuity errors; absent where not measurable',
    each((s) => s.continuityErrors),
  )
  figures.counter(
    'sluice_source_lost_packets_total',
    'Packets lost; absent where not measurable',
    each((s) => s.lostPackets),
  )
  figures.counter(
    'sluice_source_timestamp_jumps_total',
    'Timestamp jumps',
    each((s) => s.timestampJumps),
  )
  figures.counter(
    'sluice_source_dropped_units_total',
    'Units dropped',
    each((s) => s.droppedUnits),
  )
}

const outputFigures = (figures: MetricSet, status: ChannelStatus): void => {
  // Audio listeners are an output too, which needs no configuration.
  const outputs = status.listeners ? [...status.outputs, status.listeners] : status.outputs
  type Output = (typeof outputs)[number]
  const each = (value: (output: Output) => number): Sample[] =>
    outputs.map((output) => ({ value: value(output), labels: labelsOf(output) }))
  const gauge = (name: string, help: string, value: (output: Output) => number): void =>
    figures.gauge(`sluice_output_${name}`, help, each(value))
  const counter = (name: string, help: string, value: (output: Output) => number): void =>
    figures.counter(`sluice_output_${name}`, help, each(value))
  gauge('running', '1 when running', (o) => oneIf(o.state === 'running'))
  gauge('bitrate_bits', 'Bits per second', (o) => o.bitrate)
  gauge('lag_seconds', 'Behind the program', (o) => o.lagMs / 1000)
  counter('bytes_total', 'Bytes sent', (o) => o.bytes)
  counter('skips_total', 'Skips to a later random access point', (o) => o.skips)
  counter('errors_total', 'Errors', (o) => o.errors)
  counter('reconnects_total', 'Connections after the first one', (o) => o.reconnects)
  figures.gauge(
    'sluice_output_state',
    '1 for the state that it is in',
    outputs.flatMap((output) =>
      OUTPUT_STATES.map((state) => ({
        value: oneIf(output.state === state),
        labels: { ...labelsOf(output), state },
      })),
    ),
  )
  figures.gauge(
    'sluice_output_detail',
    'Figures that only this kind of output has',
    outputs.flatMap((output) =>
      Object.entries(output.details ?? {}).flatMap(([detail, value]) =>
        typeof value === 'string'
          ? []
          : [{ value: Number(value), labels: { ...labelsOf(output), detail } }],
      ),
    ),
  )
}

const OUTPUT_STATES = ['starting', 'running', 'waiting', 'failed'] as const

const labelsOf = ({ id, kind }: ChannelStatus['outputs'][number]): Labels => ({ output: id, kind })
