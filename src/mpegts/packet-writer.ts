/** Writes packets (ISO/IEC 13818-1, 2.4.3.2) and keeps each PID's continuity counter. */
import type { Pid } from './access-unit.ts'
import { MuxOutput } from './mux-output.ts'
import {
  CONTINUITY,
  DISCONTINUITY,
  HAS_ADAPTATION,
  HAS_PAYLOAD,
  HAS_PCR,
  HEADER_SIZE,
  PACKET_SIZE,
  MAX_PAYLOAD_BYTES,
  PAYLOAD_UNIT_START,
  RANDOM_ACCESS,
  SYNC_BYTE,
  writePcr,
} from './packet.ts'
import type { WordBytes } from './word-bytes.ts'
import { wirePcr } from './pcr-clock.ts'

const STUFFING = 0xff
const PCR_SIZE = 6

/** Writer state of one PID. */
export class PidWriter {
  readonly pid: Pid
  /** Counter of the next packet with payload. */
  continuity = 0
  /** 'broken': the next packet carries the discontinuity_indicator. */
  flow: 'continuous' | 'broken' = 'continuous'

  constructor(pid: Pid) {
    this.pid = pid
  }
}

export interface FirstPacket {
  readonly randomAccess: 'yes' | 'no'
  /** Ticks; undefined: without PCR. */
  readonly pcr: number | undefined
}

export interface UnitBytes {
  /** PES header, and what goes in front of the unit. At most 64 bytes. */
  readonly head: Uint8Array
  readonly headSize: number
  readonly data: WordBytes
  /** The unit's bytes begin here. */
  readonly from: number
}

export class PacketWriter {
  readonly output = new MuxOutput()

  /** A table, from a fresh packet on. */
  writeSection(writer: PidWriter, section: Uint8Array): void {
    let from = 0
    do {
      const at = this.output.reserve(1)
      const out = this.output.slab.bytes
      const flags = takeDiscontinuity(writer)
      let payload = writeHeader(out, at, {
        writer,
        flags: from === 0 ? PAYLOAD_UNIT_START : 0,
        adaptation: flags === 0 ? 0 : 2,
      })
      if (flags !== 0) {
        out[at + HEADER_SIZE] = 1
        out[at + HEADER_SIZE + 1] = flags
      }
      if (from === 0) out[payload++] = 0 // pointer_field
      const size = Math.min(section.length - from, at + PACKET_SIZE - payload)
      out.set(section.subarray(from, from + size), payload)
      out.fill(STUFFING, payload + size, at + PACKET_SIZE)
      from += size
    } while (from < section.length)
  }

  /** An adaptation field only: the counter stands still (2.4.3.3). */
  writePcrPacket(writer: PidWriter, pcr: number): void {
    const at = this.output.reserve(1)
    const out = this.output.slab.bytes
    out[at] = SYNC_BYTE
    out[at + 1] = writer.pid >> 8
    out[at + 2] = writer.pid
    out[at + 3] = HAS_ADAPTATION | ((writer.continuity - 1) & CONTINUITY)
    out[at + 4] = PACKET_SIZE - HEADER_SIZE - 1
    out[at + 5] = HAS_PCR | takeDiscontinuity(writer)
    writePcr(out, at + 6, wirePcr(pcr))
    out.fill(STUFFING, at + 6 + PCR_SIZE, at + PACKET_SIZE)
  }

  /** Bytes that the adaptation field of a unit's first packet takes. */
  firstAdaptationBytes(writer: PidWriter, first: FirstPacket): number {
    if (first.pcr !== undefined) return 2 + PCR_SIZE
    return first.randomAccess === 'yes' || writer.flow === 'broken' ? 2 : 0
  }

  writeUnit(writer: PidWriter, unit: UnitBytes, first: FirstPacket): void {
    const { head, headSize, data } = unit
    const wanted = this.firstAdaptationBytes(writer, first)
    const bytes = headSize + data.bytes.length - unit.from
    const rest = Math.max(0, bytes - (MAX_PAYLOAD_BYTES - wanted))
    let at = this.output.reserve(1 + Math.ceil(rest / MAX_PAYLOAD_BYTES))
    const target = this.output.slab
    const out = target.bytes
    const stuffing = Math.max(0, MAX_PAYLOAD_BYTES - wanted - bytes)
    const adaptation = wanted + stuffing
    const flags = takeDiscontinuity(writer) | (first.randomAccess === 'yes' ? RANDOM_ACCESS : 0)
    let payload = writeHeader(out, at, { writer, flags: PAYLOAD_UNIT_START, adaptation })
    if (adaptation > 0) {
      out[at + 4] = adaptation - 1
      if (adaptation > 1) out[at + 5] = flags | (first.pcr === undefined ? 0 : HAS_PCR)
      if (first.pcr !== undefined) writePcr(out, at + 6, wirePcr(first.pcr))
      out.fill(STUFFING, at + HEADER_SIZE + Math.max(wanted, 2), at + HEADER_SIZE + adaptation)
    }
    for (let i = 0; i < headSize; i++) out[payload++] = head[i]!
    const end = data.bytes.length
    let from = unit.from
    const size = Math.min(end - from, at + PACKET_SIZE - payload)
    target.copyFrom(data, from, from + size, payload)
    from += size
    at += PACKET_SIZE
    this.#writeRest(writer, { data, from, end, at })
  }

  #writeRest(
    writer: PidWriter,
    rest: { readonly data: WordBytes; from: number; readonly end: number; at: number },
  ): void {
    const { data, end } = rest
    let { from, at } = rest
    const target = this.output.slab
    const out = target.bytes
    const high = writer.pid >> 8
    const low = writer.pid & 0xff
    let continuity = writer.continuity
    for (; from + MAX_PAYLOAD_BYTES <= end; from += MAX_PAYLOAD_BYTES, at += PACKET_SIZE) {
      out[at] = SYNC_BYTE
      out[at + 1] = high
      out[at + 2] = low
      out[at + 3] = HAS_PAYLOAD | continuity
      continuity = (continuity + 1) & CONTINUITY
      target.copyFrom(data, from, from + MAX_PAYLOAD_BYTES, at + HEADER_SIZE)
    }
    writer.continuity = continuity
    if (from === end) return
    const adaptation = MAX_PAYLOAD_BYTES - (end - from)
    const payload = writeHeader(out, at, { writer, flags: 0, adaptation })
    out[at + 4] = adaptation - 1
    if (adaptation > 1) out[at + 5] = 0
    out.fill(STUFFING, at + 6, payload)
    target.copyFrom(data, from, end, payload)
  }
}

const takeDiscontinuity = (writer: PidWriter): number => {
  if (writer.flow === 'continuous') return 0
  writer.flow = 'continuous'
  return DISCONTINUITY
}

/** Writes the four header bytes; returns the payload's offset. */
const writeHeader = (
  out: Uint8Array,
  at: number,
  packet: { readonly writer: PidWriter; readonly flags: number; readonly adaptation: number },
): number => {
  const { writer, adaptation } = packet
  out[at] = SYNC_BYTE
  out[at + 1] = packet.flags | (writer.pid >> 8)
  out[at + 2] = writer.pid
  out[at + 3] = (adaptation > 0 ? HAS_ADAPTATION : 0) | HAS_PAYLOAD | writer.continuity
  writer.continuity = (writer.continuity + 1) & CONTINUITY
  return at + HEADER_SIZE + adaptation
}
