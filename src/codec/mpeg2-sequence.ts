import type { Rational, VideoFormat } from '../contract/format.ts'
import { nextPrefix, PREFIX_BYTES } from './annex-b.ts'
import { frameRate } from './frame-rate.ts'

export interface Mpeg2Sequence {
  readonly format: VideoFormat
  readonly lowDelay: boolean
}

const EXTENSION = 0xb5
/** extension_start_code_identifier of the sequence extension, ISO/IEC 13818-2 table 6-2. */
const SEQUENCE_EXTENSION = 1
const HEADER_BYTES = 12
const EXTENSION_BYTES = 10

/** frame_rate_code, table 6-4. */
const RATES: readonly (readonly [number, number] | undefined)[] = [
  undefined,
  [24_000, 1001],
  [24, 1],
  [25, 1],
  [30_000, 1001],
  [30, 1],
  [50, 1],
  [60_000, 1001],
  [60, 1],
]
/** profile_identification, table 8-2. */
const PROFILES = ['', 'high', 'spatial', 'snr', 'main', 'simple']
/** With the escape bit (table 8-4) all but the multi-view profile are 4:2:2. */
const ESCAPE = 0x80
const CHROMA = [undefined, '4:2:0', '4:2:2', '4:4:4'] as const

/** Sequence header and extension (6.2.2.1, 6.2.2.3) from the start code on; without extension it is MPEG-1. */
export function parseSequence(
  bytes: Uint8Array,
  start: number,
  end: number,
): Mpeg2Sequence | undefined {
  if (end - start < HEADER_BYTES) return undefined
  const at = (offset: number): number => bytes[start + offset]!
  const width = (at(4) << 4) | (at(5) >> 4)
  const height = ((at(5) & 0x0f) << 8) | at(6)
  const rate = RATES[at(7) & 0x0f]
  const extension = extensionAt(bytes, start, end)
  if (extension < 0) {
    if (width === 0 || height === 0) return undefined
    const format = {
      profile: 'mpeg1',
      chroma: '4:2:0',
      scan: 'progressive',
      width,
      height,
    } as const
    return {
      format: { codec: 'mpeg2video', depth: 8, ...format, ...rateOf(rate, 1, 1) },
      lowDelay: false,
    }
  }
  const ext = (offset: number): number => bytes[extension + offset]!
  const profileAndLevel = ((ext(4) & 0x0f) << 4) | (ext(5) >> 4)
  const chroma = CHROMA[(ext(5) >> 1) & 3]
  const fullWidth = width | (((ext(5) & 1) << 13) | ((ext(6) & 0x80) << 5))
  const fullHeight = height | ((ext(6) & 0x60) << 7)
  if (chroma === undefined || fullWidth === 0 || fullHeight === 0) return undefined
  return {
    format: {
      codec: 'mpeg2video',
      profile: profileOf(profileAndLevel),
      chroma,
      depth: 8,
      width: fullWidth,
      height: fullHeight,
      ...rateOf(rate, ((ext(9) >> 5) & 3) + 1, (ext(9) & 0x1f) + 1),
      scan: (ext(5) & 0x08) !== 0 ? 'progressive' : 'interlaced',
      level: profileAndLevel & 0x0f,
    },
    lowDelay: (ext(9) & 0x80) !== 0,
  }
}

function extensionAt(bytes: Uint8Array, start: number, end: number): number {
  let prefix = nextPrefix(bytes, start + HEADER_BYTES)
  while (prefix >= 0 && prefix + EXTENSION_BYTES <= end) {
    const identifier = bytes[prefix + PREFIX_BYTES + 1]! >> 4
    if (bytes[prefix + PREFIX_BYTES] === EXTENSION && identifier === SEQUENCE_EXTENSION)
      return prefix
    prefix = nextPrefix(bytes, prefix + PREFIX_BYTES)
  }
  return -1
}

function profileOf(profileAndLevel: number): string {
  if ((profileAndLevel & ESCAPE) !== 0) return '422'
  const identification = (profileAndLevel >> 4) & 7
  return PROFILES[identification] || `profile_${identification}`
}

function rateOf(
  rate: readonly [number, number] | undefined,
  num: number,
  den: number,
): { frameRate?: Rational } {
  const found = rate && frameRate(rate[0] * num, rate[1] * den)
  return found === undefined ? {} : { frameRate: found }
}
