import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OutputId } from '../../contract/ids.ts'
import type { OutputStatus, ViewerStatus } from '../../contract/status.ts'
import type { ViewerLimits as ViewerSpec } from '../../contract/spec.ts'
import { millis, type Millis } from '../../contract/time.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import { FanOut } from './fan-out.ts'
import type { Output, Program } from '../outputs/interface/output.ts'
import { RateMeter } from '../../lib/rate-meter.ts'
import { Viewer } from './viewer.ts'
import type { ViewerLog } from './viewer-log.ts'

export interface ViewerLimits {
  readonly maxViewers: number
  /** Age of the random access point at which a viewer starts, to fill its start-up buffer. */
  readonly joinAge: Millis
  /** Lag beyond which a viewer skips to the newest random access point. */
  readonly lag: Millis
  /** Time without taking a byte after which a viewer is disconnected. */
  readonly grace: Millis
}

export const DEFAULT_VIEWER_LIMITS: ViewerLimits = {
  maxViewers: 2_000,
  joinAge: 1_000 as Millis,
  lag: 5_000 as Millis,
  grace: 10_000 as Millis,
}

export interface HttpTsOptions {
  readonly id: OutputId
  /** Path of the stream, for the status: `/stream.ts`. */
  readonly path: string
  readonly program: Program
  readonly clock: Clock
  readonly limits?: Partial<ViewerLimits>
  /** Log of viewers that joined and left. */
  readonly log?: Pick<ViewerLog, 'joined' | 'left'>
  /** Milliseconds since 1970. */
  readonly wallTime?: () => number
}

const STALL_CHECK_INTERVAL_MS = 1_000
const RETRY_AFTER_SECONDS = 5
const MAX_AGENT_CHARS = 200

const STREAM_HEADERS = {
  'Content-Type': 'video/mp2t',
  'Cache-Control': 'no-store',
  'Access-Control-Allow-Origin': '*',
  Connection: 'close',
} as const

/**
 * Viewers over HTTP: one endless MPEG-TS response each, without chunked encoding, so that the simplest players (and
 * HTTP/1.0) can take it. Node parses the request and writes the head; the program's bytes go to the socket directly.
 */
export class HttpTs implements Output {
  readonly id: OutputId
  readonly kind = 'http-ts'
  readonly #options: HttpTsOptions
  readonly #limits: ViewerLimits
  readonly #fanOut: FanOut
  readonly #meter: RateMeter
  #count = 0
  #refused = 0
  #stalled = 0
  #closedBytes = 0
  #closedSkips = 0
  #unsubscribe: (() => void) | undefined
  #stallCheck: Timer | undefined
  #ended = false
  #onEmpty: (() => void) | undefined

  constructor(options: HttpTsOptions) {
    this.id = options.id
    this.#options = options
    this.#limits = { ...DEFAULT_VIEWER_LIMITS, ...options.limits }
    this.#fanOut = new FanOut(options.clock)
    this.#meter = new RateMeter(options.clock.now())
  }

