import { FIRST_CHUNK_BYTES } from './chunk-writer.ts'
import { ABORT, numberAt, SET_CHUNK_SIZE, type RtmpMessage } from './message.ts'

const EXTENDED_TIME = 0xffffff
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const
const MOST_HEADER_BYTES = 3 + 11 + 4
/** 5.4.1 allows up to 2^31 − 1; a message is 2^24 − 1 at most, so that more means the same. */
const MOST_CHUNK_BYTES = 0xffffff

export interface ChunkLimits {
  /** Of one message. */
  readonly messageBytes: number
  /** Chunk streams that may be used. */
  readonly chunkStreams: number
  /** Of all messages that are under way together. */
  readonly heldBytes: number
}

export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  messageBytes: 8 * 1024 * 1024,
  chunkStreams: 64,
  heldBytes: 16 * 1024 * 1024,
}

/** What is known of one chunk stream. */
interface Lane {
  time: number
  delta: number
  length: number
  type: number
  stream: number
  isExtended: boolean
  /** Grows with what arrives: an announced length alone costs nothing. */
  payload: Uint8Array<ArrayBuffer>
  got: number
}

const NOTHING = new Uint8Array(0)
const FIRST_ALLOCATION = 4_096

/**
 * Chunks to messages, 5.3.1, whatever the pieces they arrive in. SetChunkSize and Abort are obeyed here and not passed on.
 * Never throws; what is kept is bounded by the limits. After a fault nothing more is read.
 */
export class ChunkReader {
  readonly #limits: ChunkLimits
  readonly #lanes = new Map<number, Lane>()
  #chunkBytes = FIRST_CHUNK_BYTES
  /** Of a chunk's header that is not complete yet. */
  #carry = NOTHING
  /** The chunk whose payload is being read. */
  #current: Lane | undefined
  #left = 0
  #held = 0
  #fault: string | undefined

  constructor(limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#limits = limits
  }

  /** Bytes of unfinished messages. */
  get heldBytes(): number {
    return this.#held + this.#carry.length
  }

  /** Why the bytes are no chunk stream, or undefined. */
  push(bytes: Uint8Array, onMessage: (message: RtmpMessage) => void): string | undefined {
    let at = 0
    while (this.#fault === undefined) {
      if (this.#current !== undefined) {
        if (at >= bytes.length && this.#left > 0) break
        at += this.#payload(this.#current, bytes.subarray(at, at + this.#left), onMessage)
        continue
      }
      if (at >= bytes.length) break
      const used = this.#header(bytes.subarray(at))
      if (used === undefined) break
      at += used
    }
    return this.#fault
  }

  /** How many of these bytes the header took; undefined: it is not complete, and they are kept. */
  #header(bytes: Uint8Array): number | undefined {
    const carried = this.#carry.length
    const head = carried === 0 ? bytes : joined(this.#carry, bytes.subarray(0, MOST_HEADER_BYTES))
    const end = this.#readHeader(head)
    if (end === undefined) {
      this.#carry = head.slice()
      return undefined
    }
    this.#carry = NOTHING
    return end - carried
  }

  /** Where the header ends; undefined when more bytes are needed. */
  #readHeader(bytes: Uint8Array): number | undefined {
    const basic = readBasicHeader(bytes)
    if (basic === undefined) return undefined
    const { format, chunkStream, end } = basic
    const known = this.#lanes.get(chunkStream)
    const extendedAt = end + MESSAGE_HEADER_BYTES[format]
    if (bytes.length < extendedAt) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const short = format === 3 ? undefined : uint24(view, end)
    const isExtended = short === undefined ? known?.isExtended === true : short === EXTENDED_TIME
    if (isExtended && bytes.length < extendedAt + 4) return undefined
    const value = isExtended ? view.getUint32(extendedAt) : short
    const lane = known ?? this.#newLane(chunkStream, format)
    if (lane === undefined) return extendedAt
    lane.isExtended = isExtended
    const isNew = lane.got === 0
    if (!isNew && format !== 3) {
      this.#fault = `chunk stream ${chunkStream} began a message within another`
      return extendedAt
    }
    if (format <= 1) {
      lane.length = uint24(view, end + 3)
      lane.type = view.getUint8(end + 6)
    }
    if (format === 0) lane.stream = view.getUint32(end + 7, true)
    if (isNew) this.#stamp(lane, format, value)
    this.#begin(lane, chunkStream)
    return extendedAt + (isExtended ? 4 : 0)
  }

