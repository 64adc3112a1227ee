import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MediaAccess } from '../../contract/access.ts'
import { localRefusal, type RequestFacts } from '../../net/request-origin.ts'

/** What of a request for media decides whether it may pass. */
export interface MediaFacts extends RequestFacts {
  readonly address: string
}

/** Why the request is refused, in a sentence; undefined when it may pass. */
export const judge = (policy: MediaAccess, facts: MediaFacts): string | undefined => {
  const address = plainAddress(facts.address)
  if (policy.revoked.some((revoked) => plainAddress(revoked) === address))
    return `access from ${address} was revoked`
  return policy.playback === 'public' ? undefined : localRefusal(facts)
}

/** Judges what media serves by itself. A newer policy ends what is open and may not be any more. */
export class MediaGate {
  #policy: MediaAccess
  readonly #open = new Map<ServerResponse, MediaFacts>()

  constructor(policy: MediaAccess) {
    this.#policy = policy
  }

  /** Requests that are being answered. */
  get open(): number {
    return this.#open.size
  }

  /** False: it is refused, and answered so. */
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

/** An IPv4 address as a socket for both families shows it is that IPv4 address. */
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