  /** Takes over a request for this stream. */
  accept(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {})
    response.shouldKeepAlive = false
    // Without this Node adds "Transfer-Encoding: chunked", which old players and boxes can't read.
    response.useChunkedEncodingByDefault = false
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(response, {
        status: 405,
        code: 'bad_request',
        headers: { Allow: 'GET, HEAD' },
        why: `method ${request.method} is not possible here: use GET or HEAD`,
      })
    } else if (request.method === 'HEAD') {
      response.writeHead(200, STREAM_HEADERS).end()
    } else if (this.#ended) {
      refuse(response, {
        status: 503,
        code: 'not_reachable',
        headers: RETRY,
        why: 'the program has ended',
      })
    } else if (this.#fanOut.viewers.length >= this.#limits.maxViewers) {
      this.#refused++
      refuse(response, {
        status: 503,
        code: 'too_many_viewers',
        headers: RETRY,
        why: `the limit of ${this.#limits.maxViewers} viewers is reached`,
      })
    } else if (response.socket === null || response.socket.destroyed) {
      // Pipelined behind an endless stream: there is no way to answer.
      response.destroy()
    } else {
      this.#serveStream(request, response)
    }
  }

  /** Serves until the signal is aborted, then disconnects every viewer. */
  run(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = (): void => {
        this.#ended = true
        this.#onEmpty = resolve
        if (this.#fanOut.viewers.length === 0) resolve()
        for (const viewer of [...this.#fanOut.viewers]) viewer.disconnect('the program ended')
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Returns false if there is no such viewer. */
  disconnect(path: string, id: number): boolean {
    const found = this.#fanOut.viewers.find((viewer) => viewer.id === id)
    if (found === undefined || path !== this.#options.path) return false
    found.disconnect('an operator ended it')
    return true
  }

  viewers(): readonly ViewerStatus[] {
    return this.#fanOut.viewers.map((viewer) => viewer.status())
  }

  /** `errors`: viewers refused or disconnected for stalling. `lagMs`: of the slowest viewer. */
  status(): OutputStatus {
    this.#updateMeter()
    const { viewers } = this.#fanOut
    return {
      id: this.id,
      kind: this.kind,
      url: this.#options.path,
      state: 'running',
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#options.clock.now()),
      lagMs: Math.round(viewers.reduce((worst, viewer) => Math.max(worst, viewer.lag), 0)),
      skips: viewers.reduce((sum, viewer) => sum + viewer.skips, this.#closedSkips),
      errors: this.#refused + this.#stalled,
      reconnects: 0,
      ...(this.#stalled > 0 && {
        lastError: `${this.#stalled} viewers disconnected that took nothing for ${this.#limits.grace} ms`,
      }),
    }
  }

  #serveStream(request: IncomingMessage, response: ServerResponse): void {
    const { program, clock, path, wallTime = Date.now } = this.#options
    const socket = response.socket!
    response.writeHead(200, STREAM_HEADERS).flushHeaders()
    // A request body is discarded, so that the end of the connection is seen behind it.
    request.resume()
    const viewer = new Viewer({
      id: ++this.#count,
      path,
      agent: (request.headers['user-agent'] ?? '').slice(0, MAX_AGENT_CHARS),
      since: wallTime(),
      socket,
      reader: program.join({ joinAge: this.#limits.joinAge, lagLimit: this.#limits.lag }),
      clock,
    })
    this.#fanOut.addViewer(viewer)
    this.#options.log?.joined(viewer.identity)
    socket.once('close', () => this.#removeViewer(viewer))
    this.#unsubscribe ??= program.subscribe(() => this.#fanOut.onAppend())
    this.#stallCheck ??= clock.every(STALL_CHECK_INTERVAL_MS, () => this.#checkStalls())
    viewer.pump()
  }

  #removeViewer(viewer: Viewer): void {
    this.#fanOut.removeViewer(viewer)
    this.#options.log?.left(viewer.identity, viewer.leaveReason)
    this.#closedBytes += viewer.bytes
    this.#closedSkips += viewer.skips
    if (this.#fanOut.viewers.length > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#stallCheck?.cancel()
    this.#stallCheck = undefined
    this.#onEmpty?.()
  }

  #checkStalls(): void {
    this.#updateMeter()
    const now = this.#options.clock.now()
    for (const viewer of [...this.#fanOut.viewers]) {
      if (viewer.stalledFor(now) < this.#limits.grace) continue
      this.#stalled++
      viewer.disconnect(`it took nothing for ${this.#limits.grace} ms`)
    }
  }

  #updateMeter(): void {
    const total = this.#fanOut.viewers.reduce(
      (sum, viewer) => sum + viewer.bytes,
      this.#closedBytes,
    )
    this.#meter.addBytes(total - this.#meter.total, this.#options.clock.now())
  }
}

const RETRY = { 'Retry-After': String(RETRY_AFTER_SECONDS) }

interface Refusal {
  readonly status: number
  readonly code: string
  readonly why: string
  readonly headers: Readonly<Record<string, string>>
}

const refuse = (response: ServerResponse, refusal: Refusal): void => {
  const body = JSON.stringify({ error: refusal.code, message: refusal.why })
  response
    .writeHead(refusal.status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'Access-Control-Allow-Origin': '*',
      Connection: 'close',
      ...refusal.headers,
    })
    .end(body)
}

export const httpLimits = (viewers: ViewerSpec): ViewerLimits => ({
  maxViewers: viewers.maxViewers,
  joinAge: millis(viewers.joinMs),
  lag: millis(viewers.lagMs),
  grace: millis(viewers.graceMs),
})
