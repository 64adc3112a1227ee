import type { MediaAccess } from './access.ts'
import type { BusTake, TakeAnswer, TakeRequest } from './commands.ts'
import type { StampedEvent } from './events.ts'
import type { ChannelId, OutputId } from './ids.ts'
import type { ChannelSpec } from './spec.ts'
import type { ChannelStatus, RecordingStatus, ViewerStatus } from './status.ts'

/** Version of the messages below. Both sides must have the same one. */
export const MEDIA_PROTOCOL = 1

/** Identity of one run of a media process: event numbers and tickets are of one epoch. */
export type Epoch = string

export interface Deadline {
  /** The request is answered with `deadline_exceeded` after this time; it may still be carried out. */
  readonly deadlineMs?: number
}

export interface Hello {
  readonly version: number
  /** The epoch that the caller talked to before. */
  readonly epoch?: Epoch
}

export interface HelloAnswer {
  readonly version: number
  /** When it differs from the previous one, all numbers, tickets and channels of that one are gone. */
  readonly epoch: Epoch
  readonly capabilities: readonly string[]
}

export interface ChannelGeneration {
  readonly channel: ChannelId
  readonly generation: number
}

/** Complete wanted state of a channel. */
export interface WantedChannel extends ChannelGeneration {
  readonly spec: ChannelSpec
}

export interface EventPosition {
  readonly epoch: Epoch
  /** Number of the last event that the caller received; 0 for none. */
  readonly seq: number
}

/**
 * Interface of a media process for the control plane. Every message can be cloned (`structuredClone`), so that the two can
 * be two processes. Faults are SluiceError; expected outcomes are values.
 */
export interface MediaPort {
  /** Throws `version_mismatch`. */
  hello(request: Hello, within?: Deadline): Promise<HelloAnswer>
  channels(within?: Deadline): Promise<readonly ChannelGeneration[]>
  /**
   * Starts or changes a channel. The same generation with the same spec has no effect; an older generation, or the same
   * one with another spec, is refused with `stale_generation`. A refusal changes nothing.
   */
  apply(wanted: WantedChannel, within?: Deadline): Promise<void>
  /** Resolves when all that the channel started has ended. Refused with `stale_generation` as `apply` is. */
  remove(channel: ChannelGeneration, within?: Deadline): Promise<void>
  /** The answer names the bus and the ticket. */
  take(
    request: { readonly channel: ChannelId; readonly take: TakeRequest | BusTake },
    within?: Deadline,
  ): Promise<TakeAnswer>
  status(channel: ChannelId, within?: Deadline): Promise<ChannelStatus>
  viewers(channel: ChannelId, within?: Deadline): Promise<readonly ViewerStatus[]>
  /** False: no such viewer. */
  disconnectViewer(
    viewer: { readonly channel: ChannelId; readonly path: string; readonly id: number },
    within?: Deadline,
  ): Promise<boolean>
  /** Of all recording outputs. */
  recordings(channel: ChannelId, within?: Deadline): Promise<readonly RecordingStatus[]>
  /** False: no such recording, or it is being written. */
  deleteRecording(
    recording: { readonly channel: ChannelId; readonly output: OutputId; readonly name: string },
    within?: Deadline,
  ): Promise<boolean>
  setAccess(access: MediaAccess, within?: Deadline): Promise<void>
  /**
   * Events of all channels after a position: the kept ones, then each new one, until the signal. Throws `unknown_epoch`.
   * Events that were dropped before they were acknowledged are replaced by one `gap`.
   */
  events(after: EventPosition, signal: AbortSignal): AsyncIterable<StampedEvent>
  /** Acknowledges the events up to this one, which are no longer kept. */
  ack(upTo: EventPosition, within?: Deadline): Promise<void>
}
