import type { ChannelParts } from './channel-parts.ts'
import type { ChannelEvent, StampedEvent } from '../../contract/events.ts'

/** Events kept for those who reconnect. */
const MAX_KEPT_EVENTS = 1_000

type Listener = (event: StampedEvent) => void

/** Numbers the channel's events, keeps the newest, and hands them to whoever listens. */
export class EventLog {
  readonly #events: StampedEvent[] = []
  readonly #listeners = new Set<Listener>()
  readonly #parts: Pick<ChannelParts, 'id' | 'wallTime'>
  #count = 0

  constructor(parts: Pick<ChannelParts, 'id' | 'wallTime'>) {
    this.#parts = parts
  }

  logEvent(event: ChannelEvent): void {
    const { id: channel, wallTime } = this.#parts
    const stamped = { id: ++this.#count, at: wallTime(), channel, event }
    this.#events.push(stamped)
    if (this.#events.length > MAX_KEPT_EVENTS) this.#events.shift()
    for (const listener of this.#listeners) listener(stamped)
  }

  /** Kept events after the id first, then each new one. */
  listen(after: number, listener: Listener): () => void {
    for (const event of this.#events) if (event.id > after) listener(event)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
