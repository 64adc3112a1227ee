import { BitReader } from './bit-reader.ts'
import { nalSpans, nalUnitsOf } from './nal-spans.ts'

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 5.3.3.1: the body of an avcC box, and of FLV's sequence header. */
const VERSION = 1
/** Reserved bits, and lengths of four bytes. */
const LENGTH_SIZE_MINUS_ONE = 0xfc | 3
const RESERVED_3 = 0xe0
const RESERVED_5 = 0xf8
const RESERVED_6 = 0xfc
const MAX_SPS_COUNT = 31
const MAX_OTHER_SETS_COUNT = 255
const MAX_NAL_BYTES = 0xffff

/** nal_unit_type, ITU-T H.264 table 7-1. */
const SPS = 7
const PPS = 8
const SPS_EXTENSION = 13
/** Profiles before the fidelity range extensions: their record ends with the PPS. */
const PROFILES_BEFORE_FREXT = new Set([66, 77, 88])

const isType = (wanted: number) => (first: number) => (first & 0x1f) === wanted
const hasValidLength = (nal: Uint8Array): boolean => nal.length >= 4 && nal.length <= MAX_NAL_BYTES

/** From an access unit in Annex B; undefined when it lacks parameter sets. */
export function avcRecord(unit: Uint8Array): Uint8Array | undefined {
  const spans = nalSpans(unit)
  const sps = nalUnitsOf(unit, spans, isType(SPS)).filter(hasValidLength).slice(0, MAX_SPS_COUNT)
  const pps = nalUnitsOf(unit, spans, isType(PPS)).slice(0, MAX_OTHER_SETS_COUNT)
  const first = sps[0]
  if (first === undefined || pps.length === 0) return undefined
  const extensions = nalUnitsOf(unit, spans, isType(SPS_EXTENSION)).slice(0, MAX_OTHER_SETS_COUNT)
  const head = [VERSION, first[1]!, first[2]!, first[3]!, LENGTH_SIZE_MINUS_ONE]
  const parts = [
    Uint8Array.from([...head, RESERVED_3 | sps.length]),
    ...sps.flatMap(withLength),
    Uint8Array.of(pps.length),
    ...pps.flatMap(withLength),
  ]
  if (!PROFILES_BEFORE_FREXT.has(first[1]!)) {
    const { chroma, lumaDepth, chromaDepth } = sampling(first)
    const tail = [RESERVED_6 | chroma, RESERVED_5 | lumaDepth, RESERVED_5 | chromaDepth]
    parts.push(Uint8Array.from([...tail, extensions.length]), ...extensions.flatMap(withLength))
  }
  return joined(parts)
}

/** 7.3.2.1.1 as far as the depths, which are less 8. */
function sampling(sps: Uint8Array): { chroma: number; lumaDepth: number; chromaDepth: number } {
  const r = new BitReader(sps, 4, sps.length)
  r.ue()
  const chroma = r.ue()
  if (chroma === 3) r.skip(1)
  return { chroma: chroma & 3, lumaDepth: r.ue() & 7, chromaDepth: r.ue() & 7 }
}

/** A NAL unit behind its length in 16 bits. */
export const withLength = (nal: Uint8Array): [Uint8Array, Uint8Array] => [
  Uint8Array.of(nal.length >> 8, nal.length),
  nal,
]

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
