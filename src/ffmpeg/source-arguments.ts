import { secretsOfUrl } from '../lib/redact.ts'
import type { TrackChoice } from '../contract/spec.ts'
import { GLOBAL, TS_OUTPUT } from './arguments.ts'
import { generatedInputs } from './generated-source.ts'
import { parseInputOptions, secretsOfOptions, type InputOptions } from './input-options.ts'
import { mustEncode, protocolsOf, SOURCE_KINDS, type SourceKind } from './source-kinds.ts'
import { parseSourceUrl, type SourceUrl } from './source-url.ts'
import {
  AUDIO_FILTERS,
  audioEncoding,
  videoEncoding,
  videoFilters,
  type AudioTarget,
  type TargetFormat,
  type VideoTarget,
} from './target-format.ts'

/** Per track: copied or encoded. */
export interface SourceRecipe {
  readonly video: 'copy' | VideoTarget
  readonly audio: 'copy' | AudioTarget
}

export const COPY_RECIPE: SourceRecipe = { video: 'copy', audio: 'copy' }

export interface SourceRequest {
  readonly url: string
  /** Ignored for generated sources and devices: they are encoded to `encoded`. */
  readonly recipe: SourceRecipe
  /** Format of generated sources and devices where their query does not set it. */
  readonly encoded: TargetFormat
  /** Files: restart at the end. */
  readonly loop: boolean
  readonly program?: number
  readonly video: TrackChoice
  readonly audio: TrackChoice
  readonly inputOptions: InputOptions
}

export interface SourceCommand {
  readonly kind: SourceKind
  /** For ffmpeg; MPEG-TS comes on its stdout. */
  readonly args: readonly string[]
  /** 'live': paced by its own clock. 'by_reader' (files): paced by back-pressure. */
  readonly pace: 'live' | 'by_reader'
  /** 'normally': an end of stream is expected (a file played once); 'never': it is a failure. */
  readonly ends: 'never' | 'normally'
  /** For `redactor`. */
  readonly secrets: readonly string[]
}

// The option is the same as the protocol's own query argument; given twice, the URL's must win.
const isInUrl = (url: SourceUrl, name: string): boolean =>
  url.kind === 'udp' && new RegExp(`[?&]${name}=`).test(url.target)

const deviceOptions = (url: SourceUrl): [string, string][] => {
  if (url.kind !== 'v4l2') return []
  const { size, rate } = url.options
  return [
    ...(size === undefined ? [] : [['video_size', size] as [string, string]]),
    ...(rate === undefined ? [] : [['framerate', rate] as [string, string]]),
  ]
}

/** Input arguments; the user's options replace ours of the same name. */
const inputArguments = (url: SourceUrl, request: SourceRequest, user: Map<string, string>) => {
  const ours = [...(SOURCE_KINDS[url.kind].options ?? []), ...deviceOptions(url)]
  const options = new Map([...ours.filter(([name]) => !isInUrl(url, name)), ...user])
  return [
    ...['-protocol_whitelist', protocolsOf(url.kind)],
    ...(url.kind === 'file' && request.loop ? ['-stream_loop', '-1'] : []),
    ...[...options].flatMap(([name, value]) => [`-${name}`, value]),
    ...['-i', url.target],
  ]
}

const trackSpecifier = (choice: TrackChoice): string => {
  if (typeof choice === 'number') return `:${choice}`
  return choice === 'auto' ? '' : `:m:language:${choice}`
}

/**
 * `-map` for the wanted tracks; every one optional, so that a missing track is no error. Cover pictures ("V" leaves
 * them out), subtitles and data are dropped. Of an HLS master playlist only one variant is read: its variants are
 * programs.
 */
export const mapArguments = (
  kind: SourceKind,
  choice: Pick<SourceRequest, 'program' | 'video' | 'audio'>,
): string[] => {
  const program = choice.program ?? (kind === 'hls' ? 0 : undefined)
  const input = program === undefined ? '0' : `0:p:${program}`
  const firstVideo = choice.video === 'auto' ? ':0' : trackSpecifier(choice.video)
  return [
    ...(choice.video === 'none' ? [] : ['-map', `${input}:V${firstVideo}?`]),
    ...(choice.audio === 'none' ? [] : ['-map', `${input}:a${trackSpecifier(choice.audio)}?`]),
    ...['-dn', '-sn', '-ignore_unknown'],
  ]
}

const TRANSCODE_TUNING = { delay: 'lowest', bFrames: 0 } as const

const recipeArguments = ({ video, audio }: SourceRecipe): string[] => [
  ...(video === 'copy'
    ? ['-c:v', 'copy']
    : ['-vf', videoFilters(video), ...videoEncoding(video, TRANSCODE_TUNING)]),
  ...(audio === 'copy' ? ['-c:a', 'copy'] : ['-af', AUDIO_FILTERS, ...audioEncoding(audio)]),
]

const generatedArguments = (url: SourceUrl, request: SourceRequest): string[] => {
  const { inputs, target, bFrames } = generatedInputs(url, request.encoded)
  const { video, audio } = target
  const audioInput = url.kind === 'lavfi' || video === undefined ? 0 : 1
  return [
    ...inputs,
    ...(video === undefined || request.video === 'none'
      ? ['-vn']
      : [
          ...['-map', '0:v:0?'],
          ...[
            '-vf',
            url.kind === 'image' || url.kind === 'lavfi' ? videoFilters(video) : 'setsar=1',
          ],
          ...videoEncoding(video, { delay: bFrames > 0 ? 'normal' : 'lowest', bFrames }),
        ]),
    ...(audio === undefined || request.audio === 'none'
      ? ['-an']
      : ['-map', `${audioInput}:a:0?`, ...audioEncoding(audio)]),
  ]
}

const deviceRecipe = (url: SourceUrl, encoded: TargetFormat): string[] => {
  const { video, audio } = encoded
  const isVideo = url.kind === 'v4l2'
  return [
    ...(isVideo && video !== undefined
      ? ['-vf', videoFilters(video), ...videoEncoding(video, TRANSCODE_TUNING)]
      : ['-vn']),
    ...(!isVideo && audio !== undefined
      ? ['-af', AUDIO_FILTERS, ...audioEncoding(audio)]
      : ['-an']),
  ]
}

/** Command for a source; throws SluiceError 'unsupported_url' or 'option_refused', with a sentence for the user. */
export const sourceArguments = (request: SourceRequest): SourceCommand => {
  const url = parseSourceUrl(request.url)
  const user = parseInputOptions(request.inputOptions)
  const { kind } = url
  const body =
    SOURCE_KINDS[kind].origin === 'generated'
      ? generatedArguments(url, request)
      : [
          ...inputArguments(url, request, user),
          ...mapArguments(kind, request),
          ...(mustEncode(kind)
            ? deviceRecipe(url, request.encoded)
            : recipeArguments(request.recipe)),
        ]
  return {
    kind,
    args: [...GLOBAL, ...body, ...TS_OUTPUT],
    pace: kind === 'file' ? 'by_reader' : 'live',
    ends: kind === 'file' && !request.loop ? 'normally' : 'never',
    secrets: [...secretsOfUrl(request.url), ...secretsOfOptions(user)],
  }
}
