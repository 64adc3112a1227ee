import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { untilStopped } from './until-stopped.ts'

export interface ProbeAnswer {
  readonly lines: readonly string[]
  /** Serialisable. */
  readonly report: unknown
}

/** Throws SluiceError: `not_media`, `not_reachable`, `ffmpeg_missing` … */
export type ProbeUrl = (
  url: string,
  options: { readonly ffmpeg?: string; readonly signal: AbortSignal },
) => Promise<ProbeAnswer>

export interface ProbeFlags {
  readonly url: string
  readonly form: 'plain' | 'json'
  readonly ffmpeg?: string
}

/** `sluice probe`: FFmpeg's findings for a URL, and whether a channel could carry it. */
export const showProbe = async (
  flags: ProbeFlags,
  probe: ProbeUrl,
  io: CliIo,
): Promise<ExitCode> => {
  await untilStopped(io, async (signal) => {
    const answer = await probe(flags.url, {
      signal,
      ...(flags.ffmpeg === undefined ? {} : { ffmpeg: flags.ffmpeg }),
    })
    const text =
      flags.form === 'json' ? JSON.stringify(answer.report, null, 2) : answer.lines.join('\n')
    io.stdout.write(`${text}\n`)
  })
  return EXIT.ok
}
