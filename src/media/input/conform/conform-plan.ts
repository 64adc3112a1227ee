import {
  sameAudio,
  sameVideo,
  type AudioFormat,
  type VideoFormat,
} from '../../../contract/format.ts'
import type { AudioTarget, TargetFormat, VideoTarget } from '../../../ffmpeg/target-format.ts'
import type { Pid } from '../../../mpegts/access-unit.ts'

/** The chosen tracks of a source as the demuxer announced them. */
export interface SourceTracks {
  readonly video?: { readonly pid: Pid; readonly format: VideoFormat }
  readonly audio: readonly {
    readonly pid: Pid
    readonly format: AudioFormat
    readonly language?: string
  }[]
}

/** Work of a conforming transcoder on each track. */
export interface ConformPlan {
  readonly video?: { readonly pid: Pid; readonly format: VideoFormat; readonly target: VideoTarget }
  readonly audio: readonly {
    readonly pid: Pid
    readonly format: AudioFormat
    readonly target: AudioTarget
  }[]
  /** Tracks that fit: they bypass the transcoder, held back to stay beside the transcoded tracks. */
  readonly bypass: ReadonlySet<Pid>
}

/** `video`: video is transcoded even if it fits; `always`: audio too. */
export type ConformMatch = 'by_format' | 'video' | 'always'

/** Returns undefined when every track fits as it is. */
export const planConform = (
  source: SourceTracks,
  target: TargetFormat,
  match: ConformMatch,
): ConformPlan | undefined => {
  const bypass = new Set<Pid>()
  const { video } = source
  let plannedVideo: ConformPlan['video']
  if (video !== undefined && target.video !== undefined) {
    if (match === 'by_format' && sameVideo(video.format, target.video.format)) bypass.add(video.pid)
    else plannedVideo = { ...video, target: target.video }
  }
  const audio: ConformPlan['audio'][number][] = []
  for (const track of target.audio === undefined ? [] : source.audio) {
    if (match !== 'always' && sameAudio(track.format, target.audio!.format)) bypass.add(track.pid)
    else audio.push({ pid: track.pid, format: track.format, target: target.audio! })
  }
  if (plannedVideo === undefined && audio.length === 0) return undefined
  return { ...(plannedVideo === undefined ? {} : { video: plannedVideo }), audio, bypass }
}
