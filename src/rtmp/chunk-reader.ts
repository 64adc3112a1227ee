import { DEFAULT_CHUNK_BYTES } from './chunk-writer.ts'
import { ABORT, uint32At, SET_CHUNK_SIZE, type RtmpMessage } from './message.ts'

const EXTENDED_TIME = 0xffffff
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const
const MAX_HEADER_BYTES = 3 + 11 + 4
/** 5.4.1 allows up to 2^31 − 1; a message is 2^24 − 1 at most, so that more means the same. */
const MAX_CHUNK_BYTES = 0xffffff

export interface ChunkLimits {
  /** Of one message. */
  readonly maxMessageBytes: number
  /** Chunk streams that may be used. */
  readonly maxChunkStreams: number
  /** Of all messages that are under way together. */
  readonly maxHeldBytes: number
}

export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  maxMessageBytes: 8 * 1024 * 1024,
  maxChunkStreams: 64,
  maxHeldBytes: 16 * 1024 * 1024,
}

/** State of one chunk stream. */
interface ChunkStreamState {
  time: number
  delta: number
  length: number
  type: number
  stream: number
  isExtended: boolean
  /** Grows with the bytes that arrive: an announced length alone costs nothing. */
  payload: Uint8Array<ArrayBuffer>
  receivedBytes: number
}

const EMPTY = new Uint8Array(0)
const MIN_ALLOCATION_BYTES = 4_096

/**
 * Chunks to messages, 5.3.1, whatever the pieces they arrive in. SetChunkSize and Abort are applied here and not passed on.
 * Never throws; memory is bounded by the limits. Nothing is read after a fault.
 */
export class ChunkReader {
  readonly #limits: ChunkLimits
  readonly #streams = new Map<number, ChunkStreamState>()
  #chunkBytes = DEFAULT_CHUNK_BYTES
  /** Of a chunk's header that is not complete yet. */
  #carry = EMPTY
  /** The chunk whose payload is being read. */
  #current: ChunkStreamState | undefined
  #chunkBytesLeft = 0
  #heldBytes = 0
  #fault: string | undefined

  constructor(limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#limits = limits
  }

  /** Bytes of unfinished messages. */
  get heldBytes(): number {
    return this.#heldBytes + this.#carry.length
  }

  /** Returns why the bytes are no chunk stream, or undefined. */
  push(bytes: Uint8Array, onMessage: (message: RtmpMessage) => void): string | undefined {
    let at = 0
    while (this.#fault === undefined) {
      if (this.#current !== undefined) {
        if (at >= bytes.length && this.#chunkBytesLeft > 0) break
        at += this.#readPayload(
          this.#current,
          bytes.subarray(at, at + this.#chunkBytesLeft),
          onMessage,
        )
        continue
      }
      if (at >= bytes.length) break
      const used = this.#consumeHeader(bytes.subarray(at))
      if (used === undefined) break
      at += used
    }
    return this.#fault
  }

  /** Returns the bytes that the header took; undefined: it is incomplete, and the bytes are kept. */
  #consumeHeader(bytes: Uint8Array): number | undefined {
    const carried = this.#carry.length
    const head = carried === 0 ? bytes : joined(this.#carry, bytes.subarray(0, MAX_HEADER_BYTES))
    const end = this.#readHeader(head)
    if (end === undefined) {
      this.#carry = head.slice()
      return undefined
    }
    this.#carry = EMPTY
    return end - carried
  }

  /** Returns the header's end; undefined when more bytes are needed. */
  #readHeader(bytes: Uint8Array): number | undefined {
    const basic = readBasicHeader(bytes)
    if (basic === undefined) return undefined
    const { format, chunkStream, end } = basic
    const known = this.#streams.get(chunkStream)
    const extendedAt = end + MESSAGE_HEADER_BYTES[format]
    if (bytes.length < extendedAt) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const short = format === 3 ? undefined : uint24(view, end)
    const isExtended = short === undefined ? known?.isExtended === true : short === EXTENDED_TIME
    if (isExtended && bytes.length < extendedAt + 4) return undefined
    const value = isExtended ? view.getUint32(extendedAt) : short
    const state = known ?? this.#createStream(chunkStream, format)
    if (state === undefined) return extendedAt
    state.isExtended = isExtended
    const isNew = state.receivedBytes === 0
    if (!isNew && format !== 3) {
      this.#fault = `chunk stream ${chunkStream} began a message within another`
      return extendedAt
    }
    if (format <= 1) {
      state.length = uint24(view, end + 3)
      state.type = view.getUint8(end + 6)
    }
    if (format === 0) state.stream = view.getUint32(end + 7, true)
    if (isNew) this.#updateTime(state, format, value)
    this.#startChunk(state, chunkStream)
    return extendedAt + (isExtended ? 4 : 0)
  }

