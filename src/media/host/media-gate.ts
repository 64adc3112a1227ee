import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MediaAccess } from '../../contract/access.ts'
import { localRefusal, type RequestFacts } from '../../net/request-origin.ts'

/** The facts of a media request that decide about access. */
export interface MediaFacts extends RequestFacts {
  readonly address: string
}

/** Reason of a refusal, as a sentence; undefined when the request may pass. */
export const judge = (policy: MediaAccess, facts: MediaFacts): string | undefined => {
  const address = plainAddress(facts.address)
  if (policy.revoked.some((revoked) => plainAddress(revoked) === address))
    return `access from ${address} was revoked`
  return policy.playback === 'public' ? undefined : localRefusal(facts)
}

/** Access control of media. A newer policy ends open requests that it refuses. */
export class MediaGate {
  #policy: MediaAccess
  readonly #open = new Map<ServerResponse, MediaFacts>()

  constructor(policy: MediaAccess) {
    this.#policy = policy
  }

  /** Number of requests being answered. */
  get open(): number {
    return this.#open.size
  }

  /** False: refused and answered. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url, headers } = request
    const facts = { method, url, headers, address: request.socket.remoteAddress ?? '' }
    const refusal = judge(this.#policy, facts)
    if (refusal !== undefined) {
      refuse(response, refusal)
      return false
    }
    this.#open.set(response, facts)
    response.once('close', () => this.#open.delete(response))
    return true
  }

  setAccess(policy: MediaAccess): void {
    this.#policy = policy
    for (const [response, facts] of this.#open)
      if (judge(policy, facts) !== undefined) response.socket?.destroy()
  }
}

/** An IPv4 address without the prefix that a dual-stack socket adds. */
const plainAddress = (address: string): string =>
  address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')

const refuse = (response: ServerResponse, message: string): void => {
  const body = JSON.stringify({ error: 'forbidden', message })
  response
    .writeHead(403, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'X-Content-Type-Options': 'nosniff',
      Connection: 'close',
    })
    .end(body)
}
