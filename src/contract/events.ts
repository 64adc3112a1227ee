import { z } from 'zod'
import { KnownBus, KnownChannel, KnownOutput, KnownSource, KnownTicket } from './branded.ts'
import { TakeDone, TakeRefused } from './commands.ts'
import { TakeMode } from './spec.ts'
import { HealthProblem, SourceState } from './status.ts'

/** Cause of a change of source on the program. */
export const SwitchCause = z.enum(['take', 'failover', 'revert', 'start', 'source_jump', 'removed'])
export type SwitchCause = z.infer<typeof SwitchCause>

export const OutputAlert = z.enum(['disk_full', 'refused', 'storage'])
export type OutputAlert = z.infer<typeof OutputAlert>

const kind = <const Types extends readonly string[], Fields extends z.ZodRawShape>(
  types: Types,
  fields: Fields,
) => z.object({ ...fields, type: z.literal(types) }).readonly()

const viewerFields = {
  viewer: z.number(),
  path: z.string(),
  address: z.string(),
  agent: z.string(),
  /** For floods: number of further ones in the same second, which have no event of their own. */
  others: z.exactOptional(z.number()),
}

/** All events of a channel. Serialisable; redacted. */
export const ChannelEvent = z.discriminatedUnion('type', [
  kind(['channel_started'], {
    name: z.string(),
  }),
  kind(['channel_stopped'], {}),
  kind(['format_chosen'], {
    from: z.enum(['configuration', 'source', 'default', 'stored']),
    source: z.exactOptional(KnownSource),
    video: z.string(),
    audio: z.string(),
  }),
  kind(['take_requested'], {
    ticket: KnownTicket,
    bus: KnownBus,
    source: KnownSource,
    mode: TakeMode,
  }),
  kind(['take_done'], {
    answer: TakeDone,
  }),
  kind(['take_refused'], {
    answer: TakeRefused,
  }),
  /** A failover displaced it; the take waits until it is made or its deadline comes. */
  kind(['take_displaced'], {
    ticket: KnownTicket,
    bus: KnownBus,
    source: KnownSource,
    /** The source of the failover. */
    by: KnownSource,
  }),
  kind(['switched'], {
    bus: KnownBus,
    from: KnownSource,
    to: KnownSource,
    cause: SwitchCause,
    programTime: z.number(),
    /** Measurements behind the decision. */
    problems: z.exactOptional(z.array(HealthProblem).readonly()),
    reason: z.exactOptional(z.string()),
  }),
  kind(['failover_observed'], {
    from: KnownSource,
    to: KnownSource,
    problems: z.array(HealthProblem).readonly(),
  }),
  kind(['failover_held'], {
    source: KnownSource,
    reason: z.string(),
  }),
  kind(['source_state'], {
    source: KnownSource,
    state: SourceState,
    reason: z.exactOptional(z.string()),
    retryInMs: z.exactOptional(z.number()),
  }),
  kind(['source_health'], {
    source: KnownSource,
    healthy: z.boolean(),
    problems: z.array(HealthProblem).readonly(),
  }),
  kind(['source_format'], {
    source: KnownSource,
    video: z.string().nullable(),
    audio: z.string().nullable(),
    conform: z.string(),
  }),
  kind(['source_added', 'source_changed', 'source_removed'], {
    source: KnownSource,
  }),
  kind(['output_added', 'output_removed'], {
    output: KnownOutput,
  }),
  kind(['output_state'], {
    output: KnownOutput,
    state: z.string(),
    reason: z.exactOptional(z.string()),
  }),
  /** Needs an operator: a full disk, a destination that refuses the key. */
  kind(['alert'], {
    output: KnownOutput,
    what: OutputAlert,
    message: z.string(),
  }),
  kind(['viewer_joined'], viewerFields),
  kind(['viewer_left'], { ...viewerFields, reason: z.exactOptional(z.string()) }),
  kind(['settings_changed'], {
    change: z.record(z.string(), z.unknown()).readonly(),
  }),
  /** Events that were dropped before they were acknowledged: their first and last number. */
  kind(['gap'], {
    from: z.number(),
    to: z.number(),
    lost: z.number(),
  }),
  kind(['warning'], {
    message: z.string(),
  }),
])
export type ChannelEvent = z.infer<typeof ChannelEvent>

/** All event types. */
export const EVENT_TYPES = ChannelEvent.options.flatMap((option) => [
  ...option.unwrap().shape.type.values,
])

/** An event as it is stored and sent: numbered without gaps from 1. */
export const StampedEvent = z
  .object({
    id: z.number(),
    /** Milliseconds since 1970. */
    at: z.number(),
    /** Null: event of the whole media process. */
    channel: KnownChannel.nullable(),
    event: ChannelEvent,
  })
  .readonly()
export type StampedEvent = z.infer<typeof StampedEvent>
