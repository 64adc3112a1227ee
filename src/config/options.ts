import type { Path } from './setting.ts'

/** A scalar that a flag and an environment variable can say. */
export interface ScalarOption {
  /** Without the dashes; the environment variable is SLUICE_ and this in capitals. */
  readonly flag: string
  readonly path: Path
  readonly secret?: true
}

/** One table for the flags of `sluice run`, for the environment and for the help. `--format` has a grammar of its own. */
export const SCALAR_OPTIONS: readonly ScalarOption[] = [
  { flag: 'name', path: ['name'] },
  { flag: 'mode', path: ['mode'] },
  { flag: 'ingest', path: ['ingest'] },
  { flag: 'latency', path: ['latencyMs'] },
  { flag: 'failover', path: ['failover', 'mode'] },
  { flag: 'revert', path: ['failover', 'revert'] },
  { flag: 'conform', path: ['conform'] },
  { flag: 'slate-message', path: ['slate', 'message'] },
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

/** Variables that are ours and no setting of a channel. */
export const OTHER_VARIABLES = ['SLUICE_CONFIG', 'SLUICE_URL', 'SLUICE_NO_TTY'] as const
