import { type BusId, type ChannelId, PREVIEW, PROGRAM, SLATE } from '../../contract/ids.ts'
import type { ChannelSpec } from '../../contract/spec.ts'
import type { BusStatus, ChannelStatus, SourceStatus, TrackStatus } from '../../contract/status.ts'
import { redactUrl } from '../../lib/redact.ts'
import type { BusController } from '../program/bus-controller.ts'
import type { Input } from '../input/input.ts'
import type { InputList } from './input-list.ts'
import type { ChannelOutputs } from './channel-outputs.ts'
import type { ProgramFormat } from '../format/program-format.ts'

export interface SourceStatusFacts {
  readonly now: number
  readonly priority: number
  readonly ingest: 'hot' | 'standby'
  readonly onAir: boolean
  readonly onPreview: boolean
  readonly wanted: boolean
  readonly redactedUrl: string
}

export function sourceStatus(input: Input, facts: SourceStatusFacts): SourceStatus {
  const { now } = facts
  const { figures, buffer, conforming, supervised } = input
  const segment = buffer.newest
  const arrival = segment?.newestRapArrival
  const { state, retryInMs, reason } = supervised.state
  const lastError = figures.lastError ?? (state === 'failed' ? reason : undefined)
  return {
    id: input.id,
    label: input.spec.label ?? input.id,
    url: facts.redactedUrl,
    priority: facts.priority,
    ingest: facts.ingest,
    state,
    healthy: input.verdict.healthy,
    problems: input.verdict.problems,
    onAir: facts.onAir,
    onPreview: facts.onPreview,
    wanted: facts.wanted,
    tracks: trackStatus(input, facts),
    conform: conforming.state,
    ...(conforming.reason === undefined ? {} : { conformReason: conforming.reason }),
    bitrate: input.bitrate(now),
    bufferMs: Math.round(buffer.heldMs),
    bufferBytes: buffer.bytes,
    sinceKeyMs: arrival === undefined ? null : Math.round(now - arrival),
    gopMs:
      segment === undefined || segment.gopTicks === 0 ? null : Math.round(segment.gopTicks / 90),
    burstMs: segment === undefined ? 0 : Math.round(buffer.burstMs(segment)),
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

function trackStatus(input: Input, { now }: SourceStatusFacts): TrackStatus[] {
  return (input.tracks.program?.tracks ?? []).flatMap((track) => {
    if (track.kind === 'data') return []
    const format = input.tracks.formatOf(track.pid)
    return [
      {
        kind: track.kind,
        pid: track.pid,
        ...(track.language === undefined ? {} : { language: track.language }),
        ...(format === undefined ? {} : { format }),
        bitrate: input.tracks.bitrateOf(track.pid, now),
      },
    ]
  })
}

export interface ChannelStatusFacts {
  readonly id: ChannelId
  readonly spec: ChannelSpec
  readonly settings: Pick<ChannelStatus, 'mode' | 'conform' | 'ingest' | 'failover' | 'revert'>
  readonly version: string
  readonly state: ChannelStatus['state']
  readonly now: number
  readonly startedAt: number
  readonly format: ProgramFormat | undefined
  readonly inputs: InputList
  readonly outputs: Pick<ChannelOutputs, 'status' | 'listeners'>
  readonly program: BusController | undefined
  readonly preview: BusController | undefined
}

export function channelStatus(facts: ChannelStatusFacts): ChannelStatus {
  const { spec, now, format, inputs, program, preview } = facts
  const monitors = inputs.all().flatMap((input) => input.monitor.viewers())
  return {
    id: facts.id,
    name: spec.name,
    version: facts.version,
    state: facts.state,
    upMs: Math.round(now - facts.startedAt),
    ...facts.settings,
    latencyMs: spec.latencyMs,
    format:
      format === undefined
        ? null
        : {
            video: format.video?.format ?? null,
            audio: format.audio?.format ?? null,
            languages: format.languages,
          },
    program: busStatus(PROGRAM, program, facts),
    preview: busStatus(PREVIEW, preview, facts),
    sources: inputs.byPriority().map((input) =>
      sourceStatus(input, {
        now,
        priority: inputs.priorityOf(input),
        ingest: inputs.ingestOf(input),
        onAir: program?.bus.onAir === input.id,
        onPreview: preview?.bus.onAir === input.id,
        wanted: program?.bus.standingOrder.wanted === input.id,
        redactedUrl: redactUrl(input.spec.url),
      }),
    ),
    outputs: facts.outputs.status(),
    viewers: [
      ...(program?.viewers.viewers() ?? []),
      ...(preview?.viewers.viewers() ?? []),
      ...monitors,
    ],
    listeners: facts.outputs.listeners,
  }
}

function busStatus(
  name: BusId,
  controller: BusController | undefined,
  { now }: ChannelStatusFacts,
): BusStatus {
  if (controller === undefined) return { ...IDLE_BUS, bus: name }
  const { bus, playOut, counts, takes } = controller
  const { figures } = bus
  return {
    bus: name,
    onAir: bus.onAir,
    wanted: bus.standingOrder.wanted,
    pending: takes.requested ?? null,
    programTime: Math.round(bus.programTime),
    onAirSinceMs: Math.round(now - figures.onAirSince),
    delayMs: Math.round(figures.delayMs),
    ...counts,
    slateMs: Math.round(figures.slateMs),
    silenceInserted: figures.silenceInserted,
    audioDropped: figures.audioDropped,
    dtsCompressed: figures.dtsCompressed,
    videoFramesMissing: figures.videoDropped,
    bitrate: playOut.bitrate(now),
    clockPpm: Math.round(figures.clockPpm),
  }
}

/** A bus before its start. */
const IDLE_BUS: Omit<BusStatus, 'bus'> = {
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
