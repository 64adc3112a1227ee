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
import type { RapKindName } from './rap-kind.ts'
import { parseHevcSps, parseHevcVps } from './hevc-sps.ts'
import type { HevcSps } from './hevc-sps.ts'
import { ParameterSets } from './parameter-sets.ts'
import { emptyInspection, reuseVideoFormat } from './video-inspection.ts'
import type { VideoInspection, VideoInspector } from './video-inspection.ts'

/** nal_unit_type, ITU-T H.265 table 7-1. */
const RADL_N = 6
const RADL_R = 7
const RASL_N = 8
const RASL_R = 9
const BLA_W_LP = 16
const BLA_N_LP = 18
const IDR_W_RADL = 19
const IDR_N_LP = 20
const CRA = 21
const LAST_IRAP = 23
const LAST_VCL = 31
const VPS = 32
const SPS = 33
const PPS = 34
const DELIMITER = 35
const PREFIX_SEI = 39

const NAL_HEADER_BYTES = 2

interface HevcPps {
  readonly id: number
  readonly spsId: number
}

const typeAt = (bytes: Uint8Array, prefix: number): number =>
  (bytes[prefix + PREFIX_BYTES]! >> 1) & 0x3f
const isFirstSlice = (bytes: Uint8Array, prefix: number): boolean =>
  (bytes[prefix + PREFIX_BYTES + NAL_HEADER_BYTES]! & 0x80) !== 0
/** 7.4.2.4.4. */
const startsUnit = (type: number): boolean =>
  (type >= VPS && type <= DELIMITER) ||
  type === PREFIX_SEI ||
  (type >= 41 && type <= 44) ||
  (type >= 48 && type <= 55)

/** Random access points, format and access unit boundaries of HEVC. Clauses are of ITU-T H.265. */
export class HevcInspector implements VideoInspector {
  readonly #vps = new ParameterSets(parseHevcVps)
  readonly #sps = new ParameterSets(parseHevcSps)
  readonly #pps = new ParameterSets(parsePps)
  readonly #inspection = emptyInspection()
  #unitNumber = 0

  inspect(unit: Uint8Array): VideoInspection {
    const found = this.#inspection
    found.rap = 'none'
    found.leading = false
    found.decodableLeading = false
    found.data = unit
    this.#unitNumber++
    let insertion = -1
    let prefix = nextPrefix(unit, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES + 1 < unit.length) {
      const type = typeAt(unit, prefix)
      if (insertion < 0 && type !== DELIMITER) insertion = unitStart(unit, prefix)
      if (type <= LAST_VCL) {
        found.leading = type === RASL_N || type === RASL_R
        found.decodableLeading = type === RADL_N || type === RADL_R
        if (type >= BLA_W_LP && type <= LAST_IRAP) this.#inspectRap(unit, prefix, insertion)
        break
      }
      const next = nextPrefix(unit, prefix + PREFIX_BYTES)
      this.#storeParameterSet(unit, type, prefix + PREFIX_BYTES, next < 0 ? unit.length : next)
      prefix = next
    }
    return found
  }

  startsAccessUnit(payload: Uint8Array): boolean {
    const prefix = leadingPrefix(payload)
    if (prefix < 0 || prefix + PREFIX_BYTES >= payload.length) return false
    const type = typeAt(payload, prefix)
    return startsUnit(type) || (type <= LAST_VCL && isFirstSlice(payload, prefix))
  }

  splitAccessUnits(payload: Uint8Array): readonly number[] {
    const starts: number[] = []
    let headers = -1
    let prefix = nextPrefix(payload, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES < payload.length) {
      const type = typeAt(payload, prefix)
      if (type <= LAST_VCL) {
        if (headers >= 0) starts.push(headers)
        else if (isFirstSlice(payload, prefix)) starts.push(unitStart(payload, prefix))
        headers = -1
      } else if (headers < 0 && startsUnit(type)) headers = unitStart(payload, prefix)
      prefix = nextPrefix(payload, prefix + PREFIX_BYTES)
    }
    return starts
  }

  reset(): void {
    this.#vps.clear()
    this.#sps.clear()
    this.#pps.clear()
    this.#inspection.format = undefined
    this.#inspection.reorderFrames = undefined
  }

  #storeParameterSet(bytes: Uint8Array, type: number, start: number, end: number): void {
    if (type < VPS || type > PPS) return
    const trimmed = trimZeros(bytes, start, end)
    if (type === VPS) this.#vps.store(bytes, start, trimmed, this.#unitNumber)
    if (type === PPS) this.#pps.store(bytes, start, trimmed, this.#unitNumber)
    if (type !== SPS) return
    const sps = this.#sps.store(bytes, start, trimmed, this.#unitNumber)
    if (sps === undefined) return
    // A changed SPS makes the PPS that refer to it void: they have to be sent again.
    for (const pps of this.#pps.all()) {
      if (pps.parsed.spsId === sps.id && pps.lastSeenUnit !== this.#unitNumber)
        this.#pps.remove(pps.parsed.id)
    }
    if (this.#inspection.format === undefined) this.#activate(sps)
  }

  #activate(sps: HevcSps): void {
    const rate = sps.format.frameRate ?? this.#vps.get(sps.vpsId)?.parsed.frameRate
    const format = rate === undefined ? sps.format : { ...sps.format, frameRate: rate }
    this.#inspection.format = reuseVideoFormat(this.#inspection.format, format)
    this.#inspection.reorderFrames = sps.reorderFrames
  }

  /** 7.3.6.1: reads the PPS id of an IRAP slice, behind two flags. */
  #inspectRap(unit: Uint8Array, prefix: number, insertion: number): void {
    const start = prefix + PREFIX_BYTES + NAL_HEADER_BYTES
    const r = new BitReader(unit, start, start + 16)
    r.skip(2)
    const pps = this.#pps.get(r.ue())
    const sps = pps && this.#sps.get(pps.parsed.spsId)
    const vps = sps && this.#vps.get(sps.parsed.vpsId)
    const rap = rapKindOf(typeAt(unit, prefix))
    if (r.exhausted || sps === undefined || vps === undefined) return
    const sets = [vps.bytes, sps.bytes]
    let missing = vps.lastSeenUnit !== this.#unitNumber || sps.lastSeenUnit !== this.#unitNumber
    for (const set of this.#pps.all()) {
      if (set.parsed.spsId !== sps.parsed.id) continue
      missing ||= set.lastSeenUnit !== this.#unitNumber
      sets.push(set.bytes)
    }
    if (rap === 'none') return
    this.#activate(sps.parsed)
    this.#inspection.rap = rap
    // As one block: a set that the unit also carries is repeated with equal content.
    if (missing) this.#inspection.data = insertAt(unit, insertion, withStartCodes(sets))
  }
}

function rapKindOf(type: number): RapKindName {
  if (type === IDR_W_RADL || type === IDR_N_LP) return 'idr'
  if (type >= BLA_W_LP && type <= BLA_N_LP) return 'bla'
  return type === CRA ? 'cra' : 'none'
}

function parsePps(bytes: Uint8Array, start: number, end: number): HevcPps | undefined {
  const r = new BitReader(bytes, start + NAL_HEADER_BYTES, end)
  const id = r.ue()
  const spsId = r.ue()
  return r.exhausted || id > 63 || spsId > 15 ? undefined : { id, spsId }
}
