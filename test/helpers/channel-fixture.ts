import type { ChannelPort } from '../../src/contract/channel-port.ts'
import type { TakeAnswer, TakeDone } from '../../src/contract/commands.ts'
import { SluiceError } from '../../src/contract/errors.ts'
import type { ChannelEvent, StampedEvent } from '../../src/contract/events.ts'
import {
  type BusId,
  type ChannelId,
  PROGRAM,
  SLATE,
  type SourceId,
  type Ticket,
} from '../../src/contract/ids.ts'
import type { BusStatus, ChannelStatus, SourceStatus } from '../../src/contract/status.ts'

const id = (text: string): SourceId => text as SourceId

export const sourceStatus = (name: string, change: Partial<SourceStatus> = {}): SourceStatus => ({
  id: id(name),
  label: name,
  url: `udp://127.0.0.1/${name}`,
  priority: 0,
  ingest: 'hot',
  state: 'running',
  healthy: true,
  problems: [],
  onAir: false,
  onPreview: false,
  wanted: false,
  tracks: [],
  conform: 'as_is',
  bitrate: 4_920_000,
  bufferMs: 812,
  bufferBytes: 500_000,
  sinceKeyMs: 300,
  gopMs: 2_000,
  burstMs: 0,
  continuityErrors: 0,
  lostPackets: null,
  timestampJumps: 0,
  droppedUnits: 0,
  restarts: 0,
  upSinceMs: 60_000,
  ...change,
})

export const busStatus = (bus: string, change: Partial<BusStatus> = {}): BusStatus => ({
  bus: bus as BusId,
  onAir: id('s0'),
  wanted: id('s0'),
  pending: null,
  programTime: 5_400_000,
  onAirSinceMs: 60_000,
  delayMs: 800,
  takes: 3,
  failovers: 1,
  slateMs: 4_000,
  silenceInserted: 0,
  audioDropped: 0,
  dtsCompressed: 0,
  videoFramesMissing: 0,
  bitrate: 4_900_000,
  clockPpm: 0,
  ...change,
})

export const channelStatus = (change: Partial<ChannelStatus> = {}): ChannelStatus => ({
  id: 'main' as ChannelId,
  name: 'Channel 1',
  version: '0.1.0',
  state: 'running',
  upMs: 754_000,
  mode: 'cutover',
  ingest: 'hot',
  conform: 'auto',
  failover: 'auto',
  revert: 'auto',
  latencyMs: 800,
  format: null,
  program: busStatus('program'),
  preview: busStatus('preview', { onAir: SLATE }),
  sources: [sourceStatus('s0', { onAir: true, wanted: true }), sourceStatus('s1')],
  outputs: [],
  viewers: [],
  listeners: null,
  ...change,
})

export const takeDone = (change: Partial<TakeDone> = {}): TakeDone => ({
  ok: true,
  ticket: 7 as Ticket,
  bus: PROGRAM,
  source: id('s1'),
  from: id('s0'),
  mode: 'cutover',
  executed: 'cutover',
  programTime: 5_400_000,
  wallTime: 1_700_000_000_000,
  waitMs: 12.34,
  gapMs: 0,
  avOffsetMs: 3.1,
  silenceInserted: 0,
  audioDropped: 0,
  addedDelayMs: 0,
  ...change,
})

export interface RecordedChannel {
  readonly port: ChannelPort
  /** Commands received, in order: `take s1 program`. */
  readonly asked: string[]
  emit(event: ChannelEvent): void
}

/** A channel that records its commands, with the sources s0 and s1; takes are made at once. */
export const recordedChannel = (sources: readonly string[] = ['s0', 's1']): RecordedChannel => {
  const asked: string[] = []
  const events: StampedEvent[] = []
  const listeners = new Set<(event: StampedEvent) => void>()
  const all = [...sources]
  let onAir = id(all[0] ?? SLATE)
  const recordCall = async (...words: unknown[]): Promise<void> => {
    asked.push(
      words
        .map((word) => (typeof word === 'object' ? JSON.stringify(word) : String(word)))
        .join(' '),
    )
  }
  const take = (source: SourceId, bus: BusId = PROGRAM): TakeAnswer => {
    if (source !== SLATE && !all.includes(source)) {
      return {
        ok: false,
        ticket: 7 as Ticket,
        bus,
        source,
        why: 'unknown_source',
        message: `there is no source "${source}"`,
      }
    }
    const from = onAir
    if (bus === PROGRAM) onAir = source
    return takeDone({ bus, source, from })
  }
  const port: ChannelPort = {
    take: async ({ source, bus, mode }) => {
      await recordCall('take', source, bus ?? PROGRAM, ...(mode ? [mode] : []))
      return take(source, bus)
    },
    takePreview: async (mode) => {
      await recordCall('take preview', ...(mode ? [mode] : []))
      return take(id('s1'))
    },
    change: (change) => recordCall('change', change),
    addSource: (spec) => recordCall('add source', spec.id, spec.url),
    changeSource: (source, change) => recordCall('change source', source, change),
    removeSource: async (source) => {
      if (!all.includes(source))
        throw new SluiceError('unknown_source', `there is no source "${source}"`)
      await recordCall('remove source', source)
    },
    addOutput: (spec) => recordCall('add output', spec.id, spec.url),
    removeOutput: (output) => recordCall('remove output', output),
    status: async () =>
      channelStatus({
        program: busStatus('program', { onAir, wanted: onAir }),
        sources: all.map((name) => sourceStatus(name, { onAir: name === onAir })),
      }),
    events: (after, listener) => {
      for (const event of events) if (event.id > after) listener(event)
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    port,
    asked,
    emit: (event) => {
      const stamped = {
        id: events.length + 1,
        at: 1_700_000_000_000,
        channel: 'main' as ChannelId,
        event,
      }
      events.push(stamped)
      for (const listener of listeners) listener(stamped)
    },
  }
}
