import { SluiceError } from '../contract/errors.ts'
import { findExecutable } from '../process/executable.ts'
import type { ProcessHost } from '../process/host.ts'
import { runToEnd } from '../process/run-to-end.ts'

export interface FfmpegVersion {
  readonly major: number
  readonly minor: number
  /** As ffmpeg prints it; "N-…" for builds from the repository, which count as new. */
  readonly text: string
}

export interface FfmpegCapabilities {
  /** Absolute path. */
  readonly ffmpeg: string
  /** Absent in some distributions; probing then uses ffmpeg itself. */
  readonly ffprobe: string | undefined
  readonly version: FfmpegVersion
  readonly encoders: ReadonlySet<string>
  readonly filters: ReadonlySet<string>
  /** Protocols it can read. */
  readonly protocols: ReadonlySet<string>
}

export interface FfmpegPaths {
  readonly ffmpeg?: string
  readonly ffprobe?: string
}

const MIN_VERSION = { major: 4, minor: 4 }
const TIMEOUT_MS = 10_000
const INSTALL_HINT =
  'install it (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install ffmpeg; macOS: brew install ffmpeg) ' +
  'or name its path in the configuration'

/** Parses the first line of `ffmpeg -version`; undefined when it is not ffmpeg's. */
export const parseVersion = (output: string): FfmpegVersion | undefined => {
  const text = /^ff(?:mpeg|probe) version (\S+)/m.exec(output)?.[1]
  if (text === undefined) return undefined
  const release = /^n?(\d+)\.(\d+)/.exec(text)
  if (release !== null) return { major: Number(release[1]), minor: Number(release[2]), text }
  return { major: Number.POSITIVE_INFINITY, minor: 0, text }
}

export const isNewEnough = ({ major, minor }: FfmpegVersion): boolean =>
  major > MIN_VERSION.major || (major === MIN_VERSION.major && minor >= MIN_VERSION.minor)

/** Names of `-encoders` and `-filters`: flags, name, description. */
export const parseNames = (output: string): Set<string> =>
  new Set([...output.matchAll(/^ [A-Z.|]{2,6} +([\w-]+) +\S/gm)].map((match) => match[1]!))

/** Names under "Input:" of `-protocols`. */
export const parseInputProtocols = (output: string): Set<string> => {
  const input = /^Input:\n([^]*?)^Output:/m.exec(output)?.[1] ?? ''
  return new Set(input.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()])))
}

/** Finds ffmpeg and ffprobe; throws 'ffmpeg_missing' or 'ffmpeg_too_old', with the remedy. */
export const findFfmpeg = async (
  host: ProcessHost,
  paths: FfmpegPaths,
  signal: AbortSignal,
): Promise<FfmpegCapabilities> => {
  const wanted = paths.ffmpeg ?? 'ffmpeg'
  const ffmpeg = findExecutable(wanted)
  if (ffmpeg === undefined) {
    const where =
      paths.ffmpeg === undefined ? 'ffmpeg is not on PATH' : `there is no program ${wanted}`
    throw new SluiceError('ffmpeg_missing', `${where}; ${INSTALL_HINT}`)
  }
  const outputOf = async (question: string): Promise<string> => {
    const args = ['-hide_banner', question]
    const run = { command: ffmpeg, args, purpose: `ffmpeg ${question}`, timeoutMs: TIMEOUT_MS }
    return (await runToEnd(host, run, signal)).stdout
  }
  const version = parseVersion(await outputOf('-version'))
  if (version === undefined) {
    throw new SluiceError(
      'ffmpeg_missing',
      `${ffmpeg} is not ffmpeg (by its answer to -version); ${INSTALL_HINT}`,
    )
  }
  if (!isNewEnough(version)) {
    throw new SluiceError(
      'ffmpeg_too_old',
      `ffmpeg ${version.text} found at ${ffmpeg}; Sluice needs ${MIN_VERSION.major}.${MIN_VERSION.minor} or newer`,
    )
  }
  const [encoders, filters, protocols] = await Promise.all([
    outputOf('-encoders'),
    outputOf('-filters'),
    outputOf('-protocols'),
  ])
  return {
    ffmpeg,
    ffprobe: findExecutable(paths.ffprobe ?? 'ffprobe'),
    version,
    encoders: parseNames(encoders),
    filters: parseNames(filters),
    protocols: parseInputProtocols(protocols),
  }
}
