type Listener<Payload> = (payload: Payload) => void

export interface EmitterLimits {
  /** Listeners per event name; one more is a leak in the caller and throws. */
  readonly maxListeners: number
  /** Told of what a listener threw; the other listeners are served all the same. */
  readonly onListenerError: (error: unknown, event: string) => void
}

/** Events by name, each with one payload type: `new Emitter<{ taken: Take; lost: SourceId }>(limits)`. */
export class Emitter<Events extends object> {
  readonly #limits: EmitterLimits
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  constructor(limits: EmitterLimits) {
    this.#limits = limits
  }

  /** Returns the function that ends the subscription (idempotent). */
  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): () => void {
    const set = this.#listeners.get(name) ?? new Set<Listener<never>>()
    this.#listeners.set(name, set)
    if (set.size >= this.#limits.maxListeners) {
      throw new RangeError(`event "${name}" has ${set.size} listeners already, the limit`)
    }
    // A wrapper per subscription: the same function subscribed twice is served twice and ended separately.
    const own: Listener<Events[Name]> = (payload) => listener(payload)
    set.add(own)
    return () => {
      set.delete(own)
    }
  }

  emit<Name extends keyof Events & string>(name: Name, payload: Events[Name]): void {
    const set = this.#listeners.get(name)
    if (set === undefined) return
    for (const listener of [...set] as Listener<Events[Name]>[]) {
      try {
        listener(payload)
      } catch (error) {
        this.#limits.onListenerError(error, name)
      }
    }
  }

  listenerCount(name: keyof Events & string): number {
    return this.#listeners.get(name)?.size ?? 0
  }
}
