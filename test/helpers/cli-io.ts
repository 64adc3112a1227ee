import { PassThrough } from 'node:stream'
import type { CliIo, StopSignal } from '../../src/cli/io.ts'

export interface TestIo {
  readonly io: CliIo
  readonly stdin: PassThrough
  readonly out: () => string
  readonly err: () => string
  signal(name: StopSignal): void
  closeOutput(): void
  readonly exits: number[]
  /** Resolves when standard output holds the text. */
  printed(text: string): Promise<void>
}

export interface TestIoOptions {
  readonly env?: CliIo['env']
  /** A terminal of this size on both sides. */
  readonly terminal?: { readonly columns: number; readonly rows: number }
  readonly fetch?: CliIo['fetch']
}

/** A process's surroundings in memory. */
export const testIo = (options: TestIoOptions = {}): TestIo => {
  const written = { out: '', err: '' }
  const waiting: { readonly text: string; readonly resolve: () => void }[] = []
  const signals = new Set<(signal: StopSignal) => void>()
  const closings = new Set<() => void>()
  const exits: number[] = []
  const stdin: PassThrough = new PassThrough()
  const terminal = options.terminal === undefined ? {} : { isTTY: true, ...options.terminal }
  Object.assign(stdin, terminal)
  const io: CliIo = {
    stdin: stdin,
    stdout: {
      ...terminal,
      write: (text) => {
        written.out += text
        for (const wait of waiting) if (written.out.includes(wait.text)) wait.resolve()
      },
    },
    stderr: { write: (text) => (written.err += text) },
    env: options.env ?? {},
    fetch: options.fetch ?? globalThis.fetch,
    onSignal: (listener) => {
      signals.add(listener)
      return () => signals.delete(listener)
    },
    onOutputClosed: (listener) => {
      closings.add(listener)
      return () => closings.delete(listener)
    },
    exitNow: (code) => void exits.push(code),
  }
  return {
    io,
    stdin,
    exits,
    out: () => written.out,
    err: () => written.err,
    signal: (name) => {
      for (const listener of signals) listener(name)
    },
    closeOutput: () => {
      for (const listener of closings) listener()
    },
    printed: (text) =>
      new Promise((resolve) => {
        if (written.out.includes(text)) resolve()
        else waiting.push({ text, resolve })
      }),
  }
}
