import type { Clock, Timer } from '../lib/clock.ts'

export interface HostLimits {
  /** Simultaneous attempts to connect to one host; an attempt lasts until media arrives or it ends. */
  readonly maxSimultaneous: number
  /** Attempts started within any minute. */
  readonly maxPerMinute: number
}

export const DEFAULT_HOST_LIMITS: HostLimits = { maxSimultaneous: 8, maxPerMinute: 120 }

const MINUTE_MS = 60_000

interface Waiter {
  readonly admit: () => void
}

interface Host {
  connecting: number
  /** Start times of the attempts of the last minute. */
  readonly attemptsAt: number[]
  readonly waiters: Set<Waiter>
  timer: Timer | undefined
}

/** Shared by all sources, so that not all of them reconnect to a failed host at once. */
export class HostBudget {
  readonly #limits: HostLimits
  readonly #clock: Clock
  readonly #hosts = new Map<string, Host>()
  #delayed = 0

  constructor(limits: HostLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * Waits for this host's turn, first come first served. Resolves with the function that releases the place (idempotent),
   * or undefined after an abort. Without a host (files, generated video) there is no limit.
   */
  admit(name: string | undefined, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    if (name === undefined) return Promise.resolve(() => {})
    const host = this.#hostOf(name)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', aborted)
          resolve(this.#takeSlot(name, host))
        },
      }
      const aborted = (): void => {
        host.waiters.delete(waiter)
        this.#removeIfIdle(name, host)
        resolve(undefined)
      }
      signal.addEventListener('abort', aborted, { once: true })
      host.waiters.add(waiter)
      this.#admitWaiting(name, host)
      if (host.waiters.has(waiter)) this.#delayed++
    })
  }

  /** Attempts that run, that wait, and that ever had to wait. */
  figures(): { readonly connecting: number; readonly waiting: number; readonly delayed: number } {
    const hosts = [...this.#hosts.values()]
    return {
      connecting: hosts.reduce((sum, { connecting }) => sum + connecting, 0),
      waiting: hosts.reduce((sum, { waiters }) => sum + waiters.size, 0),
      delayed: this.#delayed,
    }
  }

  #hostOf(name: string): Host {
    const existing = this.#hosts.get(name)
    if (existing !== undefined) return existing
    const host: Host = { connecting: 0, attemptsAt: [], waiters: new Set(), timer: undefined }
    this.#hosts.set(name, host)
    return host
  }

  #takeSlot(name: string, host: Host): () => void {
    host.connecting++
    host.attemptsAt.push(this.#clock.now())
    let released = false
    return () => {
      if (released) return
      released = true
      host.connecting--
      this.#admitWaiting(name, host)
    }
  }

  #admitWaiting(name: string, host: Host): void {
    const now = this.#clock.now()
    while (host.attemptsAt.length > 0 && now - host.attemptsAt[0]! >= MINUTE_MS)
      host.attemptsAt.shift()
    for (const waiter of host.waiters) {
      if (host.connecting >= this.#limits.maxSimultaneous) break
      if (host.attemptsAt.length >= this.#limits.maxPerMinute) {
        this.#admitLater(name, host, host.attemptsAt[0]! + MINUTE_MS - now)
        break
      }
      host.waiters.delete(waiter)
      waiter.admit()
    }
    this.#removeIfIdle(name, host)
  }

  #admitLater(name: string, host: Host, ms: number): void {
    host.timer ??= this.#clock.after(ms, () => {
      host.timer = undefined
      this.#admitWaiting(name, host)
    })
  }

  /** Hosts come from user-given URLs: the map must not grow. Attempts of the last minute are kept until the next check. */
  #removeIfIdle(name: string, host: Host): void {
    if (host.waiters.size > 0) return
    host.timer?.cancel()
    host.timer = undefined
    if (host.connecting === 0 && host.attemptsAt.length === 0) this.#hosts.delete(name)
  }
}
