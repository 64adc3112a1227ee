import type { FileHandle } from 'node:fs/promises'
import {
  PACKET_SIZE,
  SYNC_BYTE,
  pidAt,
  startsUnit,
  PID_FIRST_FREE,
} from '../../../mpegts/packet.ts'
import { TICKS_PER_MS } from '../../../contract/time.ts'
import { walkMp4, type WholePart } from './mp4-walk.ts'
import type { RecordingFormat } from './recording-name.ts'
import { ptsAt, unwrapNear } from './ts-raps.ts'

/** Enough for a picture at any recorded bitrate. */
const MAX_SCAN_BYTES = 8_192 * PACKET_SIZE

/**
 * Length of the complete part of a file that an earlier run left unfinished. The last unit may be torn, so the file ends
 * before it.
 */
export const wholePartOf = async (
  file: FileHandle,
  of: { readonly format: RecordingFormat; readonly ended: 'torn' | 'clean' },
): Promise<WholePart> => {
  const { size } = await file.stat()
  if (of.format === 'mp4') return walkMp4(file, size)
  const packets = size - (size % PACKET_SIZE)
  const tail = await read(file, Math.max(0, packets - MAX_SCAN_BYTES), packets)
  const torn = of.ended === 'torn' ? lastUnitOffset(tail) : tail.length
  const bytes = packets - (tail.length - torn)
  const head = await read(file, 0, Math.min(bytes, MAX_SCAN_BYTES))
  const first = ptsRangeIn(head)
  const last = ptsRangeIn(tail.subarray(0, torn))
  if (first === undefined || last === undefined) return { bytes, durationMs: 0 }
  const ticks = unwrapNear(last.newest, first.oldest) - first.oldest
  return { bytes, durationMs: Math.max(0, Math.round(ticks / TICKS_PER_MS)) }
}

const read = async (file: FileHandle, from: number, to: number): Promise<Uint8Array> => {
  const buffer = new Uint8Array(to - from)
  let at = 0
  while (at < buffer.length) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, from + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return buffer.subarray(0, at - (at % PACKET_SIZE))
}

/** Offset of the last unit of a track: all before it is complete, since units are not interleaved. */
const lastUnitOffset = (bytes: Uint8Array): number => {
  for (let at = bytes.length - PACKET_SIZE; at >= 0; at -= PACKET_SIZE) {
    const isUnit = bytes[at] === SYNC_BYTE && startsUnit(bytes, at)
    if (isUnit && pidAt(bytes, at) >= PID_FIRST_FREE && ptsAt(bytes, at) !== undefined) return at
  }
  return bytes.length
}

/** PTS of the first track in the bytes, 33 bits: a file starts with its video. */
const ptsRangeIn = (
  bytes: Uint8Array,
): { readonly oldest: number; readonly newest: number } | undefined => {
  let found: { pid: number; oldest: number; newest: number } | undefined
  for (let at = 0; at + PACKET_SIZE <= bytes.length; at += PACKET_SIZE) {
    if (!startsUnit(bytes, at)) continue
    const pts = ptsAt(bytes, at)
    const pid = pidAt(bytes, at)
    if (pts === undefined || (found !== undefined && found.pid !== pid)) continue
    found ??= { pid, oldest: pts, newest: pts }
    const near = unwrapNear(pts, found.newest)
    found.oldest = Math.min(found.oldest, near)
    found.newest = Math.max(found.newest, near)
  }
  return found
}
