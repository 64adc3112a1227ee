import type { ChannelEvent, StampedEvent } from '../../contract/events.ts'

/** Events kept for those who reconnect. */
const MAX_KEPT_EVENTS = 1_000

type Listener = (event: StampedEvent) => void

/** Numbers the channel's events, keeps the newest, and hands them to whoever listens. */
export class EventLog {
  readonly #events: StampedEvent[] = []
  readonly #listeners = new Set<Listener>()
  readonly #wallTime: () => number
  #count = 0

  constructor(wallTime: () => number) {
    this.#wallTime = wallTime
  }

  logEvent(event: ChannelEvent): void {
    const stamped = { id: ++this.#count, at: this.#wallTime(), event }
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
