import { nalSpans } from '../../codec/nal-spans.ts'
import { parseH264Sps } from '../../codec/h264-sps.ts'
import { parseHevcSps } from '../../codec/hevc-sps.ts'
import type { Rational, VideoFormat } from '../../contract/format.ts'

const H264_SPS = 7
const HEVC_SPS = 33
/** ISO/IEC 13818-2, 6.2.2.1. */
const SEQUENCE_HEADER = 0xb3
/** aspect_ratio_information, table 6-3: the aspect of the whole picture. */
const PICTURE_SHAPES: readonly (Rational | undefined)[] = [
  undefined,
  undefined,
  { num: 4, den: 3 },
  { num: 16, den: 9 },
  { num: 221, den: 100 },
]

/** Width to height of one pixel, from a random access point; undefined when it is square or not signalled. */
export const pixelAspectOf = (format: VideoFormat, unit: Uint8Array): Rational | undefined => {
  const spans = nalSpans(unit)
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i]!, spans[i + 1]!]
    const first = unit[start]!
    switch (format.codec) {
      case 'h264':
        if ((first & 0x1f) === H264_SPS) return parseH264Sps(unit, start, end)?.pixelAspect
        break
      case 'hevc':
        if (((first >> 1) & 0x3f) === HEVC_SPS) return parseHevcSps(unit, start, end)?.pixelAspect
        break
      case 'mpeg2video':
        if (first === SEQUENCE_HEADER) return mpeg2Aspect(format, unit[start + 4] ?? 0)
    }
  }
  return undefined
}

const mpeg2Aspect = ({ width, height }: VideoFormat, byte: number): Rational | undefined => {
  const shape = PICTURE_SHAPES[byte >> 4]
  if (shape === undefined) return undefined
  const [num, den] = [shape.num * height, shape.den * width]
  return num === den ? undefined : { num, den }
}
