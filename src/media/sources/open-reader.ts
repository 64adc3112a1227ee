import { SluiceError } from '../../contract/errors.ts'
import type { SourceSpec } from '../../contract/spec.ts'
import type { FfmpegCapabilities } from '../../ffmpeg/capabilities.ts'
import { probe } from '../../ffmpeg/probe.ts'
import {
  sourceArguments,
  type SourceCommand,
  type SourceRecipe,
} from '../../ffmpeg/source-arguments.ts'
import { SOURCE_KINDS, type SourceKind } from '../../ffmpeg/source-kinds.ts'
import { arrivalOf, isListener, parseSourceUrl } from '../../ffmpeg/source-url.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { TargetFormat } from '../../ffmpeg/target-format.ts'
import type { Clock } from '../../lib/clock.ts'
import { redactUrl } from '../../lib/redact.ts'
import type { ProcessHost } from '../../process/host.ts'
import { parseDatagramUrl, wantsFfmpeg } from './datagram-url.ts'
import { FfmpegReader, type FfmpegInput, type Verdict } from './ffmpeg-reader.ts'
import type { SourceReader } from './source-reader.ts'
import { UdpReader } from './udp-reader.ts'
import { uncarriableByLine, uncarriableTrack, type UncarriableCodec } from './uncarriable-codec.ts'

export interface SourceEnvironment {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly ffmpeg: FfmpegCapabilities
  /** Format to which sources that must be encoded are encoded: the channel's, or the default one. */
  readonly encoded: Required<TargetFormat>
  /** Called with lines of ffmpeg's error output, redacted, at most 20 per second. */
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

/** Limit of the probe whether an HLS URL is live or recorded. */
const MAX_PROBE_MS = 15_000
/**
 * Returns a function that creates a reader for each attempt. Throws SluiceError at once for a spec that no attempt can
 * read. Facts found by an attempt (a codec that must be encoded, a playlist that ends) are kept for the next one.
 */
export const readerFactory = (
  spec: SourceSpec,
  environment: SourceEnvironment,
): (() => SourceReader) => {
  const { host, clock, ffmpeg, warn } = environment
  const demux = spec.program === undefined ? {} : { program: spec.program }
  const { kind } = ofSource(spec, () => parseSourceUrl(spec.url))
  const native = wantsFfmpeg(spec.url) ? undefined : NATIVE_READERS[kind]
  if (native !== undefined) return native(spec, { clock, warn, demux })
  const input = ffmpegInput(spec, environment)
  return () => new FfmpegReader({ host, ffmpeg: ffmpeg.ffmpeg, input, demux })
}

interface NativeEnvironment extends Pick<SourceEnvironment, 'clock' | 'warn'> {
  readonly demux: { readonly program?: number }
}

type NativeReader = (spec: SourceSpec, environment: NativeEnvironment) => () => SourceReader

const datagrams: NativeReader = (spec, environment) => {
  const address = parseDatagramUrl(spec.url, spec.interface)
  return () => new UdpReader({ address, ...environment })
}

/** Kinds that are read without FFmpeg. */
const NATIVE_READERS: Partial<Record<SourceKind, NativeReader>> = { udp: datagrams, rtp: datagrams }

const ffmpegInput = (spec: SourceSpec, environment: SourceEnvironment): FfmpegInput => {
  const url = spec.url.replace(/([?&])reader=ffmpeg(?:&|$)/i, '$1').replace(/[?&]$/, '')
  const encode = new Set<'video' | 'audio'>(spec.recipe === 'transcode' ? ['video', 'audio'] : [])
  const command = (): SourceCommand => commandOf({ ...spec, url }, environment, encode)
  const first = command()
  const { silence, reportsLoss } = SOURCE_KINDS[first.kind]
  const live = livenessOf({ ...spec, url }, first, environment)
  const judge = (codec: UncarriableCodec | undefined): Verdict => {
    if (codec === undefined) return 'go_on'
    if (codec.kind === 'text') return { refused: 'it is text, not media' }
    if (encode.has(codec.kind)) return 'go_on'
    if (spec.recipe === 'copy') {
      const { name } = codec
      return { refused: `codec ${name} can't be carried in MPEG-TS; use recipe transcode or auto` }
    }
    encode.add(codec.kind)
    return 'again'
  }
  const restartedUpstream = upstreamRestartDetector(first.kind, environment.clock)
  return {
    kind: first.kind,
    args: () => command().args,
    secrets: first.secrets,
    live,
    silencePolicy: isListener(parseSourceUrl(url)) ? 'fault_after_media' : (silence ?? 'fault'),
    purpose: `source ${spec.id}`,
    atEnd: spec.loop ? 'again' : 'stop',
    reportsLoss: reportsLoss === true,
    judgeLine: (line) => (restartedUpstream(line) ? 'again' : judge(uncarriableByLine(line))),
    judgeProgram: ({ tracks }) => judge(tracks.map(uncarriableTrack).find((found) => found)),
    onLine: environment.onLine,
  }
}

const commandOf = (
  spec: SourceSpec,
  { encoded }: SourceEnvironment,
  encode: ReadonlySet<'video' | 'audio'>,
): SourceCommand => {
  const recipe: SourceRecipe = {
    video: encode.has('video') ? encoded.video : 'copy',
    audio: encode.has('audio') ? encoded.audio : 'copy',
  }
  const { url, video, audio, inputOptions, program } = spec
  return ofSource(spec, () =>
    sourceArguments({
      ...{ url, recipe, encoded, video, audio, inputOptions },
      // Loops are made by FfmpegReader, one process per round.
      loop: false,
      ...(program === undefined ? {} : { program }),
    }),
  )
}

/** Adds the source to an error's message. */
const ofSource = <T>({ id, url }: SourceSpec, make: () => T): T => {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    const message = `source ${id}, url ${redactUrl(url)}: ${error.message}`
    throw new SluiceError(error.code, message, { cause: error })
  }
}

