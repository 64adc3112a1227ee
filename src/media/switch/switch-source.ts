import type { SourceId } from '../../contract/ids.ts'
import type { SourceBuffer } from '../buffer/source-buffer.ts'

/** What the switch needs of a source. */
export interface SwitchSource {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  /** Audio moved against the picture, ticks; positive is later. */
  readonly lipSync: number
  /** False where its format may not follow the program's (and no transcoder is ready). */
  readonly isReady: boolean
}

export interface SourceLookup {
  get(id: SourceId): SwitchSource | undefined
}

/**
 * What the data plane does by itself when the program cannot go on as it is, kept here by control, so that failover works
 * while control is dead.
 */
export interface StandingOrder {
  /** The source of the last explicit take, or the slate. */
  readonly wanted: SourceId
  /** Whom to put on air in its stead, best first. Empty: the slate. */
  readonly substitutes: readonly SourceId[]
}
