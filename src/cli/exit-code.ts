import type { ErrorCode } from '../contract/errors.ts'

/** Exit codes of `sluice`; the help lists them. */
export const EXIT = {
  ok: 0,
  fault: 1,
  usage: 2,
  /** A take was refused, or `analyze` found violations. */
  refused: 3,
  unreachable: 4,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const USAGE_ERRORS: readonly ErrorCode[] = [
  'bad_request',
  'config_invalid',
  'file_missing',
  'id_in_use',
  'option_refused',
  'unsupported_url',
]

export const exitCodeOf = (code: ErrorCode): ExitCode => {
  if (USAGE_ERRORS.includes(code)) return EXIT.usage
  if (code === 'not_reachable') return EXIT.unreachable
  return code === 'unknown_source' ? EXIT.refused : EXIT.fault
}

export const EXIT_CODES_HELP = `Exit codes:
  0  done
  1  a fault
  2  wrong usage or configuration
  3  a take was refused; analyze found violations
  4  not reachable`
