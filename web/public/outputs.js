/** Table of the outputs and addresses of the program. Elements are kept and changed, as in view.js. */
import { bitrate, detailsOf, lag } from './words.js'

const $ = (id) => document.getElementById(id)

const make = (tag, className, ...children) => {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...children)
  return element
}

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

/** Link to what an output writes, by kind: title and address. */
const LINKS = {
  hls: () => ['Playlist', '/live/stream.m3u8'],
  dash: () => ['Manifest', '/live/stream.mpd'],
  record: (id, channel) => ['Recordings', `/channels/${channel}/recordings/${id}`],
}

const FIGURES = ['Bitrate', 'Lag', 'Drops', 'Reconnects']

/** @type {Map<string, ReturnType<typeof makeRows>>} */
const rows = new Map()

const makeRows = ({ id, kind }, channel) => {
  const state = make('span', 'state')
  const figures = FIGURES.map((name) => {
    const cell = make('td', 'number')
    cell.dataset.name = name
    return cell
  })
  const named = make('th', '', make('b', '', id), make('span', 'kind', kind))
  named.scope = 'row'
  const target = make('span', 'target')
  const more = make('span', 'more')
  const trouble = make('span', 'trouble')
  const remark = make('td', 'remark', target, more, trouble)
  const link = LINKS[kind]?.(id, channel)
  if (link !== undefined) {
    const anchor = make('a', '', link[0])
    anchor.href = link[1]
    remark.prepend(anchor)
  }
  remark.colSpan = 2 + FIGURES.length
  const first = make('tr', 'figures-row', named, make('td', '', state), ...figures)
  const second = make('tr', 'remark-row', remark)
  return { body: make('tbody', '', first, second), state, figures, target, more, trouble }
}

const TONES = { running: 'good', starting: '', waiting: 'bad', failed: 'bad' }

const drawRows = (row, output) => {
  row.body.className = TONES[output.state] ?? ''
  setText(row.state, output.state)
  const values = [
    bitrate(output.bitrate),
    lag(output.lagMs),
    String(output.skips),
    String(output.reconnects),
  ]
  row.figures.forEach((cell, at) => {
    setText(cell, values[at])
    cell.classList.toggle('alarm', at > 1 && values[at] !== '0')
  })
  setText(row.target, output.url)
  setText(row.more, detailsOf(output))
  const error = output.lastError ?? ''
  setText(row.trouble, error)
  row.trouble.hidden = error === ''
  // A past error is shown without alarm.
  row.trouble.classList.toggle('past', output.state === 'running')
}

export const drawOutputs = (status) => {
  const table = $('output-table')
  const seen = new Set()
  status.outputs.forEach((output, at) => {
    // Another output may come under the same id.
    const key = `${output.id} ${output.kind}`
    seen.add(key)
    const row = rows.get(key) ?? makeRows(output, status.id)
    rows.set(key, row)
    const place = table.tBodies[at]
    if (place !== row.body) table.insertBefore(row.body, place ?? null)
    drawRows(row, output)
  })
  for (const [key, { body }] of rows) {
    if (seen.has(key)) continue
    body.remove()
    rows.delete(key)
  }
  table.hidden = status.outputs.length === 0
  $('no-outputs').hidden = status.outputs.length > 0
  drawAddresses(status)
}

let drawnAddresses = ''

const heard = ({ listeners }) => {
  const count = listeners?.details?.listeners ?? 0
  return count === 0 ? 'Audio' : `Audio (${count} ${count === 1 ? 'listener' : 'listeners'})`
}

/** Addresses of the program: the permanent ones and those of the outputs. */
const drawAddresses = (status) => {
  const kinds = new Set(status.outputs.map(({ kind }) => kind))
  const addresses = [
    ['Transport stream', '/stream.ts'],
    ...(kinds.has('hls') ? [['HLS', '/live/stream.m3u8']] : []),
    ...(kinds.has('dash') ? [['DASH', '/live/stream.mpd']] : []),
    ...(status.format?.audio ? [[heard(status), '/listen.mp3']] : []),
  ]
  const drawn = addresses.join()
  if (drawn === drawnAddresses) return
  drawnAddresses = drawn
  $('addresses').replaceChildren(
    ...addresses.map(([name, path]) => {
      const anchor = make('a', '', path)
      anchor.href = path
      return make('li', '', make('span', '', name), anchor)
    }),
  )
}
