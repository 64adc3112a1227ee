import { SluiceError } from '../contract/errors.ts'
import { backoffDelay, DEFAULT_BACKOFF } from '../lib/backoff.ts'
import { pause, realClock } from '../lib/clock.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import type { Remote } from './remote.ts'
import { eventLine } from './sentences.ts'
import { untilStopped } from './until-stopped.ts'

/** Consecutive attempts without an answer after which Sluice counts as stopped. */
const MAX_ATTEMPTS = 6
const BACKOFF = { ...DEFAULT_BACKOFF, maxMs: 5_000 }

export interface EventsFlags {
  readonly form: 'plain' | 'json'
  readonly after: number
}

/** `sluice events`: the kept events after an id, then each new one; after a lost connection it continues where it was. */
export const followEvents = async (
  flags: EventsFlags,
  remote: Remote,
  io: CliIo,
): Promise<ExitCode> => {
  await untilStopped(io, async (signal) => {
    let after = flags.after
    let attempt = 0
    let connected = false
    while (!signal.aborted) {
      try {
        for await (const event of remote.events(after, signal)) {
          attempt = 0
          connected = true
          after = event.id
          io.stdout.write(`${flags.form === 'json' ? JSON.stringify(event) : eventLine(event)}\n`)
        }
      } catch (error) {
        const lost = error instanceof SluiceError && error.code === 'not_reachable'
        if (!lost || !connected || attempt >= MAX_ATTEMPTS) throw error
      }
      attempt++
      await pause(realClock, backoffDelay(attempt, BACKOFF, Math.random), signal)
    }
  })
  return EXIT.ok
}

export const afterOf = (given: string | undefined): number => {
  if (given === undefined) return 0
  if (/^\d{1,15}$/.test(given)) return Number(given)
  throw new SluiceError(
    'bad_request',
    `--after: ${JSON.stringify(given)} is not the id of an event (0, 1, 2 …)`,
  )
}
