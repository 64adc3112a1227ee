import type { CliIo, StopSignal } from './io.ts'

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** `CliIo` of the real process. */
export const processIo = (): CliIo => {
  const closed = new Set<() => void>()
  // A reader that ended (`sluice events | head`), or a closed terminal, must not end a program on the air.
  const onError = (): void => {
    for (const listener of closed) listener()
  }
  process.stdout.on('error', onError)
  process.stderr.on('error', () => undefined)
  process.stdin.on('error', () => undefined)
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    fetch: globalThis.fetch,
    onSignal: (listener) => {
      const release = SIGNALS.map((signal) => {
        const own = (): void => listener(signal)
        process.on(signal, own)
        return () => process.off(signal, own)
      })
      return () => {
        for (const one of release) one()
      }
    },
    onOutputClosed: (listener) => {
      closed.add(listener)
      return () => closed.delete(listener)
    },
    exitNow: (code) => process.exit(code),
  }
}
