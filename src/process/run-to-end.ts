import type { ProcessHost } from './host.ts'
import { spawnChild, type ExitFacts } from './spawn.ts'

export interface ShortRun {
  readonly command: string
  readonly args: readonly string[]
  readonly purpose: string
  /** The run is stopped after this. */
  readonly timeoutMs: number
}

export interface RunResult {
  readonly facts: ExitFacts
  readonly stdout: string
  /** The last lines, oldest first. */
  readonly stderr: readonly string[]
  readonly timedOut: boolean
}

const MAX_STDOUT_BYTES = 4 * 1024 * 1024
const MAX_STDERR_LINES = 50

/** Runs a short-lived program ("ffmpeg -version", ffprobe). Output beyond 4 MiB is cut. */
export const runToEnd = async (
  host: ProcessHost,
  run: ShortRun,
  signal: AbortSignal,
): Promise<RunResult> => {
  const stop = new AbortController()
  const forward = (): void => stop.abort()
  let timedOut = false
  const timeout = host.clock.after(run.timeoutMs, () => {
    timedOut = true
    stop.abort()
  })
  if (signal.aborted) stop.abort()
  signal.addEventListener('abort', forward)
  const stderr: string[] = []
  const child = spawnChild(
    host,
    {
      command: run.command,
      args: run.args,
      stdin: 'none',
      purpose: run.purpose,
      stderrLinesPerSecond: MAX_STDERR_LINES,
      onStderrLine: (line) => {
        stderr.push(line)
        if (stderr.length > MAX_STDERR_LINES) stderr.shift()
      },
    },
    stop.signal,
  )
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of child.stdout) {
    if (length < MAX_STDOUT_BYTES) chunks.push(chunk)
    length += chunk.byteLength
  }
  const facts = await child.ended
  timeout.cancel()
  signal.removeEventListener('abort', forward)
  return { facts, stdout: Buffer.concat(chunks).toString('utf8'), stderr, timedOut }
}
