import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { SluiceError } from '../../contract/errors.ts'
import { channelId } from '../../contract/ids.ts'
import { isPlayback, readPath } from '../../contract/paths.ts'

const ANY_CHANNEL = channelId('any')

/** Who may do what, decided once from the listen address. */
export type AccessPolicy =
  /** Only this machine can connect; what must be kept out is other sites' pages in a browser on it. */
  | { readonly kind: 'loopback' }
  /** Others can connect: a token is demanded for everything that changes state. */
  | { readonly kind: 'token'; readonly tokenHash: Buffer }

/** The facts of a request that decide about access. Header names in lower case, as node:http gives them. */
export interface AccessFacts {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

export interface AccessRefusal {
  readonly code: 'unauthorized' | 'forbidden'
  readonly message: string
}

/**
 * The policy for a listen address. Throws `config_invalid` when others could reach it and there is no token: call it before
 * anything is started.
 */
export const accessPolicy = (listenHost: string, token: string | undefined): AccessPolicy => {
  if (isLoopback(listenHost)) return { kind: 'loopback' }
  if (token === undefined || token === '') {
    throw new SluiceError(
      'config_invalid',
      `listening on ${JSON.stringify(listenHost)} lets other machines control the channel: give a token with --token or SLUICE_TOKEN, or listen on 127.0.0.1`,
    )
  }
  return { kind: 'token', tokenHash: hashOf(token) }
}

/** localhost, 127.0.0.0/8 or ::1, with or without brackets. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (name === 'localhost' || name === 'localhost.') return true
  if (isIPv4(name)) return name.startsWith('127.')
  return isIPv6(name) && urlOf(`http://[${name}]`)?.hostname === '[::1]'
}

/** Undefined when the request may pass. */
export const judgeAccess = (facts: AccessFacts, policy: AccessPolicy): AccessRefusal | undefined =>
  policy.kind === 'loopback' ? judgeOnLoopback(facts) : judgeWithToken(facts, policy.tokenHash)

const judgeOnLoopback = (facts: AccessFacts): AccessRefusal | undefined => {
  const host = header(facts, 'host')
  // A browser always sends Host; its absence is an old player's HTTP/1.0, which no foreign page can cause.
  if (host !== undefined && !isLoopback(hostnameOf(host))) {
    return forbidden(`Host ${JSON.stringify(host)} is not this machine: use localhost or 127.0.0.1`)
  }
  return fetchesPlayback(facts) && isOfThisMachine(facts) ? undefined : judgeOrigin(facts)
}

/** What players fetch shows nothing of the control, and changes nothing: whichever channel it is of. */
const fetchesPlayback = ({ method, url }: AccessFacts): boolean => {
  const path = changesState(method) ? undefined : readPath(url ?? '', ANY_CHANNEL)
  return path !== undefined && isPlayback(path)
}

/** A page that this machine serves on another port may hold a player; other sites' pages may not. */
const isOfThisMachine = (facts: AccessFacts): boolean => {
  const origin = header(facts, 'origin')
  if (origin !== undefined) return isLoopback(urlOf(origin)?.hostname ?? '')
  return header(facts, 'sec-fetch-site') !== 'cross-site'
}

const judgeWithToken = (facts: AccessFacts, tokenHash: Buffer): AccessRefusal | undefined => {
  if (!changesState(facts.method)) return undefined
  const foreign = judgeOrigin(facts)
  if (foreign !== undefined) return foreign
  const given = tokenOf(facts)
  if (given === undefined) {
    return {
      code: 'unauthorized',
      message:
        'this changes state: send "Authorization: Bearer <token>" or "X-Sluice-Token: <token>"',
    }
  }
  // Both sides are hashed to one length: the comparison tells nothing about the token, not even its length.
  if (!timingSafeEqual(hashOf(given), tokenHash)) {
    return { code: 'unauthorized', message: 'the token is not the one Sluice was started with' }
  }
  return undefined
}

/** Requests that another site's page caused. Browsers tell by Origin, and by Sec-Fetch-Site where there is no Origin. */
const judgeOrigin = (facts: AccessFacts): AccessRefusal | undefined => {
  const origin = header(facts, 'origin')
  if (origin !== undefined && !isSameHost(origin, header(facts, 'host') ?? '')) {
    return forbidden(`Origin ${JSON.stringify(origin)} is not Sluice's own page`)
  }
  const site = header(facts, 'sec-fetch-site')
  const foreign = site === 'cross-site' || site === 'same-site'
  if (foreign && header(facts, 'sec-fetch-mode') !== 'navigate') {
    return forbidden(`Sec-Fetch-Site ${JSON.stringify(site)}: only Sluice's own page may do this`)
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

const changesState = (method: string | undefined): boolean =>
  method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'

const tokenOf = (facts: AccessFacts): string | undefined => {
  const bearer = /^Bearer +(\S+) *$/i.exec(header(facts, 'authorization') ?? '')?.[1]
  return bearer ?? header(facts, 'x-sluice-token')
}

const header = (facts: AccessFacts, name: string): string | undefined => {
  const value = facts.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

const forbidden = (message: string): AccessRefusal => ({ code: 'forbidden', message })
