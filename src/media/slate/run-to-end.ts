import { SluiceError } from '../../contract/errors.ts'
import type { ProcessHost } from '../../process/host.ts'
import { spawnChild } from '../../process/spawn.ts'

export interface ToolRun {
  readonly command: string
  readonly args: readonly string[]
  readonly purpose: string
  /** More than this is a mistake in the arguments. */
  readonly maxBytes: number
}

const LINES_KEPT = 5

/** Runs a program and returns what it wrote; throws SluiceError when it fails or is stopped. */
export const runToEnd = async (
  host: ProcessHost,
  run: ToolRun,
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const tooMuch = new AbortController()
  const lines: string[] = []
  const child = spawnChild(
    host,
    {
      command: run.command,
      args: run.args,
      stdin: 'none',
      purpose: run.purpose,
      onStderrLine: (line) => {
        lines.push(line)
        if (lines.length > LINES_KEPT) lines.shift()
      },
    },
    AbortSignal.any([signal, tooMuch.signal]),
  )
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of child.stdout) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > run.maxBytes) tooMuch.abort()
  }
  const { cause } = await child.ended
  if (cause.kind === 'exited' && cause.code === 0) return Buffer.concat(chunks)
  if (cause.kind === 'not_started')
    throw new SluiceError('ffmpeg_missing', `${run.command} could not be started: ${cause.error.message}`, {
      cause: cause.error,
    })
  const said = lines.length > 0 ? `: ${lines.join('; ')}` : ''
  throw new SluiceError('internal', `${run.purpose} failed (${howEnded(cause)})${said}`)
}

const howEnded = (
  cause: { kind: 'stopped' } | { kind: 'exited'; code: number } | { kind: 'killed'; signal: string },
): string => {
  switch (cause.kind) {
    case 'stopped':
      return 'stopped'
    case 'exited':
      return `exit code ${cause.code}`
    case 'killed':
      return `killed by ${cause.signal}`
  }
}
