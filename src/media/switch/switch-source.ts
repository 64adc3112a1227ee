import type { SourceId } from '../../contract/ids.ts'
import type { SourceBuffer } from '../buffer/source-buffer.ts'

/** A source as the switch needs it. */
export interface SwitchSource {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  /** Shift of the audio against the video, ticks; positive is later. */
  readonly lipSync: number
  /** False where its format does not fit the program's (and no transcoder is ready). */
  readonly isReady: boolean
}

export interface SourceLookup {
  get(id: SourceId): SwitchSource | undefined
}

/**
 * The wanted source and its substitutes: what the bus does by itself when the program cannot continue, so that failover
 * works without control.
 */
export interface StandingOrder {
  /** The source of the last explicit take, or the slate. */
  readonly wanted: SourceId
  /** Substitutes of the wanted source, best first. Empty: the slate. */
  readonly substitutes: readonly SourceId[]
}