/** A playlist that ends has a duration; probing costs one connection. */
const livenessOf = (
  spec: SourceSpec,
  command: SourceCommand,
  { host, ffmpeg }: SourceEnvironment,
): FfmpegInput['live'] => {
  if (command.pace === 'by_reader') return false
  if (command.kind === 'http') return arrivalOf(spec.url).live
  if (command.kind !== 'hls') return true
  let isLive: boolean | undefined
  return async (signal) => {
    if (isLive !== undefined) return isLive
    const { url, inputOptions } = spec
    const found = await probe(
      { host, ffmpeg },
      { url, inputOptions, timeoutMs: MAX_PROBE_MS },
      signal,
    )
    if (!found.ok) return true
    isLive = found.durationSeconds === undefined
    return isLive
  }
}

/** Warning of FFmpeg's copying muxer, which holds time until the new times have passed the old ones. */
const NON_MONOTONIC_DTS = /^Non-monoton\w+ DTS .*previous: (-?\d+), current: (-?\d+)/
const MIN_BACKWARD_TICKS = 45_000
/** Limits the processes started for an upstream that is always out of order. */
const MIN_RESTART_INTERVAL_MS = 5_000

/** Returns a function that is true for a line by which a live source's timestamps restarted upstream: a new process follows them. */
const upstreamRestartDetector = (
  kind: SourceKind,
  clock: Clock,
): ((line: StderrLine) => boolean) => {
  let lastAt = Number.NEGATIVE_INFINITY
  return ({ text }) => {
    const found = SOURCE_KINDS[kind].hasPublishers ? NON_MONOTONIC_DTS.exec(text) : null
    if (found === null || Number(found[1]) - Number(found[2]) < MIN_BACKWARD_TICKS) return false
    if (clock.now() - lastAt < MIN_RESTART_INTERVAL_MS) return false
    lastAt = clock.now()
    return true
  }
}
