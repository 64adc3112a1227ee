import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ChannelId, OutputId } from '../../../contract/ids.ts'
import { pathOf, type MediaPath } from '../../../contract/paths.ts'
import { byteRange } from './byte-range.ts'
import type { Recording, RecordingFolder } from './recording-folder.ts'
import { errorCode } from '../../../lib/error-code.ts'

const CONTENT_TYPES = { ts: 'video/mp2t', mp4: 'video/mp4' } as const
const MAX_DOWNLOADS = 32

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/**
 * HTTP access to an output's recordings: the list at `recordings/<output>` (the first record output also answers
 * `recordings`), each below it by name. One that is being written is served up to its current end.
 */
export class RecordingList {
  readonly #folder: RecordingFolder
  readonly #id: OutputId
  #downloads = 0

  constructor(id: OutputId, folder: RecordingFolder) {
    this.#id = id
    this.#folder = folder
  }

  /** True when the path belongs to the recordings. */
  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    if (path.kind !== 'recordings' || (path.output ?? this.#id) !== this.#id) return false
    response.on('error', () => {})
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const message = `method ${request.method} is not possible here: use GET or HEAD`
      answer(request, response, {
        status: 405,
        headers: { Allow: 'GET, HEAD' },
        body: { error: 'bad_request', message },
      })
    } else if (path.name === undefined) {
      answer(request, response, { status: 200, body: this.#list(path.channel) })
    } else {
      void this.#download(request, response, path.name)
    }
    return true
  }

  #list(channel: ChannelId): unknown {
    const output = this.#id
    const recordings = this.#folder.recordings.map(
      ({ name, bytes, durationMs, startedAt, state, label, source }) => ({
        ...{ name, bytes, durationMs, state, startedAt: new Date(startedAt).toISOString() },
        ...(label !== undefined && { label }),
        ...(source !== undefined && { source }),
        url: pathOf({ kind: 'recordings', channel, output, name }),
      }),
    )
    return { output, recordings }
  }

  /** Serves only names of the list: no other file can be read. */
  async #download(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const recording = this.#folder.find(name)
    if (recording === undefined) return answer(request, response, notFound(name))
    if (this.#downloads >= MAX_DOWNLOADS) return answer(request, response, BUSY)
    this.#downloads++
    try {
      await this.#send(request, response, recording)
    } catch (error) {
      const isGone = errorCode(error) === 'ENOENT'
      if (isGone) this.#folder.forget(name)
      if (response.headersSent) response.destroy()
      else answer(request, response, isGone ? notFound(name) : UNREADABLE)
    } finally {
      this.#downloads--
    }
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    { name, format, bytes }: Recording,
  ): Promise<void> {
    const range = byteRange(request.headers.range, bytes)
    if (range === 'not_satisfiable') {
      const message = `${request.headers.range} is not within the ${bytes} bytes of ${name}`
      return answer(request, response, {
        status: 416,
        headers: { 'Content-Range': `bytes */${bytes}` },
        body: { error: 'bad_request', message },
      })
    }
    const { from, to } = range ?? { from: 0, to: bytes - 1 }
    const file = await open(join(this.#folder.path, name), 'r')
    try {
      response.writeHead(range === undefined ? 200 : 206, {
        ...COMMON,
        'Content-Type': CONTENT_TYPES[format],
        'Content-Length': to - from + 1,
        'Content-Disposition': `attachment; filename="${name}"`,
        'Accept-Ranges': 'bytes',
        ...(range !== undefined && { 'Content-Range': `bytes ${from}-${to}/${bytes}` }),
      })
      if (request.method === 'HEAD' || to < from) response.end()
      else {
        const part = file.createReadStream({ start: from, end: to, autoClose: false })
        await pipeline(part, response)
      }
    } finally {
      await file.close()
    }
  }
}

const COMMON = { 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' } as const

const notFound = (name: string): Answer => ({
  status: 404,
  body: { error: 'file_missing', message: `there is no recording ${JSON.stringify(name)}` },
})

const BUSY: Answer = {
  status: 503,
  headers: { 'Retry-After': '5' },
  body: {
    error: 'too_many_viewers',
    message: `the limit of ${MAX_DOWNLOADS} downloads is reached`,
  },
}

const UNREADABLE: Answer = {
  status: 500,
  body: { error: 'internal', message: 'the recording cannot be read' },
}

const answer = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...COMMON,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}
