import type { AudioFormat, VideoFormat } from '../contract/format.ts'
import type {
  HealthCondition,
  HealthProblem,
  OutputStatus,
  SourceStatus,
} from '../contract/status.ts'

/** `00:12:34`. Days become hours: `100:00:00`. */
export const showDuration = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/** Milliseconds since 1970 as `12:34:56.789`, UTC, as the log writes it. */
export const showTime = (wallMs: number): string => new Date(wallMs).toISOString().slice(11, 23)

/** Bits per second: `4.92 M`, `128 k`, `0`. */
export const showBitrate = (bits: number): string => {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(bits >= 1e8 ? 0 : 2)} M`
  return bits >= 1e3 ? `${(bits / 1e3).toFixed(0)} k` : bits.toFixed(0)
}

/** With its unit: `4.92 Mbit/s`, `0 bit/s`. */
export const showRate = (bits: number): string =>
  bits >= 1e3 ? `${showBitrate(bits)}bit/s` : `${bits.toFixed(0)} bit/s`

/** Bytes: `1.2 GB`. */
export const showBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Lag: `120 ms`, `3.2 s`. */
export const showLag = (ms: number): string =>
  ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`

/** Words of a field name: `encoderRestarts` is `encoder restarts`. */
const spaceCamelCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (big) => ` ${big.toLowerCase()}`)

const UNITS: readonly (readonly [ending: string, show: (value: number) => string])[] = [
  ['Bytes', (value) => showBytes(value)],
  ['Mb', (value) => showBytes(value * 1e6)],
  ['Seconds', (value) => `${round(value)} s`],
  ['Ms', (value) => `${round(value)} ms`],
]

/** Text of one field, whose name ends with its unit: `storedBytes` is `stored 1.2 MB`. */
const showDetail = (name: string, value: string | number | boolean): string => {
  if (typeof value === 'boolean') return `${value ? '' : 'no '}${spaceCamelCase(name)}`
  if (typeof value === 'string') return `${spaceCamelCase(name)} ${value}`
  const [ending, show] = UNITS.find(([end]) => name.endsWith(end)) ?? [
    '',
    (plain: number) => round(plain),
  ]
  return `${spaceCamelCase(name.slice(0, name.length - ending.length))} ${show(value)}`
}

/** Figures of the output's kind: `listeners 3, encoder restarts 0`; empty without any. */
export const showDetails = ({ details = {} }: OutputStatus): string =>
  Object.entries(details)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => showDetail(name, value))
    .join(', ')

export const showVideo = (video: VideoFormat): string => {
  const rate =
    video.frameRate === undefined ? '' : ` ${round(video.frameRate.num / video.frameRate.den)}`
  const scan = video.scan === 'interlaced' ? 'i' : 'p'
  return `${video.codec} ${video.width}x${video.height}${scan}${rate}`
}

export const showAudio = (audio: AudioFormat): string =>
  `${audio.codec} ${round(audio.sampleRate / 1_000)}k ${audio.channels}ch`

export const round = (value: number, digits = 2): string => String(Number(value.toFixed(digits)))

const CONDITIONS: Readonly<Record<HealthCondition, string>> = {
  stall: 'stalled',
  ended: 'ended',
  missing_track: 'track missing',
  continuity: 'continuity errors',
  packet_loss: 'packet loss',
  bitrate: 'bitrate too low',
  timestamp_jumps: 'timestamp jumps',
  no_media: 'no media',
}

/** `stalled 2300 ms (limit 2000)`. */
export const showProblem = (problem: HealthProblem): string => {
  const what = CONDITIONS[problem.condition]
  const { measured, limit, unit } = problem
  return `${what} ${round(measured)}${unit === '' ? '' : ` ${unit}`} (limit ${round(limit)})`
}

/** Health of a source in one phrase. */
export const showHealth = (source: SourceStatus): string => {
  if (source.state === 'waiting' || source.state === 'failed') {
    const retry =
      source.retryInMs === undefined ? '' : `retry in ${Math.ceil(source.retryInMs / 1_000)} s`
    return [retry, source.lastError ?? ''].filter((part) => part !== '').join(': ') || source.state
  }
  if (source.problems.length > 0) return source.problems.map(showProblem).join(', ')
  if (source.state !== 'running') return source.state
  if (source.conform === 'refused') return `format refused: ${source.conformReason ?? 'differs'}`
  return source.healthy ? 'ok' : 'not healthy yet'
}

/** `h264 1280x720p 25, aac 48k 2ch`; empty until there are tracks. */
export const showTracks = (source: SourceStatus): string => {
  const tracks = source.tracks.flatMap(({ format }) => {
    if (format === undefined) return []
    return ['width' in format ? showVideo(format) : showAudio(format)]
  })
  return [...new Set(tracks)].join(', ')
}
