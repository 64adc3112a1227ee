import { BitReader } from './bit-reader.ts'

/** AC3SpecificBox and EC3SpecificBox, ETSI TS 102 366 F.4 and F.6. */
const BLOCKS = [1, 2, 3, 6]
const BLOCK_SAMPLES = 256
const SAMPLE_RATES = [48_000, 44_100, 32_000]
const REDUCED_RATE = 3
const MAX_DATA_RATE_KBPS = 0x1fff
const DEPENDENT = 1

/** Body of the dac3 box, from a syncframe (4.3, 4.4). */
export function ac3Record(frame: Uint8Array): Uint8Array {
  const r = new BitReader(frame, 4, frame.length, 'plain')
  const fscod = r.bits(2)
  const rateCode = r.bits(6) >> 1
  const bsid = r.bits(5)
  const bsmod = r.bits(3)
  const acmod = r.bits(3)
  if ((acmod & 1) !== 0 && acmod !== 1) r.skip(2)
  if ((acmod & 4) !== 0) r.skip(2)
  if (acmod === 2) r.skip(2)
  const lfe = r.bits(1)
  const channels = (bsmod << 6) | (acmod << 3) | (lfe << 2) | (rateCode >> 3)
  return Uint8Array.of((fscod << 6) | (bsid << 1) | (channels >> 8), channels, rateCode << 5)
}

interface Substream {
  readonly fscod: number
  readonly bsid: number
  readonly acmod: number
  readonly lfe: number
  dependent: number
  /** chan_loc, table F.6.1. */
  locations: number
}

/** Body of the dec3 box, from an access unit: independent substream 0 and its dependent substreams. */
export function eac3Record(unit: Uint8Array): Uint8Array | undefined {
  const substreams: Substream[] = []
  let at = 0
  while (at + 8 <= unit.length && unit[at] === 0x0b && unit[at + 1] === 0x77) {
    const size = ((((unit[at + 2]! & 7) << 8) | unit[at + 3]!) + 1) * 2
    const last = substreams.at(-1)
    if (unit[at + 2]! >> 6 !== DEPENDENT) substreams.push(independentSubstream(unit, at))
    else if (last !== undefined) {
      last.dependent++
      last.locations |= locationsOf(unit, at)
    }
    at += size
  }
  if (substreams.length === 0 || substreams.length > 8) return undefined
  const record: number[] = bytesOf((dataRateKbps(unit) << 3) | (substreams.length - 1))
  for (const one of substreams) {
    const head = (one.fscod << 14) | (one.bsid << 9) | (one.acmod << 1) | one.lfe
    record.push(...bytesOf(head))
    if (one.dependent === 0) record.push(0)
    else record.push(...bytesOf((one.dependent << 9) | one.locations))
  }
  return Uint8Array.from(record)
}

function independentSubstream(unit: Uint8Array, at: number): Substream {
  const fields = unit[at + 4]!
  return {
    fscod: fields >> 6,
    bsid: unit[at + 5]! >> 3,
    acmod: (fields >> 1) & 7,
    lfe: fields & 1,
    dependent: 0,
    locations: 0,
  }
}

/** Custom channel map of a dependent substream (E.1.2.2, E.1.3.1.8), in the bits of chan_loc. */
function locationsOf(unit: Uint8Array, at: number): number {
  const r = new BitReader(unit, at + 4, unit.length, 'plain')
  r.skip(4)
  const acmod = r.bits(3)
  r.skip(1 + 5)
  for (let program = acmod === 0 ? 2 : 1; program > 0; program--) {
    r.skip(5)
    if (r.flag()) r.skip(8)
  }
  const map = r.flag() ? r.bits(16) : 0
  let locations = 0
  // Bits 5 to 12 of the map are pairs from Lc/Rc to the centre height; bit 14 is the second LFE.
  for (let bit = 0; bit < 8; bit++) locations |= ((map >> (10 - bit)) & 1) << bit
  return locations | (((map >> 1) & 1) << 8)
}

/** Data rate in kbit/s. */
function dataRateKbps(unit: Uint8Array): number {
  const fscod = unit[4]! >> 6
  const reduced = fscod === REDUCED_RATE
  const second = (unit[4]! >> 4) & 3
  const rate = reduced ? (SAMPLE_RATES[second] ?? 48_000) / 2 : SAMPLE_RATES[fscod]!
  const samples = (reduced ? 6 : BLOCKS[second]!) * BLOCK_SAMPLES
  return Math.min(MAX_DATA_RATE_KBPS, Math.round((unit.length * 8 * rate) / samples / 1000))
}

const bytesOf = (value: number): [number, number] => [(value >> 8) & 0xff, value & 0xff]
