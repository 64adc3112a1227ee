import { SluiceError } from '../../contract/errors.ts'
import { startFfmpeg } from '../../ffmpeg/ffmpeg-process.ts'
import type { ProcessHost } from '../../process/host.ts'

/** A larger output is a mistake in the arguments. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024
const MAX_KEPT_LINES = 5

/** Runs ffmpeg and returns its output; throws SluiceError with its error output when it fails or is stopped. */
export const render = async (
  host: ProcessHost,
  run: { readonly ffmpeg: string; readonly args: readonly string[]; readonly purpose: string },
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const overflow = new AbortController()
  const lines: string[] = []
  const process = startFfmpeg(
    host,
    {
      ...run,
      stdin: 'none',
      secrets: [],
      onLine: ({ text }) => {
        lines.push(text)
        if (lines.length > MAX_KEPT_LINES) lines.shift()
      },
    },
    AbortSignal.any([signal, overflow.signal]),
  )
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of process.stdout) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > MAX_OUTPUT_BYTES) overflow.abort()
  }
  const { sentence, cause, facts } = await process.ended
  if (facts.cause.kind === 'exited' && facts.cause.code === 0) return Buffer.concat(chunks)
  const code = cause === 'not_started' ? 'ffmpeg_missing' : 'internal'
  const stderrText = lines.length > 0 ? ` (${lines.join('; ')})` : ''
  throw new SluiceError(code, `the ${run.purpose} can't be rendered: ${sentence}${stderrText}`)
}
