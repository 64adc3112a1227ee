import type { Rational } from '../contract/format.ts'
import type { BitReader } from './bit-reader.ts'

/** aspect_ratio_idc, ITU-T H.264 table E-1 (H.265 table E.1 is the same). 0: unspecified. */
const SQUARE = 1
const EXTENDED = 255
const RATIOS: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
]

/** aspect_ratio_info of a VUI: width to height of one pixel; undefined where it is square or unspecified. */
export function readPixelAspect(r: BitReader): Rational | undefined {
  if (!r.flag()) return undefined
  const idc = r.bits(8)
  const [num, den] = idc === EXTENDED ? [r.bits(16), r.bits(16)] : (RATIOS[idc] ?? [0, 0])
  if (r.exhausted || idc === SQUARE || num === 0 || den === 0 || num === den) return undefined
  return { num, den }
}
