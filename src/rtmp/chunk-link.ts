import { ChunkReader, DEFAULT_CHUNK_LIMITS, type ChunkLimits } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import {
  ACKNOWLEDGEMENT,
  CONTROL_CHUNK_STREAM,
  controlMessage,
  uint32At,
  PING_REQUEST,
  PING_RESPONSE,
  SET_CHUNK_SIZE,
  SET_PEER_BANDWIDTH,
  USER_CONTROL,
  userControl,
  WINDOW_ACKNOWLEDGEMENT_SIZE,
  type RtmpMessage,
} from './message.ts'

/** Lower bound: a window of a few bytes would fill the link with acknowledgements. */
const MIN_WINDOW_BYTES = 4_096

/**
 * Both directions of a chunk stream after the handshake, client's or server's, with the duties of the protocol itself:
 * acknowledgements, answers to pings, window sizes (5.4, 6.2). Bytes in, messages and bytes out.
 */
export class ChunkLink {
  readonly #reader: ChunkReader
  readonly #writer = new ChunkWriter()
  readonly #out: (bytes: Uint8Array) => void
  #received = 0
  #acknowledged = 0
  /** The peer's window: bytes that it sends before it expects an acknowledgement. */
  #peerWindow = Number.POSITIVE_INFINITY
  /** Own window as last sent to the peer, in bytes. */
  #ownWindow = 0
  #peerAcknowledged: number | undefined

  constructor(out: (bytes: Uint8Array) => void, limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#out = out
    this.#reader = new ChunkReader(limits)
  }

  /** The newest sequence number that the peer acknowledged (modulo 2^32); undefined while it has none. */
  get peerAcknowledged(): number | undefined {
    return this.#peerAcknowledged
  }

  /** Returns why the bytes are no chunk stream, or undefined. */
  receive(bytes: Uint8Array, onMessage: (message: RtmpMessage) => void): string | undefined {
    this.#received += bytes.length
    const fault = this.#reader.push(bytes, (message) => {
      if (!this.#handleControl(message)) onMessage(message)
    })
    this.#acknowledge()
    return fault
  }

  send(chunkStream: number, message: RtmpMessage): void {
    this.#out(this.#writer.write(chunkStream, message))
  }

  /** Sends the chunk size to the peer, and uses it. */
  setChunkBytes(bytes: number): void {
    this.#sendControl(SET_CHUNK_SIZE, bytes)
    this.#writer.chunkBytes = bytes
  }

  /** Requests an acknowledgement from the peer every `bytes` bytes. */
  #setWindow(bytes: number): void {
    this.#ownWindow = bytes
    this.#sendControl(WINDOW_ACKNOWLEDGEMENT_SIZE, bytes)
  }

  /** True when the message is handled here. */
  #handleControl({ type, payload }: RtmpMessage): boolean {
    switch (type) {
      case WINDOW_ACKNOWLEDGEMENT_SIZE:
        this.#peerWindow = Math.max(MIN_WINDOW_BYTES, uint32At(payload, 0) ?? MIN_WINDOW_BYTES)
        return true
      case SET_PEER_BANDWIDTH:
        this.#answerPeerBandwidth(uint32At(payload, 0) ?? 0)
        return true
      case ACKNOWLEDGEMENT:
        this.#peerAcknowledged = uint32At(payload, 0) ?? this.#peerAcknowledged
        return true
      case USER_CONTROL:
        return this.#answerPing(payload)
      default:
        return false
    }
  }

  /** Answers with a window size when it differs from the one sent last (5.4.5). */
  #answerPeerBandwidth(window: number): void {
    if (window > 0 && window !== this.#ownWindow) this.#setWindow(window)
  }

  #answerPing(payload: Uint8Array): boolean {
    const event = payload.length < 2 ? undefined : (payload[0]! << 8) | payload[1]!
    if (event !== PING_REQUEST) return false
    this.send(CONTROL_CHUNK_STREAM, userControl(PING_RESPONSE, uint32At(payload, 2) ?? 0))
    return true
  }

  #acknowledge(): void {
    // Half the window, as other implementations: a peer that waits for the whole window is not delayed.
    if (this.#received - this.#acknowledged < this.#peerWindow / 2) return
    this.#acknowledged = this.#received
    this.#sendControl(ACKNOWLEDGEMENT, this.#received)
  }

  #sendControl(type: number, value: number): void {
    this.send(CONTROL_CHUNK_STREAM, controlMessage(type, value))
  }
}
