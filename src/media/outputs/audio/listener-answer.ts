import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'
import { CONTENT_TYPES, type CodedAudio } from './coded-audio.ts'
import { METAINT } from './icy.ts'

/** Description of a station in its answer's head. */
export interface Station {
  readonly name: string
  readonly genre?: string
  readonly description?: string
}

const RETRY_AFTER_SECONDS = '5'
const CORS = { 'Access-Control-Allow-Origin': '*' } as const

/** Titles are sent when requested. Ogg has no room for them between its pages. */
export const titleMode = (request: IncomingMessage, format: AudioEncoding): 'titles' | 'none' =>
  format !== 'opus' && request.headers['icy-metadata'] === '1' ? 'titles' : 'none'

/**
 * Head of an answer without end, length or chunks. Written to the socket directly: Node refuses names beyond Latin-1, and
 * players read UTF-8.
 */
export const streamHead = (
  station: Station,
  coded: Pick<CodedAudio, 'format' | 'bitrate'>,
  titles: 'titles' | 'none',
): Buffer => {
  const headers: readonly (readonly [string, string | undefined])[] = [
    ['Content-Type', CONTENT_TYPES[coded.format]],
    ['Cache-Control', 'no-store'],
    ...Object.entries(CORS),
    ['Access-Control-Expose-Headers', 'icy-br, icy-description, icy-genre, icy-metaint, icy-name'],
    ['Connection', 'close'],
    ['icy-name', station.name],
    ['icy-genre', station.genre],
    ['icy-description', station.description],
    ['icy-br', String(Math.round(coded.bitrate / 1_000))],
    ['icy-pub', '0'],
    ['icy-metaint', titles === 'titles' ? String(METAINT) : undefined],
  ]
  const lines = headers.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value.replaceAll(/\p{Cc}/gu, ' ')}\r\n`],
  )
  return Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`, 'utf8')
}

/** Permission for a page to ask for titles (Fetch, CORS preflight). */
export const answerPreflight = (response: ServerResponse): void => {
  response
    .writeHead(204, {
      ...CORS,
      'Access-Control-Allow-Methods': 'GET, HEAD',
      'Access-Control-Allow-Headers': 'Icy-MetaData, Range',
      'Access-Control-Max-Age': '86400',
    })
    .end()
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly why: string
}

export const refuseListener = (response: ServerResponse, { status, code, why }: Refusal): void => {
  const body = JSON.stringify({ error: code, message: why })
  response
    .writeHead(status, {
      ...CORS,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
      ...(status === 405 && { Allow: 'GET, HEAD' }),
      ...(status === 503 && { 'Retry-After': RETRY_AFTER_SECONDS }),
    })
    .end(body)
}
