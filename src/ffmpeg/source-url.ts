import { SluiceError } from '../contract/errors.ts'

type NetworkKind = 'udp' | 'rtp' | 'rtmp' | 'rtmp_listen' | 'srt' | 'rtsp' | 'hls' | 'http'
export type DeviceKind = 'v4l2' | 'alsa' | 'pulse'
export type GeneratedKind = 'test' | 'bars' | 'color' | 'text' | 'image' | 'lavfi'
export type SourceKind = NetworkKind | DeviceKind | GeneratedKind | 'file'

export interface SourceUrl {
  readonly kind: SourceKind
  /** What FFmpeg opens: the URL as it wants it, the path, the device, the graph; of text: the message. */
  readonly target: string
  /** Options of generated sources and devices, from the query ("test:?size=640x360"). */
  readonly options: Readonly<Record<string, string>>
}

const GENERATED = new Set<string>(['test', 'bars', 'color', 'text', 'image'])
const DEVICES = new Set<string>(['v4l2', 'alsa', 'pulse'])

const RTMP_SCHEMES = ['rtmp', 'rtmps', 'rtmpt', 'rtmpe', 'rtmpte', 'rtmpts']

const NETWORK_SCHEMES: ReadonlyMap<string, NetworkKind> = new Map<string, NetworkKind>([
  ['udp', 'udp'],
  ['rtp', 'rtp'],
  ['srt', 'srt'],
  ['rtsp', 'rtsp'],
  ['rtsps', 'rtsp'],
  ['http', 'http'],
  ['https', 'http'],
  ...RTMP_SCHEMES.map((scheme): [string, NetworkKind] => [scheme, 'rtmp']),
])

const SUPPORTED_URLS =
  'udp:, rtp:, rtmp(s):, rtmp-listen:, srt:, rtsp(s):, http(s):, hls+http(s):, file:, v4l2:, alsa:, pulse:, ' +
  'test:, bars:, color:, text:, image:, lavfi: or a path'

const SCHEME = /^([a-z][a-z0-9+.-]+):(.*)$/is
const PLAYLIST = /\.m3u8?(?:$|[?#])/i

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const withQuery = (rest: string): { target: string; options: Record<string, string> } => {
  const at = rest.indexOf('?')
  if (at < 0) return { target: decoded(rest), options: {} }
  const options = Object.fromEntries(new URLSearchParams(rest.slice(at + 1)))
  return { target: decoded(rest.slice(0, at)), options }
}

const network = (scheme: string, url: string): SourceUrl | undefined => {
  if (scheme === 'rtmp-listen') {
    return { kind: 'rtmp_listen', target: `rtmp${url.slice(scheme.length)}`, options: {} }
  }
  if (scheme === 'hls+http' || scheme === 'hls+https') {
    return { kind: 'hls', target: url.slice('hls+'.length), options: {} }
  }
  const kind = NETWORK_SCHEMES.get(scheme)
  if (kind === undefined) return undefined
  return { kind: kind === 'http' && PLAYLIST.test(url) ? 'hls' : kind, target: url, options: {} }
}

/** "file:///a", "file:a" and plain paths. A path is told from an option by FFmpeg's own "file:". */
const file = (path: string): SourceUrl => ({
  kind: 'file',
  target: `file:${path.replace(/^\/\/(?=\/)/, '')}`,
  options: {},
})

/** Throws 'unsupported_url' with what would be right. */
export const parseSourceUrl = (url: string): SourceUrl => {
  if (url === '' || url.includes('\0')) {
    throw new SluiceError(
      'unsupported_url',
      `source url ${JSON.stringify(url)} is empty or holds NUL`,
    )
  }
  const match = SCHEME.exec(url)
  if (match === null) return file(url)
  const scheme = match[1]!.toLowerCase()
  const rest = match[2]!
  if (scheme === 'lavfi') return { kind: 'lavfi', target: rest, options: {} }
  if (scheme === 'file') return file(decoded(rest))
  if (GENERATED.has(scheme)) return { kind: scheme as GeneratedKind, ...withQuery(rest) }
  if (DEVICES.has(scheme)) return { kind: scheme as DeviceKind, ...withQuery(rest) }
  const found = network(scheme, url)
  if (found !== undefined) return found
  throw new SluiceError(
    'unsupported_url',
    `source url scheme "${scheme}:" is not supported; use ${SUPPORTED_URLS}`,
  )
}

export const isGenerated = (kind: SourceKind): kind is GeneratedKind =>
  GENERATED.has(kind) || kind === 'lavfi'

const isDevice = (kind: SourceKind): kind is DeviceKind => DEVICES.has(kind)

/** Raw pictures and samples: there is nothing to copy, they are encoded. */
export const mustEncode = (kind: SourceKind): boolean => isGenerated(kind) || isDevice(kind)

/**
 * FFmpeg's protocol allow list per kind: what a playlist or a redirect names is opened only if it is in here, so that
 * nothing remote can reach local files, and nothing local the network.
 */
const PROTOCOLS: Readonly<Record<SourceKind, string>> = {
  udp: 'udp',
  rtp: 'rtp,udp',
  rtmp: 'rtmp,rtmps,rtmpt,rtmpe,rtmpte,rtmpts,ffrtmphttp,ffrtmpcrypt,tcp,tls,http,https',
  rtmp_listen: 'rtmp,tcp',
  srt: 'srt',
  rtsp: 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https',
  hls: 'http,https,httpproxy,tcp,tls,crypto,data',
  http: 'http,https,httpproxy,tcp,tls,crypto,data',
  file: 'file,crypto,data',
  image: 'file',
  v4l2: 'file',
  alsa: 'file',
  pulse: 'file',
  test: 'file',
  bars: 'file',
  color: 'file',
  text: 'file',
  lavfi: 'file',
}

export const protocolsOf = (kind: SourceKind): string => PROTOCOLS[kind]
