import { SluiceError } from '../../../contract/errors.ts'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '../../../contract/time.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { FolderLock } from '../../../process/folder-lock.ts'
import { ByteCache } from './byte-cache.ts'
import type { Counter, openCounter } from './counter.ts'
import { ChangeQueue, Disk } from './disk.ts'
import { isRenditionName, type SegmentExtension } from './file-names.ts'
import { entriesOf, storeEntry, type JournalEntry } from './journal-entries.ts'
import type { Journal } from './journal.ts'
import { RenditionFiles } from './rendition-files.ts'
import {
  totalDurationOf,
  maxDurationOf,
  type ListedSegments,
  type WindowLimits,
} from './rendition-window.ts'
import { Rendition, type RenditionStore } from './rendition.ts'
import type { RestoredRendition } from './restore.ts'
import { StoreQuota } from './store-quota.ts'
import type { RenditionName, Segment, SegmentBegin } from './segment-model.ts'

export interface StoreOptions {
  /** Undefined: memory only. */
  readonly folder: string | undefined
  /** When it differs from that of the folder (segment time, container, ladder …), the old window is not listed, but numbers go on. */
  readonly layout: string
  readonly quotaBytes: number
  /** Size of the list: this many segments, or this duration, whichever is more. */
  readonly window: { readonly segments: number; readonly ms: number }
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly extension: SegmentExtension
  readonly onStorageFault: (what: 'disk_full' | 'storage', message: string) => void
  /** The target duration of the playlists. Default: the longest segment listed. */
  readonly targetSeconds?: number
}

/** No segment leaves a playlist that would then be shorter (RFC 8216bis, 6.2.2). */
const MIN_LIST_TARGETS = 3
/** RFC 8216bis, 6.2.2: parts are listed for three target durations and kept for three more. */
const PART_TARGETS = 6
/** Limit of segments in memory that are also on disk, for fast answers. */
const MAX_RECENT_BYTES = 64 * 1024 * 1024
/** Limit of bytes only in memory while the disk fails. */
const MAX_UNSAVED_BYTES = 256 * 1024 * 1024
/** A journal is compacted when it has this many lines more than it needs, and three times as many. */
const MAX_SPARE_LINES = 2_000
const SPARE_FACTOR = 3
/** Time for which unlisted files of an earlier run stay. */
const MAX_PAST_MS = 300_000
/** Numbers whose series are kept: renditions start a number within a moment of each other. */
const MAX_SERIES = 64

/** The files of a store in a folder. */
export interface StoreFiles {
  readonly lock: FolderLock
  readonly counter: Awaited<ReturnType<typeof openCounter>>
  readonly journal: Journal
}

export interface FirstNumbers extends Counter {
  readonly resumed: boolean
}

/** Ticks from the end within which segments have their parts. */
export const partTicks = ({ targetSeconds }: StoreOptions, longest: number): number =>
  PART_TARGETS * (targetSeconds === undefined ? longest : targetSeconds * TICKS_PER_SECOND)

/** Segments of all renditions of one output. */
export class SegmentStore {
  /** Number of the first segment of this run: above any published in any rendition. */
  readonly nextNumber: number
  /** True if an earlier run published a segment: the first one needs a discontinuity. */
  readonly resumed: boolean
  readonly options: StoreOptions
  readonly #storeFiles: StoreFiles | undefined
  readonly #disk: Disk | undefined
  readonly #recent = new ByteCache(MAX_RECENT_BYTES)
  readonly #renditions = new Map<RenditionName, Rendition>()
  readonly #series = new Map<number, number>()
  readonly #firstNumbers: FirstNumbers
  readonly #quota: StoreQuota
  #isCompacting = false

