import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import type { SourceId } from '../../../contract/ids.ts'
import type { Ticks90k } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'

/** A cut just made on the program. */
export interface ProgramCut {
  readonly to: SourceId
  /** Label of the source. */
  readonly label: string
  /** Presentation time of its first picture (audio-only: frame). */
  readonly at: Ticks90k
  /** `source_jump`: the same source again, on another timeline. */
  readonly cause: 'take' | 'failover' | 'revert' | 'start' | 'source_jump' | 'removed'
}

/**
 * Called as the bus emits, before the mux has the frame. DTS rises strictly per track. The data of a unit never changes
 * and may be kept. Must be fast: it runs inside play-out.
 */
export interface FrameSink {
  /** The program clock reached this; every frame with a DTS (about) below it was given. */
  advance?(clock: Ticks90k): void
  /** `unit.rap` other than 'none': a random access point, with parameter sets in front. `unit.pts` is the source's own: use `times`. */
  video?(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void
  /** `pts` may be fractional: the frame grid of sampling rates that do not divide 90 kHz. */
  audio?(track: number, unit: AccessUnit, pts: Ticks90k): void
  /** Before the first frame of the new on-air source. */
  cut?(cut: ProgramCut): void
  /** An intended hole in the timeline (the host was paused, latency 0): the next frame is not continuous. */
  hole?(): void
}

/** Fixed when the channel starts (DESIGN.md, 3.9); under `conform: copy` the video's parameters may change. */
export interface ProgramTracks {
  readonly video: VideoFormat | undefined
  readonly audio: AudioFormat | undefined
  /** One per audio track, '' when unknown. */
  readonly languages: readonly string[]
}

/** The program, frame by frame. */
export interface ProgramFrames {
  readonly tracks: ProgramTracks
  /** The on-air source. */
  readonly onAir: { readonly id: SourceId; readonly label: string }
  /** Program time of the play-out. */
  readonly time: Ticks90k
  /** Until the returned function is called. A sink that throws is detached and reported to `onFault`. */
  attach(sink: FrameSink, onFault: (error: unknown) => void): () => void
}
