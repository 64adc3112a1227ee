import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Body {
  readonly bytes: Uint8Array
  readonly type: string
  /** Cache-Control. */
  readonly cache: string
  /** ETag with its quotes. */
  readonly etag: string
  /** `gzip`, where these bytes are compressed. */
  readonly encoding?: 'gzip'
  /** True if it may be compressed for another client. */
  readonly varies?: boolean
  /** True if byte ranges are served. */
  readonly ranges?: boolean
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  /** Query parameter at fault. */
  readonly parameter?: string
  readonly cache?: string
  readonly headers?: readonly string[]
}

/** Players are on other origins, and need the headers that describe caching. */
const CORS = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Expose-Headers',
  'Content-Length, Content-Range, Content-Encoding, Date, ETag, Age',
]
const PREFLIGHT = [
  ...CORS,
  'Access-Control-Allow-Methods',
  'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers',
  '*, Authorization, Range',
  'Access-Control-Max-Age',
  '86400',
  'Content-Length',
  '0',
]
const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/

export const answerPreflight = (response: ServerResponse): void => {
  response.writeHead(204, PREFLIGHT).end()
}

/** One buffer, one write: shared bytes are never copied. Returns the number of bytes sent. */
export const answerWith = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Body,
): number => {
  const headers = [
    ...CORS,
    'Content-Type',
    body.type,
    'Cache-Control',
    body.cache,
    'ETag',
    body.etag,
  ]
  if (body.varies === true) headers.push('Vary', 'Accept-Encoding')
  if (body.encoding !== undefined) headers.push('Content-Encoding', body.encoding)
  if (body.ranges === true) headers.push('Accept-Ranges', 'bytes')
  if (matches(request.headers['if-none-match'], body.etag)) {
    response.writeHead(304, headers).end()
    return 0
  }
  const range = body.ranges === true ? rangeOf(request, body) : undefined
  if (range === 'unsatisfiable') {
    response
      .writeHead(416, [
        ...CORS,
        'Cache-Control',
        'no-store',
        'Content-Range',
        `bytes */${body.bytes.length}`,
        'Content-Length',
        '0',
      ])
      .end()
    return 0
  }
  let bytes = body.bytes
  if (range !== undefined) {
    bytes = bytes.subarray(range.from, range.to + 1)
    headers.push('Content-Range', `bytes ${range.from}-${range.to}/${body.bytes.length}`)
  }
  headers.push('Content-Length', String(bytes.length))
  response.writeHead(range === undefined ? 200 : 206, headers)
  if (request.method === 'HEAD') {
    response.end()
    return 0
  }
  response.end(bytes)
  return bytes.length
}

export const answerRefusal = (
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
): void => {
  const { status, code, message, parameter, cache = 'no-store', headers = [] } = refusal
  const body = Buffer.from(JSON.stringify({ error: code, message, field: parameter }))
  response.writeHead(status, [
    ...CORS,
    'Content-Type',
    'application/json',
    'Cache-Control',
    cache,
    'Content-Length',
    String(body.length),
    ...headers,
  ])
  if (request.method === 'HEAD') response.end()
  else response.end(body)
}

export const acceptsGzip = (request: IncomingMessage): boolean => {
  const accepted = request.headers['accept-encoding']
  return (
    typeof accepted === 'string' && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(accepted)
  )
}

const matches = (asked: string | undefined, etag: string): boolean =>
  asked !== undefined &&
  (asked === etag || asked === '*' || asked.split(',').some((each) => bare(each) === etag))

const bare = (etag: string): string => etag.trim().replace(/^W\//, '')

/** RFC 9110, 14.2: one range; several, or an unreadable one, are answered with the whole. */
const rangeOf = (
  request: IncomingMessage,
  { bytes, etag }: Body,
): { readonly from: number; readonly to: number } | 'unsatisfiable' | undefined => {
  const match = RANGE.exec(request.headers.range ?? '')
  if (match === null || request.method !== 'GET') return undefined
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const { length } = bytes
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  return from >= length || to < from ? 'unsatisfiable' : { from, to }
}
