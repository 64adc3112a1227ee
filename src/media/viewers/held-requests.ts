import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MediaPath } from '../../contract/paths.ts'
import type { Clock, Timer } from '../../lib/clock.ts'

export interface HoldLimits {
  readonly maxMs: number
  readonly maxRequests: number
}

/** Players stop after some refusals of a playlist, but wait about ten seconds for an answer. */
const DEFAULT_LIMITS: HoldLimits = { maxMs: 8_000, maxRequests: 4_000 }
const RETRY_AFTER_SECONDS = 1
/** These answers take a few milliseconds. */
const MAX_ANSWERS_PER_TURN = 64

/** Answers the request; false when it can't yet. */
type Serve = (request: IncomingMessage, response: ServerResponse, path: MediaPath) => boolean

interface HeldRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: MediaPath
  readonly timer: Timer
}

/** Requests that came before the program is there, kept for a moment: players do not notice a restart. */
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

  /** Keeps a request until `release` answers it; refuses it when that does not come in time. */
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

  /** Answers the held requests, at most MAX_ANSWERS_PER_TURN; those that `serve` does not answer stay. */
  retry(serve: Serve): void {
    let taken = 0
    for (const held of [...this.#held]) {
      if (!serve(held.request, held.response, held.path)) continue
      held.timer.cancel()
      this.#held.delete(held)
      if (++taken >= MAX_ANSWERS_PER_TURN) return
    }
  }

  /** Answers the held requests; those that `serve` does not answer are refused. */
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
