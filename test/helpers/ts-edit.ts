/**
 * Edits of a recorded transport stream that plant one fault, or shift its time. All take and return whole bytes, and leave
 * their input unchanged. Packets are addressed by their index.
 */
import type { Pid } from '../../src/mpegts/access-unit.ts'
import {
  hasPayload,
  hasPcr,
  PACKET_SIZE,
  payloadAt,
  pcrAt,
  pidAt,
  startsUnit,
  writePcr,
} from '../../src/mpegts/packet.ts'

const WRAP = 2 ** 33
const PES_HEADER_MIN = 14

/** A packet as the edits below see it; `at` is the offset of its sync byte. */
export interface PacketView {
  readonly index: number
  readonly at: number
  readonly pid: Pid
  readonly starts: boolean
  readonly pcr: number | undefined
  /** Offset of the PTS (and the DTS) in packets that begin a PES with them. */
  readonly pts: number | undefined
  readonly dts: number | undefined
}

export const packetsOf = function* (bytes: Uint8Array): Generator<PacketView> {
  for (let at = 0; at + PACKET_SIZE <= bytes.length; at += PACKET_SIZE) {
    const stamp = timestampPlaces(bytes, at)
    yield {
      index: at / PACKET_SIZE,
      at,
      pid: pidAt(bytes, at),
      starts: startsUnit(bytes, at),
      pcr: hasPcr(bytes, at) ? pcrAt(bytes, at) : undefined,
      pts: stamp === undefined ? undefined : readTimestamp(bytes, stamp.pts),
      dts: stamp?.dts === undefined ? undefined : readTimestamp(bytes, stamp.dts),
    }
  }
}

/** ISO/IEC 13818-1, 2.4.3.7. */
const timestampPlaces = (
  bytes: Uint8Array,
  at: number,
): { pts: number; dts: number | undefined } | undefined => {
  if (!startsUnit(bytes, at) || !hasPayload(bytes, at)) return undefined
  const pes = payloadAt(bytes, at)
  if (pes + PES_HEADER_MIN > at + PACKET_SIZE) return undefined
  if (bytes[pes] !== 0 || bytes[pes + 1] !== 0 || bytes[pes + 2] !== 1) return undefined
  const id = bytes[pes + 3]!
  const plain = id === 0xbd || id === 0xfd || (id >= 0xc0 && id <= 0xef)
  const flags = bytes[pes + 7]! >> 6
  if (!plain || flags < 2) return undefined
  return { pts: pes + 9, dts: flags === 3 ? pes + 14 : undefined }
}

const readTimestamp = (b: Uint8Array, at: number): number =>
  ((b[at]! >> 1) & 7) * 2 ** 30 +
  ((b[at + 1]! << 22) | ((b[at + 2]! >> 1) << 15) | (b[at + 3]! << 7) | (b[at + 4]! >> 1))

const writeTimestamp = (b: Uint8Array, at: number, ticks: number): void => {
  const value = modulo(ticks, WRAP)
  const low = value % 2 ** 30
  b[at] = (b[at]! & 0xf1) | (Math.floor(value / 2 ** 30) << 1)
  b[at + 1] = low >> 22
  b[at + 2] = ((low >> 14) & 0xfe) | 1
  b[at + 3] = low >> 7
  b[at + 4] = ((low << 1) & 0xfe) | 1
}

const modulo = (value: number, size: number): number => ((value % size) + size) % size

/** The first PTS of the stream's first video track, else of its first track; undefined where there is none. */
export const firstPts = (bytes: Uint8Array): number | undefined => {
  let first: number | undefined
  for (const packet of packetsOf(bytes)) {
    if (packet.pts === undefined) continue
    first ??= packet.pts
    const id = bytes[payloadAt(bytes, packet.at) + 3]!
    if (id >= 0xe0 && id <= 0xef) return packet.pts
  }
  return first
}

