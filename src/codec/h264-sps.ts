import type { Rational, VideoFormat } from '../contract/format.ts'
import { BitReader } from './bit-reader.ts'
import { frameRate } from './frame-rate.ts'
import { readPixelAspect } from './pixel-aspect.ts'

/** ITU-T H.264 7.3.2.1.1. */
export interface H264Sps {
  readonly id: number
  readonly format: VideoFormat
  /** Width to height of one pixel; undefined where it is square or not signalled. */
  readonly pixelAspect: Rational | undefined
  /** max_num_reorder_frames, or what E.2.1 infers when the stream omits it. */
  readonly reorderFrames: number
  /** Fields needed to read a slice header up to its field flags. */
  readonly frameNumBits: number
  readonly frameMbsOnly: boolean
  readonly separateColourPlanes: boolean
}

const PROFILES: Readonly<Record<number, string>> = {
  44: 'cavlc444',
  66: 'baseline',
  77: 'main',
  88: 'extended',
  100: 'high',
  110: 'high10',
  122: 'high422',
  144: 'high444',
  244: 'high444',
}
const PROFILES_WITH_CHROMA = new Set([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244])
const CHROMA = ['4:0:0', '4:2:0', '4:2:2', '4:4:4'] as const
const MAX_SIDE_PIXELS = 16_384
const MAX_BIT_DEPTH = 14

/** Table A-1, MaxDpbMbs: [highest level_idc, macroblocks]. */
const MAX_DPB_MBS: readonly (readonly [number, number])[] = [
  [10, 396],
  [11, 900],
  [20, 2376],
  [21, 4752],
  [30, 8100],
  [31, 18_000],
  [32, 20_480],
  [41, 32_768],
  [42, 34_816],
  [50, 110_400],
  [52, 184_320],
  [255, 696_320],
]

/** Parses an SPS from its NAL unit header on; undefined when it is not usable. */
export function parseH264Sps(bytes: Uint8Array, start: number, end: number): H264Sps | undefined {
  const r = new BitReader(bytes, start + 1, end)
  const profileIdc = r.bits(8)
  const constraints = r.bits(8)
  const level = r.bits(8)
  const id = r.ue()
  let chromaIdc = 1
  let depth = 8
  let separateColourPlanes = false
  if (PROFILES_WITH_CHROMA.has(profileIdc)) {
    chromaIdc = r.ue()
    if (chromaIdc === 3) separateColourPlanes = r.flag()
    depth = 8 + Math.max(r.ue(), r.ue())
    r.skip(1)
    if (r.flag()) skipScalingMatrix(r, chromaIdc === 3 ? 12 : 8)
  }
  const frameNumBits = r.ue() + 4
  const pocType = r.ue()
  skipPictureOrder(r, pocType)
  r.ue()
  r.skip(1)
  const widthInMbs = r.ue() + 1
  const heightInUnits = r.ue() + 1
  const frameMbsOnly = r.flag()
  if (!frameMbsOnly) r.skip(1)
  r.skip(1)
  const heightInMbs = heightInUnits * (frameMbsOnly ? 1 : 2)
  const chroma = CHROMA[chromaIdc]
  const crop = r.flag() ? [r.ue(), r.ue(), r.ue(), r.ue()] : [0, 0, 0, 0]
  const hasVui = r.flag()
  if (
    r.exhausted ||
    id > 31 ||
    chroma === undefined ||
    depth > MAX_BIT_DEPTH ||
    frameNumBits > 16
  ) {
    return undefined
  }
  const cropX = chromaIdc === 1 || chromaIdc === 2 ? 2 : 1
  const cropY = (chromaIdc === 1 ? 2 : 1) * (frameMbsOnly ? 1 : 2)
  const width = widthInMbs * 16 - (crop[0]! + crop[1]!) * cropX
  const height = heightInMbs * 16 - (crop[2]! + crop[3]!) * cropY
  if (width <= 0 || height <= 0 || width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS)
    return undefined
  const vui = hasVui ? readVui(r) : {}
  const noReorder =
    profileIdc === 66 || pocType === 2 || isIntraOnly(profileIdc, (constraints & 0x10) !== 0)
  return {
    id,
    format: {
      codec: 'h264',
      profile: PROFILES[profileIdc] ?? `profile_${profileIdc}`,
      chroma,
      depth,
      width,
      height,
      ...(vui.rate === undefined ? {} : { frameRate: vui.rate }),
      scan: frameMbsOnly ? 'progressive' : 'interlaced',
      level,
    },
    pixelAspect: vui.pixelAspect,
    reorderFrames:
      vui.reorderFrames ?? (noReorder ? 0 : maxDpbFrames(level, widthInMbs * heightInMbs)),
    frameNumBits,
    frameMbsOnly,
    separateColourPlanes,
  }
}

const isIntraOnly = (profileIdc: number, constraint3: boolean): boolean =>
  profileIdc === 44 || (constraint3 && [86, 100, 110, 122, 244].includes(profileIdc))

function maxDpbFrames(level: number, frameMbs: number): number {
  const maxMbs = MAX_DPB_MBS.find(([maxLevel]) => level <= maxLevel)?.[1] ?? 0
  return Math.min(16, Math.floor(maxMbs / frameMbs))
}

function skipScalingMatrix(r: BitReader, lists: number): void {
  for (let list = 0; list < lists; list++) {
    if (!r.flag()) continue
    let next = 8
    let last = 8
    for (let i = 0; i < (list < 6 ? 16 : 64) && !r.exhausted; i++) {
      if (next !== 0) next = (last + r.se() + 256) % 256
      if (next !== 0) last = next
    }
  }
}

function skipPictureOrder(r: BitReader, pocType: number): void {
  if (pocType === 0) r.ue()
  if (pocType !== 1) return
  r.skip(1)
  r.se()
  r.se()
  const cycle = Math.min(r.ue(), 255)
  for (let i = 0; i < cycle && !r.exhausted; i++) r.se()
}

interface Vui {
  pixelAspect?: Rational | undefined
  rate?: VideoFormat['frameRate']
  reorderFrames?: number
}

/** E.1.1. Some encoders truncate the VUI: missing fields are left out, the rest of the SPS remains valid. */
function readVui(r: BitReader): Vui {
  const vui: Vui = { pixelAspect: readPixelAspect(r) }
  if (r.flag()) r.skip(1)
  if (r.flag()) {
    r.skip(4)
    if (r.flag()) r.skip(24)
  }
  if (r.flag()) {
    r.ue()
    r.ue()
  }
  if (r.flag()) {
    const unitsInTick = r.bits(32)
    const timeScale = r.bits(32)
    r.skip(1)
    if (!r.exhausted) vui.rate = frameRate(timeScale, 2 * unitsInTick)
  }
  const nalHrd = r.flag()
  if (nalHrd) skipHrd(r)
  const vclHrd = r.flag()
  if (vclHrd) skipHrd(r)
  if (nalHrd || vclHrd) r.skip(1)
  r.skip(1)
  if (!r.flag()) return vui
  r.skip(1)
  for (let i = 0; i < 4; i++) r.ue()
  const reorder = r.ue()
  if (!r.exhausted && reorder <= 16) vui.reorderFrames = reorder
  return vui
}

function skipHrd(r: BitReader): void {
  const entries = Math.min(r.ue(), 31) + 1
  r.skip(8)
  for (let i = 0; i < entries && !r.exhausted; i++) {
    r.ue()
    r.ue()
    r.skip(1)
  }
  r.skip(20)
}
