/** Texts of figures and events. Pure. */

export const duration = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000))
  const two = (n) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`
  return h > 0 ? `${h}:${rest}` : rest
}

export const bitrate = (bits) => {
  if (!(bits > 0)) return '–'
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`
}

/** Lag of an output. */
export const lag = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms))

const bytes = (count) => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  const value = count / 1000 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`
}

const UNITS = [
  ['Bytes', bytes],
  ['Mb', (value) => bytes(value * 1e6)],
  ['Seconds', (value) => `${trimmed(value)} s`],
  ['Ms', (value) => `${trimmed(value)} ms`],
]

const spaced = (name) => name.replaceAll(/[A-Z]/g, (big) => ` ${big.toLowerCase()}`)

/** Text of one field, whose name ends with its unit: `storedBytes` is `stored 1.2 MB`. */
const detail = ([name, value]) => {
  if (typeof value === 'boolean') return `${value ? '' : 'no '}${spaced(name)}`
  if (typeof value === 'string') return `${spaced(name)} ${value}`
  const [ending, show] = UNITS.find(([end]) => name.endsWith(end)) ?? ['', trimmed]
  return `${spaced(name.slice(0, name.length - ending.length))} ${show(value)}`
}

/** Figures of the output's kind: `listeners 3, encoder restarts 0`. */
export const detailsOf = ({ details = {} }) =>
  Object.entries(details)
    .filter(([, value]) => value !== '')
    .map(detail)
    .join(', ')

const CONDITIONS = {
  stall: (p) => `nothing arrives for ${seconds(p.measured)}`,
  ended: () => 'ended',
  missing_track: (p) => `a track is missing for ${seconds(p.measured)}`,
  continuity: (p) => `${Math.round(p.measured)} continuity errors a second`,
  packet_loss: (p) => `${(p.measured * 100).toFixed(1)} % of the packets lost`,
  bitrate: (p) => `only ${bitrate(p.measured)}`,
  timestamp_jumps: (p) => `${p.measured} timestamp jumps`,
  no_media: () => 'no media',
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

export const problem = (p) => CONDITIONS[p.condition]?.(p) ?? p.condition.replaceAll('_', ' ')

/** State of a source in a few words. */
export const sourceState = (source) => {
  if (source.state === 'waiting') {
    return source.retryInMs === undefined ? 'waiting' : `again in ${seconds(source.retryInMs)}`
  }
  if (source.state === 'stopped') return source.ingest === 'standby' ? 'on standby' : 'stopped'
  if (source.state !== 'running') return source.state
  return source.healthy ? 'healthy' : 'in trouble'
}

export const troubles = (source) => {
  const said = source.problems.map(problem)
  if (source.lastError !== undefined && !source.healthy) said.push(source.lastError)
  if (source.conform === 'refused')
    said.push(source.conformReason ?? 'its format is not that of the channel')
  return said
}

export const format = (source) => {
  const video = source.tracks.find((t) => t.kind === 'video')?.format
  const audio = source.tracks.find((t) => t.kind === 'audio')?.format
  const said = []
  if (video !== undefined) said.push(videoFormat(video))
  if (audio !== undefined) {
    said.push(
      `${CODECS[audio.codec] ?? audio.codec} ${audio.sampleRate / 1000} kHz ${channels(audio.channels)}`,
    )
  }
  if (source.conform === 'transcoding') said.push('conformed')
  return said.join(' · ')
}

const CODECS = {
  h264: 'H.264',
  hevc: 'HEVC',
  mpeg2video: 'MPEG-2',
  aac: 'AAC',
  aac_latm: 'AAC LATM',
  mp1: 'MP1',
  mp2: 'MP2',
  mp3: 'MP3',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
}

const videoFormat = (v) => {
  const scan = v.scan === 'interlaced' ? 'i' : 'p'
  const rate = v.frameRate === undefined ? '' : trimmed(v.frameRate.num / v.frameRate.den)
  return `${CODECS[v.codec] ?? v.codec} ${v.width}×${v.height}${scan}${rate}`
}

const trimmed = (n) => String(Math.round(n * 100) / 100)
const channels = (n) => (n === 1 ? 'mono' : n === 2 ? 'stereo' : `${n} ch`)

const WHY = {
  failover: 'failover',
  revert: 'returned',
  take: 'take',
  start: 'start',
  source_jump: 'timestamps of the source jumped',
  removed: 'the source was removed',
}

const EVENTS = {
  channel_started: (e) => ['good', `${e.name} started`],
  channel_stopped: () => ['bad', 'The channel stopped'],
  format_chosen: (e) => ['', `Format: ${e.video}, ${e.audio} (from ${e.source ?? e.from})`],
  take_requested: (e) => ['', `${onBus(e)}take ${e.source}, ${e.mode}`],
  take_done: (e) => ['good', taken(e.answer)],
  take_displaced: (e) => ['warn', `take of ${e.source} waits: failover takes ${e.by} first`],
  take_refused: (e) => ['bad', `${e.answer.source} not taken: ${e.answer.message}`],
  switched: (e) => [
    e.cause === 'failover' ? 'warn' : 'good',
    `${onBus(e)}${e.from} → ${e.to}, ${WHY[e.cause] ?? e.cause}${because(e)}`,
  ],
  failover_observed: (e) => ['warn', `Would leave ${e.from} for ${e.to}: ${listed(e.problems)}`],
  failover_held: (e) => ['warn', `${e.source} stays: ${e.reason}`],
  source_state: (e) => [
    e.state === 'failed' ? 'bad' : e.state === 'waiting' ? 'warn' : '',
    `${e.source} is ${e.state}${e.reason === undefined ? '' : `: ${e.reason}`}`,
  ],
  source_health: (e) =>
    e.healthy ? ['good', `${e.source} is healthy`] : ['warn', `${e.source}: ${listed(e.problems)}`],
  source_format: (e) => [
    '',
    `${e.source}: ${[e.video, e.audio].filter(Boolean).join(', ')}, ${e.conform.replaceAll('_', ' ')}`,
  ],
  source_added: (e) => ['', `${e.source} added`],
  source_changed: (e) => ['', `${e.source} changed`],
  source_removed: (e) => ['', `${e.source} removed`],
  output_added: (e) => ['', `Output ${e.output} added`],
  output_removed: (e) => ['', `Output ${e.output} removed`],
  // Messages of outputs may start with the output's id.
  alert: (e) => ['bad', `Output ${e.output}: ${e.message.replace(`output ${e.output}: `, '')}`],
  output_state: (e) => [
    e.state === 'failed' ? 'bad' : e.state === 'waiting' ? 'warn' : '',
    `Output ${e.output} is ${e.state}${e.reason === undefined ? '' : `: ${e.reason}`}`,
  ],
  viewer_joined: (e) => ['', `Viewer ${e.viewer} joined from ${e.address}${others(e)}`],
  viewer_left: (e) => [
    '',
    `Viewer ${e.viewer} left${e.reason === undefined ? '' : `: ${e.reason}`}${others(e)}`,
  ],
  settings_changed: (e) => [
    '',
    Object.entries(e.change)
      .map(([name, value]) => `${name} is now ${value}`)
      .join(', '),
  ],
  gap: (e) => ['warn', `${e.lost} events were lost (${e.from} to ${e.to})`],
  warning: (e) => ['warn', e.message],
}

/** All event types. */
export const EVENT_TYPES = Object.keys(EVENTS)

const onBus = (e) =>
  e.bus === 'program' ? '' : `${e.bus.slice(0, 1).toUpperCase()}${e.bus.slice(1)}: `
const others = (e) => (e.others === undefined ? '' : `, and ${e.others} others`)
const listed = (problems) => problems.map(problem).join(', ') || 'not healthy'
const because = (e) => {
  if (e.problems !== undefined && e.problems.length > 0) return `: ${listed(e.problems)}`
  return e.reason === undefined ? '' : `: ${e.reason}`
}

/** Result of a take in one sentence. */
export const taken = (t) => {
  const asked = t.executed === t.mode ? t.mode : `${t.executed} instead of ${t.mode}`
  const gap = t.gapMs === 0 ? '' : `, gap ${Math.round(t.gapMs)} ms`
  const where = t.bus === 'preview' ? ' on preview' : ''
  return `${t.source} taken${where} after ${Math.round(t.waitMs)} ms, ${asked}${gap}${t.note === undefined ? '' : `. ${t.note}`}`
}

/** Tone and text of an event; an unknown type is shown by its name. */
export const eventLine = (event) =>
  EVENTS[event.type]?.(event) ?? ['', event.type.replaceAll('_', ' ')]
