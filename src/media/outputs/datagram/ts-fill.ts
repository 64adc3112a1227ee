const TS_PACKET_BYTES = 188
const SYNC_BYTE = 0x47
const NULL_PID = 0x1fff
const PAYLOAD_ONLY = 0x10
const ADAPTATION_ONLY = 0x20
const PCR_FLAG = 0x10
const DISCONTINUITY_INDICATOR = 0x80
/** The flags and the 48 bits of a program_clock_reference. */
const PCR_FIELD_BYTES = 7
const PCR_AT = 6
const PCR_MODULUS = 2 ** 33 * 300

/** ISO/IEC 13818-1, 2.4.3.2: PID 0x1FFF, content without meaning. */
export const nullPacket: Uint8Array = new Uint8Array(TS_PACKET_BYTES).fill(0xff)
nullPacket.set([SYNC_BYTE, NULL_PID >> 8, NULL_PID & 0xff, PAYLOAD_ONLY])

export const pidOf = (packet: Uint8Array): number => ((packet[1]! & 0x1f) << 8) | packet[2]!

export const hasPcr = (packet: Uint8Array): boolean =>
  (packet[3]! & ADAPTATION_ONLY) !== 0 &&
  packet[4]! >= PCR_FIELD_BYTES &&
  (packet[5]! & PCR_FLAG) !== 0

/** In units of 27 MHz. ISO/IEC 13818-1, 2.4.3.5. */
export const pcrOf = (packet: Uint8Array): number => {
  const base =
    packet[PCR_AT]! * 2 ** 25 +
    packet[PCR_AT + 1]! * 2 ** 17 +
    packet[PCR_AT + 2]! * 2 ** 9 +
    packet[PCR_AT + 3]! * 2 +
    (packet[PCR_AT + 4]! >> 7)
  return base * 300 + (((packet[PCR_AT + 4]! & 1) << 8) | packet[PCR_AT + 5]!)
}

const writePcr = (packet: Uint8Array, pcr: number): void => {
  const value = ((Math.round(pcr) % PCR_MODULUS) + PCR_MODULUS) % PCR_MODULUS
  const base = Math.floor(value / 300)
  const extension = value % 300
  packet[PCR_AT] = Math.floor(base / 2 ** 25)
  packet[PCR_AT + 1] = Math.floor(base / 2 ** 17)
  packet[PCR_AT + 2] = Math.floor(base / 2 ** 9)
  packet[PCR_AT + 3] = Math.floor(base / 2)
  packet[PCR_AT + 4] = ((base & 1) << 7) | 0x7e | (extension >> 8)
  packet[PCR_AT + 5] = extension & 0xff
}

/** A copy with another clock reference: the program's own bytes are shared and never written. */
export const withPcr = (
  packet: Uint8Array,
  stamp: { readonly pcr: number; readonly discontinuity: boolean },
): Uint8Array => {
  // Not slice(): of a Buffer that is a view of the same memory.
  const copy = Uint8Array.from(packet)
  writePcr(copy, stamp.pcr)
  if (stamp.discontinuity) copy[5] = copy[5]! | DISCONTINUITY_INDICATOR
  return copy
}

/** A packet with only a clock reference; without payload it repeats the PID's last counter. */
export const pcrPacket = (stamp: {
  readonly pid: number
  readonly counter: number
  readonly pcr: number
}): Uint8Array => {
  const packet = new Uint8Array(TS_PACKET_BYTES).fill(0xff)
  packet.set([SYNC_BYTE, stamp.pid >> 8, stamp.pid & 0xff, ADAPTATION_ONLY | stamp.counter])
  packet.set([TS_PACKET_BYTES - 5, PCR_FLAG], 4)
  writePcr(packet, stamp.pcr)
  return packet
}
