import type { ExitFacts } from '../process/spawn.ts'
import type { StderrLine, StderrSign } from './stderr-lines.ts'

/** Reason of ffmpeg's end: a stable word for policies, and a sentence for people. */
export interface ExitReason {
  readonly cause: 'stopped' | 'ended' | 'killed' | 'not_started' | 'failed' | StderrSign
  readonly sentence: string
}

const SENTENCES: Partial<Record<StderrSign, string>> = {
  no_such_file: 'no such file',
  no_such_host: 'the host name does not resolve',
  connection_refused: 'connection refused',
  timed_out: 'timed out',
  not_found: 'the server does not have it (404)',
  unauthorized: 'the server refused access',
  http_error: 'the server answered with an error',
  tls_failed: 'TLS failed',
  address_in_use: 'the address is in use',
  permission_denied: 'permission denied',
  not_media: 'not media, or nothing that FFmpeg reads',
  protocol_refused: 'it refers to a protocol that is not allowed here',
  option_unknown: 'this FFmpeg does not support an option',
  encoder_missing: 'this FFmpeg lacks an encoder, decoder or filter',
  no_streams: 'it has none of the wanted tracks',
  connection_lost: 'the connection was lost',
}

/** True for signs that end a process; the others are only counted. */
const isCause = (sign: StderrSign): boolean => SENTENCES[sign] !== undefined

/**
 * Keeps the first cause that stderr names; later lines are its consequences ("Connection refused" comes before
 * "Input/output error"). An error line only counts when the process then ends: many are survived.
 */
export class FirstCause {
  #line: StderrLine | undefined
  #fallback: StderrLine | undefined

  addLine(line: StderrLine): void {
    if (line.level !== 'error' && line.level !== 'fatal') return
    if (isCause(line.sign)) this.#line ??= line
    else this.#fallback ??= line
  }

  /** Clears the cause: earlier lines did not end a process that played. */
  clear(): void {
    this.#line = undefined
    this.#fallback = undefined
  }

  get line(): StderrLine | undefined {
    return this.#line ?? this.#fallback
  }
}

const withDetail = (sentence: string, line: StderrLine): string => `${sentence}: ${line.text}`

/** One sentence; `first` must be redacted already. The first cause wins: a requested stop, then stderr, then the exit. */
export const exitReason = (facts: ExitFacts, first: StderrLine | undefined): ExitReason => {
  const { cause } = facts
  switch (cause.kind) {
    case 'stopped':
      return {
        cause: 'stopped',
        sentence: facts.forced ? 'stopped (it had to be killed)' : 'stopped',
      }
    case 'not_started':
      return { cause: 'not_started', sentence: `could not be started: ${cause.error.message}` }
    case 'killed':
      return { cause: 'killed', sentence: `ended by ${cause.signal}` }
    case 'exited':
      return exitedReason(cause.code, first)
  }
}

const exitedReason = (code: number, first: StderrLine | undefined): ExitReason => {
  const known = first === undefined ? undefined : SENTENCES[first.sign]
  if (first !== undefined && known !== undefined) {
    return { cause: first.sign, sentence: withDetail(known, first) }
  }
  if (code === 0) return { cause: 'ended', sentence: 'the stream ended' }
  return {
    cause: 'failed',
    sentence: first === undefined ? `exit code ${code}` : `exit code ${code}: ${first.text}`,
  }
}
