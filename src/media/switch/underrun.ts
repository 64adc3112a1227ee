import type { AudioTrack } from './audio-track.ts'
import type { OnAirSource } from './on-air-source.ts'
import type { VideoQueue } from './video-queue.ts'
import { SlateLoop } from './slate-loop.ts'
import type { VideoTrack } from './video-track.ts'

export interface UnderrunFacts {
  readonly onAir: OnAirSource
  readonly hasVideo: boolean
  readonly video: VideoTrack
  readonly videoQueue: VideoQueue
  /** First audio track, by which a source without video is judged. */
  readonly audio: AudioTrack | undefined
  /** Grace of a source that has not ended, ticks. */
  readonly graceTicks: number
}

/** Audio that ends this much before the video is a missing track, not the end of the source. */
const MAX_END_GAP_TICKS = 90_000

/** True if nothing is left to play when the next unit is due. */
export function hasUnderrun(facts: UnderrunFacts, clock: number): boolean {
  const { onAir, video, videoQueue } = facts
  if (onAir.isSlate) return false
  if (!facts.hasVideo || onAir.videoPlayable instanceof SlateLoop)
    return hasAudioUnderrun(facts, clock)
  if (hasAudioEndedFirst(facts)) return true
  if (videoQueue.nextUnit(onAir) !== undefined) return false
  const expected = video.lastDts + (onAir.videoPlayable.frameTicks || video.frameTicks)
  return clock >= expected + (onAir.videoPlayable.closed ? 0 : facts.graceTicks)
}

function hasAudioUnderrun({ onAir, audio, graceTicks }: UnderrunFacts, clock: number): boolean {
  if (audio === undefined || !audio.hasUnderrun(onAir.playable)) return false
  return clock >= audio.end + (onAir.playable.closed ? 0 : graceTicks)
}

/** A source that ended is left at its earliest-ending track (DESIGN.md, 3.4). */
function hasAudioEndedFirst({ onAir, video }: UnderrunFacts): boolean {
  const { playable, offset } = onAir
  if (!playable.closed || !playable.hasAudio[0] || onAir.last === undefined) return false
  const end = playable.audioEnd(0)
  if (end === undefined || !onAir.isComplete) return false
  const behind = video.end - (end + offset)
  return behind >= 0 && behind < MAX_END_GAP_TICKS
}
