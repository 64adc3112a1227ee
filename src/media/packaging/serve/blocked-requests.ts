import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../../lib/clock.ts'
import type { Rendition } from '../store/rendition.ts'

export interface BlockedRequest {
  readonly rendition: Rendition
  readonly response: ServerResponse
  /** True when it can be answered. */
  readonly ready: () => boolean
  readonly answer: () => void
  readonly refuse: () => void
}

interface TimedRequest extends BlockedRequest {
  readonly until: number
}

export interface BlockedRequestsOptions {
  readonly clock: Clock
  readonly maxRequests: number
  readonly maxWaitMs: number
}

const CHECK_INTERVAL_MS = 250
/** Answers per turn at least: all of these clients ask again at once. */
const MIN_ANSWERS_PER_TURN = 32
const PAUSE_MS = 2
/** Number of turns in which all are answered. */
const MAX_TURNS = 50

/** Requests for media that is not published yet, bounded in number and time, answered in turns of the event loop. */
export class BlockedRequests {
  readonly #options: BlockedRequestsOptions
  readonly #held = new Map<Rendition, Set<TimedRequest>>()
  readonly #unsubscribers = new Map<Rendition, () => void>()
  #ready: TimedRequest[] = []
  #answersPerTurn = 0
  #answerTimer: Timer | undefined
  #expiryTimer: Timer | undefined
  #count = 0

  constructor(options: BlockedRequestsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  /** Returns false when there are too many. */
  hold(held: BlockedRequest): boolean {
    if (this.#count >= this.#options.maxRequests) return false
    const { rendition, response } = held
    const waiting = { ...held, until: this.#options.clock.now() + this.#options.maxWaitMs }
    const others = this.#held.get(rendition) ?? new Set()
    this.#held.set(rendition, others.add(waiting))
    this.#count++
    if (!this.#unsubscribers.has(rendition)) {
      this.#unsubscribers.set(
        rendition,
        rendition.subscribe(() => this.#onChange(rendition)),
      )
    }
    response.once('close', () => this.#drop(waiting))
    this.#expiryTimer ??= this.#options.clock.every(CHECK_INTERVAL_MS, () => this.#expire())
    return true
  }

  close(): void {
    for (const off of this.#unsubscribers.values()) off()
    this.#unsubscribers.clear()
    for (const waiting of this.#all()) if (this.#drop(waiting)) waiting.refuse()
    this.#answerTimer?.cancel()
    for (const waiting of this.#ready.splice(0)) waiting.refuse()
    this.#stopExpiry()
  }

  #onChange(rendition: Rendition): void {
    for (const waiting of this.#held.get(rendition) ?? []) {
      if (waiting.ready() && this.#drop(waiting)) this.#ready.push(waiting)
    }
    this.#answersPerTurn = Math.max(MIN_ANSWERS_PER_TURN, Math.ceil(this.#ready.length / MAX_TURNS))
    // Not now: the publisher continues first.
    if (this.#ready.length > 0)
      this.#answerTimer ??= this.#options.clock.after(0, () => this.#answerReady())
  }

  #answerReady(): void {
    for (const waiting of this.#ready.splice(0, this.#answersPerTurn)) {
      if (!waiting.response.destroyed) waiting.answer()
    }
    this.#answerTimer =
      this.#ready.length === 0
        ? undefined
        : this.#options.clock.after(PAUSE_MS, () => this.#answerReady())
  }

  #expire(): void {
    const now = this.#options.clock.now()
    for (const waiting of this.#all()) {
      if (waiting.until <= now && this.#drop(waiting)) waiting.refuse()
    }
    if (this.#count === 0) this.#stopExpiry()
  }

  #all(): TimedRequest[] {
    return [...this.#held.values()].flatMap((held) => [...held])
  }

  #drop(waiting: TimedRequest): boolean {
    const gone = this.#held.get(waiting.rendition)?.delete(waiting) === true
    if (gone) this.#count--
    return gone
  }

  #stopExpiry(): void {
    this.#expiryTimer?.cancel()
    this.#expiryTimer = undefined
  }
}
