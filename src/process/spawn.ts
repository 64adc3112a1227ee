import { spawn, type ChildProcess } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { millis, type Millis } from '../contract/time.ts'
import { ByteQueue } from './byte-queue.ts'
import { findExecutable } from './executable.ts'
import { FloodLimit, type FloodSum } from './flood-limit.ts'
import type { ProcessHost } from './host.ts'
import { LineSplitter } from './line-splitter.ts'
import { setNiceness, setSessionNiceness, withNiceness, type CommandLine } from './niceness.ts'
import { isGroupAlive, killGroup } from './process-group.ts'
import { CLOSED_STDIN, stdinWriter, type StdinWriter } from './stdin-writer.ts'
import {
  DEFAULT_TERMINATION,
  terminate,
  type RunningTermination,
  type Termination,
} from './termination.ts'

const DEFAULT_MAX_STDOUT_BYTES = 1024 * 1024
const MIN_MAX_STDOUT_BYTES = 256 * 1024
const MAX_STDERR_LINES_PER_SECOND = 20
/** Wait after the exit for pipes that a descendant outside the group holds open. */
const MAX_STDIO_CLOSE_MS = 500

export interface ChildSpec {
  /** A name on PATH or a path. Never a shell line. */
  readonly command: string
  readonly args: readonly string[]
  readonly stdin: 'none' | 'pipe'
  /** Purpose in a few words ("source cam1"), for the ledger. Must hold no secret. */
  readonly purpose: string
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** At most `stderrLinesPerSecond` a second (default 20); more are summed. Lines are cut at 4096 bytes. Not redacted. */
  readonly onStderrLine: (line: string) => void
  /** A second's surplus of lines. Default: forwarded as one line with the count and the last line. */
  readonly onStderrFlood?: (flood: FloodSum) => void
  /** Every line, flood or not: for counting. Must be cheap. */
  readonly onEveryStderrLine?: (line: string) => void
  readonly stderrLinesPerSecond?: number
  /** Bytes held for a reader that is behind, before the child feels it; at least 256 KiB, default 1 MiB. */
  readonly stdoutLimit?: number
  readonly terminate?: Termination
  /** Niceness of the child and its descendants above Sluice's (nice(1)), 0 to 19; default 0. */
  readonly niceness?: number
}

/** Cause of a child's end: the first one wins. A KILL that follows our own TERM is still "stopped". */
export type ExitCause =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'not_started'; readonly error: NodeJS.ErrnoException }

export interface ExitFacts {
  readonly cause: ExitCause
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It ignored TERM and was ended with KILL. */
  readonly forced: boolean
  /** Processes of its group that were left when it ended, and were killed. */
  readonly leftBehind: boolean
  readonly ranMs: Millis
}

export interface Child {
  /** Undefined when it could not be started; `ended` holds the reason. */
  readonly pid: number | undefined
  /** One reader only. Not reading is back-pressure; after an abort the rest is discarded. */
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stdin: StdinWriter
  /** Never rejects. Resolves only when the child and all of its group are gone and stderr was read to its end. */
  readonly ended: Promise<ExitFacts>
}

/**
 * Starts a program in a process group of its own. Aborting the signal stops it: TERM, TERM again, KILL to the group.
 * Faults are reported by `ended`; nothing is thrown.
 */
export const spawnChild = (host: ProcessHost, spec: ChildSpec, signal: AbortSignal): Child => {
  if (signal.aborted) return unstartedChild({ kind: 'stopped' })
  const path = findExecutable(spec.command, spec.env?.['PATH'] ?? process.env['PATH'])
  if (path === undefined)
    return unstartedChild({ kind: 'not_started', error: notFound(spec.command) })
  const niceness = spec.niceness ?? 0
  const plain = withParentDeathSignal(host, [path, ...spec.args])
  const nice = niceness > 0 ? withNiceness(niceness, plain) : undefined
  const [file, ...args] = nice ?? plain
  let child: ChildProcess
  try {
    child = spawn(file, args, {
      detached: true,
      shell: false,
      windowsHide: true,
      stdio: [spec.stdin === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.env === undefined ? {} : { env: { ...process.env, ...spec.env } }),
    })
  } catch (error) {
    // Arguments too long, a NUL byte in one: thrown by spawn itself.
    return unstartedChild({ kind: 'not_started', error: error as NodeJS.ErrnoException })
  }
  const { pid, stdout, stderr } = child
  // Out of processes or file descriptors: there may be no streams at all, and an 'error' is on its way.
  if (pid === undefined || stdout === null || stderr === null) return failedToStart(child)
  if (niceness > 0) {
    if (nice === undefined) setNiceness(pid, niceness)
    const lives = (): boolean => child.exitCode === null && child.signalCode === null
    void setSessionNiceness({ pid, niceness, lives }, host.clock)
  }
  return superviseChild({ host, spec, child: child as StartedChild, pid, signal })
}

/** Binds the child's life to Sluice's, however Sluice ends. */
const withParentDeathSignal = ({ setpriv }: ProcessHost, command: CommandLine): CommandLine =>
  setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command]

