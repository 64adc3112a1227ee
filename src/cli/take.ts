import { TakeRequest } from '../contract/commands.ts'
import { SluiceError } from '../contract/errors.ts'
import { BusIdText, TakeMode } from '../contract/spec.ts'
import { didYouMean } from '../config/suggest.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import type { Remote } from './remote.ts'
import { takeSentence } from './sentences.ts'

export interface TakeFlags {
  readonly source: string
  readonly mode?: string
  readonly bus?: string
  readonly at?: string
  readonly form: 'plain' | 'json'
}

/** `sluice take`: sends a take to a running Sluice, prints its result. A refusal exits 3. */
export const takeRemotely = async (
  flags: TakeFlags,
  remote: Remote,
  io: CliIo,
): Promise<ExitCode> => {
  const answer = await remote.take(requestOf(flags))
  const line = flags.form === 'json' ? JSON.stringify(answer) : takeSentence(answer)
  if (answer.ok || flags.form === 'json') io.stdout.write(`${line}\n`)
  else io.stderr.write(`sluice: ${line}\n`)
  return answer.ok ? EXIT.ok : EXIT.refused
}

const requestOf = (flags: TakeFlags): TakeRequest => {
  checkChoice('--mode', flags.mode, TakeMode.options)
  const bus = flags.bus === undefined ? undefined : busOf(flags.bus)
  const at = flags.at === undefined ? undefined : timeOf(flags.at)
  const parsed = TakeRequest.safeParse({
    source: flags.source,
    mode: flags.mode,
    bus,
    at,
  })
  if (parsed.success) return parsed.data
  const source = JSON.stringify(flags.source)
  throw new SluiceError('bad_request', `source: ${source} is not text of 1 to 64 characters`)
}

const checkChoice = (option: string, given: string | undefined, words: readonly string[]): void => {
  if (given === undefined || words.includes(given)) return
  const right = `expected one of ${words.join(', ')}${didYouMean(given, words)}`
  throw new SluiceError('bad_request', `${option}: ${JSON.stringify(given)} is unknown; ${right}`)
}

/** Any valid bus id: the channel checks that it has the bus. */
const busOf = (given: string): string => {
  const parsed = BusIdText.safeParse(given)
  if (parsed.success) return parsed.data
  const why = parsed.error.issues[0]?.message
  throw new SluiceError('bad_request', `--bus: ${JSON.stringify(given)} is not valid: ${why}`)
}

const timeOf = (given: string): number | string => {
  const at = /^\d+$/.test(given) ? Number(given) : given
  if (TakeRequest.shape.at.safeParse(at).success) return at
  throw new SluiceError(
    'bad_request',
    `--at: ${JSON.stringify(given)} is not a time; expected one like 2026-01-31T20:15:00Z, or milliseconds since 1970`,
  )
}
