import { isIP } from 'node:net'
import { SluiceError } from '../../../contract/errors.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import { redactUrl } from '../../../lib/redact.ts'

export interface IcecastTarget {
  readonly transport: 'plain' | 'tls'
  readonly host: string
  readonly port: number
  readonly user: string
  /** As written; undefined when the URL has none. */
  readonly password: string | undefined
  /** As in the request line: starts with "/", percent-encoded. */
  readonly mount: string
}

type AddressedOutput = Pick<OutputSpec, 'id' | 'url'>

const DEFAULT_USER = 'source'
const DEFAULT_PORTS = { plain: 8_000, tls: 443 } as const
const PARTS = /^(icecasts?):\/\/(?:(.*)@)?(\[[^\]]+\]|[^/?#@:[\]]*)(?::(\d*))?([/?#].*)?$/is
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})$/
/** RFC 3986, pchar and "/". */
const PATH = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+$/

/**
 * `icecast://[user[:password]@]host[:port]/mount`, `icecasts://` over TLS. The password may be percent-encoded or not, or
 * a reference. Throws SluiceError `unsupported_url` with the output and the part that is wrong.
 */
export const parseIcecastTarget = (spec: AddressedOutput): IcecastTarget => {
  const match = PARTS.exec(spec.url)
  if (match === null)
    throw unsupportedUrl(spec, 'must look like icecast://source:password@host:8000/mount')
  const [, scheme, userinfo, bracketed = '', portText, path = ''] = match
  const transport = scheme!.toLowerCase() === 'icecasts' ? 'tls' : 'plain'
  return {
    transport,
    host: hostOf(spec, bracketed),
    port: portOf(spec, portText, DEFAULT_PORTS[transport]),
    ...userOf(spec, userinfo),
    mount: mountOf(spec, path),
  }
}

const hostOf = (spec: AddressedOutput, bracketed: string): string => {
  const host = bracketed.replace(/^\[|\]$/g, '')
  if (bracketed.startsWith('[') ? isIP(host) === 6 : HOST_NAME.test(host)) return host
  throw unsupportedUrl(
    spec,
    host === '' ? 'names no host' : `${JSON.stringify(bracketed)} is not a host`,
  )
}

const portOf = (spec: AddressedOutput, text: string | undefined, usual: number): number => {
  if (text === undefined) return usual
  const port = Number(text)
  if (text !== '' && port >= 1 && port <= 65_535) return port
  throw unsupportedUrl(spec, `port ${JSON.stringify(text)} must be from 1 to 65535`)
}

const userOf = (
  spec: AddressedOutput,
  userinfo: string | undefined,
): Pick<IcecastTarget, 'user' | 'password'> => {
  if (userinfo === undefined) return { user: DEFAULT_USER, password: undefined }
  const colon = userinfo.indexOf(':')
  const user = percentDecoded(colon < 0 ? userinfo : userinfo.slice(0, colon))
  const password = colon < 0 ? undefined : percentDecoded(userinfo.slice(colon + 1))
  // RFC 7617, 2: the colon ends the user's name, and control characters are not allowed.
  if (user.includes(':') || hasControlCharacters(user) || hasControlCharacters(password ?? '')) {
    throw unsupportedUrl(
      spec,
      'user and password must not hold control characters, the user no colon',
    )
  }
  return {
    user: user === '' ? DEFAULT_USER : user,
    password: password === '' ? undefined : password,
  }
}

const mountOf = (spec: AddressedOutput, path: string): string => {
  if (path === '' || path === '/') throw unsupportedUrl(spec, 'names no mount, as in /live.mp3')
  if (/[?#]/.test(path)) throw unsupportedUrl(spec, 'a mount has no "?" and no "#"')
  if (!PATH.test(path)) {
    throw unsupportedUrl(
      spec,
      `mount ${JSON.stringify(path)}: percent-encode other characters than those of RFC 3986`,
    )
  }
  if (/^\/admin(?:\/|$)/i.test(percentDecoded(path)))
    throw unsupportedUrl(spec, "/admin is Icecast's own")
  if (hasControlCharacters(percentDecoded(path)))
    throw unsupportedUrl(spec, 'a mount holds no control characters')
  return path
}

/** The text itself when it is not percent-encoded. */
export const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const hasControlCharacters = (text: string): boolean => /\p{Cc}/u.test(text)

const unsupportedUrl = ({ id, url }: AddressedOutput, why: string): SluiceError =>
  new SluiceError('unsupported_url', `output ${id}, url ${JSON.stringify(redactUrl(url))}: ${why}`)
