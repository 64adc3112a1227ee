import type { AudioFormat } from '../contract/format.ts'
import { reuseAudioFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import type { FrameParser } from './frame-parser.ts'

/** ISO/IEC 11172-3 2.4.1.3, ISO/IEC 13818-3 2.4.1.3; version 2.5 by custom. */
const HEADER_BYTES = 4
const RESERVED_VERSION = 1
const MPEG_1 = 3
const MPEG_2 = 2
const RESERVED_LAYER = 0
const LAYER_1 = 3
const LAYER_2 = 2
const SINGLE_CHANNEL = 3

/** kbit/s by bitrate_index; 0 is "free format", which broadcasts do not use and whose length is not coded. */
const MPEG_1_RATES: Readonly<Record<number, readonly number[]>> = {
  3: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
}
const MPEG_2_LAYER_1 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
const MPEG_2_LAYERS_2_3 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const SAMPLE_RATES = [44_100, 48_000, 32_000]
const CODECS = ['mp3', 'mp3', 'mp2', 'mp1'] as const

const versionAt = (bytes: Uint8Array, at: number): number => (bytes[at + 1]! >> 3) & 3
const layerAt = (bytes: Uint8Array, at: number): number => (bytes[at + 1]! >> 1) & 3

function sampleRateAt(bytes: Uint8Array, at: number): number {
  const version = versionAt(bytes, at)
  const divisor = version === MPEG_1 ? 1 : version === MPEG_2 ? 2 : 4
  return (SAMPLE_RATES[(bytes[at + 2]! >> 2) & 3] ?? 0) / divisor
}

function samplesPerFrame(version: number, layer: number): number {
  if (layer === LAYER_1) return 384
  return layer === LAYER_2 || version === MPEG_1 ? 1152 : 576
}

/** Version, layer, rate and mode; not bit rate, padding and mode extension, which vary from frame to frame. */
const formatKey = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1]! & 0x1e) << 16) | ((bytes[at + 2]! & 0x0c) << 8) | (bytes[at + 3]! >> 6)

/** MPEG audio of any layer and version: read from the frame header, not from the announced type. */
export class MpegAudioParser implements FrameParser {
  readonly headerBytes = HEADER_BYTES
  #format: AudioFormat | undefined
  #formatKey = -1

  lengthAt(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== 0xff) return NO_FRAME
    if (at + 1 < bytes.length && bytes[at + 1]! >> 5 !== 7) return NO_FRAME
    if (bytes.length - at < HEADER_BYTES) return TOO_SHORT
    const version = versionAt(bytes, at)
    const layer = layerAt(bytes, at)
    const sampleRate = sampleRateAt(bytes, at)
    if (version === RESERVED_VERSION || layer === RESERVED_LAYER || sampleRate === 0)
      return NO_FRAME
    const rates =
      version === MPEG_1
        ? MPEG_1_RATES[layer]!
        : layer === LAYER_1
          ? MPEG_2_LAYER_1
          : MPEG_2_LAYERS_2_3
    const bitrate = (rates[bytes[at + 2]! >> 4] ?? 0) * 1000
    if (bitrate === 0) return NO_FRAME
    const padding = (bytes[at + 2]! >> 1) & 1
    const slotBytes = layer === LAYER_1 ? 4 : 1
    const slots = (samplesPerFrame(version, layer) / 8 / slotBytes) * (bitrate / sampleRate)
    return (Math.floor(slots) + padding) * slotBytes
  }

  headersMatch(bytes: Uint8Array, one: number, other: number): boolean {
    return formatKey(bytes, one) === formatKey(bytes, other)
  }

  formatAt(bytes: Uint8Array, at: number): AudioFormat {
    const key = formatKey(bytes, at)
    if (key === this.#formatKey) return this.#format!
    this.#formatKey = key
    const layer = layerAt(bytes, at)
    this.#format = reuseAudioFormat(this.#format, {
      codec: CODECS[layer]!,
      profile: '',
      sampleRate: sampleRateAt(bytes, at),
      channels: bytes[at + 3]! >> 6 === SINGLE_CHANNEL ? 1 : 2,
      frameSamples: samplesPerFrame(versionAt(bytes, at), layer),
    })
    return this.#format
  }
}
