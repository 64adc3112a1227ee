import { SluiceError } from '../../contract/errors.ts'
import type { Deadline } from '../../contract/media-port.ts'
import type { Clock } from '../../lib/clock.ts'

/**
 * Carries out a request as if from another process: the answer is a clone, and a fault has only what can be serialised.
 * After the deadline the answer is `deadline_exceeded`; the work continues.
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

/** Without the cause, which is for the log of this process. */
const wireError = (error: unknown): SluiceError => {
  if (error instanceof SluiceError) return error
  return new SluiceError('internal', 'an internal fault: details are in the log of Sluice', {
    cause: error,
  })
}
