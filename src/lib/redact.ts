/** Replacement for a secret. */
const REDACTED = '***'

/** Below this length a value is too common to be searched for in arbitrary text. */
const MIN_SEARCHED_CHARS = 3

// A whole word of the name ("api_key", but not "keyframes"), or a revealing part of it ("wmsAuthSign", "accessToken2").
const SECRET_NAME =
  /^(?:.*[-_.])?(?:key|pass|pwd|sign|sig|hash|auth|authorization|jwt|hmac|md5|st|session|sessionid|streamid|policy)$|token|secret|passw|passphrase|signature|apikey|accesskey|streamkey|authsign|credential/i

/** An address ends where the next one of a list begins: "a=rtmp://h/a/k;b=rtmp://h/a/k", "rtmp://h/a/k|[f=flv]srt://…". */
const URL_IN_TEXT =
  /\b[a-z][a-z0-9+.-]*:\/\/(?:(?![;,|&](?:\[[^\]\s]{0,80}\])?(?:[\w.-]{1,64}=)?[a-z][a-z0-9+.-]{0,31}:\/\/)[^\s'"<>])+/gi

/**
 * `twitch:KEY`: platforms whose address is fixed, so that only the stream key is written; and addresses with one slash
 * missing. `icecast:8000` is a host and its port.
 */
const BARE_KEY =
  /^(twitch|kick|youtube|rtmps?|srt|icecasts?):(?!\/\/|\d{1,5}(?:\/|$))(.*)$|^(twitch|kick|youtube):\/\/(.*)$/is
const BARE_KEY_IN_TEXT =
  /\b(?:twitch|kick|youtube|rtmps?|srt|icecasts?):(?!\/\/|\d{1,5}(?:[/\s]|$))[^\s'"<>,;]+/gi

/** Characters that end a clause, not an address. */
const PUNCTUATION_AT_END = /[).,;:]+$/

/** Reference to a secret, not the secret itself: `{env:NAME}`, `{file:/path}`. */
const REFERENCE = /^\{(?:env|file):[^{}]+\}$/
const REFERENCE_AT_END = /\/\{(?:env|file):[^{}]+\}$/
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

// RFC 3986, appendix B, by hand: WHATWG URL rewrites unfamiliar parts (rtmp keys, "[::1]" of udp, options in commas),
// and refuses some addresses that FFmpeg accepts.
const URL_PARTS =
  /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is

// A password of an icecast:// address may hold anything, also what should have been escaped.
const ICECAST_PARTS = /^(icecasts?):\/\/(?:(.*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is

const parseUrl = (url: string): UrlParts | undefined => {
  const m = ICECAST_PARTS.exec(url) ?? URL_PARTS.exec(url)
  if (m === null) return undefined
  const scheme = m[1]!.toLowerCase()
  const [userinfo, host, path] = [m[2], m[3]!, m[4]!]
  // "#" begins no fragment in SRT: streamid=#!::r=…
  if (scheme === 'srt' && m[6] !== undefined) {
    return { scheme, userinfo, host, path, query: `${m[5] ?? ''}#${m[6]}`, fragment: undefined }
  }
  return { scheme, userinfo, host, path, query: m[5], fragment: m[6] }
}

const bareKeyOf = (url: string): { readonly scheme: string; readonly key: string } | undefined => {
  const m = BARE_KEY.exec(url)
  return m === null ? undefined : { scheme: (m[1] ?? m[3])!, key: (m[2] ?? m[4])! }
}

const isRtmp = (scheme: string): boolean => /^rtmp(?:s|t|e|te|ts)?(?:-listen)?$/.test(scheme)

/** "a=b&c=d": values whose names suggest secrets. FFmpeg's protocols and SRT's streamid use the same form. */
const secretsOfQuery = (query: string): string[] =>
  query.split('&').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at > 0 && SECRET_NAME.test(percentDecoded(pair.slice(0, at))) ? [pair.slice(at + 1)] : []
  })

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The last path segment of an RTMP URL is the stream key. */
const rtmpKey = (path: string): string | undefined => {
  if (REFERENCE_AT_END.test(path)) return undefined
  const segments = path.split('/').filter((s) => s !== '')
  return segments.length >= 2 ? segments.at(-1) : undefined
}

const passwordOf = (userinfo: string): string | undefined => {
  const colon = userinfo.indexOf(':')
  return colon < 0 ? undefined : userinfo.slice(colon + 1)
}

/** The password; without one, the whole userinfo (a token), except for Icecast, where it is the user name ("source"). */
const secretOfUserinfo = ({ scheme, userinfo }: UrlParts): string | undefined =>
  userinfo === undefined
    ? undefined
    : (passwordOf(userinfo) ?? (/^icecasts?$/.test(scheme) ? undefined : userinfo))

const isSecret = (text: string | undefined): text is string =>
  text !== undefined && text !== '' && !REFERENCE.test(text)

/** True for an example address in help or an error: rtmp://host/app/key. */
const isExample = (host: string, secret: string | undefined): boolean =>
  /^host(?::\d+)?$/.test(host) && (secret === 'key' || secret === 'password')

/**
 * All secrets of the URL, as written and as decoded, for `redactText` to search for; references are left out, since they
 * contain no secret.
 */
export const secretsOfUrl = (url: string): string[] => {
  const bareKey = bareKeyOf(url)
  if (bareKey !== undefined) return [bareKey.key].filter(isSecret)
  const p = parseUrl(url)
  if (p === undefined) return []
  const found: (string | undefined)[] = [secretOfUserinfo(p)]
  if (isRtmp(p.scheme)) found.push(rtmpKey(p.path))
  if (p.query !== undefined) found.push(...secretsOfQuery(p.query))
  if (p.fragment !== undefined) found.push(...secretsOfQuery(p.fragment))
  return [...new Set(found.filter(isSecret).flatMap((s) => [s, percentDecoded(s)]))]
}

const redactQuery = (query: string): string =>
  query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      const secret = at > 0 && SECRET_NAME.test(percentDecoded(pair.slice(0, at)))
      return secret && isSecret(pair.slice(at + 1)) ? `${pair.slice(0, at)}=${REDACTED}` : pair
    })
    .join('&')

