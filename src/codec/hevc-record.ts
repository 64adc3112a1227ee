import { joined, withLength } from './avc-record.ts'
import { BitReader } from './bit-reader.ts'
import { nalSpans, nalUnitsOf } from './nal-spans.ts'

/** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 8.3.3.1: the body of an hvcC box. */
const VERSION = 1
/** Reserved bits, and unspecified segmentation: 0 is valid for every stream. */
const SEGMENTATION = [0xf0, 0]
const PARALLELISM_UNKNOWN = 0xfc
const RESERVED_5 = 0xf8
const RESERVED_6 = 0xfc
const FRAME_RATE_UNKNOWN = [0, 0]
const LENGTH_SIZE_MINUS_ONE = 3
const ARRAY_COMPLETENESS = 0x80
const MAX_NAL_BYTES = 0xffff

/** nal_unit_type, ITU-T H.265 table 7-1. */
const VPS = 32
const SPS = 33
const PPS = 34

const isType = (wanted: number) => (first: number) => ((first >> 1) & 0x3f) === wanted
const hasValidLength = (nal: Uint8Array): boolean => nal.length <= MAX_NAL_BYTES

/**
 * Record from an access unit in Annex B; undefined when it lacks parameter sets. `sets`: whether these are the only
 * ones (hvc1), or pictures carry their own too (hev1).
 */
export function hevcRecord(
  unit: Uint8Array,
  sets: 'all' | 'in_band_too' = 'all',
): Uint8Array | undefined {
  const spans = nalSpans(unit)
  const arrays = [VPS, SPS, PPS].map((type) => ({
    type,
    units: nalUnitsOf(unit, spans, isType(type)).filter(hasValidLength),
  }))
  const sps = arrays[1]!.units[0]
  if (sps === undefined || arrays.some(({ units }) => units.length === 0)) return undefined
  const head = recordHead(sps)
  if (head === undefined) return undefined
  const completeness = sets === 'all' ? ARRAY_COMPLETENESS : 0
  return joined([
    Uint8Array.from([...head, arrays.length]),
    ...arrays.flatMap(({ type, units }) => [
      Uint8Array.of(completeness | type, units.length >> 8, units.length),
      ...units.flatMap(withLength),
    ]),
  ])
}

/** ITU-T H.265 7.3.2.2 up to the bit depths. */
function recordHead(sps: Uint8Array): number[] | undefined {
  const r = new BitReader(sps, 2, sps.length)
  r.skip(4)
  const subLayers = r.bits(3)
  const nested = r.bits(1)
  // general_profile_space to general_level_idc have the same layout in both.
  const profileTierLevel = Array.from({ length: 12 }, () => r.bits(8))
  skipSubLayers(r, subLayers)
  r.ue()
  const chroma = r.ue()
  if (chroma === 3) r.skip(1)
  r.ue()
  r.ue()
  if (r.flag()) for (let i = 0; i < 4; i++) r.ue()
  const lumaDepth = r.ue()
  const chromaDepth = r.ue()
  if (r.exhausted) return undefined
  return [
    VERSION,
    ...profileTierLevel,
    ...SEGMENTATION,
    PARALLELISM_UNKNOWN,
    RESERVED_6 | chroma,
    RESERVED_5 | lumaDepth,
    RESERVED_5 | chromaDepth,
    ...FRAME_RATE_UNKNOWN,
    ((subLayers + 1) << 3) | (nested << 2) | LENGTH_SIZE_MINUS_ONE,
  ]
}

/** Skips the sub-layers of 7.3.3, behind general_level_idc. */
function skipSubLayers(r: BitReader, subLayers: number): void {
  const present: number[] = []
  for (let i = 0; i < subLayers; i++) present.push(r.bits(2))
  if (subLayers > 0) r.skip((8 - subLayers) * 2)
  for (const flags of present) {
    if ((flags & 2) !== 0) r.skip(88)
    if ((flags & 1) !== 0) r.skip(8)
  }
}
