/** Sections: ISO/IEC 13818-1, 2.4.4.1 (pointer_field) and 2.4.4.10 (syntax of the long form). */
import { crc32Mpeg } from './crc32.ts'

/** 2.4.4.10: section_length is at most 4093 for private sections (1021 for PAT and PMT, which muxers do not always respect). */
export const MAX_SECTION_BYTES = 4096
const SECTION_HEADER_BYTES = 3
const STUFFING = 0xff
const CRC_SIZE = 4
/** table_id … last_section_number, plus the CRC. */
export const MIN_LONG_SECTION_BYTES = 12

export type SectionListener = (section: Uint8Array) => void

/**
 * Joins the payloads of one PID to sections. A section is passed on as a view that is valid during the call only.
 * Damaged bytes (a lost packet, an impossible length) are dropped up to the next payload_unit_start.
 */
export class SectionAssembler {
  readonly #buffer = new Uint8Array(MAX_SECTION_BYTES)
  #fill = 0
  #state: 'waiting' | 'collecting' = 'waiting'
  readonly #listener: SectionListener

  constructor(listener: SectionListener) {
    this.#listener = listener
  }

  /** Payload bytes [from, to) of one packet; `startsSection` is its payload_unit_start_indicator. */
  push(bytes: Uint8Array, range: { from: number; to: number; startsSection: boolean }): void {
    const { to } = range
    let from = range.from
    if (!range.startsSection) {
      this.#collect(bytes, from, to)
      return
    }
    if (from >= to) return
    const start = from + 1 + bytes[from]!
    from++
    if (start > to) {
      this.reset()
      return
    }
    this.#collect(bytes, from, start)
    this.#fill = 0
    this.#state = 'collecting'
    this.#collect(bytes, start, to)
  }

  /** After a continuity error: drops the incomplete section. */
  reset(): void {
    this.#fill = 0
    this.#state = 'waiting'
  }

  #collect(bytes: Uint8Array, start: number, to: number): void {
    let from = start
    while (from < to && this.#state === 'collecting') {
      if (this.#fill === 0 && bytes[from] === STUFFING) {
        this.reset()
        return
      }
      from = this.#append(bytes, from, Math.min(to, from + SECTION_HEADER_BYTES - this.#fill))
      if (this.#fill < SECTION_HEADER_BYTES) return
      const size = SECTION_HEADER_BYTES + (((this.#buffer[1]! & 0x0f) << 8) | this.#buffer[2]!)
      if (size > MAX_SECTION_BYTES) {
        this.reset()
        return
      }
      from = this.#append(bytes, from, Math.min(to, from + size - this.#fill))
      if (this.#fill < size) return
      this.#fill = 0
      this.#listener(this.#buffer.subarray(0, size))
    }
  }

  #append(bytes: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) this.#buffer[this.#fill++] = bytes[i]!
    return Math.max(from, to)
  }
}

/** 2.4.4.10: the header fields that PAT, PMT and SDT share. */
export interface SectionHeader {
  readonly tableId: number
  /** transport_stream_id of a PAT or SDT, program_number of a PMT. */
  readonly extension: number
  readonly version: number
  readonly current: boolean
  readonly number: number
  readonly last: number
}

export const sectionHeader = (s: Uint8Array): SectionHeader => ({
  tableId: s[0]!,
  extension: (s[3]! << 8) | s[4]!,
  version: (s[5]! >> 1) & 0x1f,
  current: (s[5]! & 1) === 1,
  number: s[6]!,
  last: s[7]!,
})

/** A long-form section with room for its header, a matching length and a valid CRC. */
export const isWholeSection = (s: Uint8Array): boolean =>
  s.length >= MIN_LONG_SECTION_BYTES && (s[1]! & 0x80) !== 0 && crc32Mpeg(s) === 0

/** Frames `body` as a long-form section: header, body, CRC. `privateIndicator` bits as EN 300 468 requires for its tables. */
export const buildSection = (
  header: SectionHeader & { readonly reserved?: number },
  body: Uint8Array,
): Uint8Array => {
  const size = 8 + body.length + CRC_SIZE
  if (size > MAX_SECTION_BYTES)
    throw new RangeError(`a section of ${size} bytes exceeds ${MAX_SECTION_BYTES}`)
  const s = new Uint8Array(size)
  const length = size - SECTION_HEADER_BYTES
  s[0] = header.tableId
  s[1] = 0x80 | (header.reserved ?? 0x30) | (length >> 8)
  s[2] = length
  s[3] = header.extension >> 8
  s[4] = header.extension
  s[5] = 0xc0 | ((header.version & 0x1f) << 1) | (header.current ? 1 : 0)
  s[6] = header.number
  s[7] = header.last
  s.set(body, 8)
  const crc = crc32Mpeg(s, 0, size - CRC_SIZE)
  s[size - 4] = crc >>> 24
  s[size - 3] = crc >>> 16
  s[size - 2] = crc >>> 8
  s[size - 1] = crc
  return s
}