type StartedChild = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable }

interface Watched {
  readonly host: ProcessHost
  readonly spec: ChildSpec
  readonly child: StartedChild
  readonly pid: number
  readonly signal: AbortSignal
}

const superviseChild = ({ host, spec, child, pid, signal }: Watched): Child => {
  const startedAt = performance.now()
  const stdout = readStdout(child.stdout, spec)
  const stderrEnded = readStderr(child.stderr, spec)
  const removeRecord = host.ledger.record({ pid, command: spec.command, purpose: spec.purpose })

  let stopping: RunningTermination | undefined
  const stop = (): void => {
    stdout.discard()
    stopping ??= terminate(pid, spec.terminate ?? DEFAULT_TERMINATION, host.clock)
  }
  signal.addEventListener('abort', stop, { once: true })

  const ended = exitOf(child).then(async (exit): Promise<ExitFacts> => {
    // First cause wins: an abort that comes while the rest is cleaned up does not change it.
    signal.removeEventListener('abort', stop)
    stopping?.cancel()
    const leftBehind = isGroupAlive(pid)
    // Orphans of an exited child get no grace: they hold its pipes and ports.
    if (leftBehind) await killGroup(pid, host.clock)
    await waitAtMost(MAX_STDIO_CLOSE_MS, Promise.all([stderrEnded, closedOrPaused(child.stdout)]))
    child.stderr.destroy()
    // Held open by a descendant that left the group; a paused one still has bytes for its reader.
    if (!child.stdout.isPaused()) child.stdout.destroy()
    removeRecord()
    return {
      cause: stopping === undefined ? exit.cause : { kind: 'stopped' },
      code: exit.code,
      signal: exit.signal,
      forced: stopping?.forced ?? false,
      leftBehind,
      ranMs: millis(performance.now() - startedAt),
    }
  })
  const stdin = child.stdin === null ? CLOSED_STDIN : stdinWriter(child.stdin)
  return { pid, stdout, stdin, ended }
}

const closedOrPaused = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    if (stream.closed || stream.isPaused()) resolve()
    stream.once('close', resolve)
    stream.once('pause', resolve)
  })

const readStdout = (stream: Readable, spec: ChildSpec): ByteQueue => {
  const limit = Math.max(MIN_MAX_STDOUT_BYTES, spec.stdoutLimit ?? DEFAULT_MAX_STDOUT_BYTES)
  const queue = new ByteQueue(limit, {
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  })
  stream.on('data', (chunk: Buffer) => queue.push(chunk))
  stream.on('error', () => queue.end())
  stream.on('close', () => queue.end())
  return queue
}

const readStderr = (stream: Readable, spec: ChildSpec): Promise<void> => {
  const flood = new FloodLimit({
    perSecond: spec.stderrLinesPerSecond ?? MAX_STDERR_LINES_PER_SECOND,
    forward: spec.onStderrLine,
    reportFlood:
      spec.onStderrFlood ??
      ((sum) => spec.onStderrLine(`${sum.count} more lines, the last: ${sum.last}`)),
  })
  const lines = new LineSplitter((line) => {
    spec.onEveryStderrLine?.(line)
    flood.addLine(line, millis(performance.now()))
  })
  stream.on('data', (chunk: Buffer) => lines.push(chunk))
  return new Promise((resolve) => {
    const done = (): void => {
      lines.end()
      flood.flush()
      resolve()
    }
    stream.on('error', () => stream.destroy())
    stream.once('close', done)
  })
}

interface Exit {
  readonly cause: ExitCause
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const exitOf = (child: ChildProcess): Promise<Exit> =>
  new Promise((resolve) => {
    // A signal that could not be sent; the exit comes nevertheless.
    child.on('error', () => {})
    child.once('exit', (code, signal) => {
      const cause: ExitCause =
        signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'killed', signal }
      resolve({ cause, code, signal })
    })
  })

const failedToStart = (child: ChildProcess): Child => ({
  ...unstartedChild({ kind: 'stopped' }),
  ended: new Promise((resolve) => {
    child.once('error', (error) => resolve(notStartedFacts({ kind: 'not_started', error })))
  }),
})

const waitAtMost = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  let timeout: NodeJS.Timeout | undefined
  await Promise.race([promise, new Promise<void>((resolve) => (timeout = setTimeout(resolve, ms)))])
  clearTimeout(timeout)
}

const notFound = (command: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`program ${JSON.stringify(command)} was not found`), { code: 'ENOENT' })

const notStartedFacts = (cause: ExitCause): ExitFacts => ({
  cause,
  code: null,
  signal: null,
  forced: false,
  leftBehind: false,
  ranMs: millis(0),
})

const unstartedChild = (cause: ExitCause): Child => {
  const stdout = new ByteQueue(MIN_MAX_STDOUT_BYTES, { pause: () => {}, resume: () => {} })
  stdout.end()
  return {
    pid: undefined,
    stdout,
    stdin: CLOSED_STDIN,
    ended: Promise.resolve(notStartedFacts(cause)),
  }
}
