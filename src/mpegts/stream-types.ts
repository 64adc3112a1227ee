/** Codecs of PMT entries, and the entries written for each: ISO/IEC 13818-1 Table 2-34, ATSC A/53, EN 300 468 Annex D. */
import type { Codec } from '../contract/format.ts'
import {
  DESCRIPTOR_AC3,
  DESCRIPTOR_EAC3,
  DESCRIPTOR_SUBTITLING,
  DESCRIPTOR_TELETEXT,
  findDescriptor,
  registrationDescriptor,
  registrationOf,
} from './psi.ts'
import { STREAM_ID_AUDIO, STREAM_ID_PRIVATE_1, STREAM_ID_VIDEO } from './pes.ts'

const STREAM_TYPE_PRIVATE = 0x06
const DESCRIPTOR_CA = 0x09

const CODEC_OF_TYPE: ReadonlyMap<number, Codec> = new Map([
  [0x02, 'mpeg2video'],
  [0x03, 'mp2'],
  [0x04, 'mp2'],
  [0x0f, 'aac'],
  [0x11, 'aac_latm'],
  [0x1b, 'h264'],
  [0x24, 'hevc'],
  [0x81, 'ac3'],
  [0x84, 'eac3'],
  [0x87, 'eac3'],
])

const CODEC_OF_REGISTRATION: ReadonlyMap<string, Codec> = new Map([
  ['AC-3', 'ac3'],
  ['EAC3', 'eac3'],
  ['HEVC', 'hevc'],
])

/** undefined: subtitles, data, SCTE-35, or a codec that is not supported. MPEG audio is 'mp2' until its frames give the layer. */
export const codecOf = (streamType: number, descriptors: Uint8Array): Codec | undefined => {
  if (streamType !== STREAM_TYPE_PRIVATE) return CODEC_OF_TYPE.get(streamType)
  if (findDescriptor(descriptors, DESCRIPTOR_TELETEXT) !== undefined) return undefined
  if (findDescriptor(descriptors, DESCRIPTOR_SUBTITLING) !== undefined) return undefined
  if (findDescriptor(descriptors, DESCRIPTOR_AC3) !== undefined) return 'ac3'
  if (findDescriptor(descriptors, DESCRIPTOR_EAC3) !== undefined) return 'eac3'
  return CODEC_OF_REGISTRATION.get(registrationOf(descriptors))
}

/** True if there is a conditional access descriptor (2.6.16). */
export const isAnnouncedScrambled = (descriptors: Uint8Array): boolean =>
  findDescriptor(descriptors, DESCRIPTOR_CA) !== undefined

export interface StreamSignal {
  readonly streamType: number
  readonly streamId: number
  readonly descriptors: Uint8Array
}

const NONE = new Uint8Array(0)

/** AC-3 as ATSC signals it (0x81, 0x87): FFmpeg, VLC, tstools and hls.js recognise it without a DVB context. */
export const signalOf = (codec: Codec): StreamSignal => {
  switch (codec) {
    case 'h264':
      return { streamType: 0x1b, streamId: STREAM_ID_VIDEO, descriptors: NONE }
    case 'hevc':
      return {
        streamType: 0x24,
        streamId: STREAM_ID_VIDEO,
        descriptors: registrationDescriptor('HEVC'),
      }
    case 'mpeg2video':
      return { streamType: 0x02, streamId: STREAM_ID_VIDEO, descriptors: NONE }
    case 'aac':
      return { streamType: 0x0f, streamId: STREAM_ID_AUDIO, descriptors: NONE }
    case 'aac_latm':
      return { streamType: 0x11, streamId: STREAM_ID_AUDIO, descriptors: NONE }
    case 'mp1':
    case 'mp3':
      return { streamType: 0x03, streamId: STREAM_ID_AUDIO, descriptors: NONE }
    case 'mp2':
      return { streamType: 0x04, streamId: STREAM_ID_AUDIO, descriptors: NONE }
    case 'ac3':
      return {
        streamType: 0x81,
        streamId: STREAM_ID_PRIVATE_1,
        descriptors: registrationDescriptor('AC-3'),
      }
    case 'eac3':
      return {
        streamType: 0x87,
        streamId: STREAM_ID_PRIVATE_1,
        descriptors: registrationDescriptor('EAC3'),
      }
  }
}
