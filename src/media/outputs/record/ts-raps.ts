import {
  hasRandomAccess,
  PACKET_SIZE,
  PID_PAT,
  payloadAt,
  pidAt,
  startsUnit,
} from '../../../mpegts/packet.ts'
import { readTimestamp, WRAP_33 } from '../../../mpegts/timestamps.ts'

export interface TsRap {
  /** Offset of the PAT before the random access point. */
  readonly offset: number
  /** PTS of the random access point, 33 bits. */
  readonly pts33: number
}

// ISO/IEC 13818-1, 2.4.3.7.
const PES_FLAGS = 7
const HAS_PTS = 0x80
const PES_PTS = 9
const PES_HEADER_WITH_PTS = 14

/** All random access points of a part of the program, from the PAT at `from` on. */
export const rapsIn = (bytes: Uint8Array, from: number): TsRap[] => {
  const raps: TsRap[] = []
  let pat = -1
  for (let at = from; at + PACKET_SIZE <= bytes.length; at += PACKET_SIZE) {
    if (pidAt(bytes, at) === PID_PAT) {
      pat = at
    } else if (pat >= 0 && hasRandomAccess(bytes, at) && startsUnit(bytes, at)) {
      const pts33 = ptsAt(bytes, at)
      if (pts33 !== undefined) raps.push({ offset: pat, pts33 })
      pat = -1
    }
  }
  return raps
}

/** PTS of the PES packet that starts in the packet at `at`; undefined when none starts or it has no PTS. */
export const ptsAt = (bytes: Uint8Array, at: number): number | undefined => {
  const pes = payloadAt(bytes, at)
  if (pes + PES_HEADER_WITH_PTS > at + PACKET_SIZE) return undefined
  const isPes = bytes[pes] === 0 && bytes[pes + 1] === 0 && bytes[pes + 2] === 1
  if (!isPes || (bytes[pes + PES_FLAGS]! & HAS_PTS) === 0) return undefined
  return readTimestamp(bytes, pes + PES_PTS)
}

/** The unwrapped value of a 33-bit time that is nearest to `near`. */
export const unwrapNear = (time33: number, near: number): number =>
  time33 + Math.round((near - time33) / WRAP_33) * WRAP_33
