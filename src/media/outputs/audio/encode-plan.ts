import { frameSeconds, type CodedAudio } from './coded-audio.ts'
import { segmentFrameSeconds, type AudioTimelineSegment } from './program-audio.ts'

/** Frames that an encoder is given before the place where it joins, for decoder and encoder to settle. */
const LEAD_IN_FRAMES = 4
const LEAD_OUT_FRAMES = 4
/** FFmpeg's AAC encoder starts with a frame of priming; its other frames are those of its input. */
const PRIMING_FRAMES = { mp3: 0, aac: 1, opus: 0 } as const

export interface EncodePlan {
  /** Index of the program's frame that the encoder is given first. */
  readonly first: number
  /** Samples at the output's rate that it leaves out at the start. */
  readonly skipSamples: number
  /** Coded frames that are discarded before the first that is sent. */
  readonly dropFrames: number
  /** Coded frame of the timeline segment that is sent first: later than wanted when its audio is no longer kept. */
  readonly from: number
}

export interface EncodePosition {
  readonly coded: CodedAudio
  readonly segment: AudioTimelineSegment
  /** Index of the program's oldest kept frame. */
  readonly oldest: number
  /** Coded frame of the timeline segment to continue with. */
  readonly from: number
}

/**
 * Start of a new encoder whose frames follow those of the last one exactly: coded frame k starts k times its length after
 * the start of the timeline segment, whichever process coded it, as encoders of one kind have one delay. Measured: a
 * decoder's samples after such a join equal those of an uninterrupted encoder (MP3 at the program's own rate: the
 * difference is 1 of 32,768).
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
