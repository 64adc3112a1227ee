import { frameSeconds, type CodedAudio } from './coded-audio.ts'
import { segmentFrameSeconds, type AudioTimelineSegment } from './program-audio.ts'

/** Frames that an encoder is given before the place where it is to join: decoder and encoder must have got going. */
const LEAD_IN_FRAMES = 4
const LEAD_OUT_FRAMES = 4
/** FFmpeg's AAC encoder begins with a frame of priming; without it, its frames are those of its input. */
const PRIMING_FRAMES = { mp3: 0, aac: 1, opus: 0 } as const

export interface EncodePlan {
  /** Index of the first frame of the program that the encoder is given. */
  readonly first: number
  /** Samples at the output's rate that it leaves out at the beginning. */
  readonly skipSamples: number
  /** Coded frames that are thrown away before the first that is sent. */
  readonly dropFrames: number
  /** Coded frame of the stretch that is sent first: later than wished when the sound for it is not kept any more. */
  readonly from: number
}

export interface EncodePosition {
  readonly coded: CodedAudio
  readonly segment: AudioTimelineSegment
  /** Index of the oldest frame of the program there is. */
  readonly oldest: number
  /** Coded frame of the stretch to go on with. */
  readonly from: number
}

/**
 * Where a new encoder begins so that its frames go on exactly where those before ended: coded frame k sounds from k times
 * its length after the beginning of the stretch, whoever coded it, as encoders of one kind have one delay. Measured: a
 * decoder's samples behind such a join are those of an encoder that was never interrupted (MP3 at the program's own rate:
 * the difference is 1 of 32,768).
 */
export const planEncode = ({ coded, segment, oldest, from }: EncodePosition): EncodePlan => {
  const [into, out] = [segmentFrameSeconds(segment), frameSeconds(coded)]
  const kept = Math.max(0, oldest - segment.first)
  const earliest = kept === 0 ? 0 : Math.ceil(((kept + LEAD_IN_FRAMES) * into) / out)
  const sent = Math.max(from, earliest)
  const begin = Math.max(earliest, sent - LEAD_OUT_FRAMES)
  const number = Math.max(kept, Math.floor((begin * out) / into) - LEAD_IN_FRAMES)
  return {
    first: segment.first + number,
    skipSamples: Math.round((begin * out - number * into) * coded.sampleRate),
    dropFrames: sent - begin + PRIMING_FRAMES[coded.format],
    from: sent,
  }
}
