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

/** A peer that names a window of a few bytes would have us send nothing but acknowledgements. */
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
  /** The peer's window: so many bytes it sends before it wants to hear of them. */
  #peerWindow = Number.POSITIVE_INFINITY
  /** What the peer was told last of our own window. */
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

  /** Why the bytes are no chunk stream, or undefined. */
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

  /** Tells the peer, and uses it. */
  setChunkBytes(bytes: number): void {
    this.#sendControl(SET_CHUNK_SIZE, bytes)
    this.#writer.chunkBytes = bytes
  }

  /** Asks the peer to acknowledge every so many bytes. */
  #setWindow(bytes: number): void {
    this.#ownWindow = bytes
    this.#sendControl(WINDOW_ACKNOWLEDGEMENT_SIZE, bytes)
  }

  /** True when nobody else needs to see it. */
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

  /** 5.4.5: to be answered with a window size, where it differs from the one sent last. */
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
    // Half the window, as others do: a peer that waits for the whole must not wait long.
    if (this.#received - this.#acknowledged < this.#peerWindow / 2) return
    this.#acknowledged = this.#received
    this.#sendControl(ACKNOWLEDGEMENT, this.#received)
  }

  #sendControl(type: number, value: number): void {
    this.send(CONTROL_CHUNK_STREAM, controlMessage(type, value))
  }
}
