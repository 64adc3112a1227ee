import { SluiceError } from '../../../contract/errors.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import { redactUrl } from '../../../lib/redact.ts'
import { secretReference } from '../interface/secret-reference.ts'

/** Target of an SRT push. Secrets are as given: in full, or as a reference. */
export interface SrtTarget {
  readonly mode: 'caller' | 'listener'
  /** As FFmpeg reads it: a name, an IPv4 address, "[::1]". */
  readonly host: string
  readonly port: number
  /** FFmpeg's names for the rest; times in microseconds. */
  readonly options: ReadonlyMap<string, string>
  readonly passphrase: string | undefined
  readonly streamId: string | undefined
}

/** SRT carries seven transport stream packets in a message: the most that fit an Ethernet frame. */
export const MESSAGE_BYTES = 7 * 188
/** Haivision SRT 1.5, SRTO_PASSPHRASE and SRTO_STREAMID: bytes. */
const MIN_PASSPHRASE_BYTES = 10
const MAX_PASSPHRASE_BYTES = 79
const MAX_STREAM_ID_BYTES = 512
/** FFmpeg's latency is in microseconds: a value from 1 to below this was meant in milliseconds. */
const MIN_LATENCY_US = 1_000

const NUMBER = /^\d{1,15}$/
const SWITCH = /^[01]$/
const WORD = /^[\w.+-]{1,64}$/

/** Options allowed in the address, named as for SRT sources, with their values. */
const ALLOWED: ReadonlyMap<string, RegExp> = new Map<string, RegExp>([
  ...optionsOf(NUMBER, 'latency rcvlatency peerlatency connect_timeout timeout listen_timeout'),
  ...optionsOf(NUMBER, 'maxbw inputbw oheadbw mss ffs ipttl iptos sndbuf snddropdelay lossmaxttl'),
  ...optionsOf(NUMBER, 'kmrefreshrate kmpreannounce minversion linger'),
  ...optionsOf(SWITCH, 'tlpktdrop nakreport enforced_encryption'),
  ['pbkeylen', /^(?:16|24|32)$/],
  ['smoother', WORD],
  ['transtype', /^live$/],
])

const LATENCIES = new Set(['latency', 'rcvlatency', 'peerlatency'])

