import { channelId } from '../../contract/ids.ts'
import { afterEach, expect, test } from 'vitest'
import { anOutput, aSource, aStatus } from '../../../test/helpers/fake-channel.ts'
import { aHost } from '../../../test/helpers/host-status.ts'
import type { HostStatus } from '../../contract/host-status.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import { buildMetrics, type Metrics } from './metrics.ts'

const open: Metrics[] = []
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close()
})
const measured = (status: () => ChannelStatus, host: HostStatus = aHost()): Metrics => {
  const metrics = buildMetrics({ statuses: async () => [status()], host: () => host })
  open.push(metrics)
  return metrics
}

test('the figures of the program, its sources and the process are there', async () => {
  const text = await measured(() => aStatus()).render()
  for (const line of [
    'sluice_bus_bitrate_bits{channel="main",bus="program"} 3400000',
    'sluice_takes_total{channel="main",bus="program"} 3',
    'sluice_failovers_total{channel="main",bus="program"} 1',
    'sluice_silence_inserted_total{channel="main",bus="program"} 2',
    'sluice_source_healthy{channel="main",source="s1"} 1',
    'sluice_source_on_air{channel="main",source="s0"} 1',
    'sluice_source_on_air{channel="main",source="s1"} 0',
    'sluice_source_restarts_total{channel="main",source="s0"} 0',
    'sluice_viewers{channel="main"} 0',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m)
  expect(text).toContain('# TYPE sluice_takes_total counter')
})

test('each channel of the process shows the duration and lateness of its ticks', async () => {
  const ms = (mean: number, max: number) => ({ mean, max })
  const text = await measured(
    () => aStatus(),
    aHost([
      { channel: 'One', lateness: ms(0.5, 12), tick: ms(0.1, 2), check: ms(0.3, 4), faults: 0 },
      { channel: 'Two', lateness: ms(1.5, 9), tick: ms(0.2, 3), check: ms(0.4, 5), faults: 6 },
    ]),
  ).render()
  for (const line of [
    'sluice_tick_lateness_ms{channel="One",of="max"} 12',
    'sluice_tick_lateness_ms{channel="Two",of="mean"} 1.5',
    'sluice_tick_duration_ms{channel="Two",of="max"} 3',
    'sluice_check_duration_ms{channel="One",of="mean"} 0.3',
    'sluice_tick_faults_total{channel="Two"} 6',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('resources shared by the channels of the process are shown as sums', async () => {
  const text = await measured(() => aStatus(), {
    ...aHost(),
    memory: [
      { kind: 'ring', bytes: 7_000, holders: 2 },
      { kind: 'segment_store', bytes: 0, holders: 0 },
    ],
    memoryExceeded: 3,
    connections: { connecting: 1, waiting: 4, delayed: 9 },
  }).render()
  for (const line of [
    'sluice_memory_bytes{kind="ring"} 7000',
    'sluice_memory_bytes{kind="segment_store"} 0',
    'sluice_memory_limit_bytes 1000000',
    'sluice_memory_exceeded_total 3',
    'sluice_connecting{state="waiting"} 4',
    'sluice_connections_delayed_total 9',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('a figure that is not measurable is absent, not zero', async () => {
  const text = await measured(() => aStatus()).render()
  expect(text).toContain('sluice_source_continuity_errors_total{channel="main",source="s0"} 0')
  expect(text).not.toContain('sluice_source_continuity_errors_total{channel="main",source="s1"}')
  expect(text).not.toContain('sluice_source_lost_packets_total{channel="main",source="s1"}')
})

test('counters show the count as it is, and a source that left leaves nothing behind', async () => {
  let status = aStatus({ sources: [aSource('s0', { restarts: 4 }), aSource('s1')] })
  const metrics = measured(() => status)
  await metrics.render()
  status = aStatus({ sources: [aSource('s0', { restarts: 5 })] })
  const text = await metrics.render()
  expect(text).toContain('sluice_source_restarts_total{channel="main",source="s0"} 5')
  expect(text).not.toContain('source="s1"')
})

test('two channels differ by their label', async () => {
  const statuses = async () => [aStatus(), aStatus({ id: channelId('two'), upMs: 2_000 })]
  const metrics = buildMetrics({ statuses, host: () => aHost() })
  open.push(metrics)
  const lines = (await metrics.render()).split('\n')
  expect(lines).toContain('sluice_up_seconds{channel="main"} 61')
  expect(lines).toContain('sluice_up_seconds{channel="two"} 2')
})

test('two apps in one process share nothing', async () => {
  const one = measured(() => aStatus({ sources: [aSource('only-here')] }))
  const two = measured(() => aStatus())
  await one.render()
  expect(await two.render()).not.toContain('only-here')
})

test('each output has its state, its reconnects, its drops, its lag and the figures of its kind', async () => {
  const push = anOutput('tw', {
    kind: 'rtmps',
    state: 'waiting',
    lagMs: 1_500,
    skips: 3,
    reconnects: 2,
    details: { stalls: 4, encoding: true, server: 'words' },
  })
  const listeners = anOutput('listen', { kind: 'listeners', details: { listeners: 7 } })
  const status = aStatus({ outputs: [push, anOutput('air')], listeners })
  const text = await measured(() => status).render()
  const lines = text.split('\n')
  for (const line of [
    'sluice_output_state{channel="main",output="tw",kind="rtmps",state="waiting"} 1',
    'sluice_output_state{channel="main",output="tw",kind="rtmps",state="running"} 0',
    'sluice_output_state{channel="main",output="air",kind="udp",state="running"} 1',
    'sluice_output_reconnects_total{channel="main",output="tw",kind="rtmps"} 2',
    'sluice_output_skips_total{channel="main",output="tw",kind="rtmps"} 3',
    'sluice_output_lag_seconds{channel="main",output="tw",kind="rtmps"} 1.5',
    'sluice_output_detail{channel="main",output="tw",kind="rtmps",detail="stalls"} 4',
    'sluice_output_detail{channel="main",output="tw",kind="rtmps",detail="encoding"} 1',
    'sluice_output_detail{channel="main",output="listen",kind="listeners",detail="listeners"} 7',
  ]) {
    expect(lines).toContain(line)
  }
  expect(text).not.toContain('words')
})
