import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../../lib/clock.ts'
import type { Rendition } from '../store/rendition.ts'

export interface Held {
  readonly rendition: Rendition
  readonly response: ServerResponse
  /** Whether it can be answered now. */
  readonly ready: () => boolean
  readonly answer: () => void
  readonly refuse: () => void
}

interface Waiting extends Held {
  readonly until: number
}

export interface BlockedRequestsOptions {
  readonly clock: Clock
  readonly limit: number
  readonly patienceMs: number
}

const CHECK_MS = 250
/** Answered before others get their turn: all of these clients ask again at once. */
const ANSWERS_AT_ONCE = 32
const PAUSE_MS = 2
/** However many there are, they are answered in this many turns. */
const MOST_TURNS = 50

/** Requests for what is not there yet, bounded in number and time. Many are answered in turns, so that nothing waits for them. */
export class BlockedRequests {
  readonly #options: BlockedRequestsOptions
  readonly #held = new Map<Rendition, Set<Waiting>>()
  readonly #watched = new Map<Rendition, () => void>()
  #ready: Waiting[] = []
  #atOnce = 0
  #answering: Timer | undefined
  #check: Timer | undefined
  #count = 0

  constructor(options: BlockedRequestsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  /** False when there are too many already. */
  hold(held: Held): boolean {
    if (this.#count >= this.#options.limit) return false
    const { rendition, response } = held
    const waiting = { ...held, until: this.#options.clock.now() + this.#options.patienceMs }
    const others = this.#held.get(rendition) ?? new Set()
    this.#held.set(rendition, others.add(waiting))
    this.#count++
    if (!this.#watched.has(rendition)) {
      this.#watched.set(
        rendition,
        rendition.subscribe(() => this.#changed(rendition)),
      )
    }
    response.once('close', () => this.#drop(waiting))
    this.#check ??= this.#options.clock.every(CHECK_MS, () => this.#expire())
    return true
  }

  close(): void {
    for (const off of this.#watched.values()) off()
    this.#watched.clear()
    for (const waiting of this.#all()) if (this.#drop(waiting)) waiting.refuse()
    this.#answering?.cancel()
    for (const waiting of this.#ready.splice(0)) waiting.refuse()
    this.#stopCheck()
  }

  #changed(rendition: Rendition): void {
    for (const waiting of this.#held.get(rendition) ?? []) {
      if (waiting.ready() && this.#drop(waiting)) this.#ready.push(waiting)
    }
    this.#atOnce = Math.max(ANSWERS_AT_ONCE, Math.ceil(this.#ready.length / MOST_TURNS))
    // Not now: whoever publishes goes on first.
    if (this.#ready.length > 0)
      this.#answering ??= this.#options.clock.after(0, () => this.#answer())
  }

  #answer(): void {
    for (const waiting of this.#ready.splice(0, this.#atOnce)) {
      if (!waiting.response.destroyed) waiting.answer()
    }
    this.#answering =
      this.#ready.length === 0
        ? undefined
        : this.#options.clock.after(PAUSE_MS, () => this.#answer())
  }

  #expire(): void {
    const now = this.#options.clock.now()
    for (const waiting of this.#all()) {
      if (waiting.until <= now && this.#drop(waiting)) waiting.refuse()
    }
    if (this.#count === 0) this.#stopCheck()
  }

  #all(): Waiting[] {
    return [...this.#held.values()].flatMap((held) => [...held])
  }

  #drop(waiting: Waiting): boolean {
    const gone = this.#held.get(waiting.rendition)?.delete(waiting) === true
    if (gone) this.#count--
    return gone
  }

  #stopCheck(): void {
    this.#check?.cancel()
    this.#check = undefined
  }
}
