import { setImmediate as otherWork } from 'node:timers/promises'
import { frameTicks, type AudioFormat } from '../../../contract/format.ts'
import { TICKS_PER_SECOND, type Ticks90k } from '../../../contract/time.ts'
import { fragment, type Sample, type TrackRun } from '../../../mp4/fragment.ts'
import { audioSample, videoSample } from '../../../mp4/sample-data.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { ProgramTracks } from '../interface/program-frames.ts'
import type { SplitPoint, PlaceInFile } from './recording-chunk.ts'

export interface VideoFrame {
  readonly unit: AccessUnit
  readonly pts: Ticks90k
  readonly dts: Ticks90k
}

export interface AudioFrame {
  readonly unit: AccessUnit
  readonly pts: Ticks90k
}

/** The frames of one fragment, in the order in which they were emitted. */
export interface FrameGroup {
  readonly time: Ticks90k
  readonly splitPoint: SplitPoint | undefined
  readonly videoFrames: VideoFrame[]
  /** By track. */
  readonly audioFrames: AudioFrame[][]
  bytes: number
  /** DTS of the next picture; undefined without one. */
  end: Ticks90k | undefined
}

export const VIDEO_TRACK = 1
/** Duration of the last picture when no next one gives it. */
const DEFAULT_DURATION_TICKS = 3_600

/** Bytes of coded pictures in one step. A second of them takes 10 ms and more, which would delay play-out. */
const MAX_CONVERT_BYTES = 96 * 1024

/** Ids of audio tracks follow that of the video, whether there is video or not. */
export const audioTrackId = (track: number): number => VIDEO_TRACK + 1 + track

/** `inHead`: the audio tracks of the file's initialisation segment. */
export const fragmentOf = async (
  group: FrameGroup,
  { origin, sequence }: PlaceInFile,
  {
    tracks: { video, audio },
    inHead,
  }: { readonly tracks: ProgramTracks; readonly inHead: ReadonlySet<number> },
): Promise<Uint8Array> => {
  const runs: TrackRun[] = []
  if (video !== undefined && video.codec !== 'mpeg2video' && group.videoFrames.length > 0) {
    runs.push(await videoRun(group, origin, video.codec))
  }
  if (audio !== undefined) {
    for (const [track, frames] of group.audioFrames.entries()) {
      if (frames.length > 0 && inHead.has(track))
        runs.push(audioRun(frames, { track, origin, audio }))
    }
  }
  return fragment(sequence, runs, 'fragment')
}

const videoRun = async (
  { videoFrames, end }: FrameGroup,
  origin: number,
  codec: 'h264' | 'hevc',
): Promise<TrackRun> => {
  const at = videoFrames.map(({ dts }) => Math.round(dts - origin))
  const before = at.length < 2 ? DEFAULT_DURATION_TICKS : at.at(-1)! - at.at(-2)!
  at.push(end === undefined ? at.at(-1)! + before : Math.round(end - origin))
  const samples: Sample[] = []
  let converted = 0
  for (const [index, { unit, pts }] of videoFrames.entries()) {
    samples.push({
      duration: at[index + 1]! - at[index]!,
      compositionOffset: Math.round(pts - origin) - at[index]!,
      rap: unit.rap !== 'none',
      data: videoSample(codec, unit.data),
    })
    converted += unit.data.length
    if (converted < MAX_CONVERT_BYTES) continue
    converted = 0
    await otherWork()
  }
  return { track: VIDEO_TRACK, baseTime: at[0]!, samples }
}

const audioRun = (
  frames: readonly AudioFrame[],
  of: { readonly track: number; readonly origin: number; readonly audio: AudioFormat },
): TrackRun => {
  const { track, origin, audio } = of
  const scale = audio.sampleRate / TICKS_PER_SECOND
  const at = frames.map(({ pts }) => Math.max(0, Math.round((pts - origin) * scale)))
  at.push(at.at(-1)! + Math.round(frameTicks(audio) * scale))
  const samples = frames.map(({ unit }, index): Sample => ({
    duration: Math.max(0, at[index + 1]! - at[index]!),
    compositionOffset: 0,
    rap: true,
    data: audioSample(audio.codec, unit.data),
  }))
  return { track: audioTrackId(track), baseTime: at[0]!, samples }
}
