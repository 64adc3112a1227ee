/** Origin of a source: coded tracks to copy, or raw ones to encode. */
type Origin = 'network' | 'file' | 'device' | 'generated'

type Option = readonly [name: string, value: string]

/** Properties of one kind of source. */
interface KindRow {
  /** URL schemes, in lower case. `hls` is also recognised by the path: see `parseSourceUrl`. */
  readonly schemes: readonly string[]
  /** Form of the address, for messages. */
  readonly grammar: string
  readonly origin: Origin
  /**
   * FFmpeg's protocol allow list, for playlists and redirects too, so that nothing remote reaches local files, and
   * nothing local the network.
   */
  readonly protocols: string
  /** FFmpeg's input options, unless the user sets others. */
  readonly options?: readonly Option[]
  /** `by_segment`: bursts with silence between them. */
  readonly arrives?: 'by_segment'
  /** Meaning of a long time without a byte; default `fault`. `normal`: a retry would not help. */
  readonly silence?: 'normal' | 'fault_after_media'
  /** FFmpeg reports on stderr packets lost by the network. */
  readonly reportsLoss?: true
  /** One connection may carry two publishers, one after the other. */
  readonly hasPublishers?: true
}

/** Microseconds and bytes. FFmpeg's own defaults (5 s, 5 MB) delay a live source by that much. */
const LIVE_PROBE: readonly Option[] = [
  ['analyzeduration', '2000000'],
  ['probesize', '1000000'],
]
const RW_TIMEOUT: Option = ['rw_timeout', '15000000']
const WEB = 'http,https,httpproxy,tcp,tls,crypto,data'

const generated = (scheme: string): KindRow => ({
  schemes: [scheme],
  grammar: `${scheme}:`,
  origin: 'generated',
  protocols: 'file',
})

const device = (scheme: string, queue: string): KindRow => ({
  schemes: [scheme],
  grammar: `${scheme}:`,
  origin: 'device',
  protocols: 'file',
  options: [
    ['f', scheme],
    ['thread_queue_size', queue],
  ],
})

const ROWS = {
  udp: {
    schemes: ['udp'],
    grammar: 'udp:',
    origin: 'network',
    protocols: 'udp',
    options: [...LIVE_PROBE, ['fifo_size', '50000'], ['overrun_nonfatal', '1']],
    silence: 'normal',
  },
  rtp: {
    schemes: ['rtp'],
    grammar: 'rtp:',
    origin: 'network',
    protocols: 'rtp,udp',
    options: LIVE_PROBE,
    silence: 'normal',
    reportsLoss: true,
  },
  rtmp: {
    schemes: ['rtmp', 'rtmps', 'rtmpt', 'rtmpe', 'rtmpte', 'rtmpts'],
    grammar: 'rtmp(s):',
    origin: 'network',
    protocols: 'rtmp,rtmps,rtmpt,rtmpe,rtmpte,rtmpts,ffrtmphttp,ffrtmpcrypt,tcp,tls,http,https',
    options: LIVE_PROBE,
    hasPublishers: true,
  },
  rtmp_listen: {
    schemes: ['rtmp-listen'],
    grammar: 'rtmp-listen:',
    origin: 'network',
    protocols: 'rtmp,tcp',
    options: [...LIVE_PROBE, ['listen', '1']],
    silence: 'fault_after_media',
    hasPublishers: true,
  },
  srt: {
    schemes: ['srt'],
    grammar: 'srt:',
    origin: 'network',
    protocols: 'srt',
    options: LIVE_PROBE,
    reportsLoss: true,
    hasPublishers: true,
  },
  rtsp: {
    schemes: ['rtsp', 'rtsps'],
    grammar: 'rtsp(s):',
    origin: 'network',
    protocols: 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https',
    options: [...LIVE_PROBE, ['rtsp_transport', 'tcp']],
    reportsLoss: true,
    hasPublishers: true,
  },
  http: {
    schemes: ['http', 'https'],
    grammar: 'http(s):',
    origin: 'network',
    protocols: WEB,
    options: [...LIVE_PROBE, RW_TIMEOUT],
    hasPublishers: true,
  },
  hls: {
    schemes: ['hls+http', 'hls+https'],
    grammar: 'hls+http(s):',
    origin: 'network',
    protocols: WEB,
    options: [...LIVE_PROBE, RW_TIMEOUT],
    arrives: 'by_segment',
  },
  file: { schemes: ['file'], grammar: 'file:', origin: 'file', protocols: 'file,crypto,data' },
  v4l2: device('v4l2', '64'),
  alsa: device('alsa', '1024'),
  pulse: device('pulse', '1024'),
  test: generated('test'),
  bars: generated('bars'),
  color: generated('color'),
  text: generated('text'),
  image: generated('image'),
  lavfi: generated('lavfi'),
} as const satisfies Readonly<Record<string, KindRow>>

export type SourceKind = keyof typeof ROWS
export type GeneratedKind = 'test' | 'bars' | 'color' | 'text' | 'image' | 'lavfi'

export const SOURCE_KINDS: Readonly<Record<SourceKind, KindRow>> = ROWS

/** Kind of source by URL scheme, in lower case and without its colon. */
export const kindOfScheme = (scheme: string): SourceKind | undefined => {
  const found = Object.entries(SOURCE_KINDS).find(([, row]) => row.schemes.includes(scheme))
  return found?.[0] as SourceKind | undefined
}

/** For messages. */
export const SUPPORTED_URLS = `${Object.values(SOURCE_KINDS)
  .map(({ grammar }) => grammar)
  .join(', ')} or a path`

/** True for raw video and samples: they are encoded, as there is nothing to copy. */
export const mustEncode = (kind: SourceKind): boolean => {
  const { origin } = SOURCE_KINDS[kind]
  return origin === 'generated' || origin === 'device'
}

export const protocolsOf = (kind: SourceKind): string => SOURCE_KINDS[kind].protocols