const redactUserinfo = (p: UrlParts): string => {
  if (p.userinfo === undefined) return ''
  const secret = secretOfUserinfo(p)
  if (!isSecret(secret) || isExample(p.host, secret)) return `${p.userinfo}@`
  return `${p.userinfo.slice(0, p.userinfo.length - secret.length)}${REDACTED}@`
}

const redactRtmpPath = ({ path, host }: UrlParts): string => {
  const key = rtmpKey(path)
  if (key === undefined || isExample(host, key)) return path
  const at = path.lastIndexOf(key)
  return `${path.slice(0, at)}${REDACTED}${path.slice(at + key.length)}`
}

/** URL with passwords, stream keys, passphrases and tokens replaced; text that is no URL is returned unchanged. */
export const redactUrl = (url: string): string => {
  const bareKey = bareKeyOf(url)
  if (bareKey !== undefined) {
    const isShown = !isSecret(bareKey.key) || bareKey.key === 'key'
    return isShown ? url : `${bareKey.scheme}:${REDACTED}`
  }
  const p = parseUrl(url)
  if (p === undefined) return url
  const userinfo = redactUserinfo(p)
  const path = isRtmp(p.scheme) ? redactRtmpPath(p) : p.path
  const query = p.query === undefined ? '' : `?${redactQuery(p.query)}`
  const fragment = p.fragment === undefined ? '' : `#${redactQuery(p.fragment)}`
  return `${url.slice(0, p.scheme.length)}://${userinfo}${p.host}${path}${query}${fragment}`
}

const redactMatch = (found: string): string => {
  const end = PUNCTUATION_AT_END.exec(found)?.[0] ?? ''
  return redactUrl(found.slice(0, found.length - end.length)) + end
}

/**
 * A function that cleans any text (a log field, an error, a line of FFmpeg's stderr): the given secrets wherever they
 * stand, then what looks like a secret in every URL and every header found in the text.
 */
export const redactor = (secrets: readonly string[]): ((text: string) => string) => {
  // Longest first, so that a secret that contains another leaves no remainder.
  const searched = [...new Set(secrets)]
    .filter((s) => s.length >= MIN_SEARCHED_CHARS)
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const secret of searched) clean = clean.replaceAll(secret, REDACTED)
    return clean
      .replace(URL_IN_TEXT, redactMatch)
      .replace(BARE_KEY_IN_TEXT, redactMatch)
      .replace(HEADER_IN_TEXT, `$1$2${REDACTED}`)
  }
}

/** `redactor` for one text. */
export const redactText = (text: string, secrets: readonly string[] = []): string =>
  redactor(secrets)(text)