/** Moves PTS and DTS by the result of `shift` for a packet (undefined: unchanged), and its PCR where `pcr` is true. */
export const restamp = (
  bytes: Uint8Array,
  shift: (packet: PacketView) => { pts?: number; dts?: number; pcr?: number } | undefined,
): Uint8Array => {
  const out = Uint8Array.from(bytes)
  for (const packet of packetsOf(bytes)) {
    const by = shift(packet)
    if (by === undefined) continue
    const { at } = packet
    const places = timestampPlaces(bytes, at)
    if (places !== undefined) writeTimestamp(out, places.pts, packet.pts! + (by.pts ?? 0))
    if (places?.dts !== undefined) writeTimestamp(out, places.dts, packet.dts! + (by.dts ?? 0))
    if (packet.pcr !== undefined) {
      writePcr(out, at + 6, modulo(packet.pcr + (by.pcr ?? 0) * 300, WRAP * 300))
    }
  }
  return out
}

/** Every PTS, DTS and PCR moved by `ticks` of 90 kHz, modulo 2^33. */
export const shiftTs = (bytes: Uint8Array, ticks: number): Uint8Array =>
  restamp(bytes, () => ({ pts: ticks, dts: ticks, pcr: ticks }))

export const dropPackets = (
  bytes: Uint8Array,
  drop: (packet: PacketView) => boolean,
): Uint8Array => {
  const out = new Uint8Array(bytes.length)
  let fill = 0
  for (const packet of packetsOf(bytes)) {
    if (drop(packet)) continue
    out.set(bytes.subarray(packet.at, packet.at + PACKET_SIZE), fill)
    fill += PACKET_SIZE
  }
  return out.slice(0, fill)
}

/** Drops packets and closes the continuity counters over them, as if they had never been sent. */
export const withoutPackets = (
  bytes: Uint8Array,
  drop: (packet: PacketView) => boolean,
): Uint8Array => {
  const removed = new Map<Pid, number>()
  const gone = new Set<number>()
  const renumbered = Uint8Array.from(bytes)
  for (const packet of packetsOf(bytes)) {
    const before = removed.get(packet.pid) ?? 0
    if (drop(packet)) {
      gone.add(packet.index)
      if (hasPayload(bytes, packet.at)) removed.set(packet.pid, before + 1)
    } else {
      const counter = bytes[packet.at + 3]!
      renumbered[packet.at + 3] = (counter & 0xf0) | ((counter - before) & 0x0f)
    }
  }
  return dropPackets(renumbered, (packet) => gone.has(packet.index))
}

/** Index sets for the edits above: the packets of each whole PES that begins in a packet `choose` accepts. */
export const packetsOfUnits = (
  bytes: Uint8Array,
  choose: (packet: PacketView) => boolean,
): Set<number> => {
  const chosen = new Set<number>()
  const open = new Map<Pid, boolean>()
  for (const packet of packetsOf(bytes)) {
    if (packet.starts) open.set(packet.pid, choose(packet))
    if (open.get(packet.pid) === true) chosen.add(packet.index)
  }
  return chosen
}

/** A copy with `edit` applied to it in place, packet by packet. */
export const editPackets = (
  bytes: Uint8Array,
  edit: (out: Uint8Array, packet: PacketView) => void,
): Uint8Array => {
  const out = Uint8Array.from(bytes)
  for (const packet of packetsOf(bytes)) edit(out, packet)
  return out
}

/** Flips about `perMillion` of a million bytes, the same ones for the same seed. */
export const corrupt = (bytes: Uint8Array, perMillion: number, seed = 1): Uint8Array => {
  const out = Uint8Array.from(bytes)
  const random = randomFrom(seed)
  const flips = Math.max(1, Math.round((bytes.length * perMillion) / 1_000_000))
  for (let i = 0; i < flips; i++) {
    const at = Math.floor(random() * bytes.length)
    out[at] = out[at]! ^ (1 + Math.floor(random() * 255))
  }
  return out
}

/** A repeatable generator of numbers in [0, 1): mulberry32 by its published constants. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
