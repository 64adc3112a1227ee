import type { MediaAccess } from './access.ts'
import type { BusTake, TakeAnswer, TakeRequest } from './commands.ts'
import type { StampedEvent } from './events.ts'
import type { ChannelId, OutputId } from './ids.ts'
import type { ChannelSpec } from './spec.ts'
import type { ChannelStatus, RecordingStatus, ViewerStatus } from './status.ts'

/** Of the messages below. Both sides must speak the same one. */
export const MEDIA_PROTOCOL = 1

/** Identity of one run of a media process: event numbers and tickets are of one epoch. */
export type Epoch = string

export interface Deadline {
  /** The request is answered with `deadline_exceeded` after this long. Whether it was carried out is not known then. */
  readonly deadlineMs?: number
}

export interface Hello {
  readonly version: number
  /** The one that the caller spoke to before. */
  readonly epoch?: Epoch
}

export interface HelloAnswer {
  readonly version: number
  /** Another one than before: all that was of the old one (numbers, tickets, channels) is gone. */
  readonly epoch: Epoch
  readonly capabilities: readonly string[]
}

export interface ChannelGeneration {
  readonly channel: ChannelId
  readonly generation: number
}

/** What is wanted of a channel, as a whole. */
export interface WantedChannel extends ChannelGeneration {
  readonly spec: ChannelSpec
}

export interface EventPosition {
  readonly epoch: Epoch
  /** Number of the last event that the caller has; 0 for none. */
  readonly seq: number
}

/**
 * What the control plane may ask of a media process. Every message can be cloned (`structuredClone`), so that the two can be
 * two processes. Faults are SluiceError; expected outcomes are values.
 */
export interface MediaPort {
  /** Refused with `version_mismatch`. */
  hello(request: Hello, within?: Deadline): Promise<HelloAnswer>
  channels(within?: Deadline): Promise<readonly ChannelGeneration[]>
  /**
   * Starts, changes or leaves alone. The same generation with the same spec has no effect; an older generation, or the
   * same one with another spec, is refused with `stale_generation`. One that is refused changes nothing.
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
  /** False: there is no such viewer. */
  disconnectViewer(
    viewer: { readonly channel: ChannelId; readonly path: string; readonly id: number },
    within?: Deadline,
  ): Promise<boolean>
  /** Of all outputs that record. */
  recordings(channel: ChannelId, within?: Deadline): Promise<readonly RecordingStatus[]>
  /** False: there is no such recording, or it is being written. */
  deleteRecording(
    recording: { readonly channel: ChannelId; readonly output: OutputId; readonly name: string },
    within?: Deadline,
  ): Promise<boolean>
  setAccess(access: MediaAccess, within?: Deadline): Promise<void>
  /**
   * Events of all channels behind a position: those that are kept, then each new one, until the signal. Throws
   * `unknown_epoch`. Where events were dropped before anybody acknowledged them, one `gap` stands for them.
   */
  events(after: EventPosition, signal: AbortSignal): AsyncIterable<StampedEvent>
  /** Events up to this one need not be kept any longer. */
  ack(upTo: EventPosition, within?: Deadline): Promise<void>
}
