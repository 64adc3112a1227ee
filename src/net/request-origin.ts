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

/** Why a request to a server that only this machine reaches is refused: another site's page in a browser caused it. */
export const localRefusal = (facts: RequestFacts): string | undefined => {
  const host = header(facts, 'host')
  // A browser always sends Host; its absence is an old player's HTTP/1.0, which no foreign page can cause.
  if (host !== undefined && !isLoopback(hostnameOf(host))) {
    return `Host ${JSON.stringify(host)} is not this machine: use localhost or 127.0.0.1`
  }
  return fetchesPlayback(facts) && isOfThisMachine(facts) ? undefined : originRefusal(facts)
}

/** What players fetch shows nothing of the control, and changes nothing: whichever channel it is of. */
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

/** Requests that another site's page caused. Browsers tell by Origin, and by Sec-Fetch-Site where there is no Origin. */
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

/** The scheme is left out of the comparison: a proxy in front may end TLS. */
const isSameHost = (origin: string, host: string): boolean => {
  const url = urlOf(origin)
  if (url === undefined || url.host === '') return false
  return urlOf(`${url.protocol}//${host}`)?.host === url.host
}

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/** The host part of a Host header; text that is no such header comes back empty, which is foreign to everything. */
const hostnameOf = (host: string): string =>
  /^(\[[0-9a-f:.]+\]|[^:[\]/@?#\s]+)(?::\d{1,5})?$/i.exec(host)?.[1] ?? ''

export const changesState = (method: string | undefined): boolean =>
  method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'

export const header = (facts: RequestFacts, name: string): string | undefined => {
  const value = facts.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
