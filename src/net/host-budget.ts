import type { Clock, Timer } from '../lib/clock.ts'

export interface HostLimits {
  /** Attempts to connect to one host at the same time; an attempt lasts until media comes or it ends. */
  readonly simultaneous: number
  /** Attempts begun within any minute. */
  readonly perMinute: number
}

export const DEFAULT_HOST_LIMITS: HostLimits = { simultaneous: 8, perMinute: 120 }

const MINUTE = 60_000

interface Waiter {
  readonly admit: () => void
}

interface Host {
  connecting: number
  /** When the attempts of the last minute began. */
  readonly begun: number[]
  readonly waiters: Set<Waiter>
  timer: Timer | undefined
}

/** Shared by all sources: a host that is down is not stormed by everybody who lost it at the same moment. */
export class HostBudget {
  readonly #limits: HostLimits
  readonly #clock: Clock
  readonly #hosts = new Map<string, Host>()

  constructor(limits: HostLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * Waits for this host's turn, first come first served. Resolves with the function that gives the place back
   * (idempotent), or undefined after an abort. Without a host (files, generated pictures) there is no limit.
   */
  admit(name: string | undefined, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    if (name === undefined) return Promise.resolve(() => {})
    const host = this.#hostOf(name)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', aborted)
          resolve(this.#placeOf(name, host))
        },
      }
      const aborted = (): void => {
        host.waiters.delete(waiter)
        this.#forget(name, host)
        resolve(undefined)
      }
      signal.addEventListener('abort', aborted, { once: true })
      host.waiters.add(waiter)
      this.#serve(name, host)
    })
  }

  #hostOf(name: string): Host {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const host: Host = { connecting: 0, begun: [], waiters: new Set(), timer: undefined }
    this.#hosts.set(name, host)
    return host
  }

  #placeOf(name: string, host: Host): () => void {
    host.connecting++
    host.begun.push(this.#clock.now())
    let given = false
    return () => {
      if (given) return
      given = true
      host.connecting--
      this.#serve(name, host)
    }
  }

  #serve(name: string, host: Host): void {
    const now = this.#clock.now()
    while (host.begun.length > 0 && now - host.begun[0]! >= MINUTE) host.begun.shift()
    for (const waiter of host.waiters) {
      if (host.connecting >= this.#limits.simultaneous) break
      if (host.begun.length >= this.#limits.perMinute) {
        this.#serveLater(name, host, host.begun[0]! + MINUTE - now)
        break
      }
      host.waiters.delete(waiter)
      waiter.admit()
    }
    this.#forget(name, host)
  }

  #serveLater(name: string, host: Host, ms: number): void {
    host.timer ??= this.#clock.after(ms, () => {
      host.timer = undefined
      this.#serve(name, host)
    })
  }

  /** Hosts come and go with user-given URLs: the map must not grow. What began within the minute is remembered until it is looked at again. */
  #forget(name: string, host: Host): void {
    if (host.waiters.size > 0) return
    host.timer?.cancel()
    host.timer = undefined
    if (host.connecting === 0 && host.begun.length === 0) this.#hosts.delete(name)
  }
}
