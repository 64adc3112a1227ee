import type { Rational, VideoFormat } from '../contract/format.ts'
import { BitReader } from './bit-reader.ts'
import { frameRate } from './frame-rate.ts'
import { readPixelAspect } from './pixel-aspect.ts'

/** ITU-T H.265 7.3.2.1. */
export interface HevcVps {
  readonly id: number
  readonly frameRate: Rational | undefined
}

/** ITU-T H.265 7.3.2.2. `format` has no frame rate when only the VPS may hold it. */
export interface HevcSps {
  readonly id: number
  readonly vpsId: number
  readonly format: VideoFormat
  /** Width to height of one pixel; undefined where it is square or not signalled. */
  readonly pixelAspect: Rational | undefined
  /** sps_max_num_reorder_pics of the highest sub-layer. */
  readonly reorderFrames: number
}

const NAL_HEADER_BYTES = 2
const PROFILES: Readonly<Record<number, string>> = {
  1: 'main',
  2: 'main10',
  3: 'main_still',
  4: 'rext',
  5: 'high_throughput',
  9: 'scc',
}
const CHROMA = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'] as const
const MAX_SIDE_PIXELS = 16_384
const MAX_BIT_DEPTH = 16
const MAX_SHORT_TERM_SETS = 64
const MAX_REFERENCE_PICTURES = 16

interface ProfileTierLevel {
  readonly profile: number
  readonly level: number
  readonly interlacedOnly: boolean
}

/** Parses a VPS from its NAL unit header on; undefined when it is not usable. */
export function parseHevcVps(bytes: Uint8Array, start: number, end: number): HevcVps | undefined {
  const r = new BitReader(bytes, start + NAL_HEADER_BYTES, end)
  const id = r.bits(4)
  r.skip(8)
  const subLayers = r.bits(3)
  r.skip(17)
  readProfileTierLevel(r, subLayers)
  readOrdering(r, subLayers)
  const highestLayerId = r.bits(6)
  const layerSets = Math.min(r.ue(), 1023)
  r.skip(layerSets * (highestLayerId + 1))
  if (r.exhausted) return undefined
  if (!r.flag()) return { id, frameRate: undefined }
  const unitsInTick = r.bits(32)
  const timeScale = r.bits(32)
  return { id, frameRate: r.exhausted ? undefined : frameRate(timeScale, unitsInTick) }
}

/** Parses an SPS from its NAL unit header on; undefined when it is not usable. */
export function parseHevcSps(bytes: Uint8Array, start: number, end: number): HevcSps | undefined {
  const r = new BitReader(bytes, start + NAL_HEADER_BYTES, end)
  const vpsId = r.bits(4)
  const subLayers = r.bits(3)
  r.skip(1)
  const ptl = readProfileTierLevel(r, subLayers)
  const id = r.ue()
  const chromaIdc = r.ue()
  if (chromaIdc === 3) r.skip(1)
  const codedWidth = r.ue()
  const codedHeight = r.ue()
  const window = r.flag() ? [r.ue(), r.ue(), r.ue(), r.ue()] : [0, 0, 0, 0]
  const depth = 8 + Math.max(r.ue(), r.ue())
  const pocBits = r.ue() + 4
  const reorderFrames = readOrdering(r, subLayers)
  const chroma = CHROMA[chromaIdc]
  if (r.exhausted || id > 15 || chroma === undefined || depth > MAX_BIT_DEPTH || pocBits > 16) {
    return undefined
  }
  const width =
    codedWidth - (window[0]! + window[1]!) * (chromaIdc === 1 || chromaIdc === 2 ? 2 : 1)
  const height = codedHeight - (window[2]! + window[3]!) * (chromaIdc === 1 ? 2 : 1)
  if (width <= 0 || height <= 0 || width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS)
    return undefined
  skipCodingTools(r, pocBits)
  const vui = r.flag() && !r.exhausted ? readVui(r) : undefined
  const fields = vui?.fields ?? false
  return {
    id,
    vpsId,
    format: {
      codec: 'hevc',
      profile: PROFILES[ptl.profile] ?? `profile_${ptl.profile}`,
      chroma,
      depth,
      width,
      height,
      ...(vui?.rate === undefined ? {} : { frameRate: vui.rate }),
      scan: fields || ptl.interlacedOnly ? 'interlaced' : 'progressive',
      level: ptl.level,
    },
    pixelAspect: vui?.pixelAspect,
    reorderFrames,
  }
}

