/** Draws. Elements are kept and changed, not rebuilt: focus and clicks survive each update. */
import { bitrate, duration, eventLine, format, sourceState, troubles } from './words.js'

const MAX_EVENT_LINES = 200

export const $ = (id) => document.getElementById(id)

/** @param {string} tag @param {string} [className] @param {...(Node|string)} children */
const make = (tag, className, ...children) => {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...children)
  return element
}

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

// ---- program -------------------------------------------------------------------------------------------------------

const nameOf = (status, id) => {
  if (id === 'slate') return 'Slate'
  const source = status.sources.find((s) => s.id === id)
  return source === undefined || source.label === '' ? id : source.label
}

export const drawProgram = (status) => {
  const { program } = status
  setText($('channel-name'), status.name)
  document.title = `${nameOf(status, program.onAir)} · ${status.name}`
  setText($('on-air'), nameOf(status, program.onAir))
  $('program-tally').classList.toggle('is-slate', program.onAir === 'slate')
  const figures = [
    ['On air for', duration(program.onAirSinceMs)],
    ['Bitrate', bitrate(program.bitrate)],
    ['Delay', `${Math.round(program.delayMs)} ms`],
    ['Takes', String(program.takes)],
    ['Failovers', String(program.failovers)],
    ['Viewers', String(status.viewers.length)],
    ['Missing frames', String(program.videoFramesMissing)],
    ['Running for', duration(status.upMs)],
  ]
  const list = $('figures')
  if (list.children.length !== figures.length) {
    list.replaceChildren(...figures.map(() => make('div', '', make('dt'), make('dd'))))
  }
  figures.forEach(([name, value], at) => {
    const [dt, dd] = list.children[at].children
    setText(dt, name)
    setText(dd, value)
  })
}

export const drawHealth = (status) => {
  const { program } = status
  const source = status.sources.find((s) => s.id === program.onAir)
  const [tone, text] =
    status.state !== 'running'
      ? ['warn', status.state]
      : program.onAir === 'slate' && program.wanted !== 'slate'
        ? ['bad', 'nothing playable']
        : program.onAir !== program.wanted
          ? ['warn', `instead of ${nameOf(status, program.wanted)}`]
          : source !== undefined && !source.healthy
            ? ['warn', 'source in trouble']
            : ['good', 'on air']
  const pill = $('health')
  pill.className = `pill ${tone}`
  setText(pill, text)
}

export const drawSettings = (status) => {
  for (const name of ['failover', 'revert']) {
    const select = $(name)
    if (document.activeElement !== select) select.value = status[name]
  }
}

// ---- sources -------------------------------------------------------------------------------------------------------

/** @type {Map<string, ReturnType<typeof makeCard>>} */
const cards = new Map()

const makeCard = (id, act) => {
  const key = make('kbd', 'key')
  const label = make('span', 'label')
  const ident = make('code', 'ident')
  const tally = make('span', 'badge')
  const state = make('span', 'state')
  const trouble = make('p', 'trouble')
  const formatLine = make('p', 'format')
  const rate = make('span', 'figure')
  const buffer = make('span', 'figure')
  const meter = make('i', '')
  const bar = make('span', 'meter', meter)
  bar.setAttribute('aria-hidden', 'true')
  const take = make(
    'button',
    'take',
    make('span', 'card-top', key, label, tally),
    make('span', 'card-mid', state, ident),
  )
  take.type = 'button'
  take.addEventListener('click', () => act.take(id))
  const preview = make('button', 'preview', 'Preview')
  preview.type = 'button'
  preview.addEventListener('click', () => act.preview(id))
  const foot = make('div', 'card-foot', rate, buffer, bar, preview)
  const root = make('li', 'card', take, trouble, formatLine, foot)
  return {
    root,
    key,
    label,
    ident,
    tally,
    state,
    trouble,
    formatLine,
    rate,
    buffer,
    meter,
    take,
    preview,
  }
}

