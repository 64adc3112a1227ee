import type { Ticks90k } from '../../../contract/time.ts'

/** Name of a playlist, also in paths: `stream_0` (the program as it is), `stream_1` …, `audio_0` …. */
export type RenditionName = string

export interface SegmentBegin {
  /** Media sequence number, the same in every rendition. */
  readonly number: number
  /** Program time of its first picture (or audio frame). */
  readonly start: Ticks90k
  /** Milliseconds since 1970 at `start`. */
  readonly wallMs: number
  /** True if EXT-X-DISCONTINUITY precedes it. */
  readonly discontinuity: boolean
}

export interface Part {
  /** Ticks, 90 kHz; may be fractional. */
  readonly duration: number
  /** Starts with a random access point. */
  readonly independent: boolean
  readonly bytes: Uint8Array
}

export interface SegmentEnd {
  /** Ticks, 90 kHz; may be fractional. */
  readonly duration: number
  /** Starts with a random access point. */
  readonly independent: boolean
  /** The whole segment, if it did not come in parts. */
  readonly bytes?: Uint8Array
}

/**
 * Input of a rendition, in order: `begin`, any number of `part`s, `end`; or `gap`. No call waits; segments are published
 * once they are on disk (or at once, where only memory is used).
 */
export interface RenditionSink {
  /** An initialisation segment (fMP4): valid from the next `begin` on. */
  init(bytes: Uint8Array): void
  begin(segment: SegmentBegin): void
  part(part: Part): void
  end(end: SegmentEnd): void
  /** A segment without media: EXT-X-GAP. */
  gap(segment: SegmentBegin & { readonly duration: number }): void
}

/** A listed segment. */
export interface Segment extends SegmentBegin {
  readonly state: 'open' | 'done' | 'gap'
  /** Discontinuities before and at it since the first start: EXT-X-DISCONTINUITY-SEQUENCE is this, less its own. */
  readonly series: number
  /** Duration so far, where it is open. */
  readonly duration: number
  readonly independent: boolean
  /** File name, relative to the playlist. */
  readonly file: string
  /** File name of its initialisation segment; undefined in transport streams. */
  readonly init: string | undefined
  readonly bytes: number
  /** Kept for the newest segments only. */
  readonly parts: readonly Part[]
}