  constructor(
    options: StoreOptions,
    firstNumbers: FirstNumbers,
    storeFiles?: StoreFiles,
    restored: ReadonlyMap<RenditionName, RestoredRendition> = new Map(),
  ) {
    this.options = options
    this.nextNumber = firstNumbers.next
    this.resumed = firstNumbers.resumed
    this.#firstNumbers = firstNumbers
    this.#storeFiles = storeFiles
    this.#quota = new StoreQuota({
      renditions: this.#renditions,
      quotaBytes: options.quotaBytes,
      unsavedBytes: storeFiles === undefined ? Infinity : MAX_UNSAVED_BYTES,
      minTicks: (segments) => this.#minTicks(segments),
      onStorageFault: options.onStorageFault,
    })
    if (storeFiles !== undefined) {
      this.#disk = new Disk({
        journal: storeFiles.journal,
        clock: options.clock,
        onStorageFault: (what, message) => {
          options.onStorageFault(what, message)
          if (what === 'disk_full') this.#dropPast()
        },
        recover: (ready) => this.#recover(storeFiles.journal, ready),
      })
    }
    for (const [name, rendition] of restored) this.#restore(name, rendition)
  }

  get renditions(): ReadonlyMap<RenditionName, Rendition> {
    return this.#renditions
  }

  /** Bytes on disk, and those only in memory. */
  get bytes(): number {
    return this.#sum((rendition) => rendition.files.bytes)
  }

  /** Bytes in memory, on disk too or not. */
  get memoryBytes(): number {
    return this.#recent.bytes + this.#sum(({ files }) => files.unsavedBytes)
  }

  /** Returns the rendition of this name, created when there is none. */
  rendition(name: RenditionName): Rendition {
    const known = this.#renditions.get(name)
    if (known !== undefined) return known
    if (!isRenditionName(name)) {
      throw new SluiceError(
        'internal',
        `rendition ${JSON.stringify(name)} must be stream_N or audio_N`,
      )
    }
    return this.#addRendition(name, this.#filesOf(name))
  }

  /** Publishes everything given, then closes. */
  async close(): Promise<void> {
    for (const rendition of this.#renditions.values()) await rendition.settled()
    await this.#disk?.close()
    for (const { files } of this.#renditions.values()) {
      await files.closeOpen().catch(() => {})
      await files.settled()
    }
    await this.#storeFiles?.journal.close()
    await this.#storeFiles?.counter.close().catch(() => {})
    await this.#storeFiles?.lock.release()
  }

  /** Rewrites the journal to the list. A disk fault is reported, not thrown. */
  async compact(): Promise<void> {
    if (this.#storeFiles === undefined || this.#isCompacting) return
    this.#isCompacting = true
    try {
      await this.#storeFiles.journal.rewrite(() => this.#snapshot())
    } catch (error) {
      this.#disk?.fail(error)
    } finally {
      this.#isCompacting = false
    }
  }

  #restore(name: RenditionName, { segments, files, inits, past }: RestoredRendition): void {
    const kept = this.#filesOf(name)
    for (const [file, bytes] of files) kept.addRestored(file, bytes)
    for (const [file, bytes] of inits) kept.addRestoredInit(file, bytes)
    const duration = totalDurationOf(segments)
    const until = this.options.clock.now() + Math.min(duration / TICKS_PER_MS, MAX_PAST_MS)
    for (const [file, bytes] of past) {
      kept.addRestored(file, bytes)
      kept.retire(file, until)
    }
    this.#addRendition(name, kept, { segments, duration })
    for (const segment of segments.slice(-MAX_SERIES))
      this.#series.set(segment.number, segment.series)
  }

  #filesOf(name: RenditionName): RenditionFiles {
    return new RenditionFiles({ name, folder: this.options.folder, recent: this.#recent })
  }

  #addRendition(name: RenditionName, files: RenditionFiles, restored?: ListedSegments): Rendition {
    const rendition = new Rendition({
      name,
      files,
      store: this.#renditionStore(),
      changes: new ChangeQueue(this.#disk),
      ...(restored !== undefined && { restored }),
    })
    this.#renditions.set(name, rendition)
    return rendition
  }

  #renditionStore(): RenditionStore {
    return {
      extension: this.options.extension,
      now: () => this.options.clock.now(),
      limits: (listed, adding) => {
        this.#quota.makeRoom(adding)
        return this.#limits(listed)
      },
      partsKept: ({ segments }) =>
        partTicks(this.options, maxDurationOf(segments.slice(-MAX_SERIES))),
      seriesOf: (segment) => this.#seriesOf(segment),
      onSegmentStart: (segment, series) => this.#onSegmentStart(segment, series),
      onChange: (stored) => this.#onChange(stored),
    }
  }

  #limits({ segments }: ListedSegments): WindowLimits {
    const { window } = this.options
    return {
      segments: window.segments,
      duration: window.ms * TICKS_PER_MS,
      minTicks: this.#minTicks(segments),
      floor: this.#quota.floor,
    }
  }

  #minTicks(segments: readonly Segment[]): number {
    const { targetSeconds } = this.options
    const newest = segments.slice(-MAX_SERIES)
    const target =
      targetSeconds === undefined ? maxDurationOf(newest) : targetSeconds * TICKS_PER_SECOND
    return MIN_LIST_TARGETS * target
  }

  /** Discontinuities are at the same numbers in every rendition, so that their sequences agree (RFC 8216bis, 6.2.4). */
  #seriesOf({ number, discontinuity }: SegmentBegin): number {
    const known = this.#series.get(number)
    if (known !== undefined) return known
    let before = this.#firstNumbers.series
    for (const [other, series] of this.#series) {
      if (other < number) before = Math.max(before, series)
    }
    return before + (discontinuity ? 1 : 0)
  }

  #onSegmentStart({ number }: SegmentBegin, series: number): void {
    if (!this.#series.has(number)) this.#series.set(number, series)
    for (const oldest of this.#series.keys()) {
      if (this.#series.size <= MAX_SERIES) break
      this.#series.delete(oldest)
    }
  }

  #onChange(stored: boolean): void {
    if (!stored && this.#storeFiles !== undefined)
      void this.#storeFiles.counter.write(this.#published())
    const now = this.options.clock.now()
    for (const { files } of this.#renditions.values()) files.sweep(now)
    this.#quota.makeRoom(0)
    const lines = this.#storeFiles?.journal.lines ?? 0
    if (lines < MAX_SPARE_LINES || this.#disk?.isUsable !== true) return
    if (lines > MAX_SPARE_LINES + SPARE_FACTOR * this.#sum(({ segments }) => segments.length)) {
      void this.compact()
    }
  }

  #dropPast(): void {
    for (const { files } of this.#renditions.values()) while (files.dropOldestPast()) continue
  }

  #snapshot(): Iterable<JournalEntry> {
    // The list of this moment, whatever comes while it is written.
    const lists = [...this.#renditions.values()].map(
      ({ name, storedSegments }) => [name, storedSegments] as const,
    )
    const head = storeEntry({ layout: this.options.layout, ...this.#published() })
    return snapshotOf(head, lists)
  }

  /** Highest numbers that players may have seen. */
  #published(): Counter {
    let { next, series } = this.#firstNumbers
    for (const { segments } of this.#renditions.values()) {
      const last = segments.at(-1)
      if (last === undefined) continue
      next = Math.max(next, last.number + 1)
      series = Math.max(series, last.series)
    }
    return { next, series }
  }

  async #recover(journal: Journal, ready: () => void): Promise<void> {
    for (const { files } of this.#renditions.values()) await files.save()
    await journal.rewrite(() => {
      // More was published from memory meanwhile: this is tried again.
      if ([...this.#renditions.values()].some(({ files }) => files.hasUnsaved())) {
        throw new Error('not everything is on disk')
      }
      ready()
      return this.#snapshot()
    })
  }

  #sum(of: (rendition: Rendition) => number): number {
    let sum = 0
    for (const rendition of this.#renditions.values()) sum += of(rendition)
    return sum
  }
}

function* snapshotOf(
  head: JournalEntry,
  lists: readonly (readonly [RenditionName, readonly Segment[]])[],
): Generator<JournalEntry> {
  yield head
  for (const [name, segments] of lists) yield* entriesOf(name, segments)
}
