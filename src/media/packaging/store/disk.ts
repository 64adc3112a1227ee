import type { Clock, Timer } from '../../../lib/clock.ts'
import type { Journal } from './journal.ts'
import type { JournalEntry } from './journal-entries.ts'
import { errorCode } from '../../../lib/error-code.ts'

/** A change of the list: files first, then the journal, then the publication. */
export interface Change {
  readonly files?: (() => Promise<void>) | undefined
  readonly entries: () => readonly JournalEntry[]
  /** Called once. `stored`: it survives a restart. */
  readonly publish: (stored: boolean) => void
  /** True if it concerns a file that is not on disk: published without a journal entry. */
  readonly isMemoryOnly?: () => boolean
}

export interface DiskOptions {
  readonly journal: Journal
  readonly clock: Clock
  readonly onStorageFault: (what: 'disk_full' | 'storage', message: string) => void
  /** Writes what is only in memory. Resolves when the journal matches the list again; `ready` is called just before. */
  readonly recover: (ready: () => void) => Promise<void>
}

/** A slower disk counts as failed: players wait for the publication. */
const WRITE_TIMEOUT_MS = 3_000
/** The timeout runs in steps, so that a pause of the process is not counted as one of the disk. */
const WRITE_TIMEOUT_STEPS = 6
const RETRY_MS = 2_000
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/**
 * A disk that may be full, slow or gone for a while. Then changes are published from memory, the fault is reported once,
 * and writing is retried until everything listed is on disk.
 */
export class Disk {
  readonly #options: DiskOptions
  #state: 'fine' | 'trouble' | 'recovering' = 'fine'
  #retry: Timer | undefined
  #recovery: Promise<void> | undefined
  #isClosed = false

  constructor(options: DiskOptions) {
    this.#options = options
  }

  /** True if changes are written to it; otherwise they are published from memory. */
  get isUsable(): boolean {
    return this.#state !== 'trouble'
  }

  /** Resolves when the change is published, stored or not. */
  apply(change: Change): Promise<void> {
    if (!this.isUsable || change.isMemoryOnly?.() === true) {
      change.publish(false)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const settle = (stored: boolean): void => {
        if (timeout === undefined) return
        timeout.cancel()
        timeout = undefined
        change.publish(stored)
        resolve()
      }
      const fail = (error: unknown): void => {
        if (timeout === undefined) return
        this.fail(error)
        settle(false)
      }
      let timeout: Timer | undefined
      const wait = (steps: number): void => {
        timeout = this.#options.clock.after(WRITE_TIMEOUT_MS / WRITE_TIMEOUT_STEPS, () => {
          if (steps > 1) wait(steps - 1)
          else fail(new Error(`the disk did not answer within ${WRITE_TIMEOUT_MS} ms`))
        })
      }
      wait(WRITE_TIMEOUT_STEPS)
      const write = async (): Promise<void> => {
        try {
          await change.files?.()
        } catch (error) {
          fail(error)
          return
        }
        // Timed out meanwhile: the journal must not get it behind a later snapshot.
        if (timeout === undefined) return
        this.#options.journal.append(change.entries(), () => settle(true), fail)
      }
      void write()
    })
  }

  fail(error: unknown): void {
    const before = this.#state
    this.#state = 'trouble'
    if (before === 'fine') this.#options.onStorageFault(...faultOf(error))
    this.#retryLater()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#retry?.cancel()
    await this.#recovery
  }

  #retryLater(): void {
    if (this.#retry !== undefined || this.#recovery !== undefined || this.#isClosed) return
    this.#retry = this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined
      this.#recovery = this.#recover().finally(() => {
        this.#recovery = undefined
        if (this.#state === 'trouble') this.#retryLater()
      })
    })
  }

  async #recover(): Promise<void> {
    try {
      await this.#options.recover(() => {
        this.#state = 'recovering'
      })
      // Another write may have failed since.
      if (this.#state === 'recovering') this.#state = 'fine'
    } catch {
      this.#state = 'trouble'
    }
  }
}

const faultOf = (error: unknown): ['disk_full' | 'storage', string] => {
  const message = error instanceof Error ? error.message : String(error)
  const full = FULL.has(String(errorCode(error)))
  return full
    ? [
        'disk_full',
        `HLS segments cannot be kept, the disk is full (${message}): they are served from memory`,
      ]
    : ['storage', `HLS segments cannot be kept (${message}): they are served from memory`]
}

/** Applies the changes of one rendition in order. */
export class ChangeQueue {
  readonly #disk: Disk | undefined
  readonly #queue: Change[] = []
  #running: Promise<void> | undefined

  /** Without a disk every change is published at once. */
  constructor(disk: Disk | undefined) {
    this.#disk = disk
  }

  push(change: Change): void {
    if (this.#disk === undefined) {
      change.publish(false)
      return
    }
    this.#queue.push(change)
    this.#running ??= this.#run(this.#disk).finally(() => {
      this.#running = undefined
    })
  }

  /** Resolves when the queue is empty. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(disk: Disk): Promise<void> {
    // Waits for the changes of the same turn, so that a throw cannot reach the caller.
    await Promise.resolve()
    for (;;) {
      const change = this.#queue.shift()
      if (change === undefined) return
      await disk.apply(change)
    }
  }
}
