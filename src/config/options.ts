import type { Path } from './setting.ts'

/** A scalar that a flag or an environment variable sets. */
export interface ScalarOption {
  /** Name without the dashes; the environment variable is SLUICE_ and this in capitals. */
  readonly flag: string
  readonly path: Path
  readonly secret?: true
}

/** One table for the flags of `sluice run`, for the environment and for the help. `--format` has a grammar of its own. */
export const SCALAR_OPTIONS: readonly ScalarOption[] = [
  { flag: 'channel', path: ['channel'] },
  { flag: 'name', path: ['name'] },
  { flag: 'mode', path: ['mode'] },
  { flag: 'ingest', path: ['ingest'] },
  { flag: 'latency', path: ['latencyMs'] },
  { flag: 'failover', path: ['failover', 'mode'] },
  { flag: 'revert', path: ['failover', 'revert'] },
  { flag: 'conform', path: ['conform'] },
  { flag: 'slate-message', path: ['slate', 'message'] },
  { flag: 'transition-timeout', path: ['hls', 'transitionTimeout'] },
  { flag: 'hls-mode', path: ['hls', 'mode'] },
  { flag: 'hls-segment-time', path: ['hls', 'segmentTime'] },
  { flag: 'hls-list-size', path: ['hls', 'listSize'] },
  { flag: 'hls-container', path: ['hls', 'container'] },
  { flag: 'hls-dvr', path: ['hls', 'dvrSeconds'] },
  { flag: 'low-latency', path: ['hls', 'lowLatency'] },
  { flag: 'listen', path: ['listen'] },
  { flag: 'token', path: ['token'], secret: true },
  { flag: 'token-file', path: ['tokenFile'] },
  { flag: 'ffmpeg', path: ['ffmpeg'] },
  { flag: 'state-dir', path: ['stateDir'] },
  { flag: 'log-level', path: ['logLevel'] },
  { flag: 'json', path: ['json'] },
]

export const variableOf = (flag: string): string =>
  `SLUICE_${flag.toUpperCase().replaceAll('-', '_')}`

/** An environment variable with a name of its own. */
export interface NamedVariable {
  readonly variable: string
  readonly path: Path
  /** Its text is JSON. */
  readonly json?: true
}

/** Names of the same settings in earlier packagers. The SLUICE_ name of a setting wins over these. */
export const HLS_VARIABLES: readonly NamedVariable[] = [
  { variable: 'HLS_SEGMENT_TIME', path: ['hls', 'segmentTime'] },
  { variable: 'HLS_LIST_SIZE', path: ['hls', 'listSize'] },
  { variable: 'TRANSITION_TIMEOUT', path: ['hls', 'transitionTimeout'] },
  { variable: 'MUX_MODE', path: ['hls', 'mode'] },
  { variable: 'ABR_PRESET', path: ['hls', 'ladder', 'preset'] },
  { variable: 'ABR_GOP_SIZE', path: ['hls', 'ladder', 'gopSize'] },
  { variable: 'ABR_VARIANTS', path: ['hls', 'ladder', 'variants'], json: true },
]

/** Settings of the output `icecast`, which ICECAST_ENABLED adds; paths are within the output. */
export const ICECAST_VARIABLES: readonly NamedVariable[] = [
  { variable: 'ICECAST_AUDIO_BITRATE', path: ['icecast', 'bitrate'] },
  { variable: 'ICECAST_AUDIO_FORMAT', path: ['icecast', 'format'] },
]

/** Settings of the output `kick`, which KICK_URL adds; paths are within the output. */
export const KICK_VARIABLES: readonly NamedVariable[] = [
  { variable: 'VID_BITRATE', path: ['push', 'videoBitrate'] },
  { variable: 'MAX_BITRATE', path: ['push', 'maxBitrate'] },
  { variable: 'BUFFER_SIZE', path: ['push', 'bufferSize'] },
  { variable: 'AUDIO_BITRATE', path: ['push', 'audioBitrate'] },
]

/** Variables of Sluice that are no setting of a channel. */
export const OTHER_VARIABLES = ['SLUICE_CONFIG', 'SLUICE_URL', 'SLUICE_NO_TTY'] as const
