import { fileURLToPath } from 'node:url'
import { realClock } from '../../src/lib/clock.ts'
import { startMarkOf } from '../../src/process/proc.ts'
import type { ProcessHost } from '../../src/process/host.ts'
import { spawnChild, type Child, type ChildSpec } from '../../src/process/spawn.ts'

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** A host without setpriv and with a ledger that only counts. */
export const plainHost = (): ProcessHost & { readonly open: Set<number> } => {
  const open = new Set<number>()
  return {
    open,
    setpriv: undefined,
    clock: realClock,
    ledger: {
      record: ({ pid }) => {
        open.add(pid)
        return () => void open.delete(pid)
      },
      close: () => {},
    },
  }
}

export interface FixtureRun {
  readonly name: string
  readonly args?: readonly string[]
  readonly spec?: Partial<ChildSpec>
  readonly signal?: AbortSignal
  readonly host?: ProcessHost
}

/** Starts one of the ill-behaved programs of test/fixtures. */
export const runFixture = (run: FixtureRun): Child =>
  spawnChild(
    run.host ?? plainHost(),
    {
      command: process.execPath,
      args: [fixture(run.name), ...(run.args ?? [])],
      stdin: 'none',
      purpose: `fixture ${run.name}`,
      onStderrLine: () => {},
      ...run.spec,
    },
    run.signal ?? new AbortController().signal,
  )

/** The first bytes of a stream, as text, the rest stays in the same iterator. */
export const firstText = async (stdout: AsyncIterable<Uint8Array>): Promise<string> => {
  const { value } = await stdout[Symbol.asyncIterator]().next()
  return value === undefined ? '' : Buffer.from(value).toString('utf8')
}

/** Text read until it matches the pattern (or the stream ended). */
export const textUntil = async (
  stdout: AsyncIterable<Uint8Array>,
  pattern: RegExp,
): Promise<string> => {
  const reader = stdout[Symbol.asyncIterator]()
  let text = ''
  while (!pattern.test(text)) {
    const { value, done } = await reader.next()
    if (done === true) break
    text += Buffer.from(value).toString('utf8')
  }
  return text
}

export const allBytes = async (stdout: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stdout) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** True if the process is alive and no zombie. */
export const isAlive = (pid: number): boolean => startMarkOf(pid) !== undefined

/** Polls real processes, bounded; for conditions without an event. */
export const until = async (holds: () => boolean, withinMs = 5_000): Promise<boolean> => {
  for (let left = withinMs; left > 0; left -= 20) {
    if (holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return holds()
}
