/** The page: asks, listens, and lets view.js draw. */
import { playForever } from './player.js'
import { drawOutputs } from './outputs.js'
import { EVENT_TYPES, taken } from './words.js'
import {
  $,
  clearEvents,
  drawAnswer,
  drawConnection,
  drawEvent,
  drawHealth,
  drawProgram,
  drawSettings,
  drawSources,
} from './view.js'

const POLL_MS = 1000
const REQUEST_TIMEOUT_MS = 4000
/** A standby source that has to be started answers late. */
const TAKE_TIMEOUT_MS = 130_000

let status = null
let lastSeen = Date.now()
let lastEventId = 0
let polling = false

/** @returns {Promise<{status: number, body: any}>} */
const ask = async (method, path, body, timeoutMs = REQUEST_TIMEOUT_MS) => {
  const token = $('token').value
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== '' && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

const refresh = async () => {
  if (polling) return
  polling = true
  try {
    const answer = await ask('GET', '/status')
    if (answer.status !== 200) throw new Error(answer.body?.message)
    status = answer.body
    lastSeen = Date.now()
    drawProgram(status)
    drawHealth(status)
    drawSettings(status)
    drawSources(status, { take, preview })
    drawOutputs(status)
    drawConnection(true, 0)
  } catch {
    drawConnection(false, Date.now() - lastSeen)
  } finally {
    polling = false
  }
}

/** Sends a command and shows the result as text. */
const command = async ({ method = 'POST', path, body, doing, done }) => {
  drawAnswer('busy', doing)
  try {
    const answer = await ask(method, path, body, TAKE_TIMEOUT_MS)
    if (answer.status === 401) $('token-field').hidden = false
    if (answer.status >= 400)
      drawAnswer('bad', answer.body?.message ?? `refused (${answer.status})`)
    else drawAnswer('good', done(answer.body))
  } catch {
    drawAnswer(
      'bad',
      'Sluice did not answer. The page shows the result when the connection is back.',
    )
  }
  await refresh()
}

const mode = () => document.querySelector('input[name=mode]:checked').value

const take = (source) =>
  command({
    path: '/switch',
    body: { source, mode: source === 'slate' ? 'cutover' : mode() },
    doing: `Taking ${source} …`,
    done: taken,
  })

const preview = (source) =>
  command({ path: '/preview', body: { source }, doing: `${source} to preview …`, done: taken })

const takePreview = () =>
  command({
    path: '/preview/take',
    body: { mode: mode() },
    doing: 'Taking the preview …',
    done: taken,
  })

const setChannel = (change) =>
  command({
    method: 'PATCH',
    path: '/channel',
    body: change,
    doing: 'Changing …',
    done: () =>
      Object.entries(change)
        .map(([name, value]) => `${name} is now ${value}`)
        .join(', '),
  })

// ---- events --------------------------------------------------------------------------------------------------------

/** Event types whose effect is on the screen: the status is asked for at once. */
const CALLS_FOR_REFRESH = new Set([
  'switched',
  'take_done',
  'source_health',
  'source_state',
  'settings_changed',
  'output_added',
  'output_removed',
  'output_state',
])

const onEvent = (message) => {
  const stamped = JSON.parse(message.data)
  // Ids restart with Sluice: the events on the page are of the previous run.
  if (stamped.id <= lastEventId) clearEvents()
  lastEventId = stamped.id
  drawEvent(stamped)
  if (CALLS_FOR_REFRESH.has(stamped.event.type)) void refresh()
}

const listenToEvents = () => {
  const events = new EventSource(`/events?after=${lastEventId}`)
  for (const type of EVENT_TYPES) events.addEventListener(type, onEvent)
  events.addEventListener('error', () => {
    // The browser reconnects by itself, except after an answer that is no stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(listenToEvents, 3000)
    void refresh()
  })
}

// ---- controls ------------------------------------------------------------------------------------------------------

$('slate').addEventListener('click', () => take('slate'))
$('take-preview').addEventListener('click', takePreview)
$('failover').addEventListener('change', (e) => setChannel({ failover: e.target.value }))
$('revert').addEventListener('change', (e) => setChannel({ revert: e.target.value }))

const video = $('video')
const drawSound = () => {
  const button = $('unmute')
  button.setAttribute('aria-pressed', String(!video.muted))
  button.querySelector('span').textContent = video.muted ? 'Unmute' : 'Mute'
  $('sound-waves').setAttribute(
    'd',
    video.muted ? 'M17 9l4 6m0-6l-4 6' : 'M16 9q2 3 0 6m3-9q4 6 0 12',
  )
}
$('unmute').addEventListener('click', () => {
  video.muted = !video.muted
  void video.play().catch(() => {})
  drawSound()
})
video.addEventListener('volumechange', drawSound)

document.addEventListener('keydown', (e) => {
  const field =
    e.target instanceof HTMLElement && e.target.closest('input:not([type=radio]), select')
  if (field || e.ctrlKey || e.metaKey || e.altKey || e.repeat || status === null) return
  // By the key's place, so that Shift and other layouts do not change the digit.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(e.code)?.[1]
  if (digit !== undefined) {
    const source = status.sources[Number(digit)]
    if (source === undefined) return
    e.preventDefault()
    void (e.shiftKey ? preview(source.id) : take(source.id))
  } else if (e.key === 'Enter' && e.target === document.body) {
    if (!$('take-preview').disabled) void takePreview()
  }
})

// ---- start ---------------------------------------------------------------------------------------------------------

const showPlayerMessage = (text) => {
  $('player-message').textContent = text
  $('player-message').hidden = text === ''
}

await refresh()
if (status !== null) {
  const chosen = document.querySelector(`input[name=mode][value=${status.mode}]`)
  if (chosen !== null) chosen.checked = true
}
setInterval(refresh, POLL_MS)
listenToEvents()
playForever(video, '/stream.ts', showPlayerMessage)
