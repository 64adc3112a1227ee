import { SluiceError } from '../../contract/errors.ts'
import { redactUrl } from '../../lib/redact.ts'

/** Address on which a native listener receives. */
export interface DatagramAddress {
  readonly scheme: 'udp' | 'rtp'
  readonly family: 'udp4' | 'udp6'
  /** Address to bind to. */
  readonly host: string
  readonly port: number
  /** Multicast group to join. */
  readonly group?: string
  /** Only datagrams of this sender (source-specific multicast, or a filter on unicast). */
  readonly sender?: string
  /** Address of the network interface for multicast. */
  readonly interface?: string
  /** Receive buffer requested from the kernel, bytes. */
  readonly bufferBytes: number
  /** Wait of an RTP packet for those before it, milliseconds. */
  readonly reorderMs: number
}

export const DEFAULT_BUFFER_BYTES = 8 * 1024 * 1024
const DEFAULT_REORDER_MS = 50
const MAX_REORDER_MS = 2_000

const URL_FORM = /^(udp|rtp):\/\/(?:([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*):(\d{1,5})\/?(?:\?([^#]*))?$/i

/** `reader=ffmpeg` hands the URL to FFmpeg instead of the native listener. */
export const wantsFfmpeg = (url: string): boolean => /[?&]reader=ffmpeg(?:&|$)/i.test(url)

/**
 * `udp://@239.0.0.1:1234?iface=192.0.2.1`, `udp://0.0.0.0:5000`, `udp://:5000`, `rtp://[ff15::1]:5004`,
 * `udp://192.0.2.9@232.0.0.1:1234` (source-specific). Names of options as in FFmpeg where it has them: `localaddr`,
 * `sources`, `buffer_size`; further `iface`, `reorder`.
 */
export const parseDatagramUrl = (url: string, iface?: string): DatagramAddress => {
  const m = URL_FORM.exec(url)
  if (m === null)
    throw invalidUrlError(
      url,
      'it must look like udp://host:port, udp://@group:port or udp://:port',
    )
  const [, scheme, before, rawHost, portText, query] = m
  const port = Number(portText)
  if (port < 1 || port > 65_535) throw invalidUrlError(url, `port ${portText} must be 1 to 65535`)
  const named = rawHost!.replace(/^\[|\]$/g, '')
  const host = named === 'localhost' ? '127.0.0.1' : named
  const family = host.includes(':') ? 'udp6' : 'udp4'
  if (host !== '' && !isAddress(host))
    throw invalidUrlError(
      url,
      `${JSON.stringify(named)} must be an IP address of this machine or a multicast group`,
    )
  const options = new URLSearchParams(query ?? '')
  const group = isMulticast(host) ? host : undefined
  const sender = before || options.get('sources') || undefined
  const interfaceAddress = iface ?? options.get('iface') ?? options.get('localaddr') ?? undefined
  return {
    scheme: scheme!.toLowerCase() === 'rtp' ? 'rtp' : 'udp',
    family,
    // Bound to the group itself, other groups on the same port are excluded.
    host: host === '' ? '0.0.0.0' : host,
    port,
    ...(group === undefined ? {} : { group }),
    ...(sender === undefined ? {} : { sender }),
    ...(interfaceAddress === undefined ? {} : { interface: interfaceAddress }),
    bufferBytes: wholeNumberOption(url, options, 'buffer_size') ?? DEFAULT_BUFFER_BYTES,
    reorderMs: Math.min(
      MAX_REORDER_MS,
      wholeNumberOption(url, options, 'reorder') ?? DEFAULT_REORDER_MS,
    ),
  }
}

const invalidUrlError = (url: string, what: string): SluiceError =>
  new SluiceError('unsupported_url', `source url ${redactUrl(url)}: ${what}`)

const wholeNumberOption = (
  url: string,
  options: URLSearchParams,
  name: string,
): number | undefined => {
  const text = options.get(name)
  if (text === null) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0)
    throw invalidUrlError(url, `${name}=${text} must be a whole number from 0`)
  return value
}

const isAddress = (text: string): boolean =>
  text.includes(':') ? /^[0-9a-f:.%]+$/i.test(text) : /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)

/** RFC 5771 (224.0.0.0/4), RFC 4291 2.7 (ff00::/8). */
export const isMulticast = (address: string): boolean => {
  if (address.includes(':')) return /^ff/i.test(address)
  const first = Number(address.split('.')[0])
  return first >= 224 && first <= 239
}
