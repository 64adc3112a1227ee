import { totalDurationOf } from './rendition-window.ts'
import type { Rendition } from './rendition.ts'
import type { RenditionName, Segment } from './segment-model.ts'

export interface StoreQuotaOptions {
  readonly renditions: ReadonlyMap<RenditionName, Rendition>
  readonly quotaBytes: number
  /** Limit of bytes only in memory while the disk fails. */
  readonly unsavedBytes: number
  /** Ticks that stay listed, whatever their size. */
  readonly minTicks: (segments: readonly Segment[]) => number
  readonly onStorageFault: (what: 'storage', message: string) => void
}

/** Makes room: past files go first; then the lists become shorter with their next segments. */
export class StoreQuota {
  readonly #options: StoreQuotaOptions
  #floor = 0
  #isTooSmall = false

  constructor(options: StoreQuotaOptions) {
    this.#options = options
  }

  /** Number below which segments leave, the same in every rendition. */
  get floor(): number {
    return this.#floor
  }

  makeRoom(adding: number): void {
    while (this.#excessBytes(adding) > 0) {
      const oldest = [...this.#options.renditions.values()]
        .map(({ files }) => files)
        .reduce((best, files) => (files.oldestPast < best.oldestPast ? files : best))
      if (oldest.dropOldestPast()) continue
      this.#raiseFloor(adding)
      return
    }
    this.#isTooSmall = false
  }

  /** Bytes beyond the limits. */
  #excessBytes(adding: number): number {
    const { quotaBytes, unsavedBytes } = this.#options
    const unsaved = this.#sum(({ files }) => files.unsavedBytes)
    return Math.max(0, unsaved - unsavedBytes, this.#bytes + adding - quotaBytes)
  }

  #raiseFloor(adding: number): void {
    let missing = this.#excessBytes(adding)
    const lists = [...this.#options.renditions.values()].map(({ segments }) => segments)
    const longest = lists.reduce((best, each) => (each.length > best.length ? each : best), [])
    const minTicks = this.#options.minTicks(longest)
    let rest = totalDurationOf(longest)
    for (const { number, duration } of longest) {
      rest -= duration
      // A segment that is added may replace the last that can leave.
      if (missing <= 0 || rest + (adding > 0 ? duration : 0) < minTicks) break
      for (const list of lists) missing -= list[number - (list[0]?.number ?? 0)]?.bytes ?? 0
      this.#floor = Math.max(this.#floor, number + 1)
    }
    if (missing <= 0 || this.#isTooSmall) return
    this.#isTooSmall = true
    const { quotaBytes, onStorageFault } = this.#options
    onStorageFault(
      'storage',
      `HLS segments take ${megabytes(this.#bytes)} MB, more than the quota of ${megabytes(quotaBytes)} MB ` +
        '(hls.quotaMb): the playlist cannot be shorter than three target durations',
    )
  }

  get #bytes(): number {
    return this.#sum(({ files }) => files.bytes)
  }

  #sum(of: (rendition: Rendition) => number): number {
    let sum = 0
    for (const rendition of this.#options.renditions.values()) sum += of(rendition)
    return sum
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1_000_000)
