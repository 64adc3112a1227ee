import type { BufferedUnit } from './unit-queue.ts'

/**
 * Media that a bus can play: a timeline segment of a source, or the slate. Positions are absolute indices in decoding
 * order, so that program and preview read one buffer independently.
 */
export interface Playable {
  readonly hasVideo: boolean
  /** True for each audio track of the program that the source has. */
  readonly hasAudio: readonly boolean[]
  /** Median duration of a picture (audio-only: of an audio frame) in ticks. */
  readonly frameTicks: number
  /** One past the newest picture of a reorder group that is proven complete. */
  readonly cleanEnd: number
  /** One past the newest picture, also of an incomplete reorder group. */
  readonly videoEnd: number
  /** No unit will be added. */
  readonly closed: boolean
  video(index: number): BufferedUnit | undefined
  audio(track: number, index: number): BufferedUnit | undefined
  /** Marks what lies before `next` of a track as read; its reader does not return to it. */
  markRead(track: 'video' | number, next: number): void
  /** End of the newest frame of an audio track, source time; undefined where there is none. */
  audioEnd(track: number): number | undefined
  /** Index of the oldest frame kept of an audio track. */
  audioStart(track: number): number
  /** Newest random access point with PTS ≤ `pts`; paced by us and `pts` −Infinity: the oldest. */
  rapAtOrBefore(pts: number): number | undefined
  /** Oldest random access point with PTS > `pts`. */
  rapAfter(pts: number): number | undefined
}
