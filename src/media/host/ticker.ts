import type { ChannelTiming } from '../../contract/host-status.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import type { ChannelTicker, ChannelWork } from '../channel/channel-parts.ts'
import { Timing } from './timing.ts'

/** Period of play-out; a frame is at most this late. */
const TICK_INTERVAL_MS = 5
/** Period of the checks of health, buffers, outputs and standby sources. */
const CHECK_INTERVAL_MS = 100

interface Entry {
  readonly work: ChannelWork
  readonly lateness: Timing
  readonly tick: Timing
  readonly check: Timing
  checkAt: number
  faults: number
}

/**
 * The only timer of all channels in a process. Each channel is timed; one that throws does not stop the others. Play-out
 * of all channels precedes any check.
 */
export class Ticker implements ChannelTicker {
  readonly #clock: Clock
  readonly #entries = new Set<Entry>()
  #timer: Timer | undefined
  #dueAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  register(work: ChannelWork): () => void {
    const now = this.#clock.now()
    const entry: Entry = {
      work,
      lateness: new Timing(now),
      tick: new Timing(now),
      check: new Timing(now),
      checkAt: now + CHECK_INTERVAL_MS,
      faults: 0,
    }
    this.#entries.add(entry)
    if (this.#timer === undefined) {
      this.#dueAt = now + TICK_INTERVAL_MS
      this.#timer = this.#clock.every(TICK_INTERVAL_MS, () => this.#run())
    }
    return () => this.#remove(entry)
  }

  timings(): ChannelTiming[] {
    const now = this.#clock.now()
    return [...this.#entries].map(({ work, lateness, tick, check, faults }) => ({
      channel: work.channel,
      lateness: lateness.status(now),
      tick: tick.status(now),
      check: check.status(now),
      faults,
    }))
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry)
    if (this.#entries.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #run(): void {
    const dueAt = this.#dueAt
    // One that is removed by another's tick is skipped; one that is added starts with the next round.
    const entries = [...this.#entries]
    for (const entry of entries) {
      if (!this.#entries.has(entry)) continue
      const now = this.#clock.now()
      entry.lateness.add(Math.max(0, now - dueAt), now)
      this.#measure(entry, 'tick', now)
    }
    for (const entry of entries) {
      const now = this.#clock.now()
      if (!this.#entries.has(entry) || now < entry.checkAt) continue
      entry.checkAt = nextMultiple(entry.checkAt, CHECK_INTERVAL_MS, now)
      this.#measure(entry, 'check', now)
    }
    this.#dueAt = nextMultiple(dueAt, TICK_INTERVAL_MS, this.#clock.now())
  }

  #measure(entry: Entry, what: 'tick' | 'check', startedAt: number): void {
    try {
      entry.work[what](startedAt)
    } catch (error) {
      entry.faults++
      reportFault(entry.work, error, startedAt)
    }
    const now = this.#clock.now()
    entry[what].add(now - startedAt, now)
  }
}

const reportFault = (work: ChannelWork, error: unknown, now: number): void => {
  try {
    work.onFault(error, now)
  } catch {
    // Already counted; the other channels continue.
  }
}

/** The first of `from`, `from + step` … that is later than `now`, and than `from`. */
const nextMultiple = (from: number, step: number, now: number): number =>
  from + step * Math.max(1, Math.floor((now - from) / step) + 1)
