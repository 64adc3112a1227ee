/**
 * Streams for tests: real ones that FFmpeg encodes (kept on disk per set of options), and synthetic access units
 * stamped with their source and frame.
 */
import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { firstPts, shiftTs } from './ts-edit.ts'

const run = promisify(execFile)
const ENCODE_TIMEOUT_MS = 60_000
const MAX_ENCODE_OUTPUT_BYTES = 4 * 1024 * 1024
/** Version of the recipe below, to raise with each change: older fixtures are then unused. */
const RECIPE = 3

export interface EncodeSpec {
  readonly codec: 'h264' | 'hevc' | 'mpeg2video' | 'none'
  readonly size: string
  /** Frames per second in FFmpeg's syntax: '25', '30000/1001'. */
  readonly rate: string
  /** Pictures from one random access point to the next. */
  readonly gop: number
  readonly bframes: number
  readonly openGop: boolean
  readonly interlaced: boolean
  readonly videoBitrate: string
  readonly audio: 'aac' | 'mp2' | 'mp3' | 'ac3' | 'eac3' | 'none'
  readonly sampleRate: number
  readonly channels: number
  readonly audioBitrate: string
  /** Hertz of the first audio track's tone; each further track is an octave higher. 0: silence. */
  readonly tone: number
  readonly audioTracks: number
  /** ISO 639-2 codes, one per audio track. */
  readonly languages: readonly string[]
  readonly seconds: number
  /** Ticks of the first picture's (else audio frame's) PTS, modulo 2^33; absent: FFmpeg's own. */
  readonly startPts?: number
  /** Picture content: a lavfi source of FFmpeg without its size and rate. */
  readonly pattern:
    | 'testsrc2'
    | 'testsrc'
    | 'smptebars'
    | 'mandelbrot'
    | 'color=black'
    | 'color=red'
  /** Turns the hue, so that two sources with the same pattern differ. */
  readonly seed: number
  /** More output options, for example ['-muxrate', '3M']. */
  readonly extra: readonly string[]
}

const DEFAULTS: EncodeSpec = {
  codec: 'h264',
  size: '320x180',
  rate: '25',
  gop: 25,
  bframes: 2,
  openGop: false,
  interlaced: false,
  videoBitrate: '300k',
  audio: 'aac',
  sampleRate: 48_000,
  channels: 2,
  audioBitrate: '96k',
  tone: 440,
  audioTracks: 1,
  languages: [],
  seconds: 4,
  pattern: 'testsrc2',
  seed: 0,
  extra: [],
}

/** Bytes of a real stream. Needs ffmpeg; throws with its error when it cannot encode this. */
export const encodeTs = async (spec: Partial<EncodeSpec> = {}): Promise<Buffer> =>
  readFile(await encodeTsFile(spec))

/** Path of the same stream in the fixture folder: read only. Safe with concurrent use. */
export const encodeTsFile = async (options: Partial<EncodeSpec> = {}): Promise<string> => {
  const spec: EncodeSpec = { ...DEFAULTS, ...options }
  const { startPts, ...encoded } = spec
  const hash = createHash('sha256')
    .update(JSON.stringify([RECIPE, encoded]))
    .digest('hex')
  const folder = join(tmpdir(), 'sluice-fixtures')
  await mkdir(folder, { recursive: true })
  const base = join(folder, `${hash.slice(0, 24)}.ts`)
  await makeOnce(base, (path) => encode(spec, path))
  if (startPts === undefined) return base
  const shifted = join(folder, `${hash.slice(0, 24)}-${startPts}.ts`)
  await makeOnce(shifted, async (path) => {
    const bytes = await readFile(base)
    await writeFile(path, shiftTs(bytes, startPts - (firstPts(bytes) ?? 0)))
  })
  return shifted
}

