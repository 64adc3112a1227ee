import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MediaPath } from '../../contract/paths.ts'
import type { Clock, Timer } from '../../lib/clock.ts'

export interface HoldLimits {
  readonly maxMs: number
  readonly maxRequests: number
}

/** Players give up on a playlist after some refusals, but wait about ten seconds for an answer. */
const DEFAULT_LIMITS: HoldLimits = { maxMs: 8_000, maxRequests: 4_000 }
const RETRY_AFTER_SECONDS = 1
/** Answering these takes a few milliseconds. */
const MAX_ANSWERS_PER_TURN = 64

/** True when the request is being answered. */
type Serve = (request: IncomingMessage, response: ServerResponse, path: MediaPath) => boolean

interface HeldRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: MediaPath
  readonly timer: Timer
}

/** Requests that came too early, for what will be there in a moment: a restart goes unnoticed by those who play. */
export class HeldRequests {
  readonly #clock: Clock
  readonly #limits: HoldLimits
  readonly #held = new Set<HeldRequest>()

  constructor(clock: Clock, limits: HoldLimits = DEFAULT_LIMITS) {
    this.#clock = clock
    this.#limits = limits
  }

  get count(): number {
    return this.#held.size
  }

  /** Answered by `release`, or refused when that does not come in time. */
  hold(request: IncomingMessage, response: ServerResponse, path: MediaPath): void {
    if (this.#held.size >= this.#limits.maxRequests) {
      refuse(response)
      return
    }
    const timer = this.#clock.after(this.#limits.maxMs, () => {
      this.#held.delete(held)
      refuse(response)
    })
    const held: HeldRequest = { request, response, path, timer }
    this.#held.add(held)
    response.once('close', () => {
      timer.cancel()
      this.#held.delete(held)
    })
  }

  /** What `serve` does not take waits on. All of it may come at once: the rest has its turn at the next call. */
  retry(serve: Serve): void {
    let taken = 0
    for (const held of [...this.#held]) {
      if (!serve(held.request, held.response, held.path)) continue
      held.timer.cancel()
      this.#held.delete(held)
      if (++taken >= MAX_ANSWERS_PER_TURN) return
    }
  }

  /** What `serve` does not take is refused. */
  release(serve: Serve): void {
    for (const held of [...this.#held]) {
      held.timer.cancel()
      this.#held.delete(held)
      if (!serve(held.request, held.response, held.path)) refuse(held.response)
    }
  }
}

function refuse(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return
  const body = { error: 'not_reachable', message: 'the program has not started yet: try again' }
  response
    .writeHead(503, {
      'Content-Type': 'application/json',
      'Retry-After': RETRY_AFTER_SECONDS,
      'Cache-Control': 'no-store',
      'Access-Control-Allow-Origin': '*',
    })
    .end(JSON.stringify(body))
}
