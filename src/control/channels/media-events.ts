import type { StampedEvent } from '../../contract/events.ts'
import type { Epoch, MediaPort } from '../../contract/media-port.ts'
import { NumberedLog } from '../../lib/numbered-log.ts'

/** Events kept for clients that reconnect. */
const REPLAY_LIMITS = { maxEntries: 1_000, maxBytes: 2 * 1024 * 1024 }

export type EventListener = (event: StampedEvent) => void

/** The events of a media process in the control plane: acknowledged on arrival, kept for reconnecting clients. */
export class MediaEvents {
  readonly #media: Pick<MediaPort, 'events' | 'ack'>
  readonly #replay = new NumberedLog<StampedEvent>(REPLAY_LIMITS)
  readonly #listeners = new Set<EventListener>()
  readonly #onFault: (error: unknown) => void

  /** `onFault`: a listener threw and was removed. */
  constructor(media: Pick<MediaPort, 'events' | 'ack'>, onFault: (error: unknown) => void) {
    this.#media = media
    this.#onFault = onFault
  }

  /** Resolves when media has ended or the signal is aborted. */
  async run(epoch: Epoch, signal: AbortSignal): Promise<void> {
    for await (const event of this.#media.events({ epoch, seq: 0 }, signal)) {
      this.#replay.appendAt(event.id, event, JSON.stringify(event).length)
      for (const listener of this.#listeners) this.#tell(listener, event)
      await this.#media.ack({ epoch, seq: event.id })
    }
  }

  /**
   * Calls back for each event after the number given, kept ones first, until the returned function is called. 0: all kept
   * events; for another number a `gap` stands for events that are no longer kept.
   */
  listen(after: number, listener: EventListener): () => void {
    const from = after === 0 ? this.#replay.oldest - 1 : after
    for (let next = this.#replay.after(from); next !== undefined;) {
      const event = 'gap' in next ? gapEvent(next.gap) : next.entry
      listener(event)
      next = this.#replay.after(event.id)
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(listener: EventListener, event: StampedEvent): void {
    try {
      listener(event)
    } catch (error) {
      this.#listeners.delete(listener)
      this.#onFault(error)
    }
  }
}

const gapEvent = ({ from, to }: { readonly from: number; readonly to: number }): StampedEvent => ({
  id: to,
  at: Date.now(),
  channel: null,
  event: { type: 'gap', from, to, lost: to - from + 1 },
})
