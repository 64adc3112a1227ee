import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** Units of the slate: one closed group of pictures with times from 0, and silent audio frames. */
export interface SlateMaterial {
  /** Without reordering (dts = pts); the first is a random access point with parameter sets. Empty: audio only. */
  readonly video: readonly AccessUnit[]
  /** Length of the group in ticks: a whole number of frame durations, may be fractional. */
  readonly videoTicks: number
  /** Read from the coded pictures. */
  readonly videoFormat: VideoFormat | undefined
  /** Undefined: video only. */
  readonly silence: SilentAudio | undefined
}

export interface SilentAudio {
  readonly format: AudioFormat
  /** Duration of one frame in ticks, exact. */
  readonly frameTicks: number
  /** A cycle of encoded frames, any of which may follow any other, and any frame of a program in this format. */
  readonly frames: readonly Uint8Array[]
}
