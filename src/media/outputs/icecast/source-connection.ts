import { Buffer } from 'node:buffer'
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import type { IcecastTarget } from './icecast-target.ts'
import { parseAnswer } from './source-request.ts'
import type { UnitQueue } from './unit-queue.ts'

const CONNECT_TIMEOUT_MS = 10_000
const ANSWER_TIMEOUT_MS = 10_000
/** Wait for the body after a refusal's head: it has the reason. */
const BODY_TIMEOUT_MS = 300
const MAX_ANSWER_CHARS = 8_192
const MAX_WRITE_BYTES = 64 * 1024
const CHECK_INTERVAL_MS = 500

export type Dial = (target: IcecastTarget) => Socket

/** TLS with the certificate checked. */
export const dialIcecast: Dial = ({ transport, host, port }) =>
  transport === 'plain'
    ? connectPlain({ host, port })
    : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) })

/** End of a connection or of an attempt. */
export type SourceEnd =
  | { readonly kind: 'stopped' }
  /** Any other answer than acceptance. */
  | { readonly kind: 'refused'; readonly status: number; readonly why: string }
  | { readonly kind: 'lost'; readonly why: string }

export interface SourceConnectionParts {
  readonly target: IcecastTarget
  readonly head: Uint8Array
  /** First bytes of Ogg; empty for other formats. */
  readonly preamble: Uint8Array
  readonly queue: UnitQueue
  readonly clock: Clock
  readonly dial: Dial
  /** Time without an accepted byte after which it is abandoned, milliseconds. */
  readonly stallMs: number
  readonly onAccepted: () => void
  readonly onSent: (bytes: number) => void
}

/** One source connection, from the dial to its end. At most one write is pending. */
export class SourceConnection {
  readonly #parts: SourceConnectionParts
  #socket: Socket | undefined
  #phase: 'dialling' | 'asking' | 'refused' | 'sending' | 'ended' = 'dialling'
  #received = ''
  #since: number
  #pendingBytes = 0
  #end: (end: SourceEnd) => void = () => {}
  #preamble: Uint8Array

  constructor(parts: SourceConnectionParts) {
    this.#parts = parts
    this.#preamble = parts.preamble
    this.#since = parts.clock.now()
  }

  /** Resolves when the connection is closed. */
  async run(signal: AbortSignal): Promise<SourceEnd> {
    const { clock, target, queue } = this.#parts
    const socket = this.#parts.dial(target)
    this.#socket = socket
    const ended = new Promise<SourceEnd>((resolve) => (this.#end = resolve))
    socket.setNoDelay(true)
    socket.on('error', (error) => this.#finish({ kind: 'lost', why: messageOf(error) }))
    socket.on('close', () => this.#onClose())
    socket.on(target.transport === 'tls' ? 'secureConnect' : 'connect', () => this.#sendRequest())
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    const check = clock.every(CHECK_INTERVAL_MS, () => this.#checkTimeouts())
    const stop = (): void => this.#finish({ kind: 'stopped' })
    const unsubscribe = queue.subscribe(() => this.pump())
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    const end = await ended
    signal.removeEventListener('abort', stop)
    unsubscribe()
    check.cancel()
    socket.destroy()
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
    return end
  }

  pump(): void {
    const { queue } = this.#parts
    if (this.#phase !== 'sending' || this.#pendingBytes > 0) return
    const units = queue.take(MAX_WRITE_BYTES)
    if (units.length === 0) return
    const bytes = Buffer.concat([this.#preamble, ...units])
    this.#preamble = new Uint8Array(0)
    this.#pendingBytes = bytes.length
    this.#since = this.#parts.clock.now()
    this.#socket?.write(bytes, (error) => {
      this.#pendingBytes = 0
      if (error !== null && error !== undefined) return
      this.#parts.onSent(bytes.length)
      this.pump()
    })
  }

  #sendRequest(): void {
    if (this.#phase !== 'dialling') return
    this.#phase = 'asking'
    this.#since = this.#parts.clock.now()
    this.#socket?.write(this.#parts.head)
  }

  #receive(chunk: Buffer): void {
    // Icecast sends nothing more while it accepts data.
    if (this.#phase === 'sending' || this.#phase === 'ended') return
    this.#received = (this.#received + chunk.toString('utf8')).slice(0, MAX_ANSWER_CHARS)
    const answer = parseAnswer(this.#received)
    if (answer === undefined || this.#phase !== 'asking') return
    if (answer.status === 100 || answer.status === 200) {
      this.#phase = 'sending'
      this.#parts.queue.clear()
      this.#parts.onAccepted()
      this.pump()
      return
    }
    this.#phase = 'refused'
    this.#since = this.#parts.clock.now()
  }

  #checkTimeouts(): void {
    const { clock, stallMs } = this.#parts
    const waited = clock.now() - this.#since
    if (this.#phase === 'dialling' && waited > CONNECT_TIMEOUT_MS) {
      this.#finish({ kind: 'lost', why: `no connection within ${CONNECT_TIMEOUT_MS} ms` })
    } else if (this.#phase === 'asking' && waited > ANSWER_TIMEOUT_MS) {
      this.#finish({ kind: 'lost', why: `no answer within ${ANSWER_TIMEOUT_MS} ms` })
    } else if (this.#phase === 'refused' && waited > BODY_TIMEOUT_MS) this.#onClose()
    else if (this.#phase === 'sending' && this.#pendingBytes > 0 && waited > stallMs) {
      this.#finish({ kind: 'lost', why: `it took nothing for ${Math.round(waited)} ms` })
    }
  }

  #onClose(): void {
    const answer = this.#phase === 'refused' ? parseAnswer(this.#received) : undefined
    if (answer === undefined) {
      this.#finish({ kind: 'lost', why: 'the server closed the connection' })
      return
    }
    const { status, text } = answer
    const why = status === 0 ? `not HTTP: ${text}` : `${status} ${text}`.trim()
    this.#finish({ kind: 'refused', status, why })
  }

  #finish(end: SourceEnd): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#end(end)
  }
}
