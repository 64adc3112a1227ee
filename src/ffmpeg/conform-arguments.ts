import { GLOBAL, TS_OUTPUT } from './arguments.ts'
import {
  AUDIO_FILTERS,
  audioEncoding,
  videoEncoding,
  videoFilters,
  type TargetFormat,
} from './target-format.ts'

export interface ConformRequest {
  readonly target: TargetFormat
  /** Tracks that differ from the target; the others are passed on as they are. */
  readonly transcode: { readonly video: boolean; readonly audio: boolean }
}

/**
 * Transport stream in on stdin, transport stream in the target's format on stdout, source timestamps kept.
 *
 * Measured with FFmpeg 5.1 on a paced 320x180 stream: first byte after 5.3 s with FFmpeg's own probing, after 0.4 s with
 * these options; `-fflags nobuffer` loses the first GOP and is left out. `slice` threads: frame threads in the decoder would
 * hold back a picture per thread. The input's timeline must not jump: start a new transcoder then (see `videoFilters`).
 */
export const conformArguments = ({ target, transcode }: ConformRequest): readonly string[] => {
  const { video, audio } = target
  return [
    ...GLOBAL,
    ...['-protocol_whitelist', 'pipe', '-thread_type', 'slice'],
    ...['-probesize', '200000', '-analyzeduration', '300000'],
    ...['-f', 'mpegts', '-i', 'pipe:0', '-dn', '-sn', '-ignore_unknown'],
    ...(video === undefined ? ['-vn'] : ['-map', '0:v:0?']),
    ...(audio === undefined ? ['-an'] : ['-map', '0:a?']),
    ...(video === undefined
      ? []
      : transcode.video
        ? ['-vf', videoFilters(video), ...videoEncoding(video, { delay: 'lowest', bFrames: 0 })]
        : ['-c:v', 'copy']),
    ...(audio === undefined
      ? []
      : transcode.audio
        ? ['-af', AUDIO_FILTERS, ...audioEncoding(audio)]
        : ['-c:a', 'copy']),
    ...TS_OUTPUT,
  ]
}
