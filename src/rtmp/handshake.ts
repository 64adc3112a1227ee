/** The simple handshake of "Adobe's Real Time Messaging Protocol" 1.0 (2012), 5.2, without Adobe's digests: every server accepts it. */

const VERSION = 3
/** C1, C2, S1, S2 (5.2.3, 5.2.4). */
const PART_BYTES = 1536
const TIMES_BYTES = 8

/** C0 and C1. `random`: 0 ≤ x < 1; the protocol needs noise, not secrecy. */
export const clientHello = (timeMs: number, random: () => number): Uint8Array => {
  const hello = new Uint8Array(1 + PART_BYTES)
  hello[0] = VERSION
  // A zero after the time signals to servers that there is no digest.
  new DataView(hello.buffer).setUint32(1, timeMs >>> 0)
  for (let at = 1 + TIMES_BYTES; at < hello.length; at++) hello[at] = Math.floor(random() * 256)
  return hello
}

/** C2 echoes S1, S2 echoes C1 (5.2.4): the first four bytes its time, the next four the time of reading. */
export const echoOf = (part: Uint8Array, timeMs: number): Uint8Array => {
  const echo = part.slice(0, PART_BYTES)
  new DataView(echo.buffer).setUint32(4, timeMs >>> 0)
  return echo
}

export type HandshakeStep =
  | { readonly kind: 'more' }
  /** `reply`: C2, or S2. */
  | { readonly kind: 'reply'; readonly reply: Uint8Array }
  /** `rest`: the first bytes of the chunk stream. */
  | { readonly kind: 'done'; readonly rest: Uint8Array }
  | { readonly kind: 'failed'; readonly why: string }

/**
 * The client's side of the handshake: bytes of the server in, in pieces of any size; each step returns what to do. After
 * 'reply' call again without bytes: the server may have sent both parts at once.
 */
export class ClientHandshake {
  #held = new Uint8Array(0)
  #part: 'S0S1' | 'S2' | 'over' = 'S0S1'

  receive(bytes: Uint8Array, timeMs: number): HandshakeStep {
    this.#held = joined(this.#held, bytes)
    if (this.#part === 'S0S1') return this.#hello(timeMs)
    if (this.#part === 'S2') return this.#echo()
    return { kind: 'failed', why: 'the handshake is over' }
  }

  #hello(timeMs: number): HandshakeStep {
    const version = this.#held[0]
    // 5.2.2: 3 is this protocol, 6 an encrypted one; 32 and above are text: for example an HTTP server.
    if (version !== undefined && version !== VERSION) {
      this.#part = 'over'
      return { kind: 'failed', why: `it answered with protocol version ${version} instead of 3` }
    }
    if (this.#held.length < 1 + PART_BYTES) return { kind: 'more' }
    const reply = echoOf(this.#held.subarray(1), timeMs)
    this.#held = this.#held.slice(1 + PART_BYTES)
    this.#part = 'S2'
    return { kind: 'reply', reply }
  }

  /** Replies without checking that S2 echoes C1: some working servers write other bytes there. */
  #echo(): HandshakeStep {
    if (this.#held.length < PART_BYTES) return { kind: 'more' }
    this.#part = 'over'
    return { kind: 'done', rest: this.#held.slice(PART_BYTES) }
  }
}

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
