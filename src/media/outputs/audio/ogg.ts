/** Ogg, RFC 3533, and Opus in it, RFC 7845. */

const CAPTURE = [0x4f, 0x67, 0x67, 0x53] as const
const HEADER_BYTES = 27
const GRANULE_AT = 6
const SERIAL_AT = 14
const SEQUENCE_AT = 18
const CHECKSUM_AT = 22
const SEGMENTS_AT = 26
const FULL_SEGMENT = 255
const MAX_PAGE_SEGMENTS = 255
/** header_type flags: the first page of a stream. */
const FIRST_PAGE_FLAG = 2
const EMPTY = new Uint8Array(0)
/** Size of the largest page: longer data without a page is not Ogg. */
const MAX_PAGE_BYTES = HEADER_BYTES + MAX_PAGE_SEGMENTS + MAX_PAGE_SEGMENTS * FULL_SEGMENT

/** Samples at 48 kHz in a packet of 20 ms. */
const PACKET_SAMPLES = 960
const PACKET_MS = 20
/** A page for each packet would cost 11 kbit/s, one for five 3. */
const PACKETS_PER_PAGE = 5

/** CRC-32 with the polynomial 0x04c11db7, most significant bit first, no inversion (RFC 3533, 6). */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ ((value >>> 31) * 0x04c11db7)
  return value >>> 0
})

const checksum = (page: Uint8Array): number => {
  let crc = 0
  for (const byte of page) crc = ((crc << 8) ^ CRC_TABLE[((crc >>> 24) ^ byte) & 0xff]!) >>> 0
  return crc
}

/** Extracts the packets from the pages of one stream. Bytes that are not a page are skipped. */
export class OggPackets {
  #carry = EMPTY
  #partialPacket: Uint8Array[] = []

  push(bytes: Uint8Array, onPacket: (packet: Uint8Array) => void): void {
    const buffer = this.#carry.length === 0 ? bytes : joined([this.#carry, bytes])
    let at = 0
    while (at < buffer.length) {
      const length = pageLength(buffer, at)
      if (length === 'no_page') at++
      else if (length === 'incomplete' || at + length > buffer.length) break
      else {
        this.#page(buffer.subarray(at, at + length), onPacket)
        at += length
      }
    }
    this.#carry = at < buffer.length ? buffer.slice(at) : EMPTY
  }

  #page(page: Uint8Array, onPacket: (packet: Uint8Array) => void): void {
    const segments = page[SEGMENTS_AT]!
    let at = HEADER_BYTES + segments
    for (let index = 0; index < segments; index++) {
      const length = page[HEADER_BYTES + index]!
      this.#partialPacket.push(page.subarray(at, at + length))
      at += length
      if (length === FULL_SEGMENT) continue
      onPacket(joined(this.#partialPacket))
      this.#partialPacket = []
    }
  }
}

const pageLength = (bytes: Uint8Array, at: number): number | 'no_page' | 'incomplete' => {
  for (let index = 0; index < CAPTURE.length && at + index < bytes.length; index++) {
    if (bytes[at + index] !== CAPTURE[index]) return 'no_page'
  }
  const table = at + HEADER_BYTES
  if (bytes.length < table) return 'incomplete'
  const segments = bytes[at + SEGMENTS_AT]!
  if (bytes.length < table + segments) return 'incomplete'
  let length = HEADER_BYTES + segments
  for (let index = 0; index < segments; index++) length += bytes[table + index]!
  return Math.min(length, MAX_PAGE_BYTES)
}

export interface OpusPage {
  readonly bytes: Uint8Array
  readonly ms: number
}

/**
 * Opus packets as one endless Ogg stream: when the encoder is restarted, serial number, sequence and granule position
 * continue, and no listener's decoder restarts.
 */
export class OpusPager {
  readonly #serial: number
  #sequence = 0
  #packets: Uint8Array[] = []
  #count = 0

  /** `serial`: any 32 bits. */
  constructor(serial: number) {
    this.#serial = serial >>> 0
  }

  /** The two header pages (RFC 7845, 3), first bytes for every listener. `identification` is the OpusHead packet. */
  head(identification: Uint8Array, vendor: string): Uint8Array {
    const pages = [this.#page([identification], FIRST_PAGE_FLAG), this.#page([opusTags(vendor)], 0)]
    return joined(pages)
  }

  /** A page, when this packet completes it. */
  push(packet: Uint8Array): OpusPage | undefined {
    this.#packets.push(packet)
    this.#count++
    if (this.#packets.length < PACKETS_PER_PAGE) return undefined
    const ms = this.#packets.length * PACKET_MS
    const bytes = this.#page(this.#packets, 0)
    this.#packets = []
    return { bytes, ms }
  }

  #page(packets: readonly Uint8Array[], flags: number): Uint8Array {
    const table = packets.flatMap(({ length }) => [
      ...Array.from({ length: Math.floor(length / FULL_SEGMENT) }, () => FULL_SEGMENT),
      length % FULL_SEGMENT,
    ])
    const page = joined([new Uint8Array(HEADER_BYTES), Uint8Array.from(table), ...packets])
    const view = new DataView(page.buffer)
    page.set(CAPTURE, 0)
    page[5] = flags
    view.setBigUint64(GRANULE_AT, BigInt(this.#count * PACKET_SAMPLES), true)
    view.setUint32(SERIAL_AT, this.#serial, true)
    view.setUint32(SEQUENCE_AT, this.#sequence++, true)
    page[SEGMENTS_AT] = table.length
    view.setUint32(CHECKSUM_AT, checksum(page), true)
    return page
  }
}

/** The comment header, RFC 7845, 5.2: the vendor, and no comments. */
const opusTags = (vendor: string): Uint8Array => {
  const name = new TextEncoder().encode(vendor)
  const tags = new Uint8Array(8 + 4 + name.length + 4)
  tags.set(new TextEncoder().encode('OpusTags'), 0)
  new DataView(tags.buffer).setUint32(8, name.length, true)
  tags.set(name, 12)
  return tags
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