/** Writes the file under another name and renames it, so that no reader gets half of it. */
const makeOnce = async (path: string, make: (path: string) => Promise<void>): Promise<void> => {
  if (await exists(path)) return
  const unfinished = `${path}.${randomUUID()}.part`
  try {
    await make(unfinished)
    await rename(unfinished, path)
  } finally {
    await rm(unfinished, { force: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.size > 0,
    () => false,
  )

const encode = async (spec: EncodeSpec, path: string): Promise<void> => {
  await run('ffmpeg', encodeArguments(spec, path), {
    timeout: ENCODE_TIMEOUT_MS,
    maxBuffer: MAX_ENCODE_OUTPUT_BYTES,
    killSignal: 'SIGKILL',
  })
}

/** Arguments of encodeTs, for tests with the same stream live (with another `output`). */
export const encodeArguments = (
  options: Partial<EncodeSpec>,
  output: string,
  input: readonly string[] = [],
): string[] => {
  const spec: EncodeSpec = { ...DEFAULTS, ...options }
  const video = spec.codec !== 'none'
  const tracks = spec.audio === 'none' ? 0 : spec.audioTracks
  const inputs = video ? [...input, '-f', 'lavfi', '-i', videoSource(spec)] : []
  const maps = video ? ['-map', '0:v'] : []
  for (let track = 0; track < tracks; track++) {
    inputs.push(...input, '-f', 'lavfi', '-i', toneSource(spec, track))
    maps.push('-map', `${track + (video ? 1 : 0)}:a`)
    const language = spec.languages[track]
    if (language !== undefined) maps.push(`-metadata:s:a:${track}`, `language=${language}`)
  }
  return [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-y', ...inputs, ...maps],
    ...['-t', String(spec.seconds), ...(video ? videoArguments(spec) : [])],
    ...(tracks > 0 ? audioArguments(spec) : []),
    ...[...spec.extra, '-f', 'mpegts', output],
  ]
}

const videoSource = (spec: EncodeSpec): string => {
  const join = spec.pattern.includes('=') ? ':' : '='
  const rate = spec.interlaced ? `${spec.rate}*2` : spec.rate
  const source = `${spec.pattern}${join}size=${spec.size}:rate=${doubled(rate)}`
  const hue = spec.seed === 0 ? '' : `,hue=h=${(spec.seed * 47) % 360}`
  return `${source}${hue}${spec.interlaced ? ',interlace' : ''},format=yuv420p`
}

const doubled = (rate: string): string => {
  if (!rate.endsWith('*2')) return rate
  const [num, den] = rate.slice(0, -2).split('/')
  return den === undefined ? String(Number(num) * 2) : `${Number(num) * 2}/${den}`
}

const toneSource = (spec: EncodeSpec, track: number): string =>
  spec.tone === 0
    ? `anullsrc=r=${spec.sampleRate}:cl=mono`
    : `sine=frequency=${spec.tone * 2 ** track}:sample_rate=${spec.sampleRate}`

const videoArguments = (spec: EncodeSpec): string[] => {
  const { codec, gop, bframes } = spec
  const common = ['-g', String(gop), '-b:v', spec.videoBitrate, '-threads', '1']
  if (codec === 'h264') {
    const params = `keyint=${gop}:min-keyint=${gop}:scenecut=0:open-gop=${spec.openGop ? 1 : 0}`
    const scan = spec.interlaced ? ['-flags', '+ildct+ilme'] : []
    const speed = ['-preset', 'veryfast', '-bf', String(bframes), '-x264-params', params]
    return ['-c:v', 'libx264', ...speed, ...common, ...scan]
  }
  if (codec === 'hevc') {
    const gopParams = `keyint=${gop}:min-keyint=${gop}:scenecut=0:open-gop=${spec.openGop ? 1 : 0}`
    const params = `${gopParams}:bframes=${bframes}:pools=1:frame-threads=1:log-level=error`
    return ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', params, ...common]
  }
  const flags = `${spec.openGop ? '' : '+cgop'}${spec.interlaced ? '+ildct+ilme' : ''}`
  const closed = flags === '' ? [] : ['-flags', flags]
  const threshold = ['-sc_threshold', '1000000000', '-bf', String(bframes)]
  return ['-c:v', 'mpeg2video', ...threshold, ...closed, ...common]
}

const audioArguments = (spec: EncodeSpec): string[] => {
  const encoder = spec.audio === 'mp3' ? 'libmp3lame' : spec.audio
  const shape = ['-ar', String(spec.sampleRate), '-ac', String(spec.channels)]
  return ['-c:a', encoder, ...shape, '-b:a', spec.audioBitrate]
}
