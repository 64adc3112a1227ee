import type { RtmpMessage } from './message.ts'

/** 5.4.1: the initial chunk size of both sides. */
export const DEFAULT_CHUNK_BYTES = 128
/** 5.3.1.3: from this value on a time has four bytes of its own. */
const EXTENDED_TIME = 0xffffff
const MAX_BASIC_HEADER_BYTES = 3
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const
const EXTENDED_TIME_BYTES = 4

type Format = 0 | 1 | 2 | 3

interface SentHeader {
  readonly time: number
  readonly length: number
  readonly type: number
  readonly stream: number
  /** Since the message before it; undefined after a header with a full time, where readers disagree on what format 3 repeats. */
  readonly delta: number | undefined
}

/** Messages to chunks, 5.3.1: each with the shortest sufficient header. Pure bytes; one buffer per message. */
export class ChunkWriter {
  readonly #sent = new Map<number, SentHeader>()
  #chunkBytes = DEFAULT_CHUNK_BYTES

  /** From the next message on; a SetChunkSize must have been sent before. */
  set chunkBytes(bytes: number) {
    this.#chunkBytes = bytes
  }

  write(chunkStream: number, message: RtmpMessage): Uint8Array {
    const { payload } = message
    const before = this.#sent.get(chunkStream)
    const delta = before === undefined ? 0 : (message.time - before.time) >>> 0
    const format = formatOf(message, before, delta)
    const value = format === 0 ? message.time >>> 0 : delta
    const isExtended = format === 3 ? before!.delta! >= EXTENDED_TIME : value >= EXTENDED_TIME
    const chunks = Math.max(1, Math.ceil(payload.length / this.#chunkBytes))
    const maxBytes = 11 + chunks * (MAX_BASIC_HEADER_BYTES + EXTENDED_TIME_BYTES) + payload.length
    const out = new Uint8Array(maxBytes)
    const view = new DataView(out.buffer)
    let at = writeBasicHeader(out, 0, format, chunkStream)
    at = writeMessageHeader(view, at, { format, value, message })
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (chunk > 0) at = writeBasicHeader(out, at, 3, chunkStream)
      // Also in the chunks that go on with a message: 5.3.1.3, and what librtmp, FFmpeg and nginx-rtmp do.
      if (isExtended) {
        view.setUint32(at, value)
        at += EXTENDED_TIME_BYTES
      }
      const from = chunk * this.#chunkBytes
      const part = payload.subarray(from, from + this.#chunkBytes)
      out.set(part, at)
      at += part.length
    }
    this.#sent.set(chunkStream, {
      time: message.time >>> 0,
      length: payload.length,
      type: message.type,
      stream: message.stream,
      delta: format === 0 ? undefined : delta,
    })
    return out.subarray(0, at)
  }
}

/** Shortest header format; a time that goes back (a difference above half the range) needs a full time. */
const formatOf = (message: RtmpMessage, before: SentHeader | undefined, delta: number): Format => {
  if (before === undefined || before.stream !== message.stream || delta >= 0x80000000) return 0
  if (before.length !== message.payload.length || before.type !== message.type) return 1
  return before.delta === delta ? 3 : 2
}

/** 5.3.1.1. */
const writeBasicHeader = (
  out: Uint8Array,
  at: number,
  format: Format,
  chunkStream: number,
): number => {
  const high = format << 6
  if (chunkStream < 64) {
    out[at] = high | chunkStream
    return at + 1
  }
  const rest = chunkStream - 64
  if (rest < 256) {
    out[at] = high
    out[at + 1] = rest
    return at + 2
  }
  out[at] = high | 1
  out[at + 1] = rest & 0xff
  out[at + 2] = rest >> 8
  return at + 3
}

/** 5.3.1.2. */
const writeMessageHeader = (
  view: DataView,
  at: number,
  header: { readonly format: Format; readonly value: number; readonly message: RtmpMessage },
): number => {
  const { format, value, message } = header
  if (format <= 2) setUint24(view, at, Math.min(value, EXTENDED_TIME))
  if (format <= 1) {
    setUint24(view, at + 3, message.payload.length)
    view.setUint8(at + 6, message.type)
  }
  // The one little-endian number.
  if (format === 0) view.setUint32(at + 7, message.stream, true)
  return at + MESSAGE_HEADER_BYTES[format]
}

const setUint24 = (view: DataView, at: number, value: number): void => {
  view.setUint16(at, value >>> 8)
  view.setUint8(at + 2, value & 0xff)
}
