/** A part that runs until its abort. */
export interface Runnable {
  run(signal: AbortSignal): Promise<void>
}

export interface Lease<Part> {
  readonly part: Part
  /** Resolves, for the last user, when the part has ended. */
  release(): Promise<void>
}

interface Entry<Part> {
  readonly part: Part
  readonly stop: AbortController
  readonly ended: Promise<void>
  users: number
}

/** Parts shared by several outputs of one channel: each runs as long as it has users. */
export class SharedParts<Part extends Runnable> {
  readonly #entries = new Map<string, Entry<Part>>()
  /** Parts that are ending: the next of the same name starts when they have ended. */
  readonly #ending = new Map<string, Promise<void>>()

  lease(name: string, make: () => Part): Lease<Part> {
    const entry = this.#entries.get(name) ?? this.#start(name, make())
    entry.users++
    let released: Promise<void> | undefined
    return { part: entry.part, release: () => (released ??= this.#release(name, entry)) }
  }

  #start(name: string, part: Part): Entry<Part> {
    const stop = new AbortController()
    const before = this.#ending.get(name) ?? Promise.resolve()
    const ended = before.then(() => part.run(stop.signal))
    const entry = { part, stop, ended, users: 0 }
    this.#entries.set(name, entry)
    return entry
  }

  async #release(name: string, entry: Entry<Part>): Promise<void> {
    entry.users--
    if (entry.users > 0) return
    this.#entries.delete(name)
    this.#ending.set(name, entry.ended)
    entry.stop.abort()
    await entry.ended
    if (this.#ending.get(name) === entry.ended) this.#ending.delete(name)
  }
}
