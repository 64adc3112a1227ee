import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { BusStatus, ChannelStatus, SourceStatus, TrackStatus } from '../../contract/status.ts'
import { redactUrl } from '../../lib/redact.ts'
import type { BusDesk } from '../program/bus-desk.ts'
import type { Input } from '../input/input.ts'
import type { InputList } from './input-list.ts'
import type { Outlets } from './outlets.ts'
import type { ProgramFeed } from '../program/program-feed.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { RateMeters } from './rate-meters.ts'

export interface SourceStanding {
  readonly now: number
  readonly priority: number
  readonly ingest: 'hot' | 'standby'
  readonly onAir: boolean
  readonly onPreview: boolean
  readonly wanted: boolean
  readonly rates: RateMeters
  readonly redactedUrl: string
}

export function sourceStatus(input: Input, standing: SourceStanding): SourceStatus {
  const { now, rates } = standing
  const { figures, buffer, conforming, supervised } = input
  const stretch = buffer.newest
  const arrival = stretch?.newestEntryArrival
  const { state, retryInMs, reason } = supervised.state
  const lastError = figures.lastError ?? (state === 'failed' ? reason : undefined)
  return {
    id: input.id,
    label: input.spec.label ?? input.id,
    url: standing.redactedUrl,
    priority: standing.priority,
    ingest: standing.ingest,
    state,
    healthy: input.verdict.healthy,
    problems: input.verdict.problems,
    onAir: standing.onAir,
    onPreview: standing.onPreview,
    wanted: standing.wanted,
    tracks: trackStatus(input, standing),
    conform: conforming.state,
    ...(conforming.reason === undefined ? {} : { conformReason: conforming.reason }),
    bitrate: rates.rate(`source ${input.id}`, figures.bytes, now),
    bufferMs: Math.round(buffer.heldMs),
    bufferBytes: buffer.bytes,
    sinceKeyMs: arrival === undefined ? null : Math.round(now - arrival),
    gopMs:
      stretch === undefined || stretch.gopTicks === 0 ? null : Math.round(stretch.gopTicks / 90),
    burstMs: stretch === undefined ? 0 : Math.round(buffer.burstMs(stretch)),
    continuityErrors: figures.continuityErrors,
    lostPackets: figures.lostPackets,
    timestampJumps: buffer.jumps,
    droppedUnits: buffer.dropped + conforming.droppedUnits,
    restarts: figures.restarts,
    ...(figures.pid === undefined ? {} : { pid: figures.pid }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(retryInMs === undefined ? {} : { retryInMs }),
    upSinceMs: input.runningSince === undefined ? null : Math.round(now - input.runningSince),
  }
}

function trackStatus(input: Input, { rates, now }: SourceStanding): TrackStatus[] {
  return (input.tracks.program?.tracks ?? []).flatMap((track) => {
    if (track.kind === 'data') return []
    const format = input.tracks.formatOf(track.pid)
    return [
      {
        kind: track.kind,
        pid: track.pid,
        ...(track.language === undefined ? {} : { language: track.language }),
        ...(format === undefined ? {} : { format }),
        bitrate: rates.rate(`track ${input.id} ${track.pid}`, input.tracks.bytesOf(track.pid), now),
      },
    ]
  })
}

export interface BusCounts {
  readonly takes: number
  readonly failovers: number
}

export interface BusStanding {
  readonly name: BusName
  readonly now: number
  readonly pending: SourceId | undefined
  readonly counts: BusCounts
  readonly rates: RateMeters
}

export function busStatus(feed: ProgramFeed, standing: BusStanding): BusStatus {
  const { bus } = feed
  const { figures } = bus
  return {
    bus: standing.name,
    onAir: bus.onAir,
    wanted: bus.order.wanted,
    pending: standing.pending ?? null,
    programTime: Math.round(bus.programTime),
    onAirSinceMs: Math.round(standing.now - figures.onAirSince),
    delayMs: Math.round(figures.delayMs),
    takes: standing.counts.takes,
    failovers: standing.counts.failovers,
    slateMs: Math.round(figures.slateMs),
    silenceInserted: figures.silenceInserted,
    audioDropped: figures.audioDropped,
    dtsCompressed: figures.dtsCompressed,
    videoFramesMissing: figures.videoDropped,
    bitrate: standing.rates.rate(`bus ${standing.name}`, feed.bytes, standing.now),
    clockPpm: Math.round(figures.clockPpm),
  }
}

export interface ChannelStanding {
  readonly spec: ChannelSpec
  readonly settings: Pick<ChannelStatus, 'mode' | 'conform' | 'ingest' | 'failover' | 'revert'>
  readonly version: string
  readonly state: ChannelStatus['state']
  readonly now: number
  readonly startedAt: number
  readonly format: ProgramFormat | undefined
  readonly inputs: InputList
  readonly outputs: Pick<Outlets, 'status' | 'listeners'>
  readonly program: BusDesk | undefined
  readonly preview: BusDesk | undefined
  readonly rates: RateMeters
}

export function channelStatus(standing: ChannelStanding): ChannelStatus {
  const { spec, now, format, inputs, program, preview, rates } = standing
  const monitors = inputs.all().flatMap((input) => input.monitor.viewers())
  return {
    name: spec.name,
    version: standing.version,
    state: standing.state,
    upMs: Math.round(now - standing.startedAt),
    ...standing.settings,
    latencyMs: spec.latencyMs,
    format:
      format === undefined
        ? null
        : {
            video: format.video?.format ?? null,
            audio: format.audio?.format ?? null,
            languages: format.languages,
          },
    program: deskStatus('program', program, standing),
    preview: deskStatus('preview', preview, standing),
    sources: inputs.byPriority().map((input) =>
      sourceStatus(input, {
        now,
        priority: inputs.priorityOf(input),
        ingest: inputs.ingestOf(input),
        onAir: program?.feed.bus.onAir === input.id,
        onPreview: preview?.feed.bus.onAir === input.id,
        wanted: program?.feed.bus.order.wanted === input.id,
        rates,
        redactedUrl: redactUrl(input.spec.url),
      }),
    ),
    outputs: standing.outputs.status(),
    viewers: [
      ...(program?.feed.viewers.viewers() ?? []),
      ...(preview?.feed.viewers.viewers() ?? []),
      ...monitors,
    ],
    listeners: standing.outputs.listeners,
  }
}

function deskStatus(
  name: BusName,
  desk: BusDesk | undefined,
  standing: ChannelStanding,
): BusStatus {
  const { now, rates } = standing
  if (desk === undefined) return { ...IDLE, bus: name }
  return busStatus(desk.feed, {
    name,
    now,
    rates,
    pending: desk.takes.requested,
    counts: desk.counts,
  })
}

/** A bus that has not begun. */
const IDLE: Omit<BusStatus, 'bus'> = {
  onAir: SLATE,
  wanted: SLATE,
  pending: null,
  programTime: 0,
  onAirSinceMs: 0,
  delayMs: 0,
  takes: 0,
  failovers: 0,
  slateMs: 0,
  silenceInserted: 0,
  audioDropped: 0,
  dtsCompressed: 0,
  videoFramesMissing: 0,
  bitrate: 0,
  clockPpm: 0,
}
