import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'

/** What the slate is made of: one closed group of pictures with times from 0, and silent audio frames. */
export interface SlateMaterial {
  /** Without reordering (dts = pts); the first is a random access point with parameter sets. Empty: audio only. */
  readonly video: readonly AccessUnit[]
  /** Length of the group in ticks: a whole number of pictures, may be fractional. */
  readonly videoTicks: number
  /** As found in the coded pictures. */
  readonly videoFormat: VideoFormat | undefined
  /** Undefined: video only. */
  readonly silence: SilentAudio | undefined
}

export interface SilentAudio {
  readonly format: AudioFormat
  /** Duration of one frame in ticks, exact. */
  readonly frameTicks: number
  /** A cycle of encoded frames, any of which may follow any other, and any frame of a programme in this format. */
  readonly frames: readonly Uint8Array[]
}
