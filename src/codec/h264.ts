import { BitReader } from './bit-reader.ts'
import {
  insertAt,
  leadingPrefix,
  nextPrefix,
  PREFIX_BYTES,
  trimZeros,
  unitStart,
  withStartCodes,
} from './annex-b.ts'
import { parseH264Sps } from './h264-sps.ts'
import type { H264Sps } from './h264-sps.ts'
import { ParameterSets } from './parameter-sets.ts'
import { emptyInspection, reuseVideoFormat } from './video-inspection.ts'
import type { VideoInspection, VideoInspector } from './video-inspection.ts'

/** nal_unit_type, ITU-T H.264 table 7-1. */
const SLICE = 1
const PARTITION_A = 2
const IDR_SLICE = 5
const SEI = 6
const SPS = 7
const PPS = 8
const DELIMITER = 9
/** Types 15 to 18 begin an access unit too (7.4.1.2.3); 14 stands before every slice of SVC streams, so it is left out. */
const SUBSET_SPS = 15
const RESERVED_18 = 18

/** payloadType, annex D. */
const RECOVERY_POINT = 6
/** recovery_frame_cnt is below MaxFrameNum, which has at most 16 bits. */
const MAX_RECOVERY_FRAMES = 65_535
/** slice_type 7: every slice of the picture is I; 2: this one is. */
const ALL_SLICES_I = 7
const SLICE_I = 2
/** primary_pic_type 0 of the delimiter: I slices only. */
const DELIMITER_ALL_I = 0

interface H264Pps {
  readonly id: number
  readonly spsId: number
}

interface FieldOfFrame {
  readonly frameNum: number
  readonly bottom: boolean
}

const typeAt = (bytes: Uint8Array, prefix: number): number => bytes[prefix + PREFIX_BYTES]! & 0x1f
const isSlice = (type: number): boolean =>
  type === SLICE || type === IDR_SLICE || type === PARTITION_A
const startsUnit = (type: number): boolean =>
  (type >= SEI && type <= DELIMITER) || (type >= SUBSET_SPS && type <= RESERVED_18)
/** first_mb_in_slice is ue(v): zero is the single bit 1. */
const isFirstSlice = (bytes: Uint8Array, prefix: number): boolean =>
  (bytes[prefix + PREFIX_BYTES + 1]! & 0x80) !== 0

/** Random access points, format and access unit boundaries of H.264. Clauses are of ITU-T H.264. */
export class H264Inspector implements VideoInspector {
  readonly #sps = new ParameterSets(parseH264Sps)
  readonly #pps = new ParameterSets(parsePps)
  readonly #inspection = emptyInspection()
  #unitNumber = 0
  #hasRecoveryPoint = false
  #isDelimiterIntra = false

  inspect(unit: Uint8Array): VideoInspection {
    const found = this.#inspection
    found.rap = 'none'
    found.data = unit
    this.#unitNumber++
    this.#hasRecoveryPoint = false
    this.#isDelimiterIntra = false
    let insertion = -1
    let prefix = nextPrefix(unit, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES < unit.length) {
      const type = typeAt(unit, prefix)
      if (insertion < 0 && type !== DELIMITER) insertion = unitStart(unit, prefix)
      if (isSlice(type)) {
        this.#inspectPicture(unit, prefix, insertion)
        break
      }
      const next = nextPrefix(unit, prefix + PREFIX_BYTES)
      this.#readHeader(unit, type, prefix + PREFIX_BYTES, next < 0 ? unit.length : next)
      prefix = next
    }
    return found
  }

  startsAccessUnit(payload: Uint8Array): boolean {
    const prefix = leadingPrefix(payload)
    if (prefix < 0 || prefix + PREFIX_BYTES >= payload.length) return false
    const type = typeAt(payload, prefix)
    return startsUnit(type) || (isSlice(type) && isFirstSlice(payload, prefix))
  }

