import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock, Timer } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { RtmpPublisher } from '../../../rtmp/publisher.ts'
import type { FlvSink } from './flv-stream.ts'
import type { PushTarget } from './push-target.ts'

/** From the first packet to the answer to "publish". */
const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_DELAY_MS = 10_000
const STALL_CHECK_INTERVAL_MS = 500
/** Limit of unsent bytes in the socket; the rest stays in the queue, where it can still be dropped. */
const MAX_SOCKET_BYTES = 128 * 1024
/** Large pictures are written in pieces, so that progress of the destination can be measured. */
const MAX_CHUNK_BYTES = 64 * 1024
const CLOSE_TIMEOUT_MS = 1_000

export type ConnectionEnd =
  | { readonly kind: 'stopped' }
  /** The key or the app was refused. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string }

export interface PushConnectionParts {
  readonly target: PushTarget
  /** The key, with the query of the URL. */
  readonly streamName: string
  readonly clock: Clock
  readonly random: () => number
  readonly stallMs: number
  readonly onLive: () => void
  /** It has room again. */
  readonly onRoom: () => void
  readonly onWritten: (bytes: number) => void
}

interface PendingChunk {
  readonly bytes: number
  /** Program time of the frame. */
  readonly time: number
}

/** One connection to a destination, from its start to its end. */
export class PushConnection implements FlvSink {
  readonly #parts: PushConnectionParts
  readonly #publisher: RtmpPublisher
  readonly #inFlight: PendingChunk[] = []
  #socket: Socket | undefined
  #time = 0
  #isLive = false
  #lastProgressAt: number
  #end: ((end: ConnectionEnd) => void) | undefined

  constructor(parts: PushConnectionParts) {
    this.#parts = parts
    this.#lastProgressAt = parts.clock.now()
    const { app, tcUrl } = parts.target
    this.#publisher = new RtmpPublisher({
      target: { app, tcUrl, streamName: parts.streamName },
      random: parts.random,
      out: (bytes) => this.#write(bytes),
    })
  }

  get isLive(): boolean {
    return this.#isLive
  }

  /** False: frames stay in the queue. */
  get hasRoom(): boolean {
    return this.#isLive && (this.#socket?.writableLength ?? MAX_SOCKET_BYTES) < MAX_SOCKET_BYTES
  }

  /** Program time of the oldest unsent frame; undefined when all were sent. */
  get oldestUnsent(): number | undefined {
    return this.#inFlight[0]?.time
  }

  /** Program time of the frame whose bytes are written next. */
  setFrameTime(time: number): void {
    this.#time = time
  }

  metadata(...args: Parameters<RtmpPublisher['sendMetadata']>): void {
    this.#publisher.sendMetadata(...args)
  }

  video(time: number, tag: Uint8Array): void {
    this.#publisher.sendVideo(time, tag)
  }

  audio(time: number, tag: Uint8Array): void {
    this.#publisher.sendAudio(time, tag)
  }

  /** Ends the connection from this side. */
  abandon(reason: string): void {
    this.#endAsLost(reason)
  }

  /** Resolves when it has ended and the socket is closed. */
  async run(signal: AbortSignal): Promise<ConnectionEnd> {
    if (signal.aborted) return { kind: 'stopped' }
    const { clock } = this.#parts
    const timers: Timer[] = []
    const stop = (): void => this.#end?.({ kind: 'stopped' })
    const socket = this.#connect()
    this.#socket = socket
    const end = await new Promise<ConnectionEnd>((resolve) => {
      this.#end = resolve
      signal.addEventListener('abort', stop, { once: true })
      timers.push(
        clock.after(CONNECT_TIMEOUT_MS, () => {
          if (!this.#isLive)
            this.#endAsLost(`no answer to "publish" within ${CONNECT_TIMEOUT_MS / 1_000} s`)
        }),
        clock.every(STALL_CHECK_INTERVAL_MS, () => this.#checkStall()),
      )
      this.#addListeners(socket)
    })
    signal.removeEventListener('abort', stop)
    for (const timer of timers) timer.cancel()
    await this.#closeSocket(socket, end)
    return end
  }

  #connect(): Socket {
    const { kind, host, port } = this.#parts.target
    const options = { host, port, noDelay: true, keepAlive: true }
    const alive = { keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS }
    if (kind === 'rtmp') return connect({ ...options, ...alive })
    // Certificates are checked, also against those of NODE_EXTRA_CA_CERTS.
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = connectTls({ host, port, ...name })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    return socket
  }

  #addListeners(socket: Socket): void {
    const { kind } = this.#parts.target
    socket.once(kind === 'rtmp' ? 'connect' : 'secureConnect', () => this.#publisher.start())
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('drain', () => this.#parts.onRoom())
    // A half-closed connection is useless: nothing is read.
    socket.on('end', () => this.#endAsLost('the destination closed the connection'))
    socket.on('error', (error) => this.#endAsLost(messageOf(error)))
    socket.on('close', () => this.#endAsLost('the connection was closed'))
  }

  #receive(bytes: Buffer): void {
    this.#publisher.receive(bytes)
    const { state } = this.#publisher
    if (state.kind === 'failed') {
      const { kind, reason } = state.fault
      this.#end?.({ kind: kind === 'refused' ? 'refused' : 'lost', reason })
    } else if (state.kind === 'live' && !this.#isLive) {
      this.#isLive = true
      this.#lastProgressAt = this.#parts.clock.now()
      this.#parts.onLive()
    }
  }

  #endAsLost(reason: string): void {
    this.#end?.({ kind: 'lost', reason })
  }

  #write(bytes: Uint8Array): void {
    const socket = this.#socket
    if (socket === undefined || !socket.writable) return
    if (this.#inFlight.length === 0) this.#lastProgressAt = this.#parts.clock.now()
    for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + MAX_CHUNK_BYTES)
      this.#inFlight.push({ bytes: chunk.length, time: this.#time })
      socket.write(chunk, (error) => this.#written(error))
    }
  }

  /** Callbacks come in the order of the writes. */
  #written(error: Error | null | undefined): void {
    const chunk = this.#inFlight.shift()
    if (error || chunk === undefined) return
    this.#lastProgressAt = this.#parts.clock.now()
    this.#parts.onWritten(chunk.bytes)
    if (this.hasRoom) this.#parts.onRoom()
  }

  #checkStall(): void {
    const { clock, stallMs } = this.#parts
    if (!this.#isLive || this.#inFlight.length === 0) return
    if (clock.now() - this.#lastProgressAt < stallMs) return
    this.#endAsLost(`the destination took nothing for ${stallMs} ms`)
  }

  /** Sends the closing messages where possible, and waits for the socket to close. */
  async #closeSocket(socket: Socket, end: ConnectionEnd): Promise<void> {
    this.#end = undefined
    if (socket.closed) return
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    const isOpen = end.kind === 'stopped' && this.#isLive && this.#inFlight.length === 0
    this.#isLive = false
    if (!isOpen) {
      socket.destroy()
      await closed
      return
    }
    this.#publisher.close()
    socket.end()
    const closeTimer = this.#parts.clock.after(CLOSE_TIMEOUT_MS, () => socket.destroy())
    await closed
    closeTimer.cancel()
  }
}
