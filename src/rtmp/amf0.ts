/** Action Message Format 0 (Adobe's "AMF 0 Specification", 2007): the encoding of RTMP's commands and metadata. */

export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | AmfObject
  | AmfEcmaArray
  | AmfDate
  | readonly AmfValue[]

/** 2.5: an anonymous object. */
export interface AmfObject {
  readonly [name: string]: AmfValue
}

/** 2.10: an "ECMA array": the form of metadata; read like an object. */
export class AmfEcmaArray {
  readonly entries: AmfObject
  constructor(entries: AmfObject) {
    this.entries = entries
  }
}

/** 2.13, milliseconds since 1970; the time zone is reserved and not kept. */
export class AmfDate {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
}

/** 2.1: type markers. */
export const AMF_MARKER = {
  NUMBER: 0x00,
  BOOLEAN: 0x01,
  STRING: 0x02,
  OBJECT: 0x03,
  NULL: 0x05,
  UNDEFINED: 0x06,
  REFERENCE: 0x07,
  ECMA_ARRAY: 0x08,
  OBJECT_END: 0x09,
  STRICT_ARRAY: 0x0a,
  DATE: 0x0b,
  LONG_STRING: 0x0c,
  UNSUPPORTED: 0x0d,
  XML: 0x0f,
  TYPED_OBJECT: 0x10,
} as const

const MAX_SHORT_STRING_BYTES = 0xffff

/** Encodes the values in sequence. */
export const encodeAmf = (...values: readonly AmfValue[]): Uint8Array => {
  const writer = new AmfWriter()
  for (const value of values) writer.writeValue(value)
  return writer.bytes()
}

class AmfWriter {
  readonly #text = new TextEncoder()
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  writeValue(value: AmfValue): void {
    if (value === undefined) this.#byte(AMF_MARKER.UNDEFINED)
    else if (value === null) this.#byte(AMF_MARKER.NULL)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'boolean') {
      this.#byte(AMF_MARKER.BOOLEAN)
      this.#byte(value ? 1 : 0)
    } else if (typeof value === 'string') this.#string(value)
    else if (value instanceof AmfDate) this.#date(value)
    else if (value instanceof AmfEcmaArray) this.#list(value)
    else if (isArray(value)) this.#array(value)
    else {
      this.#byte(AMF_MARKER.OBJECT)
      this.#entries(value)
    }
  }

  #number(value: number): void {
    this.#byte(AMF_MARKER.NUMBER)
    this.#double(value)
  }

  #string(value: string): void {
    const text = this.#text.encode(value)
    const long = text.length > MAX_SHORT_STRING_BYTES
    this.#byte(long ? AMF_MARKER.LONG_STRING : AMF_MARKER.STRING)
    if (long) this.#uint32(text.length)
    else this.#uint16(text.length)
    this.#raw(text)
  }

  #date(value: AmfDate): void {
    this.#byte(AMF_MARKER.DATE)
    this.#double(value.ms)
    this.#uint16(0)
  }

  #list({ entries }: AmfEcmaArray): void {
    this.#byte(AMF_MARKER.ECMA_ARRAY)
    this.#uint32(Object.keys(entries).length)
    this.#entries(entries)
  }

  #array(values: readonly AmfValue[]): void {
    this.#byte(AMF_MARKER.STRICT_ARRAY)
    this.#uint32(values.length)
    for (const value of values) this.writeValue(value)
  }

  #entries(entries: AmfObject): void {
    for (const [name, value] of Object.entries(entries)) {
      const text = this.#text.encode(name).subarray(0, MAX_SHORT_STRING_BYTES)
      this.#uint16(text.length)
      this.#raw(text)
      this.writeValue(value)
    }
    this.#uint16(0)
    this.#byte(AMF_MARKER.OBJECT_END)
  }

  #byte(value: number): void {
    this.#grow(1)
    this.#view.setUint8(this.#length, value)
    this.#length += 1
  }

  #uint16(value: number): void {
    this.#grow(2)
    this.#view.setUint16(this.#length, value)
    this.#length += 2
  }

  #uint32(value: number): void {
    this.#grow(4)
    this.#view.setUint32(this.#length, value)
    this.#length += 4
  }

  #double(value: number): void {
    this.#grow(8)
    this.#view.setFloat64(this.#length, value)
    this.#length += 8
  }

  #raw(bytes: Uint8Array): void {
    this.#grow(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #grow(by: number): void {
    const needed = this.#length + by
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

const isArray = (value: AmfObject | readonly AmfValue[]): value is readonly AmfValue[] =>
  Array.isArray(value)

/** The entries of an object or list; undefined for any other value. */
export const entriesOf = (value: AmfValue): AmfObject | undefined => {
  if (value instanceof AmfEcmaArray) return value.entries
  if (value === null || typeof value !== 'object') return undefined
  return value instanceof AmfDate || isArray(value) ? undefined : value
}

/** String entry by name; undefined where there is none. */
export const textIn = (value: AmfValue, name: string): string | undefined => {
  const found = entriesOf(value)?.[name]
  return typeof found === 'string' ? found : undefined
}
