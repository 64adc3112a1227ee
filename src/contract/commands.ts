import { z } from 'zod'
import { branded, KnownBus, KnownSource, KnownTicket } from './branded.ts'
import type { SourceId } from './ids.ts'
import { BusIdText, ConformMode, FailoverMode, IngestMode, RevertPolicy, TakeMode } from './spec.ts'

/** Target of a take: a source, or `slate`. */
const TargetText = branded<SourceId>(z.string().min(1).max(64))

export const TakeRequest = z.strictObject({
  source: TargetText,
  mode: TakeMode.optional(),
  bus: BusIdText.optional(),
  /** Wall time of the cut, milliseconds since 1970 or an ISO 8601 text; the first splice point at or after it is used. */
  at: z.union([z.number().positive(), z.iso.datetime({ offset: true })]).optional(),
})
export type TakeRequest = z.infer<typeof TakeRequest>

/** Takes the on-air source of one bus to another. */
export const BusTake = z.strictObject({
  from: BusIdText,
  bus: BusIdText,
  mode: TakeMode.optional(),
})
export type BusTake = z.infer<typeof BusTake>

/** Changes of the channel's own settings on the air. Absent fields stay. */
export const ChannelChange = z.strictObject({
  mode: TakeMode.optional(),
  failover: FailoverMode.optional(),
  revert: RevertPolicy.optional(),
  conform: ConformMode.optional(),
  ingest: IngestMode.optional(),
  /** Text of the slate; on the air it changes at once. */
  slateMessage: z.string().max(500).optional(),
})
export type ChannelChange = z.infer<typeof ChannelChange>

export const TakeRefusal = z.enum([
  'unknown_source',
  'already_on_air',
  'superseded',
  'source_failed',
  'start_timeout',
  'no_random_access_point',
  'formats_differ',
  'not_conformed_yet',
  'timelines_differ',
  'too_far_apart',
  'source_removed',
  'channel_stopped',
])
export type TakeRefusal = z.infer<typeof TakeRefusal>

/** Result of a take, measured on the program (DESIGN.md, sections 3 to 5). */
export const TakeDone = z
  .object({
    ok: z.literal(true),
    ticket: KnownTicket,
    bus: KnownBus,
    source: KnownSource,
    from: KnownSource,
    mode: TakeMode,
    /** The executed mode, when the requested one was not possible (`cutover` without a buffered random access point). */
    executed: TakeMode,
    /** Program time of the first picture of the new source, 90 kHz. */
    programTime: z.number(),
    /** Wall time of the cut, milliseconds since 1970. */
    wallTime: z.number(),
    /** From request to cut, milliseconds. */
    waitMs: z.number(),
    /** Presentation step across the cut beyond one frame of the old source, milliseconds. 0 is continuous. */
    gapMs: z.number(),
    /** Shift of the audio against the video by rounding to the audio frame grid, milliseconds. */
    avOffsetMs: z.number(),
    silenceInserted: z.number(),
    audioDropped: z.number(),
    /** Delay of the new source beyond its own latency until the next splice, milliseconds. */
    addedDelayMs: z.number(),
    note: z.exactOptional(z.string()),
  })
  .readonly()
export type TakeDone = z.infer<typeof TakeDone>

export const TakeRefused = z
  .object({
    ok: z.literal(false),
    ticket: KnownTicket,
    bus: KnownBus,
    source: KnownSource,
    why: TakeRefusal,
    /** A sentence for a person. */
    message: z.string(),
    /** `superseded`: the newer take. */
    by: z.exactOptional(
      z
        .object({
          ticket: KnownTicket,
          source: KnownSource,
        })
        .readonly(),
    ),
  })
  .readonly()
export type TakeRefused = z.infer<typeof TakeRefused>

export const TakeAnswer = z.discriminatedUnion('ok', [TakeDone, TakeRefused])
export type TakeAnswer = z.infer<typeof TakeAnswer>
