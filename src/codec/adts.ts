import type { AudioFormat } from '../contract/format.ts'
import {
  AAC_CHANNELS,
  AAC_PROFILES,
  AAC_RATES,
  readProgramConfig,
} from './audio-specific-config.ts'
import { BitReader } from './bit-reader.ts'
import { reuseAudioFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import type { FrameParser } from './frame-parser.ts'

/** adts_fixed_header and adts_variable_header, ISO/IEC 13818-7 6.2 (14496-3 1.A.2). */
const HEADER_BYTES = 7
const CRC_BYTES = 2
const BLOCK_SAMPLES = 1024
/** id_syn_ele of a program config element. */
const PROGRAM_CONFIG = 5
const DUAL_MONO_CHANNELS = 2

/** AAC in ADTS. HE-AAC is signalled only inside the frames: it is reported as 'lc' at its core rate. */
export class AdtsParser implements FrameParser {
  readonly headerBytes = HEADER_BYTES
  #format: AudioFormat | undefined
  #formatKey = -1
  #programChannels = DUAL_MONO_CHANNELS

  lengthAt(bytes: Uint8Array, at: number): number {
    if (bytes.length - at < HEADER_BYTES) return mayBeSync(bytes, at) ? TOO_SHORT : NO_FRAME
    if (!mayBeSync(bytes, at)) return NO_FRAME
    const rateIndex = (bytes[at + 2]! >> 2) & 0x0f
    const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
    const hasCrc = (bytes[at + 1]! & 1) === 0
    const headers = HEADER_BYTES + (hasCrc ? CRC_BYTES : 0)
    return rateIndex >= AAC_RATES.length || length <= headers ? NO_FRAME : length
  }

  /** The fixed header: all but copyright bits, length, fullness and block count. */
  headersMatch(bytes: Uint8Array, one: number, other: number): boolean {
    return (
      bytes[one + 1] === bytes[other + 1] &&
      bytes[one + 2] === bytes[other + 2] &&
      bytes[one + 3]! >> 6 === bytes[other + 3]! >> 6
    )
  }

  formatAt(bytes: Uint8Array, at: number, length: number): AudioFormat {
    const second = bytes[at + 2]!
    const configuration = ((second & 1) << 2) | (bytes[at + 3]! >> 6)
    const blocks = (bytes[at + 6]! & 3) + 1
    const key = (second << 16) | (configuration << 8) | blocks
    if (configuration !== 0 && key === this.#formatKey) return this.#format!
    if (configuration === 0) this.#readChannels(bytes, at, length)
    this.#formatKey = key
    this.#format = reuseAudioFormat(this.#format, {
      codec: 'aac',
      profile: AAC_PROFILES[(second >> 6) + 1]!,
      sampleRate: AAC_RATES[(second >> 2) & 0x0f]!,
      channels: AAC_CHANNELS[configuration] || this.#programChannels,
      frameSamples: blocks * BLOCK_SAMPLES,
    })
    return this.#format
  }

  /** Channel configuration 0: reads the program config element at the frame's start, if any; it holds until the next. */
  #readChannels(bytes: Uint8Array, at: number, length: number): void {
    const hasCrc = (bytes[at + 1]! & 1) === 0
    const start = at + HEADER_BYTES + (hasCrc ? CRC_BYTES : 0)
    const r = new BitReader(bytes, start, at + length, 'plain')
    if (r.bits(3) === PROGRAM_CONFIG) this.#programChannels = readProgramConfig(r)
  }
}

const mayBeSync = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0xff && (at + 1 >= bytes.length || (bytes[at + 1]! & 0xf6) === 0xf0)
