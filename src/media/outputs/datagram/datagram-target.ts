import { isIP } from 'node:net'
import { SluiceError } from '../../../contract/errors.ts'

export interface DatagramTarget {
  readonly scheme: 'udp' | 'rtp'
  readonly host: string
  readonly port: number
  /** TS packets per datagram. */
  readonly packets: number
  readonly ttl: number | undefined
  /** Address of the interface to send from. */
  readonly localAddress: string | undefined
  /** Bits per second of TS, filled with null packets; undefined: the program's own rate. */
  readonly bitrate: number | undefined
}

const TS_PACKET_BYTES = 188
const DEFAULT_PACKETS = 7
/** 48 packets in a datagram: far above any Ethernet frame, still below the 64 KiB of UDP. */
const MAX_DATAGRAM_BYTES = 48 * TS_PACKET_BYTES
const MIN_BITRATE = 10_000
const MAX_BITRATE = 1_000_000_000

type Parameters = Readonly<Record<string, (value: string) => number | string | undefined>>

const wholeNumber =
  (from: number, to: number) =>
  (value: string): number | undefined => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    return number >= from && number <= to ? number : undefined
  }

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6 }

const bitsPerSecond = (value: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)([km]?)$/i.exec(value)
  if (match === null) return undefined
  const bits = Math.round(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!)
  return bits >= MIN_BITRATE && bits <= MAX_BITRATE ? bits : undefined
}

const PARAMETERS: Parameters = {
  ttl: wholeNumber(0, 255),
  pkt_size: wholeNumber(TS_PACKET_BYTES, MAX_DATAGRAM_BYTES),
  localaddr: (value) => (isIP(value) === 0 ? undefined : value),
  bitrate: bitsPerSecond,
}

const EXPECTED: Readonly<Record<string, string>> = {
  ttl: 'a whole number from 0 to 255',
  pkt_size: `a number of bytes from ${TS_PACKET_BYTES} to ${MAX_DATAGRAM_BYTES} (1316 is usual)`,
  localaddr: "the IP address of one of this machine's interfaces",
  bitrate: `bits per second from ${MIN_BITRATE} to ${MAX_BITRATE}, as in 5000000, 5000k or 5M`,
}

/**
 * `udp://host:port?ttl=16&pkt_size=1316&localaddr=192.0.2.1&bitrate=5M`, and the same with `rtp://`.
 * Throws SluiceError `unsupported_url` or `option_refused`, naming the part that is wrong.
 */
export const parseDatagramTarget = (url: string): DatagramTarget => {
  const match = /^(udp|rtp):\/\/(?:@)?(\[[^\]]+\]|[^:/?#@]+):(\d+)\/?(?:\?([^#]*))?$/i.exec(url)
  if (match === null)
    throw unsupportedUrl(`output ${quoted(url)} must look like udp://host:port or rtp://host:port`)
  const [, scheme, bracketed, portText, query = ''] = match
  const host = bracketed!.replace(/^\[|\]$/g, '')
  const port = Number(portText)
  if (port < 1 || port > 65_535)
    throw unsupportedUrl(`output ${quoted(url)}: port ${portText} must be from 1 to 65535`)
  if (bracketed!.startsWith('[') && isIP(host.split('%')[0]!) !== 6) {
    throw unsupportedUrl(`output ${quoted(url)}: ${bracketed} is not an IPv6 address`)
  }
  const values = parseParameters(url, query)
  const size = values.get('pkt_size') as number | undefined
  return {
    scheme: scheme!.toLowerCase() as DatagramTarget['scheme'],
    host,
    port,
    packets: size === undefined ? DEFAULT_PACKETS : Math.floor(size / TS_PACKET_BYTES),
    ttl: values.get('ttl') as number | undefined,
    localAddress: values.get('localaddr') as string | undefined,
    bitrate: values.get('bitrate') as number | undefined,
  }
}

const parseParameters = (url: string, query: string): ReadonlyMap<string, number | string> => {
  const values = new Map<string, number | string>()
  for (const [name, text] of new URLSearchParams(query)) {
    const parse = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined
    if (parse === undefined) {
      throw optionRefused(
        `output ${quoted(url)}: option ${quoted(name)} is unknown; known are ${Object.keys(PARAMETERS).join(', ')}`,
      )
    }
    const value = parse(text)
    if (value === undefined) {
      throw optionRefused(`output ${quoted(url)}: ${name}=${text} must be ${EXPECTED[name]}`)
    }
    values.set(name, value)
  }
  return values
}

const quoted = (text: string): string => JSON.stringify(text)
const unsupportedUrl = (message: string): SluiceError => new SluiceError('unsupported_url', message)
const optionRefused = (message: string): SluiceError => new SluiceError('option_refused', message)

/** RFC 5771 (224.0.0.0/4) and RFC 4291 (ff00::/8). */
export const isMulticast = (address: string): boolean =>
  isIP(address.split('%')[0]!) === 6 ? /^ff/i.test(address) : /^(22[4-9]|23\d)\./.test(address)
