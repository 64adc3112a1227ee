import { redactor, secretsOfUrl } from '../lib/redact.ts'
import type { Rational } from '../contract/format.ts'
import type { ProcessHost } from '../process/host.ts'
import { runToEnd, type RunResult } from '../process/run-to-end.ts'
import type { FfmpegCapabilities } from './capabilities.ts'
import { exitReason, FirstCause } from './exit-reason.ts'
import { parseInputOptions, secretsOfOptions, type InputOptions } from './input-options.ts'
import { carriageProblem, isDrawnText } from './mpegts-carriable.ts'
import { mustEncode, protocolsOf } from './source-kinds.ts'
import { parseSourceUrl } from './source-url.ts'
import { classifyLine } from './stderr-lines.ts'

export interface ProbedTrack {
  readonly index: number
  readonly kind: 'video' | 'audio'
  readonly codec: string
  readonly profile: string
  readonly language?: string
  readonly width?: number
  readonly height?: number
  readonly frameRate?: Rational
  readonly pixelFormat?: string
  readonly scan?: 'progressive' | 'interlaced'
  readonly sampleRate?: number
  readonly channels?: number
}

export type ProbeResult =
  | {
      readonly ok: true
      /** FFmpeg's name of the container or protocol. */
      readonly format: string
      /** Absent for live streams. */
      readonly durationSeconds?: number
      readonly tracks: readonly ProbedTrack[]
      /** Reason why recipe `copy` is impossible; absent when it is possible. */
      readonly problem?: string
    }
  | { readonly ok: false; readonly why: string; readonly sentence: string }

export interface ProbeRequest {
  readonly url: string
  readonly inputOptions: InputOptions
  readonly timeoutMs: number
}

