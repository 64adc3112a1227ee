/** Pictures in decoding order, as different encoders send them: timestamps and random access points only. */
import { ticks } from '../../src/contract/time.ts'
import type { VideoFrame } from '../../src/media/packaging/segment/segment-writer.ts'

export interface PictureOrder {
  /** Ticks from one picture to the next. */
  readonly frame: number
  /** Pictures between two that others refer to. */
  readonly bframes: number
  /** Lengths of the GOPs, in pictures. */
  readonly groups: readonly number[]
  readonly start: number
}

/** Closed GOPs: I P B B P B B …; the last pictures of a GOP refer back only. */
export const pictureOrder = ({ frame, bframes, groups, start }: PictureOrder): VideoFrame[] => {
  const shown = groups.flatMap((length) => inDecodingOrder(length, bframes))
  const pictures: VideoFrame[] = []
  let first = 0
  let decoded = 0
  const delay = bframes === 0 ? 0 : 1
  for (const length of groups) {
    for (let i = 0; i < length; i++) {
      const place = shown[decoded]!
      const pts = ticks(start + (first + place) * frame)
      const dts = ticks(start + (decoded - delay) * frame)
      pictures.push({ pts, dts, unit: unitAt(pts, dts, i === 0 ? 'idr' : 'none') })
      decoded++
    }
    first += length
  }
  return pictures
}

const inDecodingOrder = (length: number, bframes: number): number[] => {
  const order = [0]
  for (let at = 1; at < length;) {
    const reference = Math.min(at + bframes, length - 1)
    order.push(reference)
    for (let b = at; b < reference; b++) order.push(b)
    at = reference + 1
  }
  return order
}

const unitAt = (
  pts: VideoFrame['pts'],
  dts: VideoFrame['dts'],
  rap: 'idr' | 'none',
): VideoFrame['unit'] => ({
  ...{ pts, dts, rap, pid: 0x100, kind: 'video', leading: false, duration: 0 },
  data: new Uint8Array(0),
})
