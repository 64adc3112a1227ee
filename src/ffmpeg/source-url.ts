import { SluiceError } from '../contract/errors.ts'
import { kindOfScheme, SOURCE_KINDS, SUPPORTED_URLS, type SourceKind } from './source-kinds.ts'

export interface SourceUrl {
  readonly kind: SourceKind
  /** FFmpeg's input: URL, path, device or graph; of text: the message. */
  readonly target: string
  /** Options of generated sources and devices, from the query ("test:?size=640x360"). */
  readonly options: Readonly<Record<string, string>>
}

const SCHEME = /^([a-z][a-z0-9+.-]+):(.*)$/is
const PLAYLIST = /\.m3u8?(?:$|[?#])/i
/** A recording, whatever serves it. Not .ts: live streams are served under that name. */
const RECORDED = /\.(?:mp4|m4v|mov|mkv|webm|avi|mpe?g|mp3|m4a|wav|flac|ogg|ogv)(?:$|[?#])/i

/** Parses a source URL; throws 'unsupported_url' with the supported forms. */
export const parseSourceUrl = (url: string): SourceUrl => {
  if (url === '' || url.includes('\0')) {
    throw new SluiceError(
      'unsupported_url',
      `source url ${JSON.stringify(url)} is empty or holds NUL`,
    )
  }
  const match = SCHEME.exec(url)
  if (match === null) return fileUrl(url)
  const scheme = match[1]!.toLowerCase()
  const rest = match[2]!
  const kind = kindOfScheme(scheme)
  if (kind === undefined) {
    throw new SluiceError(
      'unsupported_url',
      `source url scheme "${scheme}:" is not supported; use ${SUPPORTED_URLS}`,
    )
  }
  if (kind === 'file') return fileUrl(percentDecoded(rest))
  if (kind === 'lavfi') return { kind, target: rest, options: {} }
  if (SOURCE_KINDS[kind].origin !== 'network') return { kind, ...withQuery(rest) }
  return { kind: kind === 'http' && PLAYLIST.test(url) ? 'hls' : kind, ...ofNetwork(kind, url) }
}

/** Arrival of a source's units, judged by its URL; the end of a playlist is found by reading it. */
export const arrivalOf = (
  url: string,
): { readonly live: boolean; readonly arrives: 'steadily' | 'by_segment' } => {
  const { kind, target } = parseSourceUrl(url)
  const isFinite = kind === 'file' || (kind === 'http' && RECORDED.test(target))
  return { live: !isFinite, arrives: SOURCE_KINDS[kind].arrives ?? 'steadily' }
}

/** True if the source waits for a connection. */
export const isListener = ({ kind, target }: SourceUrl): boolean =>
  kind === 'rtmp_listen' || (kind === 'srt' && /[?&]mode=listener\b/.test(target))

/** Host and port of outgoing connections, for the limit per host; undefined for all other sources. */
export const hostOf = (url: string): string | undefined => {
  const parsed = parseSourceUrl(url)
  const { kind, target } = parsed
  const connects =
    SOURCE_KINDS[kind].origin === 'network' &&
    kind !== 'udp' &&
    kind !== 'rtp' &&
    !isListener(parsed)
  const host = /^[^:]+:\/\/(?:[^@/?#]*@)?([^/?#]+)/.exec(target)?.[1]
  return connects ? host?.toLowerCase() : undefined
}

const ofNetwork = (kind: SourceKind, url: string): Omit<SourceUrl, 'kind'> => {
  if (kind === 'rtmp_listen')
    return { target: `rtmp${url.slice('rtmp-listen'.length)}`, options: {} }
  return { target: kind === 'hls' ? url.slice('hls+'.length) : url, options: {} }
}

/** "file:///a", "file:a" and plain paths. FFmpeg's own "file:" distinguishes a path from an option. */
const fileUrl = (path: string): SourceUrl => ({
  kind: 'file',
  target: `file:${path.replace(/^\/\/(?=\/)/, '')}`,
  options: {},
})

const withQuery = (rest: string): { target: string; options: Record<string, string> } => {
  const at = rest.indexOf('?')
  if (at < 0) return { target: percentDecoded(rest), options: {} }
  const options = Object.fromEntries(new URLSearchParams(rest.slice(at + 1)))
  return { target: percentDecoded(rest.slice(0, at)), options }
}

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
