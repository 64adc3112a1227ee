import type { Readable } from 'node:stream'

export interface TextOutput {
  readonly isTTY?: boolean
  /** Size of the terminal, in characters; absent where there is none. */
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

export type TextInput = Readable & {
  readonly isTTY?: boolean
  setRawMode?(on: boolean): unknown
  unref?(): unknown
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** The process as seen by the commands: tests pass streams and plain functions. */
export interface CliIo {
  readonly stdin: TextInput
  readonly stdout: TextOutput
  readonly stderr: TextOutput
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: typeof globalThis.fetch
  /** Calls back at each signal until the returned function is called. */
  onSignal(listener: (signal: StopSignal) => void): () => void
  /** Calls back when the reader of stdout has gone. */
  onOutputClosed(listener: () => void): () => void
  /** Ends the process at once. */
  exitNow(code: number): void
}
