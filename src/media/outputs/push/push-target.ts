import { SluiceError } from '../../../contract/errors.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import { redactUrl } from '../../../lib/redact.ts'
import { secretReference } from '../interface/secret-reference.ts'
import { platformNamed, PLATFORMS, type Platform } from './platforms.ts'

export interface PushTarget {
  readonly kind: 'rtmp' | 'rtmps'
  readonly host: string
  readonly port: number
  readonly app: string
  /** Address as sent to the server: without the key. */
  readonly tcUrl: string
  /** The stream key or a reference to it: for `resolveSecret`. */
  readonly key: string
  /** The setting with the key, for messages. */
  readonly keyField: string
  /** "?a=b", or empty: belongs to the stream name. */
  readonly query: string
  /** Without secrets. */
  readonly displayUrl: string
  readonly platform?: Platform
}

const DEFAULT_PORTS = { rtmp: 1_935, rtmps: 443 } as const
const ADDRESS = /^(rtmps?):\/\/([^/?#]*)(\/[^#]*)?$/is
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^:@[\]\s]+)(?::(\d{1,5}))?$/i
/** A key that is a reference, whose file path has slashes of its own. */
const ENDS_WITH_REFERENCE = /^(.*?)\/?(\{(?:env|file):[^{}]*\})(\?.*)?$/s
const PRESET = new RegExp(`^(${PLATFORMS.map(({ name }) => name).join('|')}):(?://)?(.*)$`, 'is')

export const isPushUrl = (url: string): boolean => /^rtmps?:/i.test(url) || PRESET.test(url)

/**
 * `rtmp://host[:port]/app/key?query`, `rtmps://…`, `twitch:key`, `kick:key`, `youtube:key`; with push.key, without the key.
 * Throws SluiceError `unsupported_url` or `option_refused`, with the field and the value, never the key.
 */
export const parsePushTarget = ({ id, url, push }: OutputSpec): PushTarget => {
  const preset = PRESET.exec(url)
  const where = `output ${id}`
  if (preset === null) return parseAddress(url, push?.key, where)
  const platform = platformNamed(preset[1]!)!
  const [inUrl, query] = splitAt(preset[2]!, '?')
  const example = `${platform.name}:{env:KEY}`
  const secret = secretOf({ inUrl, given: push?.key, where, example })
  const target = parseAddress(`${platform.ingest}/${query}`, '-', where)
  return { ...target, ...secret, platform, displayUrl: `${platform.name}:${displayKey(secret)}` }
}

const parseAddress = (url: string, givenKey: string | undefined, where: string): PushTarget => {
  const refuse = (why: string): never => {
    throw new SluiceError(
      'unsupported_url',
      `${where}, url ${JSON.stringify(redactedUrl(url))}: ${why}; write rtmp://host/app/key or rtmps://host/app/key`,
    )
  }
  const parts = ADDRESS.exec(url) ?? refuse('it cannot be read')
  const kind = parts[1]!.toLowerCase() === 'rtmps' ? 'rtmps' : 'rtmp'
  const authority = parts[2]!
  if (authority.includes('@')) refuse('names and passwords in the address are not sent')
  const [, bracketed, portText] = AUTHORITY.exec(authority) ?? refuse('the host is missing')
  const port = portText === undefined ? DEFAULT_PORTS[kind] : Number(portText)
  if (port < 1 || port > 65_535) refuse(`port ${port} is not between 1 and 65535`)
  const { app, inUrl, query } = splitPath(parts[3] ?? '', givenKey !== undefined)
  if (app === '') refuse('the app is missing')
  const example = 'rtmp://host/app/{env:KEY}'
  const secret = secretOf({ inUrl, given: givenKey, where, example })
  const base = `${kind}://${authority}/${app}`
  return {
    kind,
    host: bracketed!.replace(/^\[|\]$/g, ''),
    port,
    app,
    tcUrl: base,
    ...secret,
    query,
    displayUrl: `${base}/${displayKey(secret)}${redactUrl(`x://h/${query}`).slice('x://h/'.length)}`,
  }
}

interface PathParts {
  readonly app: string
  readonly inUrl: string
  readonly query: string
}

/** The last part is the key, the rest the app (one part, or two with an instance); with push.key all is the app. */
const splitPath = (path: string, isKeyGiven: boolean): PathParts => {
  const reference = ENDS_WITH_REFERENCE.exec(path)
  if (reference !== null) {
    return { app: trimSlashes(reference[1]!), inUrl: reference[2]!, query: reference[3] ?? '' }
  }
  const [whole, query] = splitAt(path, '?')
  const trimmed = trimSlashes(whole)
  if (isKeyGiven) return { app: trimmed, inUrl: '', query }
  const slash = trimmed.lastIndexOf('/')
  if (slash < 0) return { app: trimmed, inUrl: '', query }
  return { app: trimmed.slice(0, slash), inUrl: trimmed.slice(slash + 1), query }
}

const secretOf = (from: {
  readonly inUrl: string
  readonly given: string | undefined
  readonly where: string
  readonly example: string
}): Pick<PushTarget, 'key' | 'keyField'> => {
  const { inUrl, given, where, example } = from
  if (inUrl !== '' && given !== undefined) {
    throw new SluiceError(
      'option_refused',
      `${where}: the stream key is in the url and in push.key; leave one out`,
    )
  }
  const text = inUrl === '' ? given : inUrl
  if (text === undefined) {
    throw new SluiceError(
      'option_refused',
      `${where}: the stream key is missing; end the url with it (${example}) or set push.key`,
    )
  }
  const keyField = inUrl === '' ? `${where}, push.key` : `${where}, the key in the url`
  secretReference(text, keyField)
  return { key: text, keyField }
}

/** A reference is no secret. */
const displayKey = ({ key, keyField }: Pick<PushTarget, 'key' | 'keyField'>): string =>
  secretReference(key, keyField) === undefined ? '***' : key

/** A mistaken URL may have the key anywhere after the host, and a password before it. */
const redactedUrl = (url: string): string => {
  const [, scheme = '', host = ''] = /^([a-z]+:(?:\/\/)?)([^/?#@]*)/i.exec(url) ?? []
  return `${scheme}${url.includes('@') ? '' : host}/…`
}

const trimSlashes = (text: string): string => text.replace(/^\/+|\/+$/g, '')

const splitAt = (text: string, mark: string): [string, string] => {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}
