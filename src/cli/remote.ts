import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import { TakeAnswer, type TakeRequest } from '../contract/commands.ts'
import { SluiceError } from '../contract/errors.ts'
import { EVENT_TYPES, StampedEvent } from '../contract/events.ts'
import { ChannelStatus } from '../contract/status.ts'
import { redactUrl } from '../lib/redact.ts'

export const DEFAULT_URL = 'http://127.0.0.1:8099'
const STATUS_TIMEOUT_MS = 10_000
/** Timeout of a take, which may wait up to two minutes for a source to start. */
const TAKE_TIMEOUT_MS = 150_000

export interface RemoteOptions {
  readonly url: string
  readonly token?: string
  readonly fetch: typeof globalThis.fetch
}

/** A Sluice in another process, over its HTTP interface. Every method throws SluiceError: `not_reachable`, `unauthorized` … */
export interface Remote {
  readonly address: string
  take(request: TakeRequest): Promise<TakeAnswer>
  status(): Promise<ChannelStatus>
  /** Events after the id, as they arrive, until the signal or the end of the connection. */
  events(after: number, signal: AbortSignal): AsyncGenerator<StampedEvent, void>
}

export const remoteSluice = (options: RemoteOptions): Remote => {
  const base = baseOf(options.url)
  const address = redactUrl(base.href.replace(/\/$/, ''))
  const headers: Record<string, string> = options.token
    ? { authorization: `Bearer ${options.token}` }
    : {}

  const send = async (path: string, init: RequestInit): Promise<Response> => {
    try {
      return await options.fetch(new URL(path, base), {
        ...init,
        headers: { ...headers, ...(init.headers as Record<string, string>) },
      })
    } catch (cause) {
      throw unreachable(address, cause)
    }
  }

  return {
    address,
    take: async (request) => {
      const response = await send('switch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(TAKE_TIMEOUT_MS + msUntilTake(request)),
      })
      const body = await jsonOf(response, address)
      // Refusals are answers, with status 404 or 409.
      if (typeof body['ok'] === 'boolean') return parsed(TakeAnswer, body, address)
      throw faultOf(response, body, address)
    },
    status: async () => {
      const response = await send('status', { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) })
      const body = await jsonOf(response, address)
      if (!response.ok) throw faultOf(response, body, address)
      return parsed(ChannelStatus, body, address)
    },
    events: async function* (after, signal) {
      const response = await send('events', {
        headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
        signal,
      })
      if (!response.ok) throw faultOf(response, await jsonOf(response, address), address)
      if (response.body === null) return
      yield* parseEvents(response.body, address)
    },
  }
}

const baseOf = (text: string): URL => {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const shown = JSON.stringify(redactUrl(text))
    throw new SluiceError(
      'bad_request',
      `--url: ${shown} is not an http address; expected one like ${DEFAULT_URL}`,
    )
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

const msUntilTake = ({ at }: TakeRequest): number => {
  if (at === undefined) return 0
  const due = typeof at === 'number' ? at : Date.parse(at)
  // The longest delay of a timer in Node.
  return Math.min(Math.max(0, due - Date.now()), 2 ** 31 - 1 - TAKE_TIMEOUT_MS)
}

type Body = Readonly<Record<string, unknown>>

const jsonOf = async (response: Response, address: string): Promise<Body> => {
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(address, cause)
  })
  const body = jsonBody(text)
  if (body !== undefined) return body
  throw notSluice(address, `it answered ${response.status} without JSON`)
}

/** An answer of another version may lack fields that are shown. */
const parsed = <Answer>(schema: z.ZodType<Answer>, body: Body, address: string): Answer => {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const { path, message } = result.error.issues[0]!
  throw notSluice(address, `of its answer ${path.join('.')} is not valid: ${message}`)
}

const notSluice = (address: string, why: string): SluiceError =>
  new SluiceError('not_reachable', `${address} is not Sluice: ${why}; --url names another address`)

const faultOf = (response: Response, body: Body, address: string): SluiceError => {
  const message =
    typeof body['message'] === 'string' ? body['message'] : `status ${response.status}`
  if (response.status === 401) {
    return new SluiceError(
      'unauthorized',
      `${address}: ${message}; give the token with SLUICE_TOKEN or --token`,
    )
  }
  if (response.status === 403) return new SluiceError('forbidden', `${address}: ${message}`)
  if (response.status < 500) return new SluiceError('bad_request', `${address}: ${message}`)
  return new SluiceError('internal', `${address}: ${message}`)
}

const unreachable = (address: string, cause: unknown): SluiceError => {
  const why = reasonOf(cause)
  return new SluiceError(
    'not_reachable',
    `${address} does not answer (${why}); is "sluice run" running there? --url names another address`,
    { cause },
  )
}

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'TimeoutError') return 'timeout'
  const inner = cause.cause as { code?: string; message?: string } | undefined
  return inner?.code ?? inner?.message ?? cause.message
}

/** The events of an SSE body; a lost connection ends them without an error. */
async function* parseEvents(
  body: ReadableStream<Uint8Array>,
  address: string,
): AsyncGenerator<StampedEvent, void> {
  const ready: StampedEvent[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      const event = parseStampedEvent(data, address)
      if (event !== undefined) ready.push(event)
    },
  })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const chunk = await reader.read().catch(() => ({ done: true as const, value: undefined }))
      if (chunk.done) return
      parser.feed(decoder.decode(chunk.value, { stream: true }))
      yield* ready.splice(0)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Undefined for an unknown type: a newer Sluice may have others. Throws for an event of another shape. */
const parseStampedEvent = (data: string, address: string): StampedEvent | undefined => {
  const body = jsonBody(data)
  if (body === undefined) return undefined
  const type = EventType.safeParse(body).data?.event.type
  return type === undefined || !KNOWN_TYPES.has(type)
    ? undefined
    : parsed(StampedEvent, body, address)
}

const EventType = z.object({ event: z.object({ type: z.string() }) })
const KNOWN_TYPES: ReadonlySet<string> = new Set(EVENT_TYPES)

const jsonBody = (text: string): Body | undefined => {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Body) : undefined
  } catch {
    return undefined
  }
}
