import type { RapKindName } from '../codec/rap-kind.ts'
import type { Ticks90k } from '../contract/time.ts'

export type Pid = number

export type RapKind = RapKindName

/** One coded frame of one track: a video picture (all its NAL units, Annex B) or one audio frame with its header. */
export interface AccessUnit {
  readonly pid: Pid
  readonly kind: 'video' | 'audio'
  /** Unwrapped; a jump that is not a 33-bit wrap is left as it is (see `epoch`). */
  readonly pts: Ticks90k
  /** Unwrapped; ≤ pts. Equal to pts where the PES carries none. */
  readonly dts: Ticks90k
  /** Audio: always 'none'. */
  readonly rap: RapKind
  /**
   * Video only: precedes in presentation the random access point it follows in decoding, and refers to pictures before
   * that (HEVC RASL, MPEG-2 open-GOP B): dropped when decoding begins there.
   */
  readonly leading: boolean
  /** Audio: exact length of the frame in ticks (may be fractional). Video: 0 (it follows from the neighbours only). */
  readonly duration: number
  readonly data: Uint8Array
}