export const drawSources = (status, act) => {
  const list = $('cards')
  const seen = new Set()
  status.sources.forEach((source, at) => {
    seen.add(source.id)
    const card = cards.get(source.id) ?? makeCard(source.id, act)
    cards.set(source.id, card)
    if (list.children[at] !== card.root) list.insertBefore(card.root, list.children[at] ?? null)
    drawCard(card, source, at, status)
  })
  for (const [id, card] of cards) {
    if (seen.has(id)) continue
    card.root.remove()
    cards.delete(id)
  }
  list.classList.toggle('empty', status.sources.length === 0)
  const slateOn = status.program.onAir === 'slate'
  $('slate').classList.toggle('on-air', slateOn)
  $('slate').setAttribute('aria-pressed', String(slateOn))
  const previewed = status.preview.onAir
  const isEmpty = previewed === 'slate' && status.preview.takes === 0
  $('take-preview').disabled = isEmpty || previewed === status.program.onAir
  const named = isEmpty ? 'nothing there' : nameOf(status, previewed)
  setText($('take-preview'), `Take preview: ${named}`)
}

const drawCard = (card, source, at, status) => {
  const pending = status.program.pending === source.id
  const name = source.label === '' ? source.id : source.label
  const said = troubles(source)
  const tone = source.state === 'stopped' ? 'idle' : source.healthy ? 'good' : 'bad'
  card.root.className = [
    'card',
    tone,
    source.onAir ? 'on-air' : '',
    source.onPreview ? 'on-preview' : '',
    pending ? 'pending' : '',
  ].join(' ')
  setText(card.key, at < 10 ? String(at) : '')
  card.key.hidden = at >= 10
  setText(card.label, name)
  setText(card.ident, source.id)
  const tally = source.onAir
    ? 'On air'
    : pending
      ? 'Taking'
      : source.onPreview
        ? 'Preview'
        : source.wanted
          ? 'Wanted'
          : ''
  setText(card.tally, tally)
  card.tally.hidden = tally === ''
  setText(card.state, sourceState(source))
  setText(card.trouble, said.join('; '))
  card.trouble.hidden = said.length === 0
  setText(card.formatLine, format(source) || 'no format yet')
  setText(card.rate, bitrate(source.bitrate))
  setText(card.buffer, `${(source.bufferMs / 1000).toFixed(1)} s buffer`)
  card.meter.style.width = `${Math.min(100, (source.bufferMs / Math.max(2000, status.latencyMs * 2)) * 100)}%`
  card.take.setAttribute(
    'aria-label',
    `Take ${name}: ${[tally, sourceState(source), ...said].filter(Boolean).join(', ')}`,
  )
  card.take.setAttribute('aria-pressed', String(source.onAir))
  card.preview.setAttribute('aria-label', `Preview ${name}`)
  card.preview.setAttribute('aria-pressed', String(source.onPreview))
}

// ---- events --------------------------------------------------------------------------------------------------------

export const drawEvent = (stamped) => {
  const [tone, text] = eventLine(stamped.event)
  const at = new Date(stamped.at)
  const time = make('time', '', at.toLocaleTimeString([], { hour12: false }))
  time.dateTime = at.toISOString()
  const list = $('events')
  list.prepend(make('li', tone, time, make('span', '', text)))
  while (list.children.length > MAX_EVENT_LINES) list.lastElementChild.remove()
}

export const clearEvents = () => $('events').replaceChildren()

// ---- answers and the connection ------------------------------------------------------------------------------------

export const drawAnswer = (tone, text) => {
  const line = $('answer')
  line.className = `answer ${tone}`
  setText(line, text)
}

export const drawConnection = (connected, sinceMs) => {
  $('lost').hidden = connected
  document.body.classList.toggle('is-lost', !connected)
  if (connected) return
  const pill = $('health')
  pill.className = 'pill bad'
  setText(pill, 'no connection')
  setText(
    $('lost-text'),
    `The figures below are ${sinceMs < 60_000 ? `${Math.round(sinceMs / 1000)} s` : duration(sinceMs)} old. Reconnecting.`,
  )
}
