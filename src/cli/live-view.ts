import { SLATE } from '../contract/ids.ts'
import type { ChannelStatus, SourceStatus } from '../contract/status.ts'
import { type Colour, stripControls, paint, type Style, textWidth, truncate } from './ansi.ts'
import { showBitrate, showDuration, showHealth, showRate, showTracks } from './figures.ts'
import { outputRows } from './output-table.ts'
import { type Cell, cell, type Column, type Row, tableOf } from './table.ts'

export interface ViewOptions {
  readonly columns: number
  readonly rows: number
  readonly colour: Colour
  readonly address: string
  /** Lines for the remaining space: events and answers, oldest first, or the full status. */
  readonly below: readonly string[]
  /** The lines that stay when there is not space for all. */
  readonly keep: 'first' | 'last'
  /** The last line: the command being typed, or the list of keys. */
  readonly prompt: string
}

const COLUMNS: readonly Column<SourceStatus>[] = [
  { title: '', align: 'left', width: 8, minColumns: 0, cell: (source) => busCell(source) },
  {
    title: '#',
    align: 'right',
    width: 3,
    minColumns: 0,
    cell: (_, index) => cell(String(index), 'dim'),
  },
  {
    title: 'source',
    align: 'left',
    width: 18,
    minColumns: 0,
    cell: (source) => cell(nameOf(source), 'bold'),
  },
  {
    title: 'state',
    align: 'left',
    width: 8,
    minColumns: 60,
    cell: (source) => cell(source.state, stateStyle(source)),
  },
  {
    title: 'bit/s',
    align: 'right',
    width: 8,
    minColumns: 50,
    cell: (source) => cell(showBitrate(source.bitrate)),
  },
  {
    title: 'buffer',
    align: 'right',
    width: 8,
    minColumns: 90,
    cell: (source) => cell(`${source.bufferMs.toFixed(0)} ms`),
  },
  {
    title: 'GOP',
    align: 'right',
    width: 7,
    minColumns: 110,
    cell: (source) => cell(source.gopMs === null ? '-' : `${(source.gopMs / 1_000).toFixed(1)} s`),
  },
  {
    title: 'health',
    align: 'left',
    width: 'rest',
    minColumns: 0,
    cell: (source) => cell(showHealth(source), healthStyle(source)),
  },
  {
    title: 'tracks',
    align: 'left',
    width: 34,
    minColumns: 120,
    cell: (source) => cell(showTracks(source), 'dim'),
  },
]

const nameOf = (source: SourceStatus): string =>
  source.label === '' || source.label === source.id ? source.id : `${source.id} ${source.label}`

const busCell = (source: SourceStatus): Cell => {
  if (source.onAir) return cell(' ON AIR', 'onair')
  if (source.onPreview) return cell(' preview', 'green')
  return cell(source.wanted ? ' wanted' : '', 'yellow')
}

const stateStyle = (source: SourceStatus): Style => {
  if (source.state === 'running') return 'plain'
  return source.state === 'failed' ? 'red' : source.state === 'waiting' ? 'yellow' : 'dim'
}

const healthStyle = (source: SourceStatus): Style =>
  source.healthy
    ? 'green'
    : source.state === 'starting' || source.state === 'stopped'
      ? 'dim'
      : 'red'

/**
 * The status view: at most `rows` lines of at most `columns` columns, the prompt on the last. Sources that do not fit are
 * counted; `below` fills the rest.
 */
export const liveView = (status: ChannelStatus, options: ViewOptions): string[] => {
  const { rows, columns, prompt } = options
  const head = [...headerRows(status, options), [], tableOf(COLUMNS, columns).heading()]
  const outputs = outputRows(status.outputs, { columns, most: maxOutputRows(rows) })
  const foot = [[], ...outputs, totalsRow(status)]
  const room = Math.max(1, rows - head.length - foot.length - 1)
  const sources = sourceRows(
    status,
    Math.max(1, Math.min(room, status.sources.length)),
    options.columns,
  )
  const left = room - sources.length - 1
  const below = left > 0 ? visibleLines(options, left).map((line): Row => [cell(line)]) : []
  const body: Row[] = [...head, ...sources, ...foot, ...(below.length > 0 ? [[], ...below] : [])]
  const lines = body.slice(0, Math.max(0, rows - 1)).map((row) => renderRow(row, options))
  while (lines.length < rows - 1) lines.push('')
  return [...lines, truncate(stripControls(prompt), options.columns - 1)]
}

const visibleLines = ({ below, keep }: ViewOptions, room: number): readonly string[] =>
  keep === 'last' ? below.slice(-room) : below.slice(0, room)

const headerRows = (status: ChannelStatus, { address, columns }: ViewOptions): Row[] => {
  const { program } = status
  const onSlate = program.onAir === SLATE
  const onAir = cell(` ${onSlate ? 'SLATE' : program.onAir} `, onSlate ? 'yellow' : 'onair')
  const pending = program.pending === null ? [] : [cell(`  taking ${program.pending} …`, 'yellow')]
  const left: Cell[] = [cell(` ${status.name}  `, 'bold'), onAir, ...pending]
  const right = `${address}  ${showDuration(status.upMs)} `
  const gap = columns - widthOf(left) - textWidth(right)
  const first: Row = gap > 0 ? [...left, cell(' '.repeat(gap)), cell(right, 'cyan')] : left
  const settings = [status.mode, `failover ${status.failover}`, `revert ${status.revert}`]
  settings.push(`latency ${status.latencyMs} ms`, `conform ${status.conform}`, status.ingest)
  return [first, [cell(` ${settings.join(' · ')}`, 'dim')]]
}

const widthOf = (row: Row): number => row.reduce((sum, { text }) => sum + textWidth(text), 0)

const sourceRows = (status: ChannelStatus, room: number, columns: number): Row[] => {
  const { sources } = status
  if (sources.length === 0) return [[cell(' no sources yet: type "add s0=<url>"', 'dim')]]
  // The line with the number of hidden sources replaces one source.
  const shown = sources.length > room ? sources.slice(0, room - 1) : sources
  const rows = shown.map(tableOf(COLUMNS, columns).row)
  const more = sources.length - shown.length
  return more === 0 ? rows : [...rows, [cell(` … and ${more} more`, 'dim')]]
}

/** Outputs get a third of the space that the rest of the view leaves; sources the remainder. */
const maxOutputRows = (rows: number): number =>
  Math.max(1, Math.min(12, Math.floor((rows - 10) / 3)))

const listenersOf = ({ listeners }: ChannelStatus): string => {
  const count = Number(listeners?.details?.['listeners'] ?? 0)
  return count === 0 ? '' : `   listeners ${count}`
}

const totalsRow = (status: ChannelStatus): Row => [
  cell(
    ` viewers ${status.viewers.length}${listenersOf(status)}   program ${showRate(status.program.bitrate)}   takes ${status.program.takes}   `,
  ),
  cell(`failovers ${status.program.failovers}   slate ${showDuration(status.program.slateMs)}   `),
  cell(
    `missing frames ${status.program.videoFramesMissing}`,
    status.program.videoFramesMissing > 0 ? 'red' : 'plain',
  ),
]

/** Cut to the width as plain text, then coloured: escape codes take no columns. */
const renderRow = (row: Row, { columns, colour }: ViewOptions): string => {
  let left = columns
  let line = ''
  for (const { text, style } of row) {
    if (left <= 0) break
    const cut = truncate(text, left)
    left -= textWidth(cut)
    line += paint(cut, style, colour)
  }
  return colour === 'off' ? line.trimEnd() : line
}
