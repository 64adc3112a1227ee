import { resolve } from 'node:path'
import { GLOBAL, TS_OUTPUT } from './arguments.ts'
import { drawMessage, escapeFilterValue } from './filter-text.ts'
import {
  audioEncoding,
  gopFrames,
  rateOf,
  rateText,
  videoEncoding,
  videoFilters,
  type TargetFormat,
  type VideoTarget,
} from './target-format.ts'

export interface SlateRequest {
  /** Format of the slate; it always has audio, and audio only when the format has no video. */
  readonly target: TargetFormat
  readonly message: string
  /** FFmpeg's colour: a name or 0xRRGGBB. */
  readonly background: string
  /** An image file in place of the background and the message. */
  readonly image?: string
  /** Length of the loop; that of the video is rounded to whole frames. Default 2 s. */
  readonly seconds?: number
}

const DEFAULT_SECONDS = 2
/** Silence past the end of the video: an encoder's first frames are not yet steady, and a frame may straddle the end. */
const AUDIO_MARGIN_SECONDS = 0.5

/** One GOP: the loop is entered at its only random access point. */
const slateVideo = (video: VideoTarget, seconds: number): VideoTarget => ({
  ...video,
  gopSeconds: seconds,
})

const videoInput = (request: SlateRequest, video: VideoTarget): string[] => {
  if (request.image !== undefined) {
    return [
      ...['-protocol_whitelist', 'file', '-f', 'image2', '-pattern_type', 'none', '-loop', '1'],
      ...['-framerate', rateText(video), '-i', `file:${resolve(request.image)}`],
    ]
  }
  const { width, height } = video.format
  const colour = `color=c=${escapeFilterValue(request.background)}:size=${width}x${height}:rate=${rateText(video)}`
  const text = drawMessage(request.message, video.format)
  return ['-f', 'lavfi', '-i', text === '' ? colour : `${colour},${text}`]
}

/** Frames of the loop: its length, and the GOP's. */
export const slateFrames = (request: SlateRequest): number =>
  request.target.video === undefined
    ? 0
    : gopFrames(slateVideo(request.target.video, request.seconds ?? DEFAULT_SECONDS))

/**
 * A finite stream on stdout: one closed GOP without B-frames, and silence of at least its length. Without drawtext in
 * FFmpeg pass an empty message.
 */
export const slateArguments = (request: SlateRequest): readonly string[] => {
  const seconds = request.seconds ?? DEFAULT_SECONDS
  const { audio } = request.target
  const video =
    request.target.video === undefined ? undefined : slateVideo(request.target.video, seconds)
  const frames = slateFrames(request)
  const length = video === undefined ? seconds : frames / rateOf(video)
  return [
    ...GLOBAL,
    // Ended at the input and by a filter: `-frames:v` would end the audio along with the video.
    ...(video === undefined ? [] : ['-t', (length + 1).toFixed(3), ...videoInput(request, video)]),
    ...(audio === undefined
      ? []
      : ['-f', 'lavfi', '-t', (length + AUDIO_MARGIN_SECONDS).toFixed(3)]),
    ...(audio === undefined ? [] : ['-i', `anullsrc=r=${audio.format.sampleRate}:cl=stereo`]),
    ...(video === undefined
      ? []
      : [
          ...['-map', '0:v:0', '-vf', `${videoFilters(video)},trim=end_frame=${frames}`],
          ...videoEncoding(video, { delay: 'lowest', bFrames: 0 }),
        ]),
    ...(audio === undefined
      ? []
      : ['-map', `${video === undefined ? 0 : 1}:a:0`, ...audioEncoding(audio)]),
    ...TS_OUTPUT,
  ]
}