/** 7.3.3. */
function readProfileTierLevel(r: BitReader, subLayers: number): ProfileTierLevel {
  r.skip(3)
  const profile = r.bits(5)
  r.skip(32)
  const progressive = r.flag()
  const interlaced = r.flag()
  r.skip(46)
  const level = r.bits(8)
  const present: number[] = []
  for (let i = 0; i < subLayers; i++) present.push(r.bits(2))
  if (subLayers > 0) r.skip((8 - subLayers) * 2)
  for (const flags of present) {
    if ((flags & 2) !== 0) r.skip(88)
    if ((flags & 1) !== 0) r.skip(8)
  }
  return { profile, level, interlacedOnly: interlaced && !progressive }
}

/** Sub-layer ordering of VPS and SPS; returns max_num_reorder of the highest. */
function readOrdering(r: BitReader, subLayers: number): number {
  const first = r.flag() ? 0 : subLayers
  let reorder = 0
  for (let i = first; i <= subLayers; i++) {
    r.ue()
    reorder = r.ue()
    r.ue()
  }
  return Math.min(reorder, MAX_REFERENCE_PICTURES)
}

/** From log2_min_luma_coding_block_size_minus3 up to vui_parameters_present_flag. */
function skipCodingTools(r: BitReader, pocBits: number): void {
  for (let i = 0; i < 6; i++) r.ue()
  if (r.flag() && r.flag()) skipScalingLists(r)
  r.skip(2)
  if (r.flag()) {
    r.skip(8)
    r.ue()
    r.ue()
    r.skip(1)
  }
  skipShortTermSets(r)
  if (r.flag()) {
    const pictures = Math.min(r.ue(), 32)
    r.skip(pictures * (pocBits + 1))
  }
  r.skip(2)
}

/** 7.3.4. */
function skipScalingLists(r: BitReader): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6 && !r.exhausted; matrix += size === 3 ? 3 : 1) {
      if (!r.flag()) {
        r.ue()
        continue
      }
      if (size > 1) r.se()
      const coefficients = Math.min(64, 1 << (4 + size * 2))
      for (let i = 0; i < coefficients && !r.exhausted; i++) r.se()
    }
  }
}

/** 7.3.7: a set may be coded as its difference from the one before, so the sizes have to be kept. */
function skipShortTermSets(r: BitReader): void {
  const sets = Math.min(r.ue(), MAX_SHORT_TERM_SETS)
  let pictures = 0
  for (let set = 0; set < sets && !r.exhausted; set++) {
    if (set > 0 && r.flag()) {
      r.skip(1)
      r.ue()
      let kept = 0
      for (let i = 0; i <= pictures; i++) if (r.flag() || r.flag()) kept++
      pictures = Math.min(kept, MAX_REFERENCE_PICTURES)
    } else {
      pictures = Math.min(r.ue(), MAX_REFERENCE_PICTURES) + Math.min(r.ue(), MAX_REFERENCE_PICTURES)
      for (let i = 0; i < pictures; i++) {
        r.ue()
        r.skip(1)
      }
    }
  }
}

interface Vui {
  readonly pixelAspect: Rational | undefined
  readonly fields: boolean
  readonly rate: Rational | undefined
}

/** E.2.1 up to the timing. With field_seq_flag the pictures counted are fields. */
function readVui(r: BitReader): Vui {
  const pixelAspect = readPixelAspect(r)
  if (r.flag()) r.skip(1)
  if (r.flag()) {
    r.skip(4)
    if (r.flag()) r.skip(24)
  }
  if (r.flag()) {
    r.ue()
    r.ue()
  }
  r.skip(1)
  const fields = r.flag()
  r.skip(1)
  if (r.flag()) for (let i = 0; i < 4; i++) r.ue()
  if (!r.flag()) return { pixelAspect, fields, rate: undefined }
  const unitsInTick = r.bits(32)
  const timeScale = r.bits(32)
  const rate = r.exhausted ? undefined : frameRate(timeScale, unitsInTick * (fields ? 2 : 1))
  return { pixelAspect, fields: fields && !r.exhausted, rate }
}
