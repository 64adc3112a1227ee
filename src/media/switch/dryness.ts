import type { AudioTrack } from './audio-track.ts'
import type { Lane } from './lane.ts'
import type { PictureFeed } from './picture-feed.ts'
import { SlateLoop } from './slate-loop.ts'
import type { VideoTrack } from './video-track.ts'

export interface OnAir {
  readonly lane: Lane
  readonly hasVideo: boolean
  readonly video: VideoTrack
  readonly pictures: PictureFeed
  /** The first audio track, by which a source without pictures is judged. */
  readonly sound: AudioTrack | undefined
  /** A source that has not ended is given this long, ticks. */
  readonly patience: number
}

/** Sound that ends this much before the pictures is a track that went missing, not the end of the source. */
const SAME_END_TICKS = 90_000

/** Is nothing left to play at the time the next unit is due? */
export function isDry(onAir: OnAir, clock: number): boolean {
  const { lane, video, pictures } = onAir
  if (lane.isSlate) return false
  if (!onAir.hasVideo || lane.picture instanceof SlateLoop) return isSoundDry(onAir, clock)
  if (soundEndedFirst(onAir)) return true
  if (pictures.next(lane) !== undefined) return false
  const expected = video.lastDts + (lane.picture.frameTicks || video.frameTicks)
  return clock >= expected + (lane.picture.closed ? 0 : onAir.patience)
}

function isSoundDry({ lane, sound, patience }: OnAir, clock: number): boolean {
  if (sound === undefined || !sound.isDry(lane.playable)) return false
  return clock >= sound.end + (lane.playable.closed ? 0 : patience)
}

/** A source that ended is left at its earliest-ending track (DESIGN.md, 3.4). */
function soundEndedFirst({ lane, video }: OnAir): boolean {
  const { playable, offset } = lane
  if (!playable.closed || !playable.hasAudio[0] || lane.last === undefined) return false
  const end = playable.audioEnd(0)
  if (end === undefined || !lane.complete) return false
  const behind = video.end - (end + offset)
  return behind >= 0 && behind < SAME_END_TICKS
}
