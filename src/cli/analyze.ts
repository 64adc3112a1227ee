import { performance } from 'node:perf_hooks'
import { SluiceError } from '../contract/errors.ts'
import { openBytes } from './byte-input.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

/** The analyser as seen by the command. */
export interface StreamAnalysis {
  /** `arrivalMs` on a monotonic clock, for live input. */
  push(bytes: Uint8Array, arrivalMs?: number): void
  finish(): AnalysisResult
}

export interface AnalysisResult {
  readonly text: string
  /** Serialisable. */
  readonly report: unknown
  /** Violations of the severity `error`. */
  readonly errors: number
  /** Transport packets; 0 means that this is not a transport stream. */
  readonly packets: number
}

/** `program`: the stricter rules for Sluice's own program. */
export type Rules = 'standard' | 'program'
export type StartAnalysis = (rules: Rules) => StreamAnalysis

export interface AnalyzeFlags {
  readonly target: string
  readonly form: 'plain' | 'json'
  readonly rules: Rules
  /** Stop after this long, by wall time. */
  readonly seconds?: number
}

/** `sluice analyze`: reads until the end, a signal or the time limit; then reports. Violations exit 3. */
export const analyzeStream = async (
  flags: AnalyzeFlags,
  start: StartAnalysis,
  io: CliIo,
): Promise<ExitCode> => {
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const release = io.onSignal(abort)
  const limit = flags.seconds === undefined ? undefined : setTimeout(abort, flags.seconds * 1_000)
  try {
    const input = await openBytes(flags.target, io, stop.signal)
    const analysis = start(flags.rules)
    await readInto(analysis, input, stop.signal)
    const result = analysis.finish()
    if (result.packets === 0) throw notTransportStream(flags.target)
    const text = flags.form === 'json' ? JSON.stringify(result.report, null, 2) : result.text
    io.stdout.write(`${text.trimEnd()}\n`)
    const dropped = input.dropped()
    if (dropped > 0) {
      io.stderr.write(
        `sluice: ${dropped} datagrams came faster than they could be analysed and are missing\n`,
      )
    }
    return result.errors > 0 ? EXIT.refused : EXIT.ok
  } finally {
    clearTimeout(limit)
    release()
  }
}

const readInto = async (
  analysis: StreamAnalysis,
  input: { readonly kind: 'stored' | 'live'; readonly bytes: AsyncIterable<Uint8Array> },
  signal: AbortSignal,
): Promise<void> => {
  const source = input.bytes[Symbol.asyncIterator]()
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true })
    if (signal.aborted) resolve('aborted')
  })
  for (;;) {
    // A silent input (a pipe, a stalled server) must not delay the report.
    const next = await Promise.race([source.next(), aborted]).catch((error: unknown) => {
      if (signal.aborted) return 'aborted' as const
      throw error
    })
    if (next === 'aborted' || next.done) return
    if (input.kind === 'live') analysis.push(next.value, performance.now())
    else analysis.push(next.value)
  }
}

const notTransportStream = (target: string): SluiceError =>
  new SluiceError(
    'not_media',
    `${JSON.stringify(target)}: no MPEG transport stream found; "sluice probe" shows its format`,
  )

export const secondsOf = (given: string | undefined): number | undefined => {
  if (given === undefined) return undefined
  const seconds = Number(given)
  if (given.trim() !== '' && seconds > 0 && seconds <= 86_400) return seconds
  throw new SluiceError(
    'bad_request',
    `--seconds: ${JSON.stringify(given)} is not a number of seconds (more than 0, at most 86400)`,
  )
}

export const rulesOf = (given: string | undefined): Rules => {
  if (given === undefined || given === 'standard') return 'standard'
  if (given === 'program') return 'program'
  throw new SluiceError(
    'bad_request',
    `--rules: ${JSON.stringify(given)} is unknown; expected one of standard, program`,
  )
}