  #newLane(chunkStream: number, format: number): Lane | undefined {
    if (format !== 0 && format !== 1) {
      this.#fault = `chunk stream ${chunkStream} begins without a full header`
      return undefined
    }
    if (this.#lanes.size >= this.#limits.chunkStreams) {
      this.#fault = `more than ${this.#limits.chunkStreams} chunk streams`
      return undefined
    }
    const none = { time: 0, delta: 0, length: 0, type: 0, stream: 0, isExtended: false }
    const lane: Lane = { ...none, payload: NOTHING, got: 0 }
    this.#lanes.set(chunkStream, lane)
    return lane
  }

  /** 5.3.1.2.4: format 3 repeats the difference, or, after a full time, that time as a difference. */
  #stamp(lane: Lane, format: number, value: number | undefined): void {
    if (format < 3) lane.delta = value!
    lane.time = format === 0 ? lane.delta : (lane.time + lane.delta) >>> 0
  }

  #begin(lane: Lane, chunkStream: number): void {
    if (lane.length > this.#limits.messageBytes) {
      this.#fault = `a message of ${lane.length} bytes on chunk stream ${chunkStream}; at most ${this.#limits.messageBytes} are taken`
      return
    }
    this.#current = lane
    this.#left = Math.min(this.#chunkBytes, lane.length - lane.got)
  }

  /** How many of these bytes were used. */
  #payload(lane: Lane, bytes: Uint8Array, onMessage: (message: RtmpMessage) => void): number {
    if (bytes.length > 0) {
      if (lane.got + bytes.length > lane.payload.length) grow(lane, lane.got + bytes.length)
      lane.payload.set(bytes, lane.got)
      lane.got += bytes.length
      this.#held += bytes.length
      this.#left -= bytes.length
    }
    if (this.#held > this.#limits.heldBytes) {
      this.#fault = `more than ${this.#limits.heldBytes} bytes of unfinished messages`
    }
    if (this.#left > 0) return bytes.length
    this.#current = undefined
    if (lane.got >= lane.length) this.#finish(lane, onMessage)
    return bytes.length
  }

  #finish(lane: Lane, onMessage: (message: RtmpMessage) => void): void {
    const payload = lane.payload.subarray(0, lane.got)
    this.#forget(lane)
    const { type, stream, time } = lane
    if (type === SET_CHUNK_SIZE) this.#setChunkSize(payload)
    else if (type === ABORT) this.#abort(payload)
    else onMessage({ type, stream, time, payload })
  }

  #forget(lane: Lane): void {
    this.#held -= lane.got
    lane.payload = NOTHING
    lane.got = 0
  }

  #setChunkSize(payload: Uint8Array): void {
    const bytes = (numberAt(payload, 0) ?? 0) & 0x7fffffff
    if (bytes < 1) this.#fault = 'a chunk size of 0'
    else this.#chunkBytes = Math.min(bytes, MOST_CHUNK_BYTES)
  }

  #abort(payload: Uint8Array): void {
    const lane = this.#lanes.get(numberAt(payload, 0) ?? -1)
    if (lane !== undefined) this.#forget(lane)
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

const grow = (lane: Lane, needed: number): void => {
  const size = Math.min(lane.length, Math.max(needed, 2 * lane.payload.length, FIRST_ALLOCATION))
  const larger = new Uint8Array(size)
  larger.set(lane.payload)
  lane.payload = larger
}

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
