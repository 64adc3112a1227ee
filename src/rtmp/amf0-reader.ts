import { AMF_MARKER, AmfDate, AmfEcmaArray, type AmfObject, type AmfValue } from './amf0.ts'

export type AmfDecoded =
  | { readonly ok: true; readonly values: readonly AmfValue[] }
  /** `values`: those read before the fault. */
  | { readonly ok: false; readonly why: string; readonly values: readonly AmfValue[] }

/** Above the depth and count of any command: more is an attempt to exhaust memory. */
const MAX_DEPTH = 16
const MAX_VALUES = 4_096

/** Decodes all values up to the end. Never throws; work and memory are bounded by the length of the bytes. */
export const decodeAmf = (bytes: Uint8Array): AmfDecoded => {
  const reader = new AmfReader(bytes)
  const values: AmfValue[] = []
  try {
    while (!reader.isAtEnd) values.push(reader.readValue(0))
    return { ok: true, values }
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error), values }
  }
}

class AmfFault extends Error {}

class AmfReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #values = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  readValue(depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw new AmfFault(`nested deeper than ${MAX_DEPTH}`)
    if (++this.#values > MAX_VALUES) throw new AmfFault(`more than ${MAX_VALUES} values`)
    const marker = this.#byte()
    switch (marker) {
      case AMF_MARKER.NUMBER:
        return this.#double()
      case AMF_MARKER.BOOLEAN:
        return this.#byte() !== 0
      case AMF_MARKER.STRING:
        return this.#text(this.#uint16())
      case AMF_MARKER.LONG_STRING:
      case AMF_MARKER.XML:
        return this.#text(this.#uint32())
      case AMF_MARKER.OBJECT:
        return this.#entries(depth)
      case AMF_MARKER.TYPED_OBJECT:
        this.#text(this.#uint16())
        return this.#entries(depth)
      case AMF_MARKER.ECMA_ARRAY:
        // The count is a hint only: encoders write 0 or too much.
        this.#uint32()
        return new AmfEcmaArray(this.#entries(depth))
      case AMF_MARKER.STRICT_ARRAY:
        return this.#array(depth)
      case AMF_MARKER.DATE:
        return this.#date()
      case AMF_MARKER.NULL:
        return null
      case AMF_MARKER.UNDEFINED:
      case AMF_MARKER.UNSUPPORTED:
        return undefined
      case AMF_MARKER.REFERENCE:
        this.#uint16()
        return undefined
      default:
        throw new AmfFault(`marker 0x${marker.toString(16)} is not AMF 0`)
    }
  }

  #entries(depth: number): AmfObject {
    // Names come from the peer: "__proto__" must be a name like any other.
    const entries: [string, AmfValue][] = []
    for (;;) {
      const length = this.#uint16()
      if (length === 0 && this.#bytes[this.#at] === AMF_MARKER.OBJECT_END) {
        this.#at += 1
        return Object.fromEntries(entries)
      }
      const name = this.#text(length)
      entries.push([name, this.readValue(depth + 1)])
    }
  }

  #array(depth: number): AmfValue[] {
    const count = this.#uint32()
    const values: AmfValue[] = []
    for (let i = 0; i < count; i++) values.push(this.readValue(depth + 1))
    return values
  }

  #date(): AmfDate {
    const ms = this.#double()
    this.#uint16()
    return new AmfDate(ms)
  }

  #byte(): number {
    return this.#view.getUint8(this.#skip(1))
  }

  #uint16(): number {
    return this.#view.getUint16(this.#skip(2))
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4))
  }

  #double(): number {
    return this.#view.getFloat64(this.#skip(8))
  }

  #text(length: number): string {
    const at = this.#skip(length)
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length))
  }

  /** Advances by `count` and returns the former offset. */
  #skip(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) throw new AmfFault(`cut short at byte ${at}`)
    this.#at += count
    return at
  }
}
