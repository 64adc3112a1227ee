import type { CliIo } from './io.ts'

/** Runs until the work is done, a signal arrives, or standard output is closed. */
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
    // Failures caused by our own abort are not faults.
    if (!stop.signal.aborted) throw error
  } finally {
    for (const release of releases) release()
  }
}