/** Probes a URL. Expected failures (no such file, not media, refused, timed out) are outcomes, redacted. */
export const probe = async (
  { host, ffmpeg }: { readonly host: ProcessHost; readonly ffmpeg: FfmpegCapabilities },
  request: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeResult> => {
  const url = parseSourceUrl(request.url)
  const options = parseInputOptions(request.inputOptions)
  const redact = redactor([...secretsOfUrl(request.url), ...secretsOfOptions(options)])
  if (mustEncode(url.kind)) return { ok: true, format: url.kind, tracks: [] }
  const input = [
    ...['-protocol_whitelist', protocolsOf(url.kind)],
    ...[...options].flatMap(([name, value]) => [`-${name}`, value]),
    ...(url.kind === 'rtmp_listen' ? ['-listen', '1'] : []),
    ...['-i', url.target],
  ]
  const result = await runToEnd(
    host,
    {
      ...commandFor(ffmpeg, input),
      purpose: `probe ${redact(request.url)}`,
      timeoutMs: request.timeoutMs,
    },
    signal,
  )
  if (result.timedOut) {
    const seconds = request.timeoutMs / 1000
    return { ok: false, why: 'timed_out', sentence: `no answer within ${seconds} s` }
  }
  const read = ffmpeg.ffprobe === undefined ? readBanner(result.stderr) : readJson(result.stdout)
  if (read === undefined || read.tracks.length === 0) return failure(result, redact)
  if (read.tracks.every(({ codec }) => isDrawnText(codec))) {
    return { ok: false, why: 'not_media', sentence: 'it is text, not media' }
  }
  const problem = carriageProblem(read.tracks)
  return { ok: true, ...read, ...(problem === undefined ? {} : { problem }) }
}

const commandFor = (ffmpeg: FfmpegCapabilities, input: readonly string[]) =>
  ffmpeg.ffprobe === undefined
    ? // Without an output ffmpeg prints what it found, and exits 1.
      {
        command: ffmpeg.ffmpeg,
        args: ['-nostdin', '-hide_banner', '-loglevel', 'level+info', ...input],
      }
    : {
        command: ffmpeg.ffprobe,
        args: [
          ...['-hide_banner', '-loglevel', 'level+warning', '-of', 'json'],
          ...['-show_streams', '-show_format', ...input],
        ],
      }

const failure = (result: RunResult, redact: (text: string) => string): ProbeResult => {
  const first = new FirstCause()
  for (const line of result.stderr) first.addLine(classifyLine(line))
  const { line } = first
  // ffprobe that found no tracks exits with 0.
  if (line === undefined && result.facts.cause.kind === 'exited') {
    return { ok: false, why: 'not_media', sentence: 'not media: it holds no video and no audio' }
  }
  const reason = exitReason(result.facts, line)
  return { ok: false, why: reason.cause, sentence: redact(reason.sentence) }
}

interface ProbeFindings {
  readonly format: string
  readonly durationSeconds?: number
  readonly tracks: readonly ProbedTrack[]
}

/** Fields read from ffprobe's JSON; all may be missing. */
interface FfprobeStream {
  readonly index?: number
  readonly codec_type?: string
  readonly codec_name?: string
  readonly profile?: string
  readonly width?: number
  readonly height?: number
  readonly avg_frame_rate?: string
  readonly r_frame_rate?: string
  readonly pix_fmt?: string
  readonly field_order?: string
  readonly sample_rate?: string
  readonly channels?: number
  readonly tags?: { readonly language?: string }
  readonly disposition?: { readonly attached_pic?: number }
}

interface FfprobeAnswer {
  readonly streams?: readonly FfprobeStream[]
  readonly format?: { readonly format_name?: string; readonly duration?: string }
}

const readJson = (text: string): ProbeFindings | undefined => {
  let answer: FfprobeAnswer
  try {
    answer = JSON.parse(text) as FfprobeAnswer
  } catch {
    return undefined
  }
  const seconds = Number(answer.format?.duration)
  return {
    format: answer.format?.format_name ?? 'unknown',
    ...(Number.isFinite(seconds) ? { durationSeconds: seconds } : {}),
    tracks: (answer.streams ?? [])
      .filter((stream) => stream.disposition?.attached_pic !== 1)
      .flatMap((stream) => trackOf(stream)),
  }
}

const rationalOf = (text: string | undefined): Rational | undefined => {
  const [num, den] = (text ?? '').split('/').map(Number)
  return num && den ? { num, den } : undefined
}

const trackOf = (stream: FfprobeStream): ProbedTrack[] => {
  const kind = stream.codec_type
  if (kind !== 'video' && kind !== 'audio') return []
  const frameRate = rationalOf(stream.avg_frame_rate) ?? rationalOf(stream.r_frame_rate)
  const interlaced = /^(?:tt|bb|tb|bt)$/.test(stream.field_order ?? '')
  return [
    {
      index: stream.index ?? 0,
      kind,
      codec: stream.codec_name ?? 'unknown',
      profile: stream.profile ?? '',
      ...optionalField('language', stream.tags?.language),
      ...(kind === 'video'
        ? {
            ...optionalField('width', stream.width),
            ...optionalField('height', stream.height),
            ...optionalField('frameRate', frameRate),
            ...optionalField('pixelFormat', stream.pix_fmt),
            scan: interlaced ? ('interlaced' as const) : ('progressive' as const),
          }
        : {
            ...optionalField(
              'sampleRate',
              stream.sample_rate ? Number(stream.sample_rate) : undefined,
            ),
            ...optionalField('channels', stream.channels),
          }),
    },
  ]
}

const optionalField = <Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [key in Name]?: Value } =>
  value === undefined ? {} : ({ [name]: value } as { [key in Name]?: Value })

const BANNER_FORMAT = /^(?:\[info\] )?Input #0, (\S+), from/
const BANNER_TRACK =
  /Stream #0:(\d+)(?:\[0x[\da-f]+\])?(?:\((\w+)\))?: (Video|Audio): (\w+)(?: \(([^)]+)\))?/

/** Parses ffmpeg's description of its input, where there is no ffprobe. */
export const readBanner = (lines: readonly string[]): ProbeFindings | undefined => {
  const format = lines.map((line) => BANNER_FORMAT.exec(line)?.[1]).find((name) => name)
  if (format === undefined) return undefined
  const tracks = lines.flatMap((line): ProbedTrack[] => {
    const match = BANNER_TRACK.exec(line)
    if (match === null || line.includes('(attached pic)')) return []
    const size = /, (\d+)x(\d+)/.exec(line)
    const fps = /, ([\d.]+) fps/.exec(line)?.[1]
    const hertz = /, (\d+) Hz/.exec(line)?.[1]
    return [
      {
        index: Number(match[1]),
        kind: match[3] === 'Video' ? 'video' : 'audio',
        codec: match[4]!,
        profile: match[5] ?? '',
        ...optionalField('language', match[2]),
        ...(size === null ? {} : { width: Number(size[1]), height: Number(size[2]) }),
        ...(fps === undefined
          ? {}
          : { frameRate: { num: Math.round(Number(fps) * 1000), den: 1000 } }),
        ...optionalField('sampleRate', hertz === undefined ? undefined : Number(hertz)),
      },
    ]
  })
  return { format, tracks }
}