const ADDRESS = /^srt:\/\/(\[[0-9a-f:.%]+\]|[^/?#:@[\]\s]*):(\d{1,5})\/?(?:\?(.*))?$/is

function optionsOf(value: RegExp, names: string): [string, RegExp][] {
  return names.split(' ').map((name) => [name, value])
}

/**
 * `srt://host:port?mode=caller|listener&latency=…&passphrase=…&streamid=…`.
 * Throws SluiceError `unsupported_url` or `option_refused`, without secrets.
 */
export const parseSrtTarget = ({ id, url, push }: OutputSpec): SrtTarget => {
  const match = ADDRESS.exec(url)
  if (match === null || Number(match[2]) < 1 || Number(match[2]) > 65_535) {
    throw new SluiceError(
      'unsupported_url',
      `output ${id}, url ${JSON.stringify(redactUrl(url))} must be srt://host:port, port 1 to 65535, ` +
        'options behind "?"',
    )
  }
  if (push?.recipe === 'encode') {
    throw new SluiceError(
      'option_refused',
      `output ${id}, push.recipe "encode": SRT carries the program as it is; use auto or copy`,
    )
  }
  const given = givenOptions(id, match[3] ?? '')
  const mode = modeOf(id, given.get('mode'))
  const passphrase = given.get('passphrase')
  const streamId = streamIdOf(id, given, push?.key)
  if (passphrase !== undefined) checkPassphrase(passphrase, `output ${id}, passphrase`)
  if (streamId !== undefined) checkStreamId(streamId, `output ${id}, streamid`)
  const host = match[1]!
  if (host === '' && mode === 'caller') {
    throw new SluiceError('unsupported_url', `output ${id}: srt://host:port names no host to call`)
  }
  const options = new Map(
    [...given].flatMap(([name, value]) =>
      HANDLED_OPTIONS.has(name) ? [] : [[name, value] as const],
    ),
  )
  for (const [name, value] of options) checkOption(id, name, value)
  // Listening on all addresses must be explicit.
  return { mode, host: host || '127.0.0.1', port: Number(match[2]), options, passphrase, streamId }
}

const HANDLED_OPTIONS = new Set(['mode', 'passphrase', 'streamid', 'srt_streamid'])

/** Checked after references were resolved: SRT would refuse it with "bad parameters". */
export const checkPassphrase = (passphrase: string, field: string): void => {
  if (secretReference(passphrase, field) !== undefined) return
  const bytes = Buffer.byteLength(passphrase)
  const fits = bytes >= MIN_PASSPHRASE_BYTES && bytes <= MAX_PASSPHRASE_BYTES
  if (fits && isOneLine(passphrase)) return
  throw new SluiceError(
    'option_refused',
    `${field} must be ${MIN_PASSPHRASE_BYTES} to ${MAX_PASSPHRASE_BYTES} bytes in one line, but has ${bytes}`,
  )
}

export const checkStreamId = (streamId: string, field: string): void => {
  if (secretReference(streamId, field) !== undefined) return
  if (Buffer.byteLength(streamId) <= MAX_STREAM_ID_BYTES && isOneLine(streamId)) return
  throw new SluiceError(
    'option_refused',
    `${field} must be at most ${MAX_STREAM_ID_BYTES} bytes in one line`,
  )
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const isOneLine = (text: string): boolean => !/[\u0000-\u001f\u007f]/.test(text)

const givenOptions = (id: string, query: string): Map<string, string> => {
  const given = new Map<string, string>()
  for (const pair of query.split('&').filter((each) => each !== '')) {
    const at = pair.indexOf('=')
    const name = at < 0 ? pair : pair.slice(0, at)
    if (given.has(name)) {
      throw new SluiceError('option_refused', `output ${id}: option "${name}" is given twice`)
    }
    given.set(name, percentDecoded(at < 0 ? '' : pair.slice(at + 1)))
  }
  return given
}

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const modeOf = (id: string, given = 'caller'): SrtTarget['mode'] => {
  if (given === 'caller' || given === 'listener') return given
  throw new SluiceError(
    'option_refused',
    `output ${id}: mode=${given} must be caller (we connect) or listener (they do)`,
  )
}

const streamIdOf = (
  id: string,
  given: ReadonlyMap<string, string>,
  key: string | undefined,
): string | undefined => {
  const all = [given.get('streamid'), given.get('srt_streamid'), key]
  const values = all.filter((each) => each !== undefined)
  if (values.length <= 1) return values[0]
  throw new SluiceError(
    'option_refused',
    `output ${id}: the stream id is given twice; use one of streamid in the url and push.key`,
  )
}

const checkOption = (id: string, name: string, value: string): void => {
  const shape = ALLOWED.get(name)
  if (shape === undefined) {
    const names = [...ALLOWED.keys(), 'mode', 'passphrase', 'streamid'].sort().join(', ')
    throw new SluiceError(
      'option_refused',
      `output ${id}: SRT option ${JSON.stringify(name)} is not allowed; allowed are ${names}`,
    )
  }
  if (!shape.test(value)) {
    throw new SluiceError(
      'option_refused',
      `output ${id}: SRT option ${name} cannot have the value ${JSON.stringify(value)}`,
    )
  }
  if (LATENCIES.has(name) && Number(value) > 0 && Number(value) < MIN_LATENCY_US) {
    throw new SluiceError(
      'option_refused',
      `output ${id}: ${name}=${value} is in microseconds, as in SRT sources: ${value} ms are ${value}000`,
    )
  }
}

/** Address for FFmpeg, without secrets. */
export const srtAddress = ({ mode, host, port, options }: SrtTarget): string => {
  const rest = [...options].map(([name, value]) => `&${name}=${value}`).join('')
  return `srt://${host}:${port}?mode=${mode}&pkt_size=${MESSAGE_BYTES}${rest}`
}
