import { isIPv4, isIPv6 } from 'node:net'
import { channelId } from '../contract/ids.ts'
import { isPlayback, readPath } from '../contract/paths.ts'

const ANY_CHANNEL = channelId('any')

/** The facts of a request that decide about access. Header names in lower case, as node:http gives them. */
export interface RequestFacts {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** localhost, 127.0.0.0/8 or ::1, with or without brackets. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (name === 'localhost' || name === 'localhost.') return true
  if (isIPv4(name)) return name.startsWith('127.')
  return isIPv6(name) && urlOf(`http://[${name}]`)?.hostname === '[::1]'
}

/** Reason to refuse a request to a server for this machine only: another site's page in a browser caused it. */
export const localRefusal = (facts: RequestFacts): string | undefined => {
  const host = header(facts, 'host')
  // A browser always sends Host; its absence is an old player's HTTP/1.0, which no foreign page can cause.
  if (host !== undefined && !isLoopback(hostnameOf(host))) {
    return `Host ${JSON.stringify(host)} is not this machine: use localhost or 127.0.0.1`
  }
  return fetchesPlayback(facts) && isOfThisMachine(facts) ? undefined : originRefusal(facts)
}

/** Playback shows nothing of the control, and changes nothing, in any channel. */
const fetchesPlayback = ({ method, url }: RequestFacts): boolean => {
  const path = changesState(method) ? undefined : readPath(url ?? '', ANY_CHANNEL)
  return path !== undefined && isPlayback(path)
}

/** A page that this machine serves on another port may hold a player; other sites' pages may not. */
const isOfThisMachine = (facts: RequestFacts): boolean => {
  const origin = header(facts, 'origin')
  if (origin !== undefined) return isLoopback(urlOf(origin)?.hostname ?? '')
  return header(facts, 'sec-fetch-site') !== 'cross-site'
}

/** Requests that another site's page caused. Browsers send Origin, or else Sec-Fetch-Site. */
export const originRefusal = (facts: RequestFacts): string | undefined => {
  const origin = header(facts, 'origin')
  if (origin !== undefined && !isSameHost(origin, header(facts, 'host') ?? '')) {
    return `Origin ${JSON.stringify(origin)} is not Sluice's own page`
  }
  const site = header(facts, 'sec-fetch-site')
  const foreign = site === 'cross-site' || site === 'same-site'
  if (foreign && header(facts, 'sec-fetch-mode') !== 'navigate') {
    return `Sec-Fetch-Site ${JSON.stringify(site)}: only Sluice's own page may do this`
  }
  return undefined
}

/** Without the scheme: a proxy in front may end TLS. */
const isSameHost = (origin: string, host: string): boolean => {
  const url = urlOf(origin)
  if (url === undefined || url.host === '') return false
  return urlOf(`${url.protocol}//${host}`)?.host === url.host
}

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/** Host part of a Host header; '' for malformed text, which is foreign to every host. */
const hostnameOf = (host: string): string =>
  /^(\[[0-9a-f:.]+\]|[^:[\]/@?#\s]+)(?::\d{1,5})?$/i.exec(host)?.[1] ?? ''

export const changesState = (method: string | undefined): boolean =>
  method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'

export const header = (facts: RequestFacts, name: string): string | undefined => {
  const value = facts.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
