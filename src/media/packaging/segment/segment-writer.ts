import type { Ticks90k } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { Boundary } from './grid.ts'
import type { SegmentBegin } from '../store/segment-model.ts'

/** A picture on program time. */
export interface VideoFrame {
  readonly unit: AccessUnit
  readonly pts: Ticks90k
  readonly dts: Ticks90k
}

/** An audio frame on program time; `pts` may be fractional. */
export interface AudioFrame {
  readonly unit: AccessUnit
  readonly pts: Ticks90k
}

/**
 * Writes one rendition's segments. The frames between `begin` and `end` are those of the segment; each track in its
 * decoding order, the tracks not ordered among each other.
 */
export interface SegmentWriter {
  begin(boundary: Boundary): void
  video(frame: VideoFrame): void
  audio(track: number, frame: AudioFrame): void
  /** `next`: first picture of the next segment, where it is known. */
  end(end: Ticks90k, next: VideoFrame | undefined): void
  /** Drops the open segment. `published`: players have parts of it, so it ends with these. */
  abandon(): 'unpublished' | 'published'
  /** Adds a segment that has no frames. */
  gap(boundary: Boundary, end: Ticks90k): void
}

export const segmentOf = ({ number, start, wallMs, discontinuity }: Boundary): SegmentBegin => ({
  number,
  start,
  wallMs,
  discontinuity,
})
