import {
  ID_PATTERN,
  PREVIEW,
  PROGRAM,
  type BusId,
  type ChannelId,
  type OutputId,
  type SourceId,
} from './ids.ts'

const AUDIO_FORMATS = ['mp3', 'aac', 'opus'] as const
export type ListenFormat = (typeof AUDIO_FORMATS)[number]

/** Target of an address that media serves. */
export type MediaTarget =
  /** `stream.ts`, `preview.ts`, `buses/<id>.ts`. */
  | { readonly kind: 'bus'; readonly bus: BusId }
  /** `sources/<id>.ts`: a source as it arrives. */
  | { readonly kind: 'source'; readonly source: SourceId }
  /** `hls/<file>`, `dash/<file>`; `live/<file>` is of the output with such files. `file` has slashes where it has folders. */
  | {
      readonly kind: 'packaged'
      readonly output: 'hls' | 'dash' | 'live'
      readonly file: string
    }
  /** `listen.mp3`, `.aac`, `.opus`: only the audio. */
  | { readonly kind: 'listen'; readonly format: ListenFormat }
  /** `recordings[/<output>[/<name>]]`: a list (without an output that of the first one), or one recording. */
  | { readonly kind: 'recordings'; readonly output?: OutputId; readonly name?: string }

export type MediaPath = MediaTarget & { readonly channel: ChannelId }

const CHANNELS = 'channels'
const TS = '.ts'

/**
 * The parts of an address that media serves; undefined for any other. Addresses without the prefix `/channels/<id>/` are
 * those of the default channel. The query is ignored; percent-encoded segments are decoded once.
 */
export const readPath = (url: string, defaultChannel: ChannelId): MediaPath | undefined => {
  const segments = segmentsOf(url)
  if (segments === undefined) return undefined
  const isLong = segments[0] === CHANNELS
  const channel = isLong ? segments[1] : defaultChannel
  if (channel === undefined || !ID_PATTERN.test(channel)) return undefined
  const target = readTarget(isLong ? segments.slice(2) : segments)
  return target && { ...target, channel: channel as ChannelId }
}

/** The address under the channel's own prefix: `/channels/main/hls/stream.m3u8`. */
export const pathOf = ({ channel, ...target }: MediaPath): string =>
  `/${CHANNELS}/${channel}${shortPathOf(target)}`

/** The address at the default channel: `/stream.ts`. */
export const shortPathOf = (target: MediaTarget): string =>
  `/${segmentsTo(target).map(encodeURIComponent).join('/')}`

/** True for viewers' addresses, false for those of operators. */
export const isPlayback = (target: MediaTarget): boolean =>
  target.kind === 'packaged' ||
  target.kind === 'listen' ||
  (target.kind === 'bus' && target.bus === PROGRAM)

const segmentsOf = (url: string): string[] | undefined => {
  const path = url.split('?', 1)[0] ?? ''
  if (!path.startsWith('/')) return undefined
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent)
    return segments.every(isPlain) ? segments : undefined
  } catch {
    // Malformed percent-encoding.
    return undefined
  }
}

/** False for a segment that leads out of its folder in any encoding. */
const isPlain = (segment: string): boolean =>
  segment !== '' && segment !== '.' && segment !== '..' && !/[/\\\0]/.test(segment)

const readTarget = (segments: readonly string[]): MediaTarget | undefined => {
  const [first = '', second, ...deeper] = segments
  if (first === 'live' || first === 'hls' || first === 'dash')
    return second === undefined
      ? undefined
      : { kind: 'packaged', output: first, file: segments.slice(1).join('/') }
  if (first === 'recordings') return readRecording(segments.slice(1))
  if (deeper.length > 0) return undefined
  if (second === undefined) return readFile(first)
  const id = idBefore(second)
  if (id === undefined) return undefined
  if (first === 'sources') return { kind: 'source', source: id as SourceId }
  return first === 'buses' ? { kind: 'bus', bus: id as BusId } : undefined
}

const readFile = (name: string): MediaTarget | undefined => {
  if (name === 'stream.ts') return { kind: 'bus', bus: PROGRAM }
  if (name === 'preview.ts') return { kind: 'bus', bus: PREVIEW }
  const format = AUDIO_FORMATS.find((each) => name === `listen.${each}`)
  return format && { kind: 'listen', format }
}

const readRecording = (segments: readonly string[]): MediaTarget | undefined => {
  const [output, name, ...deeper] = segments
  if (output === undefined) return { kind: 'recordings' }
  if (deeper.length > 0 || !ID_PATTERN.test(output)) return undefined
  const named = { kind: 'recordings', output: output as OutputId } as const
  return name === undefined ? named : { ...named, name }
}

const idBefore = (segment: string): string | undefined => {
  const id = segment.slice(0, -TS.length)
  return segment.endsWith(TS) && ID_PATTERN.test(id) ? id : undefined
}

const segmentsTo = (target: MediaTarget): string[] => {
  switch (target.kind) {
    case 'bus':
      if (target.bus === PROGRAM) return ['stream.ts']
      return target.bus === PREVIEW ? ['preview.ts'] : ['buses', target.bus + TS]
    case 'source':
      return ['sources', target.source + TS]
    case 'packaged':
      return [target.output, ...target.file.split('/')]
    case 'listen':
      return [`listen.${target.format}`]
    case 'recordings':
      return ['recordings', ...[target.output ?? [], target.name ?? []].flat()]
  }
}
