import { SluiceError } from '../../contract/errors.ts'
import type { Deadline } from '../../contract/media-port.ts'
import type { Clock } from '../../lib/clock.ts'

/**
 * Carries out a request as if it came from another process: the answer is a clone, and a fault is what could be written on
 * a wire. Past the deadline the answer is `deadline_exceeded`; the work goes on.
 */
export const answered = async <Answer>(
  work: () => Promise<Answer>,
  within: Deadline | undefined,
  clock: Clock,
): Promise<Answer> => {
  try {
    return structuredClone(await beforeDeadline(work(), within, clock))
  } catch (error) {
    throw wireError(error)
  }
}

const beforeDeadline = <Answer>(
  work: Promise<Answer>,
  within: Deadline | undefined,
  clock: Clock,
): Promise<Answer> => {
  const deadlineMs = within?.deadlineMs
  if (deadlineMs === undefined) return work
  return new Promise((resolve, reject) => {
    const timer = clock.after(deadlineMs, () =>
      reject(new SluiceError('deadline_exceeded', `media did not answer within ${deadlineMs} ms`)),
    )
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** The cause stays behind, for the log of this process. */
const wireError = (error: unknown): SluiceError => {
  if (error instanceof SluiceError) return error
  return new SluiceError('internal', 'an internal fault: the log of Sluice says more', {
    cause: error,
  })
}
