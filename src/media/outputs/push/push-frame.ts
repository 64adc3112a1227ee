import type { Ticks90k } from '../../../contract/time.ts'

/** One frame for a destination; its bytes are the program's own and never change. */
export type PushFrame = PushVideoFrame | PushAudioFrame

export interface PushVideoFrame {
  readonly kind: 'video'
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  /** `key`: a random access point, with parameter sets before it. */
  readonly rap: 'key' | 'other'
  /** Annex B. */
  readonly bytes: Uint8Array
}

export interface PushAudioFrame {
  readonly kind: 'audio'
  readonly dts: Ticks90k
  /** With its header. */
  readonly bytes: Uint8Array
}
