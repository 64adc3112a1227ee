import { Buffer } from 'node:buffer'
import type { Ticks90k } from '../../../contract/time.ts'

export const RTP_HEADER_BYTES = 12
/** RFC 3551: MP2T. */
const PAYLOAD_TYPE = 33
const VERSION_2 = 0x80

/** A datagram of whole TS packets; `time`: program time of its first byte. */
export type Framing = (payload: Uint8Array, time: Ticks90k) => Uint8Array

export interface RtpStart {
  readonly ssrc: number
  readonly sequence: number
  /** RFC 3550, 5.1: the timestamp starts at a random value. */
  readonly timestamp: number
}

export const randomRtpStart = (random: () => number): RtpStart => ({
  ssrc: Math.floor(random() * 2 ** 32),
  sequence: Math.floor(random() * 2 ** 16),
  timestamp: Math.floor(random() * 2 ** 32),
})

/** RFC 2250, section 2: TS packets after an RTP header, whose 90 kHz timestamp is the time at which the first byte leaves. */
export const rtpFraming = (start: RtpStart): Framing => {
  let { sequence } = start
  return (payload: Uint8Array, time: Ticks90k) => {
    const datagram = Buffer.allocUnsafe(RTP_HEADER_BYTES + payload.length)
    datagram[0] = VERSION_2
    datagram[1] = PAYLOAD_TYPE
    datagram.writeUInt16BE(sequence, 2)
    datagram.writeUInt32BE(modulo32(Math.floor(time) + start.timestamp), 4)
    datagram.writeUInt32BE(start.ssrc, 8)
    datagram.set(payload, RTP_HEADER_BYTES)
    sequence = (sequence + 1) & 0xffff
    return datagram
  }
}

const modulo32 = (value: number): number => ((value % 2 ** 32) + 2 ** 32) % 2 ** 32
