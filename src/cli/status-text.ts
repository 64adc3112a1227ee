import type { ChannelStatus, OutputStatus, SourceStatus } from '../contract/status.ts'
import { stripControls } from './ansi.ts'
import {
  showAudio,
  showBytes,
  showDetails,
  showDuration,
  showHealth,
  showLag,
  showRate,
  showTracks,
  showVideo,
} from './figures.ts'

/** The whole status as lines of text, for `sluice status` and the key `m`. */
export const statusText = (status: ChannelStatus): string[] => {
  const { program, preview } = status
  const pending = program.pending === null ? '' : `, taking ${program.pending}`
  return [
    `${status.name}: ${status.state} for ${showDuration(status.upMs)}, Sluice ${status.version}`,
    `on air ${program.onAir} for ${showDuration(program.onAirSinceMs)}${pending}, wanted ${program.wanted}, preview ${preview.onAir}`,
    `mode ${status.mode}, failover ${status.failover}, revert ${status.revert}, conform ${status.conform}, ingest ${status.ingest}, latency ${status.latencyMs} ms`,
    `format ${formatOf(status)}`,
    `program ${showRate(program.bitrate)}, ${program.takes} takes, ${program.failovers} failovers, slate ${showDuration(program.slateMs)}, missing frames ${program.videoFramesMissing}, silence inserted ${program.silenceInserted}, audio dropped ${program.audioDropped}`,
    ...status.sources.flatMap(sourceLines),
    ...status.outputs.flatMap(outputLines),
    ...(status.listeners ? listenerLines(status.listeners) : []),
    ...status.viewers.map(
      (viewer) =>
        `viewer ${viewer.id} ${viewer.path} ${viewer.address} ${viewer.agent}: ${showBytes(viewer.bytes)}, lag ${viewer.lagMs.toFixed(0)} ms, ${viewer.skips} skips`,
    ),
  ].map(stripControls)
}

const formatOf = ({ format }: ChannelStatus): string => {
  if (format === null) return 'not chosen yet'
  const video = format.video === null ? 'no video' : showVideo(format.video)
  return `${video}, ${format.audio === null ? 'no audio' : showAudio(format.audio)}`
}

const outputLines = (output: OutputStatus): string[] => {
  const { bitrate, bytes, lagMs, skips, reconnects, errors, lastError } = output
  const details = showDetails(output)
  return [
    `output ${output.id} ${output.kind} ${output.state}: ${output.url}`,
    `  ${showRate(bitrate)}, ${showBytes(bytes)}, lag ${showLag(lagMs)}, drops ${skips}, reconnects ${reconnects}, errors ${errors}`,
    ...(details === '' ? [] : [`  ${details}`]),
    ...(lastError === undefined ? [] : [`  last error: ${lastError}`]),
  ]
}

/** Omitted without listeners. */
const listenerLines = (listeners: OutputStatus): string[] =>
  listeners.bytes === 0 && listeners.errors === 0
    ? []
    : outputLines(listeners).map((line) => line.replace(/^output listen listeners/, 'listeners'))

const measured = (value: number | null): string =>
  value === null ? 'not measurable' : String(value)

const sourceLines = (source: SourceStatus, index: number): string[] => {
  const marks = [source.onAir ? 'ON AIR' : '', source.onPreview ? 'preview' : ''].filter(Boolean)
  const label = source.label === '' || source.label === source.id ? '' : ` "${source.label}"`
  const mark = marks.length > 0 ? ` [${marks.join(', ')}]` : ''
  const pid = source.pid === undefined ? '' : ` (pid ${source.pid})`
  return [
    `source ${index} ${source.id}${label}${mark} ${source.state}${pid}, ${showHealth(source)}: ${source.url}`,
    `  ${showTracks(source) || 'no tracks yet'}; ${showRate(source.bitrate)}, buffer ${source.bufferMs.toFixed(0)} ms, conform ${source.conform}, priority ${source.priority}, ${source.ingest}`,
    `  continuity errors ${measured(source.continuityErrors)}, lost packets ${measured(source.lostPackets)}, jumps ${source.timestampJumps}, dropped units ${source.droppedUnits}, restarts ${source.restarts}`,
  ]
}
