import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import type { SourceFeed } from './source-reader.ts'

export interface WatchedFeedOptions {
  /** Units of an earlier attempt went the same way: the first of this one is announced as a restart. */
  readonly continues: boolean
  readonly onFirstUnit: () => void
}

/** Passes everything on and notes when media began, when it last came, and whether the feed is full. */
export class WatchedFeed implements SourceFeed {
  readonly #feed: SourceFeed
  readonly #clock: Clock
  readonly #options: WatchedFeedOptions
  #first: number | undefined
  #last = 0
  #full = false
  readonly pcr?: (pcr27: number, pid: Pid) => void

  constructor(feed: SourceFeed, clock: Clock, options: WatchedFeedOptions) {
    this.#feed = feed
    this.#clock = clock
    this.#options = options
    if (feed.pcr !== undefined) this.pcr = (pcr27, pid) => feed.pcr?.(pcr27, pid)
  }

  get started(): boolean {
    return this.#first !== undefined
  }

  get full(): boolean {
    return this.#full
  }

  /** From the first to the last unit, milliseconds of wall time. */
  get mediaMs(): number {
    return this.#first === undefined ? 0 : this.#last - this.#first
  }

  program(program: ElementaryProgram): void {
    this.#feed.program(program)
  }

  unit(unit: AccessUnit): void {
    this.#last = this.#clock.now()
    if (this.#first === undefined) {
      this.#first = this.#last
      if (this.#options.continues) this.#feed.restarted?.()
      this.#options.onFirstUnit()
    }
    this.#feed.unit(unit)
  }

  format(pid: Pid, format: VideoFormat | AudioFormat): void {
    this.#feed.format(pid, format)
  }

  restarted(): void {
    this.#feed.restarted?.()
  }

  room(): Promise<void> | undefined {
    const room = this.#feed.room()
    if (room === undefined) return undefined
    this.#full = true
    return room.finally(() => {
      this.#full = false
    })
  }
}
