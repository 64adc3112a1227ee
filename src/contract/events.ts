import type { TakeDone, TakeRefused } from './commands.ts'
import type { BusId, ChannelId, OutputId, SourceId, Ticket } from './ids.ts'
import type { TakeMode } from './spec.ts'
import type { HealthProblem, SourceState } from './status.ts'

/** Why the program changed its source. */
export type SwitchCause = 'take' | 'failover' | 'revert' | 'start' | 'source_jump' | 'removed'

export type OutputAlert = 'disk_full' | 'refused' | 'storage'

/** Everything that happens to a channel and that somebody may want to know. Serialisable; redacted. */
export type ChannelEvent =
  | { readonly type: 'channel_started'; readonly name: string }
  | { readonly type: 'channel_stopped' }
  | {
      readonly type: 'format_chosen'
      readonly from: 'configuration' | 'source' | 'default' | 'stored'
      readonly source?: SourceId
      readonly video: string
      readonly audio: string
    }
  | {
      readonly type: 'take_requested'
      readonly ticket: Ticket
      readonly bus: BusId
      readonly source: SourceId
      readonly mode: TakeMode
    }
  | { readonly type: 'take_done'; readonly answer: TakeDone }
  | { readonly type: 'take_refused'; readonly answer: TakeRefused }
  | {
      /** A failover went first; the take waits on, until it is made or its deadline comes. */
      readonly type: 'take_displaced'
      readonly ticket: Ticket
      readonly bus: BusId
      readonly source: SourceId
      /** Whom the failover takes. */
      readonly by: SourceId
    }
  | {
      readonly type: 'switched'
      readonly bus: BusId
      readonly from: SourceId
      readonly to: SourceId
      readonly cause: SwitchCause
      readonly programTime: number
      /** Measurements behind the decision. */
      readonly problems?: readonly HealthProblem[]
      readonly reason?: string
    }
  | {
      readonly type: 'failover_observed'
      readonly from: SourceId
      readonly to: SourceId
      readonly problems: readonly HealthProblem[]
    }
  | { readonly type: 'failover_held'; readonly source: SourceId; readonly reason: string }
  | {
      readonly type: 'source_state'
      readonly source: SourceId
      readonly state: SourceState
      readonly reason?: string
      readonly retryInMs?: number
    }
  | {
      readonly type: 'source_health'
      readonly source: SourceId
      readonly healthy: boolean
      readonly problems: readonly HealthProblem[]
    }
  | {
      readonly type: 'source_format'
      readonly source: SourceId
      readonly video: string | null
      readonly audio: string | null
      readonly conform: string
    }
  | {
      readonly type: 'source_added' | 'source_changed' | 'source_removed'
      readonly source: SourceId
    }
  | { readonly type: 'output_added' | 'output_removed'; readonly output: OutputId }
  | {
      readonly type: 'output_state'
      readonly output: OutputId
      readonly state: string
      readonly reason?: string
    }
  | {
      /** Somebody should look: a full disk, a destination that refuses the key. */
      readonly type: 'alert'
      readonly output: OutputId
      readonly what: OutputAlert
      readonly message: string
    }
  | {
      readonly type: 'viewer_joined' | 'viewer_left'
      readonly viewer: number
      readonly path: string
      readonly address: string
      readonly agent: string
      readonly reason?: string
    }
  | { readonly type: 'settings_changed'; readonly change: Readonly<Record<string, unknown>> }
  | {
      /** Events that were dropped before anybody had them: their numbers, the first and the last. */
      readonly type: 'gap'
      readonly from: number
      readonly to: number
      readonly lost: number
    }
  | { readonly type: 'warning'; readonly message: string }

/** An event as it is stored and sent: numbered without gaps from 1. */
export interface StampedEvent {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Null: of the whole media process. */
  readonly channel: ChannelId | null
  readonly event: ChannelEvent
}
