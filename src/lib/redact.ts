/** What stands where a secret was. */
const REDACTED = '***'

/** Below this length a value is too common to be searched for in arbitrary text. */
const SHORTEST_SEARCHED = 3

// A whole word of the name ("api_key", but not "keyframes"), or a telling part of it ("wmsAuthSign", "accessToken2").
const SECRET_NAME =
  /^(?:.*[-_.])?(?:key|pass|pwd|sign|sig|hash|auth|authorization|jwt|hmac|md5|st|session|sessionid|streamid|policy)$|token|secret|passw|passphrase|signature|apikey|accesskey|streamkey|authsign|credential/i

const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s'"<>]+/gi
const HEADER_IN_TEXT =
  /\b((?:proxy-)?authorization|cookie|x-[a-z-]*(?:key|token))(\s*[:=]\s*)([^\r\n'"]+)/gi

interface UrlParts {
  readonly scheme: string
  readonly userinfo: string | undefined
  readonly host: string
  readonly path: string
  readonly query: string | undefined
  readonly fragment: string | undefined
}

// RFC 3986, appendix B, by hand: WHATWG URL rewrites what it does not know (rtmp keys, "[::1]" of udp, options in commas),
// and refuses some addresses that FFmpeg takes.
const URL_PARTS =
  /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is

const parts = (url: string): UrlParts | undefined => {
  const m = URL_PARTS.exec(url)
  if (m === null) return undefined
  return {
    scheme: m[1]!.toLowerCase(),
    userinfo: m[2],
    host: m[3]!,
    path: m[4]!,
    query: m[5],
    fragment: m[6],
  }
}

const isRtmp = (scheme: string): boolean => /^rtmp(?:s|t|e|te|ts)?(?:-listen)?$/.test(scheme)

/** "a=b&c=d": the values whose names speak of secrets. FFmpeg's protocols and SRT's streamid use the same form. */
const secretsOfQuery = (query: string): string[] =>
  query.split('&').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at > 0 && SECRET_NAME.test(decoded(pair.slice(0, at))) ? [pair.slice(at + 1)] : []
  })

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The last path segment of an RTMP URL is the stream key. */
const rtmpKey = (path: string): string | undefined => {
  const segments = path.split('/').filter((s) => s !== '')
  return segments.length >= 2 ? segments.at(-1) : undefined
}

const passwordOf = (userinfo: string): string | undefined => {
  const colon = userinfo.indexOf(':')
  return colon < 0 ? undefined : userinfo.slice(colon + 1)
}

/** Everything in the URL that must not be seen, as written and as decoded. Searched for in any text by `redactText`. */
export const secretsOfUrl = (url: string): string[] => {
  const p = parts(url)
  if (p === undefined) return []
  const found: (string | undefined)[] = []
  if (p.userinfo !== undefined) found.push(passwordOf(p.userinfo) ?? p.userinfo)
  if (isRtmp(p.scheme)) found.push(rtmpKey(p.path))
  if (p.query !== undefined) found.push(...secretsOfQuery(p.query))
  if (p.fragment !== undefined) found.push(...secretsOfQuery(p.fragment))
  const texts = found.filter((s): s is string => s !== undefined && s !== '')
  return [...new Set(texts.flatMap((s) => [s, decoded(s)]))]
}

const redactQuery = (query: string): string =>
  query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      const secret = at > 0 && SECRET_NAME.test(decoded(pair.slice(0, at)))
      return secret ? `${pair.slice(0, at)}=${REDACTED}` : pair
    })
    .join('&')

const redactUserinfo = (userinfo: string): string =>
  passwordOf(userinfo) === undefined ? REDACTED : `${userinfo.split(':')[0]}:${REDACTED}`

const redactRtmpPath = (path: string): string => {
  const key = rtmpKey(path)
  if (key === undefined) return path
  const at = path.lastIndexOf(key)
  return `${path.slice(0, at)}${REDACTED}${path.slice(at + key.length)}`
}

/** The URL with passwords, stream keys, passphrases and tokens replaced; text that is no URL comes back as it is. */
export const redactUrl = (url: string): string => {
  const p = parts(url)
  if (p === undefined) return url
  const userinfo = p.userinfo === undefined ? '' : `${redactUserinfo(p.userinfo)}@`
  const path = isRtmp(p.scheme) ? redactRtmpPath(p.path) : p.path
  const query = p.query === undefined ? '' : `?${redactQuery(p.query)}`
  const fragment = p.fragment === undefined ? '' : `#${redactQuery(p.fragment)}`
  return `${url.slice(0, p.scheme.length)}://${userinfo}${p.host}${path}${query}${fragment}`
}

/**
 * A function that cleans any text (a log field, an error, a line of FFmpeg's stderr): the given secrets wherever they
 * stand, then what looks like a secret in every URL and every header found in the text.
 */
export const redactor = (secrets: readonly string[]): ((text: string) => string) => {
  // Longest first, so that a secret that contains another leaves no remainder.
  const searched = [...new Set(secrets)]
    .filter((s) => s.length >= SHORTEST_SEARCHED)
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const secret of searched) clean = clean.replaceAll(secret, REDACTED)
    return clean.replace(URL_IN_TEXT, redactUrl).replace(HEADER_IN_TEXT, `$1$2${REDACTED}`)
  }
}

/** `redactor` for one text. */
export const redactText = (text: string, secrets: readonly string[] = []): string =>
  redactor(secrets)(text)
