import type { BufferedUnit } from './unit-queue.ts'

/**
 * What a bus can play: a stretch of a source's timeline, or the slate. Positions are absolute indices in decoding order,
 * so that program and preview read the same buffer, each at its own place.
 */
export interface Playable {
  readonly hasVideo: boolean
  /** Per audio track of the program: whether the source has it. */
  readonly hasAudio: readonly boolean[]
  /** Median duration of a picture (audio-only: of an audio frame) in ticks. */
  readonly frameTicks: number
  /** One past the newest picture of which it is known that its reorder group is complete. */
  readonly cleanEnd: number
  /** One past the newest picture, whether its group is complete or not. */
  readonly videoEnd: number
  /** No unit will be added any more. */
  readonly closed: boolean
  video(index: number): BufferedUnit | undefined
  audio(track: number, index: number): BufferedUnit | undefined
  /** A reader has taken what lies before `next` of a track, and will not come back. */
  markRead(track: 'video' | number, next: number): void
  /** Program-independent end of the newest frame of an audio track, source time; undefined where there is none. */
  audioEnd(track: number): number | undefined
  /** Oldest index kept of an audio track. */
  audioStart(track: number): number
  /** Newest entry point with PTS ≤ `pts`, or the oldest where `pts` is infinite negative and the source is paced by us. */
  rapAtOrBefore(pts: number): number | undefined
  /** Oldest entry point with PTS > `pts`. */
  rapAfter(pts: number): number | undefined
}
