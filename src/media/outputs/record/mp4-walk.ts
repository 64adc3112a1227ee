/** Length of the complete part of a fragmented MP4 file. Boxes and clauses: ISO/IEC 14496-12. */
import type { FileHandle } from 'node:fs/promises'

const BOX_HEADER = 8
const LARGE_HEADER = 16
/** Movie and fragment headers are small: a larger one is not of Sluice. */
const MAX_HEADER_BYTES = 8 * 1024 * 1024

/** The complete part of a file, with the duration of its media. */
export interface WholePart {
  readonly bytes: number
  readonly durationMs: number
}

interface Box {
  readonly type: string
  readonly at: number
  /** Offset after its header. */
  readonly body: number
  readonly end: number
}

interface Times {
  timescale: number
  track: number
  first: number | undefined
  end: number
}

/** Up to the last fragment whose data is complete. Reads only headers. */
export const walkMp4 = async (file: FileHandle, size: number): Promise<WholePart> => {
  const times: Times = { timescale: 0, track: 0, first: undefined, end: 0 }
  let whole = 0
  let pending: Uint8Array | undefined
  for (let at = 0; at < size;) {
    const box = await boxAt(file, at, size)
    if (box === undefined || box.end > size) break
    if (box.type === 'moov') readMovie(await readBody(file, box), times)
    else if (box.type === 'moof') pending = await readBody(file, box)
    else if (box.type === 'mdat' && pending !== undefined) {
      readFragment(pending, times)
      pending = undefined
      whole = box.end
    }
    at = box.end
  }
  const { timescale, first, end } = times
  const seconds = timescale === 0 || first === undefined ? 0 : (end - first) / timescale
  return { bytes: whole, durationMs: Math.round(seconds * 1_000) }
}

const boxAt = async (file: FileHandle, at: number, size: number): Promise<Box | undefined> => {
  const header = new Uint8Array(Math.min(LARGE_HEADER, size - at))
  await file.read(header, 0, header.length, at)
  return boxIn(header, 0, at)
}

const boxIn = (bytes: Uint8Array, at: number, base = 0): Box | undefined => {
  if (bytes.length - at < BOX_HEADER) return undefined
  const view = viewOf(bytes)
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + BOX_HEADER))
  const short = view.getUint32(at)
  if (short === 1 && bytes.length - at < LARGE_HEADER) return undefined
  const size = short === 1 ? Number(view.getBigUint64(at + BOX_HEADER)) : short
  const header = short === 1 ? LARGE_HEADER : BOX_HEADER
  if (size < header) return undefined
  return { type, at: base + at, body: base + at + header, end: base + at + size }
}

const readBody = async (file: FileHandle, { body: from, end }: Box): Promise<Uint8Array> => {
  const bytes = new Uint8Array(Math.min(MAX_HEADER_BYTES, end - from))
  await file.read(bytes, 0, bytes.length, from)
  return bytes
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function* boxesIn(bytes: Uint8Array): Generator<readonly [string, Uint8Array]> {
  for (let at = 0; ;) {
    const box = boxIn(bytes, at)
    if (box === undefined || box.end > bytes.length) return
    yield [box.type, bytes.subarray(box.body, box.end)]
    at = box.end
  }
}

const childBox = (bytes: Uint8Array | undefined, type: string): Uint8Array | undefined =>
  bytes === undefined ? undefined : [...boxesIn(bytes)].find(([name]) => name === type)?.[1]

/** Time scale of the first track: 8.4.2 (mdhd), 8.3.2 (tkhd). */
const readMovie = (moov: Uint8Array, times: Times): void => {
  const track = childBox(moov, 'trak')
  const header = childBox(track, 'tkhd')
  const media = childBox(childBox(track, 'mdia'), 'mdhd')
  if (header === undefined || media === undefined) return
  times.track = viewOf(header).getUint32(header[0] === 1 ? 20 : 12)
  times.timescale = viewOf(media).getUint32(media[0] === 1 ? 20 : 12)
}

// 8.8.8: fields of trun for each sample.
const DATA_OFFSET = 0x1
const FIRST_FLAGS = 0x4
const SAMPLE_DURATION = 0x100
const SAMPLE_FIELDS = [0x100, 0x200, 0x400, 0x800]
// 8.8.7: fields of tfhd before the default duration.
const BASE_OFFSET = 0x1
const DESCRIPTION = 0x2
const DEFAULT_DURATION = 0x8

const readFragment = (moof: Uint8Array, times: Times): void => {
  for (const [type, traf] of boxesIn(moof)) {
    const [head, time, run] = [
      childBox(traf, 'tfhd'),
      childBox(traf, 'tfdt'),
      childBox(traf, 'trun'),
    ]
    if (type !== 'traf' || head === undefined || time === undefined || run === undefined) continue
    if (viewOf(head).getUint32(4) !== times.track) continue
    const start = time[0] === 1 ? Number(viewOf(time).getBigUint64(4)) : viewOf(time).getUint32(4)
    times.first ??= start
    times.end = start + durationOf(run, defaultDurationIn(head))
  }
}

const flagsOf = (box: Uint8Array): number => viewOf(box).getUint32(0) & 0xffffff

const defaultDurationIn = (head: Uint8Array): number => {
  const flags = flagsOf(head)
  if ((flags & DEFAULT_DURATION) === 0) return 0
  const at = 8 + ((flags & BASE_OFFSET) === 0 ? 0 : 8) + ((flags & DESCRIPTION) === 0 ? 0 : 4)
  return viewOf(head).getUint32(at)
}

const durationOf = (run: Uint8Array, byDefault: number): number => {
  const flags = flagsOf(run)
  const view = viewOf(run)
  const count = view.getUint32(4)
  if ((flags & SAMPLE_DURATION) === 0) return count * byDefault
  const step = 4 * SAMPLE_FIELDS.filter((field) => (flags & field) !== 0).length
  const from = 8 + ((flags & DATA_OFFSET) === 0 ? 0 : 4) + ((flags & FIRST_FLAGS) === 0 ? 0 : 4)
  let sum = 0
  for (let i = 0; i < count && from + i * step + 4 <= run.length; i++) {
    sum += view.getUint32(from + i * step)
  }
  return sum
}
