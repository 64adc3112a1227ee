import type { OutputStatus } from '../contract/status.ts'
import type { Style } from './ansi.ts'
import { showBitrate, showDetails, showLag } from './figures.ts'
import { cell, type Column, type Row, tableOf } from './table.ts'

const stateStyle = ({ state }: OutputStatus): Style =>
  state === 'running' ? 'green' : state === 'starting' ? 'dim' : 'red'

const countStyle = (count: number): Style => (count > 0 ? 'yellow' : 'plain')

/** The error; without one the figures of its kind, and its address. */
const remark = (output: OutputStatus): string =>
  output.lastError !== undefined && output.state !== 'running'
    ? output.lastError
    : [showDetails(output), output.url].filter((text) => text !== '').join(' · ')

const COLUMNS: readonly Column<OutputStatus>[] = [
  { title: '', align: 'left', width: 2, minColumns: 0, cell: () => cell(' →', 'dim') },
  { title: 'output', align: 'left', width: 12, minColumns: 0, cell: ({ id }) => cell(id, 'bold') },
  { title: 'kind', align: 'left', width: 7, minColumns: 70, cell: ({ kind }) => cell(kind, 'dim') },
  {
    title: 'state',
    align: 'left',
    width: 8,
    minColumns: 0,
    cell: (output) => cell(output.state, stateStyle(output)),
  },
  {
    title: 'bit/s',
    align: 'right',
    width: 8,
    minColumns: 50,
    cell: ({ bitrate }) => cell(showBitrate(bitrate)),
  },
  {
    title: 'lag',
    align: 'right',
    width: 7,
    minColumns: 60,
    cell: ({ lagMs }) => cell(showLag(lagMs)),
  },
  {
    title: 'drops',
    align: 'right',
    width: 5,
    minColumns: 80,
    cell: ({ skips }) => cell(String(skips), countStyle(skips)),
  },
  {
    title: 'reconn',
    align: 'right',
    width: 6,
    minColumns: 80,
    cell: ({ reconnects }) => cell(String(reconnects), countStyle(reconnects)),
  },
  {
    title: '',
    align: 'left',
    width: 'rest',
    minColumns: 0,
    cell: (output) => cell(remark(output), output.state === 'running' ? 'plain' : 'red'),
  },
]

/** At most `most` outputs; the rest is counted. Empty without outputs. */
export const outputRows = (
  outputs: readonly OutputStatus[],
  { columns, most }: { readonly columns: number; readonly most: number },
): Row[] => {
  if (outputs.length === 0) return []
  const table = tableOf(COLUMNS, columns)
  const rows = outputs.slice(0, most).map(table.row)
  const more = outputs.length - rows.length
  const counted = more > 0 ? [[cell(` … and ${more} more outputs`, 'dim')]] : []
  return [table.heading(), ...rows, ...counted]
}
