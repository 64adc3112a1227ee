import type { AudioFormat } from '../contract/format.ts'
import { readAudioSpecificConfig } from './audio-specific-config.ts'
import type { AudioSpecificConfig } from './audio-specific-config.ts'
import { BitReader } from './bit-reader.ts'
import { reuseAudioFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import type { FrameParser } from './frame-parser.ts'

/** AudioSyncStream, ISO/IEC 14496-3 1.7.2: syncword 0x2B7 (11 bits), audioMuxLengthBytes (13 bits). */
const HEADER_BYTES = 3

/** AAC in LOAS/LATM. The format is that of the first program's first layer. */
export class LatmParser implements FrameParser {
  readonly headerBytes = HEADER_BYTES
  #format: AudioFormat | undefined

  lengthAt(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== 0x56) return NO_FRAME
    if (at + 1 < bytes.length && bytes[at + 1]! >> 5 !== 7) return NO_FRAME
    if (bytes.length - at < HEADER_BYTES) return TOO_SHORT
    const length = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!
    return length === 0 ? NO_FRAME : HEADER_BYTES + length
  }

  /** The sync header carries no format. */
  headersMatch(): boolean {
    return true
  }

  formatAt(bytes: Uint8Array, at: number, length: number): AudioFormat | undefined {
    const useSameStreamMux = (bytes[at + HEADER_BYTES]! & 0x80) !== 0
    if (useSameStreamMux) return this.#format
    const r = new BitReader(bytes, at + HEADER_BYTES, at + length, 'plain')
    r.skip(1)
    const mux = readStreamMux(r)
    if (mux === undefined) return this.#format
    this.#format = reuseAudioFormat(this.#format, { codec: 'aac_latm', ...mux })
    return this.#format
  }
}

/** StreamMuxConfig (1.7.3). */
function readStreamMux(r: BitReader): AudioSpecificConfig | undefined {
  const version1 = r.flag()
  if (version1) {
    if (r.flag()) return undefined
    readLatmValue(r)
  }
  r.skip(1)
  const subFrames = r.bits(6) + 1
  r.skip(4)
  r.skip(3)
  if (version1) readLatmValue(r)
  const config = readAudioSpecificConfig(r)
  return config && { ...config, frameSamples: config.frameSamples * subFrames }
}

/** LatmGetValue (1.7.3). */
function readLatmValue(r: BitReader): number {
  const bytes = r.bits(2) + 1
  return r.bits(bytes * 8)
}
