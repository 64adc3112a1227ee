import type { Mp4AudioTrack } from './track.ts'

/** objectTypeIndication, ISO/IEC 14496-1 7.2.6.6.2 (registered at mp4ra.org). */
const AAC = 0x40
const MPEG_1_AUDIO = 0x6b
/** The half sampling rates of ISO/IEC 13818-3. */
const MPEG_2_AUDIO = 0x69
const MIN_MPEG_1_SAMPLE_RATE = 32_000

export const objectTypeOf = ({ codec, sampleRate }: Mp4AudioTrack): number => {
  if (codec === 'aac') return AAC
  return sampleRate >= MIN_MPEG_1_SAMPLE_RATE ? MPEG_1_AUDIO : MPEG_2_AUDIO
}
