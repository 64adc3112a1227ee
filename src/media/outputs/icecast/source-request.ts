import { Buffer } from 'node:buffer'
import type { IcecastSpec } from '../../../contract/output-spec.ts'
import { CONTENT_TYPES, type CodedAudio } from '../audio/coded-audio.ts'
import { percentDecoded, type IcecastTarget } from './icecast-target.ts'

export interface SourceRequest {
  readonly target: IcecastTarget
  /** Resolved. */
  readonly password: string
  readonly coded: CodedAudio
  readonly spec: Pick<IcecastSpec, 'name' | 'genre' | 'description' | 'public'>
}

const HEAD_END = '\r\n\r\n'
const MAX_STATUS_LINE_CHARS = 500
const USER_AGENT = 'Sluice'

export const authorization = (target: IcecastTarget, password: string): string =>
  `Basic ${Buffer.from(`${target.user}:${password}`, 'utf8').toString('base64')}`

export const hostHeader = ({ host, port }: IcecastTarget): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Head of the source's only request. Its body has no length and no chunks: it ends with the connection. */
export const sourceHead = ({ target, password, coded, spec }: SourceRequest): Buffer => {
  const kilobits = Math.round(coded.bitrate / 1_000)
  const headers: readonly (readonly [string, string | undefined])[] = [
    ['Host', hostHeader(target)],
    ['Authorization', authorization(target, password)],
    ['User-Agent', USER_AGENT],
    ['Content-Type', CONTENT_TYPES[coded.format]],
    ['Ice-Public', spec.public ? '1' : '0'],
    ['Ice-Name', spec.name],
    ['Ice-Genre', spec.genre],
    ['Ice-Description', spec.description],
    ['Ice-Bitrate', String(kilobits)],
    [
      'Ice-Audio-Info',
      `ice-samplerate=${coded.sampleRate};ice-bitrate=${kilobits};ice-channels=${coded.channels}`,
    ],
    ['Expect', '100-continue'],
  ]
  const lines = headers.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}: ${value}`],
  )
  const head = [`PUT ${target.mount} HTTP/1.1`, ...lines].join('\r\n') + HEAD_END
  return Buffer.from(head, coded.format === 'opus' || !isLatin1(head) ? 'utf8' : 'latin1')
}

/** Icecast reads names as ISO 8859-1 where a mount has no other charset (Ogg: UTF-8). */
const isLatin1 = (text: string): boolean => [...text].every((char) => char.charCodeAt(0) <= 0xff)

/** The path that sets a mount's title. Icecast takes the mount unescaped once more than the request line. */
export const titlePath = ({ mount }: IcecastTarget, title: string): string => {
  const query = new URLSearchParams({
    mode: 'updinfo',
    mount: percentDecoded(mount),
    song: title,
    charset: 'UTF-8',
  })
  return `/admin/metadata?${query.toString().replaceAll('+', '%20')}`
}

export interface SourceAnswer {
  readonly status: number
  /** Icecast's text: of the status line, and of the body where there is one. */
  readonly text: string
}

/** Undefined until the head is complete; status 0 for an answer that is not HTTP. */
export const parseAnswer = (received: string): SourceAnswer | undefined => {
  const end = received.indexOf(HEAD_END)
  const line = /^(?:HTTP\/1\.[01]|ICY) (\d{3})(?: ([^\r\n]*))?\r?\n/.exec(received)
  if (line === null) {
    const mayBecome = received.length < MAX_STATUS_LINE_CHARS && !received.includes('\n')
    return mayBecome ? undefined : { status: 0, text: plainText(received.slice(0, 60)) }
  }
  if (end < 0) return undefined
  const body = plainText(received.slice(end + HEAD_END.length).replaceAll(/<[^>]*>/g, ' '))
  const said = [plainText(line[2] ?? ''), body].filter((part) => part !== '')
  return { status: Number(line[1]), text: said.join(': ').slice(0, 200) }
}

const plainText = (text: string): string => text.replaceAll(/[\p{Cc} ]+/gu, ' ').trim()
