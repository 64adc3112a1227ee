import type { Rational } from '../contract/format.ts'

/** H.264 or HEVC in a sample entry of ISO/IEC 14496-15. */
export interface Mp4VideoTrack {
  readonly kind: 'video'
  /** track_ID: from 1, the same in every fragment. */
  readonly id: number
  /** Units per second of every time: 90000, so that program times are kept exactly. */
  readonly timescale: number
  readonly codec: 'h264' | 'hevc'
  /** Of the picture after cropping, in its own (perhaps not square) pixels. */
  readonly width: number
  readonly height: number
  /** Width to height of one pixel; absent: square, or not signalled. */
  readonly pixelAspect?: Rational
  /** Body of the avcC or hvcC box. */
  readonly config: Uint8Array
  /** avc1 and hvc1, or avc3 and hev1. */
  readonly parameterSets: 'in_entry' | 'in_band_too'
}

export interface Mp4AudioTrack {
  readonly kind: 'audio'
  readonly id: number
  /** The sampling rate: frame durations are whole numbers. */
  readonly timescale: number
  readonly codec: 'aac' | 'mp3' | 'mp2' | 'ac3' | 'eac3'
  readonly channels: number
  readonly sampleRate: number
  /** AudioSpecificConfig, body of the dac3 or dec3 box, or empty. */
  readonly config: Uint8Array
  /** ISO 639-2, 'und' when unknown. */
  readonly language: string
}

export type Mp4Track = Mp4VideoTrack | Mp4AudioTrack
