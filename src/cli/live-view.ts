import { SLATE } from '../contract/ids.ts'
import type { ChannelStatus, OutputStatus, SourceStatus } from '../contract/status.ts'
import { type Colour, fit, harmless, paint, type Style, textWidth, truncate } from './ansi.ts'
import { showBitrate, showDuration, showHealth, showTracks } from './figures.ts'

export interface ViewOptions {
  readonly columns: number
  readonly rows: number
  readonly colour: Colour
  readonly address: string
  /** What fills the space that is left: events and answers, oldest first, or the status in full. */
  readonly below: readonly string[]
  /** Which of them stay when there is not space for all. */
  readonly keep: 'first' | 'last'
  /** The last line: the command being typed, or which keys there are. */
  readonly prompt: string
}

interface Cell {
  readonly text: string
  readonly style: Style
}
type Row = readonly Cell[]

interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Wished width; `rest` shares what is left. */
  readonly width: number | 'rest'
  /** Left out on terminals with fewer columns than this. */
  readonly from: number
  readonly cell: (source: SourceStatus, place: number) => Cell
}

const cell = (text: string, style: Style = 'plain'): Cell => ({ text: harmless(text), style })

const COLUMNS: readonly Column[] = [
  { title: '', align: 'left', width: 8, from: 0, cell: (source) => busCell(source) },
  { title: '#', align: 'right', width: 3, from: 0, cell: (_, place) => cell(String(place), 'dim') },
  {
    title: 'source',
    align: 'left',
    width: 18,
    from: 0,
    cell: (source) => cell(nameOf(source), 'bold'),
  },
  {
    title: 'state',
    align: 'left',
    width: 8,
    from: 60,
    cell: (source) => cell(source.state, stateStyle(source)),
  },
  {
    title: 'bit/s',
    align: 'right',
    width: 8,
    from: 50,
    cell: (source) => cell(showBitrate(source.bitrate)),
  },
  {
    title: 'buffer',
    align: 'right',
    width: 8,
    from: 90,
    cell: (source) => cell(`${source.bufferMs.toFixed(0)} ms`),
  },
  {
    title: 'GOP',
    align: 'right',
    width: 7,
    from: 110,
    cell: (source) => cell(source.gopMs === null ? '-' : `${(source.gopMs / 1_000).toFixed(1)} s`),
  },
  {
    title: 'health',
    align: 'left',
    width: 'rest',
    from: 0,
    cell: (source) => cell(showHealth(source), healthStyle(source)),
  },
  {
    title: 'tracks',
    align: 'left',
    width: 34,
    from: 120,
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
 * counted; `below` fills what is left.
 */
export const liveView = (status: ChannelStatus, options: ViewOptions): string[] => {
  const { rows, prompt } = options
  const head = [...headRows(status, options), [], headingRow(options.columns)]
  const foot = [[], ...outputRows(status), totalsRow(status)]
  const room = Math.max(1, rows - head.length - foot.length - 1)
  const sources = sourceRows(
    status,
    Math.max(1, Math.min(room, status.sources.length)),
    options.columns,
  )
  const left = room - sources.length - 1
  const below = left > 0 ? kept(options, left).map((line): Row => [cell(line)]) : []
  const body: Row[] = [...head, ...sources, ...foot, ...(below.length > 0 ? [[], ...below] : [])]
  const lines = body.slice(0, Math.max(0, rows - 1)).map((row) => render(row, options))
  while (lines.length < rows - 1) lines.push('')
  return [...lines, truncate(harmless(prompt), options.columns - 1)]
}

const kept = ({ below, keep }: ViewOptions, room: number): readonly string[] =>
  keep === 'last' ? below.slice(-room) : below.slice(0, room)

const headRows = (status: ChannelStatus, { address, columns }: ViewOptions): Row[] => {
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

const shownColumns = (columns: number): readonly Column[] =>
  COLUMNS.filter(({ from }) => columns >= from)

const widths = (shown: readonly Column[], columns: number): number[] => {
  const fixed = shown.reduce((sum, { width }) => sum + (width === 'rest' ? 1 : width + 1), 0)
  return shown.map(({ width }) => (width === 'rest' ? Math.max(0, columns - fixed) : width))
}

const tableRow = (columns: number, cellOf: (column: Column) => Cell): Row => {
  const shown = shownColumns(columns)
  const size = widths(shown, columns)
  return shown.flatMap((column, index) => {
    const { text, style } = cellOf(column)
    return [cell(fit(text, size[index] ?? 0, column.align), style), cell(' ')]
  })
}

const headingRow = (columns: number): Row => tableRow(columns, ({ title }) => cell(title, 'dim'))

const sourceRows = (status: ChannelStatus, room: number, columns: number): Row[] => {
  const { sources } = status
  if (sources.length === 0) return [[cell(' no sources yet: type "add s0=<url>"', 'dim')]]
  // The line that counts the rest takes the place of a source.
  const shown = sources.length > room ? sources.slice(0, room - 1) : sources
  const rows = shown.map((source, place) =>
    tableRow(columns, (column) => column.cell(source, place)),
  )
  const more = sources.length - shown.length
  return more === 0 ? rows : [...rows, [cell(` … and ${more} more`, 'dim')]]
}

const MOST_OUTPUTS = 4

const outputRows = (status: ChannelStatus): Row[] => {
  const rows = status.outputs.slice(0, MOST_OUTPUTS).map(outputRow)
  const more = status.outputs.length - rows.length
  return more > 0 ? [...rows, [cell(` … and ${more} more outputs`, 'dim')]] : rows
}

const outputRow = (output: OutputStatus): Row => [
  cell(` → ${output.id} `, 'bold'),
  cell(`${output.state} `, output.state === 'running' ? 'green' : 'red'),
  cell(`${showBitrate(output.bitrate)} ${output.url} ${output.lastError ?? ''}`),
]

const totalsRow = ({ program, viewers }: ChannelStatus): Row => [
  cell(
    ` viewers ${viewers.length}   program ${showBitrate(program.bitrate)}bit/s   takes ${program.takes}   `,
  ),
  cell(`failovers ${program.failovers}   slate ${showDuration(program.slateMs)}   `),
  cell(
    `missing frames ${program.videoFramesMissing}`,
    program.videoFramesMissing > 0 ? 'red' : 'plain',
  ),
]

/** Cut to the width as plain text, then coloured: escape codes take no columns. */
const render = (row: Row, { columns, colour }: ViewOptions): string => {
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
