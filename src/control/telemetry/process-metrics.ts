import { readdirSync } from 'node:fs'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { ChannelTiming, HostStatus, TimingStatus } from '../../contract/host-status.ts'
import type { MetricSet, Sample } from './metric-set.ts'

/** Of all channels of a media process. */
export const hostFigures = (figures: MetricSet, host: HostStatus): void => {
  const { memory, connections, channels } = host
  const one = (value: number): Sample[] => [{ value }]
  figures.gauge(
    'sluice_memory_bytes',
    'Held for streams, by all channels',
    memory.map(({ kind, bytes }) => ({ value: bytes, labels: { kind } })),
  )
  figures.gauge('sluice_memory_limit_bytes', 'Of all kinds together', one(host.memoryLimitBytes))
  figures.counter(
    'sluice_memory_exceeded_total',
    'Times that the sum rose above the limit',
    one(host.memoryExceeded),
  )
  figures.gauge(
    'sluice_connecting',
    'Attempts to connect to sources, under way and waiting for their turn',
    [
      { value: connections.connecting, labels: { state: 'connecting' } },
      { value: connections.waiting, labels: { state: 'waiting' } },
    ],
  )
  figures.counter(
    'sluice_connections_delayed_total',
    'Attempts that had to wait because of the limits of one host',
    one(connections.delayed),
  )
  const each = (of: (timing: ChannelTiming) => TimingStatus): Sample[] =>
    channels.flatMap((timing) => {
      const { mean, max } = of(timing)
      const { channel } = timing
      return [
        { value: mean, labels: { channel, of: 'mean' } },
        { value: max, labels: { channel, of: 'max' } },
      ]
    })
  figures.gauge(
    'sluice_tick_lateness_ms',
    'Delay from the due time of play-out to its start, in the last half minute to minute',
    each(({ lateness }) => lateness),
  )
  figures.gauge(
    'sluice_tick_duration_ms',
    'Duration of one tick of play-out',
    each(({ tick }) => tick),
  )
  figures.gauge(
    'sluice_check_duration_ms',
    'Duration of one check of health, outputs and standby sources',
    each(({ check }) => check),
  )
  figures.counter(
    'sluice_tick_faults_total',
    'Ticks and checks that threw',
    channels.map(({ channel, faults }) => ({ value: faults, labels: { channel } })),
  )
}

export const processFigures = (
  figures: MetricSet,
  loop: ReturnType<typeof monitorEventLoopDelay>,
): void => {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  const one = (value: number | null): Sample[] => [{ value }]
  const seconds = (nanoseconds: number): number | null =>
    Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : null
  figures.counter('process_cpu_seconds_total', 'CPU time', one((cpu.user + cpu.system) / 1e6))
  figures.gauge('process_resident_memory_bytes', 'Resident memory', one(memory.rss))
  figures.gauge('process_heap_bytes', 'JavaScript heap in use', one(memory.heapUsed))
  figures.gauge('process_external_memory_bytes', 'Buffers outside the heap', one(memory.external))
  figures.gauge('process_uptime_seconds', 'Time since the process started', one(process.uptime()))
  figures.gauge('process_open_fds', 'Open file descriptors', one(openDescriptors()))
  figures.gauge('sluice_event_loop_lag_seconds', 'Delay of the event loop since the last reading', [
    { value: seconds(loop.percentile(50)), labels: { quantile: '0.5' } },
    { value: seconds(loop.percentile(99)), labels: { quantile: '0.99' } },
    { value: seconds(loop.max), labels: { quantile: '1' } },
  ])
}

const openDescriptors = (): number | null => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return null // no /proc: not measurable
  }
}
