import { z } from 'zod'
import { branded } from './branded.ts'
import type { BusId, SourceId, Ticket } from './ids.ts'
import { BusIdText, ConformMode, FailoverMode, IngestMode, RevertPolicy, TakeMode } from './spec.ts'

/** Where a take may go: a source, or `slate`. */
const TargetText = branded<'SourceId'>(z.string().min(1).max(64))

export const TakeRequest = z.strictObject({
  source: TargetText,
  mode: TakeMode.optional(),
  bus: BusIdText.optional(),
  /** Wall time of the cut, milliseconds since 1970 or an ISO 8601 text; the first splice point at or after it is used. */
  at: z.union([z.number().positive(), z.iso.datetime({ offset: true })]).optional(),
})
export type TakeRequest = z.infer<typeof TakeRequest>

/** Takes what one bus has on the air to another. */
export interface BusTake {
  readonly from: BusId
  readonly bus: BusId
  readonly mode?: TakeMode | undefined
}

/** Changes of the channel's own settings on the air. Absent fields stay. */
export const ChannelChange = z.strictObject({
  mode: TakeMode.optional(),
  failover: FailoverMode.optional(),
  revert: RevertPolicy.optional(),
  conform: ConformMode.optional(),
  ingest: IngestMode.optional(),
  /** What the slate says; on the air it changes at once. */
  slateMessage: z.string().max(500).optional(),
})
export type ChannelChange = z.infer<typeof ChannelChange>

export type TakeRefusal =
  | 'unknown_source'
  | 'already_on_air'
  | 'superseded'
  | 'source_failed'
  | 'start_timeout'
  | 'no_random_access_point'
  | 'formats_differ'
  | 'not_conformed_yet'
  | 'timelines_differ'
  | 'too_far_apart'
  | 'source_removed'
  | 'channel_stopped'

/** What a take did, measured on the program (DESIGN.md, sections 3 to 5). */
export interface TakeDone {
  readonly ok: true
  readonly ticket: Ticket
  readonly bus: BusId
  readonly source: SourceId
  readonly from: SourceId
  readonly mode: TakeMode
  /** The mode that was executed, where the wished one was not possible (`cutover` without a buffered random access point). */
  readonly executed: TakeMode
  /** Program time of the first picture of the new source, 90 kHz. */
  readonly programTime: number
  /** Wall time of the cut, milliseconds since 1970. */
  readonly wallTime: number
  /** From request to cut, milliseconds. */
  readonly waitMs: number
  /** Presentation step across the cut beyond one frame of the old source, milliseconds. 0 is continuous. */
  readonly gapMs: number
  /** How far the audio was moved against the picture by the rounding to the audio frame grid, milliseconds. */
  readonly avOffsetMs: number
  readonly silenceInserted: number
  readonly audioDropped: number
  /** How much later than its own latency the new source runs until the next splice, milliseconds. */
  readonly addedDelayMs: number
  readonly note?: string
}

export interface TakeRefused {
  readonly ok: false
  readonly ticket: Ticket
  readonly bus: BusId
  readonly source: SourceId
  readonly why: TakeRefusal
  /** A sentence for a person. */
  readonly message: string
  /** `superseded`: the newer take. */
  readonly by?: { readonly ticket: Ticket; readonly source: SourceId }
}

export type TakeAnswer = TakeDone | TakeRefused
