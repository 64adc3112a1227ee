import { Buffer } from 'node:buffer'

export const TS_PACKET_BYTES = 188
export const NULL_PID = 0x1fff

const SYNC_BYTE = 0x47
const ADAPTATION_ONLY = 0x20
const PAYLOAD_PRESENT = 0x10
const DISCONTINUITY_INDICATOR = 0x80
const STUFFING = 0xff
/** adaptation_field_length of a packet without payload (ISO/IEC 13818-1, 2.4.3.5). */
const FULL_ADAPTATION_FIELD = 183

/** A PID and the continuity_counter with which its next packet continues. */
export interface PidCounter {
  readonly pid: number
  /** continuity_counter of the last packet before the reader's new position. */
  readonly counter: number
}

/**
 * One packet per PID that carries nothing but discontinuity_indicator (ISO/IEC 13818-1, 2.4.3.5), read after a skip.
 * A packet without payload does not increment the counter, so it has the counter of the last packet that the reader
 * missed, and the next packet with payload follows it.
 */
export const discontinuityPreamble = (counters: readonly PidCounter[]): Buffer => {
  const packets = Buffer.alloc(counters.length * TS_PACKET_BYTES, STUFFING)
  for (const [index, { pid, counter }] of counters.entries()) {
    const at = index * TS_PACKET_BYTES
    packets[at] = SYNC_BYTE
    packets[at + 1] = (pid >> 8) & 0x1f
    packets[at + 2] = pid & 0xff
    packets[at + 3] = ADAPTATION_ONLY | (counter & 0x0f)
    packets[at + 4] = FULL_ADAPTATION_FIELD
    packets[at + 5] = DISCONTINUITY_INDICATOR
  }
  return packets
}

const pidAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!

/** Adds the last counter of each wanted PID in `bytes` to `found`, unless it has one. */
export const collectLastCounters = (
  bytes: Uint8Array,
  wanted: ReadonlySet<number>,
  found: Map<number, number>,
): void => {
  for (let at = bytes.length - TS_PACKET_BYTES; at >= 0; at -= TS_PACKET_BYTES) {
    const pid = pidAt(bytes, at)
    if (wanted.has(pid) && !found.has(pid)) found.set(pid, bytes[at + 3]! & 0x0f)
  }
}

/** For PIDs without a packet before a position: the counter that the first packet behind it follows. */
export const collectFirstCounters = (
  bytes: Uint8Array,
  wanted: ReadonlySet<number>,
  found: Map<number, number>,
): void => {
  for (let at = 0; at + TS_PACKET_BYTES <= bytes.length; at += TS_PACKET_BYTES) {
    const pid = pidAt(bytes, at)
    if (!wanted.has(pid) || found.has(pid)) continue
    const counter = bytes[at + 3]! & 0x0f
    found.set(pid, bytes[at + 3]! & PAYLOAD_PRESENT ? (counter + 15) & 0x0f : counter)
  }
}
