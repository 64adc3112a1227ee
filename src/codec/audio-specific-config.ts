import type { BitReader } from './bit-reader.ts'

/** samplingFrequencyIndex, ISO/IEC 14496-3 table 1.18. */
export const AAC_RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
  7350,
]
/** channelConfiguration, table 1.19; 0: given by a program config element. */
export const AAC_CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8]
/** Object type to profile name, table 1.17. */
export const AAC_PROFILES: Readonly<Record<number, string>> = {
  1: 'main',
  2: 'lc',
  3: 'ssr',
  4: 'ltp',
  5: 'he',
  29: 'he_v2',
}
const SBR = 5
const PARAMETRIC_STEREO = 29
const EXPLICIT_RATE = 15
const ESCAPE_OBJECT = 31

export interface AudioSpecificConfig {
  readonly profile: string
  readonly sampleRate: number
  readonly channels: number
  readonly frameSamples: number
}

/** AudioSpecificConfig (1.6.2.1) of the AAC object types, explicitly signalled SBR included. */
export function readAudioSpecificConfig(r: BitReader): AudioSpecificConfig | undefined {
  const first = readObjectType(r)
  const coreRate = readRate(r)
  const channelConfiguration = r.bits(4)
  const doubled = first === SBR || first === PARAMETRIC_STEREO
  const sampleRate = doubled ? readRate(r) : coreRate
  if (doubled) readObjectType(r)
  const shortFrame = r.flag()
  const profile = AAC_PROFILES[first]
  if (r.exhausted || profile === undefined || !(sampleRate > 0)) return undefined
  const core = AAC_CHANNELS[channelConfiguration] || readProgramChannels(r)
  const ratio = doubled && sampleRate > coreRate ? 2 : 1
  return {
    profile,
    sampleRate,
    channels: first === PARAMETRIC_STEREO ? 2 : core,
    frameSamples: (shortFrame ? 960 : 1024) * ratio,
  }
}

function readObjectType(r: BitReader): number {
  const type = r.bits(5)
  return type === ESCAPE_OBJECT ? 32 + r.bits(6) : type
}

function readRate(r: BitReader): number {
  const index = r.bits(4)
  return index === EXPLICIT_RATE ? r.bits(24) : (AAC_RATES[index] ?? 0)
}

/** The rest of GASpecificConfig (4.4.1) up to its program config element. */
function readProgramChannels(r: BitReader): number {
  if (r.flag()) r.skip(14)
  r.skip(1)
  return readProgramConfig(r)
}

/** program_config_element (4.4.1.1): number of channels; 2 when it is invalid. */
export function readProgramConfig(r: BitReader): number {
  r.skip(10)
  const front = r.bits(4)
  const side = r.bits(4)
  const back = r.bits(4)
  const lfe = r.bits(2)
  r.skip(7)
  if (r.flag()) r.skip(4)
  if (r.flag()) r.skip(4)
  if (r.flag()) r.skip(3)
  let channels = lfe
  for (let element = 0; element < front + side + back; element++) {
    channels += r.flag() ? 2 : 1
    r.skip(4)
  }
  return r.exhausted || channels === 0 ? 2 : channels
}