  #createStream(chunkStream: number, format: number): ChunkStreamState | undefined {
    if (format !== 0 && format !== 1) {
      this.#fault = `chunk stream ${chunkStream} begins without a full header`
      return undefined
    }
    if (this.#streams.size >= this.#limits.maxChunkStreams) {
      this.#fault = `more than ${this.#limits.maxChunkStreams} chunk streams`
      return undefined
    }
    const none = { time: 0, delta: 0, length: 0, type: 0, stream: 0, isExtended: false }
    const state: ChunkStreamState = { ...none, payload: EMPTY, receivedBytes: 0 }
    this.#streams.set(chunkStream, state)
    return state
  }

  /** 5.3.1.2.4: format 3 repeats the difference, or, after a full time, that time as a difference. */
  #updateTime(state: ChunkStreamState, format: number, value: number | undefined): void {
    if (format < 3) state.delta = value!
    state.time = format === 0 ? state.delta : (state.time + state.delta) >>> 0
  }

  #startChunk(state: ChunkStreamState, chunkStream: number): void {
    if (state.length > this.#limits.maxMessageBytes) {
      this.#fault = `a message of ${state.length} bytes on chunk stream ${chunkStream}; at most ${this.#limits.maxMessageBytes} are accepted`
      return
    }
    this.#current = state
    this.#chunkBytesLeft = Math.min(this.#chunkBytes, state.length - state.receivedBytes)
  }

  /** Returns the number of bytes used. */
  #readPayload(
    state: ChunkStreamState,
    bytes: Uint8Array,
    onMessage: (message: RtmpMessage) => void,
  ): number {
    if (bytes.length > 0) {
      if (state.receivedBytes + bytes.length > state.payload.length)
        grow(state, state.receivedBytes + bytes.length)
      state.payload.set(bytes, state.receivedBytes)
      state.receivedBytes += bytes.length
      this.#heldBytes += bytes.length
      this.#chunkBytesLeft -= bytes.length
    }
    if (this.#heldBytes > this.#limits.maxHeldBytes) {
      this.#fault = `more than ${this.#limits.maxHeldBytes} bytes of unfinished messages`
    }
    if (this.#chunkBytesLeft > 0) return bytes.length
    this.#current = undefined
    if (state.receivedBytes >= state.length) this.#finishMessage(state, onMessage)
    return bytes.length
  }

  #finishMessage(state: ChunkStreamState, onMessage: (message: RtmpMessage) => void): void {
    const payload = state.payload.subarray(0, state.receivedBytes)
    this.#clearMessage(state)
    const { type, stream, time } = state
    if (type === SET_CHUNK_SIZE) this.#setChunkSize(payload)
    else if (type === ABORT) this.#abort(payload)
    else onMessage({ type, stream, time, payload })
  }

  #clearMessage(state: ChunkStreamState): void {
    this.#heldBytes -= state.receivedBytes
    state.payload = EMPTY
    state.receivedBytes = 0
  }

  #setChunkSize(payload: Uint8Array): void {
    const bytes = (uint32At(payload, 0) ?? 0) & 0x7fffffff
    if (bytes < 1) this.#fault = 'a chunk size of 0'
    else this.#chunkBytes = Math.min(bytes, MAX_CHUNK_BYTES)
  }

  #abort(payload: Uint8Array): void {
    const state = this.#streams.get(uint32At(payload, 0) ?? -1)
    if (state !== undefined) this.#clearMessage(state)
  }
}

const readBasicHeader = (bytes: Uint8Array) => {
  const first = bytes[0]
  if (first === undefined) return undefined
  const format = (first >> 6) as 0 | 1 | 2 | 3
  const low = first & 0x3f
  if (low >= 2) return { format, chunkStream: low, end: 1 }
  if (low === 0) {
    return bytes.length < 2 ? undefined : { format, chunkStream: 64 + bytes[1]!, end: 2 }
  }
  if (bytes.length < 3) return undefined
  return { format, chunkStream: 64 + bytes[1]! + bytes[2]! * 256, end: 3 }
}

const uint24 = (view: DataView, at: number): number =>
  (view.getUint16(at) << 8) | view.getUint8(at + 2)

const grow = (state: ChunkStreamState, needed: number): void => {
  const size = Math.min(
    state.length,
    Math.max(needed, 2 * state.payload.length, MIN_ALLOCATION_BYTES),
  )
  const larger = new Uint8Array(size)
  larger.set(state.payload)
  state.payload = larger
}

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
