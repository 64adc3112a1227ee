import type { AudioFormat } from '../contract/format.ts'
import { reuseAudioFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import type { FrameParser } from './frame-parser.ts'

/** syncinfo and bsi, ETSI TS 102 366 4.3 and 4.4; E-AC-3: annex E 1.2. */
const HEADER_BYTES = 8
const BLOCK_SAMPLES = 256
/** bsid: 8 is AC-3, 9 and 10 its half and quarter rates, 11 to 16 E-AC-3. */
const MAX_AC3_BSID = 10
const FULL_RATE_AC3_BSID = 8
const MAX_EAC3_BSID = 16
const DEPENDENT = 1
const RESERVED_STREAM_TYPE = 3
const REDUCED_RATE = 3

const SAMPLE_RATES = [48_000, 44_100, 32_000]
/** kbit/s by frmsizecod / 2, table 4.13. */
const BITRATES = [
  32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
]
/** Full-bandwidth channels by acmod, table 4.3. */
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5]
const EAC3_BLOCKS = [1, 2, 3, 6]
const AC3_BLOCKS = 6

const bsidAt = (bytes: Uint8Array, at: number): number => bytes[at + 5]! >> 3
const streamTypeAt = (bytes: Uint8Array, at: number): number => bytes[at + 2]! >> 6
const substreamAt = (bytes: Uint8Array, at: number): number => (bytes[at + 2]! >> 3) & 7

/** AC-3 and E-AC-3 syncframes: bsid distinguishes them. The format is that of the independent substream 0. */
export class Ac3Parser implements FrameParser {
  readonly headerBytes = HEADER_BYTES
  #format: AudioFormat | undefined
  #formatKey = -1

  lengthAt(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== 0x0b) return NO_FRAME
    if (at + 1 < bytes.length && bytes[at + 1] !== 0x77) return NO_FRAME
    if (bytes.length - at < HEADER_BYTES) return TOO_SHORT
    const bsid = bsidAt(bytes, at)
    if (bsid <= MAX_AC3_BSID) return ac3Length(bytes, at)
    const readable = bsid <= MAX_EAC3_BSID && streamTypeAt(bytes, at) !== RESERVED_STREAM_TYPE
    if (!readable || eac3SampleRate(bytes, at) === 0) return NO_FRAME
    const length = ((((bytes[at + 2]! & 7) << 8) | bytes[at + 3]!) + 1) * 2
    return length < HEADER_BYTES ? NO_FRAME : length
  }

  /** Compares fscod and bsid; both frames must be of independent substreams. */
  headersMatch(bytes: Uint8Array, one: number, other: number): boolean {
    return (
      bytes[one + 4]! >> 6 === bytes[other + 4]! >> 6 && bsidAt(bytes, one) === bsidAt(bytes, other)
    )
  }

  formatAt(bytes: Uint8Array, at: number): AudioFormat {
    const eac3 = bsidAt(bytes, at) > MAX_AC3_BSID
    // The rates of byte 4 and the channels; frmsizecod, which varies, left out for AC-3.
    const lfe = eac3 ? bytes[at + 4]! & 1 : ac3Lfe(bytes, at)
    const mode = eac3 ? bytes[at + 4]! >> 1 : ((bytes[at + 4]! >> 6) << 3) | (bytes[at + 6]! >> 5)
    const key = (bsidAt(bytes, at) << 16) | (mode << 1) | lfe
    if (key === this.#formatKey) return this.#format!
    this.#formatKey = key
    const blocks = eac3 ? eac3Blocks(bytes, at) : AC3_BLOCKS
    this.#format = reuseAudioFormat(this.#format, {
      codec: eac3 ? 'eac3' : 'ac3',
      profile: '',
      sampleRate: eac3 ? eac3SampleRate(bytes, at) : ac3SampleRate(bytes, at),
      channels: CHANNELS[mode & 7]! + lfe,
      frameSamples: blocks * BLOCK_SAMPLES,
    })
    return this.#format
  }

  /** Dependent substreams, and further independent ones, go with the frame of substream 0 (E.1.3.1.2). */
  continuesAt(bytes: Uint8Array, at: number): boolean {
    if (bsidAt(bytes, at) <= MAX_AC3_BSID) return false
    return streamTypeAt(bytes, at) === DEPENDENT || substreamAt(bytes, at) > 0
  }
}

const ac3SampleRate = (bytes: Uint8Array, at: number): number =>
  (SAMPLE_RATES[bytes[at + 4]! >> 6] ?? 0) >> Math.max(0, bsidAt(bytes, at) - FULL_RATE_AC3_BSID)

/** Words of 16 bits per frame of 1536 samples, table 4.13: at 44.1 kHz odd codes have one more. */
function ac3Length(bytes: Uint8Array, at: number): number {
  const rate = SAMPLE_RATES[bytes[at + 4]! >> 6]
  const code = bytes[at + 4]! & 0x3f
  const bitrate = BITRATES[code >> 1]
  if (rate === undefined || bitrate === undefined) return NO_FRAME
  const words = Math.floor((bitrate * 1000 * BLOCK_SAMPLES * AC3_BLOCKS) / rate / 16)
  return (words + (rate === 44_100 ? code & 1 : 0)) * 2
}

/** lfeon comes after acmod and the mix levels that depend on it (4.4.2.3 to 4.4.2.7). */
function ac3Lfe(bytes: Uint8Array, at: number): number {
  const mode = bytes[at + 6]! >> 5
  let skipped = 3
  if ((mode & 1) !== 0 && mode !== 1) skipped += 2
  if ((mode & 4) !== 0) skipped += 2
  if (mode === 2) skipped += 2
  return (((bytes[at + 6]! << 8) | bytes[at + 7]!) >> (15 - skipped)) & 1
}

function eac3SampleRate(bytes: Uint8Array, at: number): number {
  const code = bytes[at + 4]! >> 6
  if (code !== REDUCED_RATE) return SAMPLE_RATES[code]!
  return (SAMPLE_RATES[(bytes[at + 4]! >> 4) & 3] ?? 0) / 2
}

const eac3Blocks = (bytes: Uint8Array, at: number): number =>
  bytes[at + 4]! >> 6 === REDUCED_RATE ? AC3_BLOCKS : EAC3_BLOCKS[(bytes[at + 4]! >> 4) & 3]!