  splitAccessUnits(payload: Uint8Array): readonly number[] {
    const starts: number[] = []
    let headers = -1
    let field: FieldOfFrame | undefined
    let prefix = nextPrefix(payload, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES < payload.length) {
      const type = typeAt(payload, prefix)
      const next = nextPrefix(payload, prefix + PREFIX_BYTES)
      if (isSlice(type)) {
        if (headers >= 0 || isFirstSlice(payload, prefix)) {
          const second = this.#fieldAt(payload, prefix)
          if (completesFrame(field, second)) field = undefined
          else {
            starts.push(headers >= 0 ? headers : unitStart(payload, prefix))
            field = second
          }
        }
        headers = -1
      } else {
        if (headers < 0 && startsUnit(type)) headers = unitStart(payload, prefix)
        this.#storeParameterSet(
          payload,
          type,
          prefix + PREFIX_BYTES,
          next < 0 ? payload.length : next,
        )
      }
      prefix = next
    }
    return starts
  }

  reset(): void {
    this.#sps.clear()
    this.#pps.clear()
    this.#inspection.format = undefined
    this.#inspection.reorderFrames = undefined
  }

  #readHeader(unit: Uint8Array, type: number, start: number, end: number): void {
    if (type === SEI) this.#hasRecoveryPoint ||= hasRecoveryPoint(unit, start, end)
    else if (type === DELIMITER) this.#isDelimiterIntra = unit[start + 1]! >> 5 === DELIMITER_ALL_I
    else this.#storeParameterSet(unit, type, start, end)
  }

  #storeParameterSet(bytes: Uint8Array, type: number, start: number, end: number): void {
    if (type === PPS) this.#pps.store(bytes, start, trimZeros(bytes, start, end), this.#unitNumber)
    if (type !== SPS) return
    const sps = this.#sps.store(bytes, start, trimZeros(bytes, start, end), this.#unitNumber)
    if (sps === undefined) return
    // A changed SPS makes the PPS that refer to it void: they have to be sent again.
    for (const pps of this.#pps.all()) {
      if (pps.parsed.spsId === sps.id && pps.lastSeenUnit !== this.#unitNumber)
        this.#pps.remove(pps.parsed.id)
    }
    if (this.#inspection.format === undefined) this.#activate(sps)
  }

  #activate(sps: H264Sps): void {
    this.#inspection.format = reuseVideoFormat(this.#inspection.format, sps.format)
    this.#inspection.reorderFrames = sps.reorderFrames
  }

  #inspectPicture(unit: Uint8Array, prefix: number, insertion: number): void {
    const start = prefix + PREFIX_BYTES
    const idr = typeAt(unit, prefix) === IDR_SLICE
    // Bytes 1 and 2 hold first_mb_in_slice 0 and most slice types: pictures that are no candidates cost nothing more.
    const r = new BitReader(unit, start + 1, start + 16)
    r.ue()
    const sliceType = r.ue()
    const allIntra = sliceType === ALL_SLICES_I || (sliceType === SLICE_I && this.#isDelimiterIntra)
    if (!idr && !this.#hasRecoveryPoint && !allIntra) return
    const pps = this.#pps.get(r.ue())
    const sps = pps && this.#sps.get(pps.parsed.spsId)
    if (r.exhausted || sps === undefined) return
    const missing: Uint8Array[] = sps.lastSeenUnit === this.#unitNumber ? [] : [sps.bytes]
    for (const set of this.#pps.all()) {
      if (set.parsed.spsId === sps.parsed.id && set.lastSeenUnit !== this.#unitNumber)
        missing.push(set.bytes)
    }
    if (!idr && !this.#hasRecoveryPoint && missing.length > 0) return
    this.#activate(sps.parsed)
    this.#inspection.rap = idr ? 'idr' : 'recovery_point'
    if (missing.length > 0)
      this.#inspection.data = this.#withParameterSets(unit, insertion, sps.parsed.id)
  }

  /** SPS and all its PPS as one block: a set that the unit also carries is repeated with equal content. */
  #withParameterSets(unit: Uint8Array, insertion: number, spsId: number): Uint8Array {
    const sets = [this.#sps.get(spsId)!.bytes]
    for (const set of this.#pps.all()) if (set.parsed.spsId === spsId) sets.push(set.bytes)
    return insertAt(unit, insertion, withStartCodes(sets))
  }

  /** Slice header (7.3.3) up to bottom_field_flag; undefined for a frame, or when its SPS is unknown. */
  #fieldAt(bytes: Uint8Array, prefix: number): FieldOfFrame | undefined {
    const r = new BitReader(bytes, prefix + PREFIX_BYTES + 1, prefix + PREFIX_BYTES + 32)
    r.ue()
    r.ue()
    const pps = this.#pps.get(r.ue())
    const sps = pps && this.#sps.get(pps.parsed.spsId)?.parsed
    if (sps === undefined || sps.frameMbsOnly) return undefined
    if (sps.separateColourPlanes) r.skip(2)
    const frameNum = r.bits(sps.frameNumBits)
    return r.flag() ? { frameNum, bottom: r.flag() } : undefined
  }
}

const completesFrame = (
  first: FieldOfFrame | undefined,
  second: FieldOfFrame | undefined,
): boolean =>
  first !== undefined &&
  second !== undefined &&
  first.frameNum === second.frameNum &&
  first.bottom !== second.bottom

function parsePps(bytes: Uint8Array, start: number, end: number): H264Pps | undefined {
  const r = new BitReader(bytes, start + 1, end)
  const id = r.ue()
  const spsId = r.ue()
  return r.exhausted || id > 255 || spsId > 31 ? undefined : { id, spsId }
}

/** 7.3.2.3.1 and D.1.8: true if there is a recovery point with a valid count. */
function hasRecoveryPoint(bytes: Uint8Array, start: number, end: number): boolean {
  const r = new BitReader(bytes, start + 1, trimZeros(bytes, start, end))
  while (r.more) {
    const type = readExtended(r)
    const size = readExtended(r)
    if (type === RECOVERY_POINT) return r.ue() <= MAX_RECOVERY_FRAMES && !r.exhausted
    r.skip(size * 8)
  }
  return false
}

function readExtended(r: BitReader): number {
  let value = 0
  let byte = r.bits(8)
  while (byte === 255 && !r.exhausted) {
    value += 255
    byte = r.bits(8)
  }
  return value + byte
}
