import type { CliIo } from './io.ts'

/** Runs until it is done, a signal comes, or nobody reads standard output any more. */
export const untilStopped = async (
  io: CliIo,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const releases = [io.onSignal(abort), io.onOutputClosed(abort)]
  try {
    await run(stop.signal)
  } catch (error) {
    // What is torn down by our own abort is no fault.
    if (!stop.signal.aborted) throw error
  } finally {
    for (const release of releases) release()
  }
}
