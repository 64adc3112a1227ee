import { SluiceError } from '../../../contract/errors.ts'
import { TICKS_PER_MS } from '../../../contract/time.ts'
import type { ChangeQueue } from './disk.ts'
import {
  initFile,
  partFile,
  readFileName,
  segmentFile,
  type SegmentExtension,
} from './file-names.ts'
import { recordOf, type ClosedRecord, type JournalEntry } from './journal-entries.ts'
import type { RenditionFiles } from './rendition-files.ts'
import type {
  Part,
  RenditionName,
  RenditionSink,
  Segment,
  SegmentBegin,
  SegmentEnd,
} from './segment-model.ts'
import {
  NOTHING_LISTED,
  listWith,
  withoutOldParts,
  type ListedSegments,
  type WindowLimits,
} from './rendition-window.ts'

/** The store as a rendition needs it. */
export interface RenditionStore {
  readonly extension: SegmentExtension
  /** Milliseconds of the clock. */
  now(): number
  /** Limits with room for `adding` more bytes. */
  limits(listed: ListedSegments, adding: number): WindowLimits
  /** Ticks from the end within which parts are kept. */
  partsKept(listed: ListedSegments): number
  /** Series of a segment that is the first of its rendition. */
  seriesOf(segment: SegmentBegin): number
  /** A segment was started. */
  onSegmentStart(segment: SegmentBegin, series: number): void
  /** The list changed; `stored`: the change is in the journal. */
  onChange(stored: boolean): void
}

export interface RenditionParts {
  readonly name: RenditionName
  readonly store: RenditionStore
  readonly files: RenditionFiles
  readonly changes: ChangeQueue
  /** Segments listed before a restart. */
  readonly restored?: ListedSegments
}

/** A segment in progress. Its parts are listed as soon as they are stored. */
interface SegmentInProgress {
  readonly begin: SegmentBegin
  readonly series: number
  readonly file: string
  readonly init: string | undefined
  readonly parts: Part[]
  /** One of its parts could not be written: the file is written as a whole at the end. */
  isMemoryOnly: boolean
}

/** Limit of the time for which files stay after they left the list: the playlist's duration, at most this. */
const MAX_STAY_MS = 300_000

/** Segments of one playlist. They are published in the order given, each change when it is stored. */
export class Rendition implements RenditionSink {
  readonly name: RenditionName
  readonly #store: RenditionStore
  readonly #files: RenditionFiles
  readonly #changes: ChangeQueue
  readonly #listeners = new Set<() => void>()
  #listed: ListedSegments
  #open: Segment | undefined
  #isOpenStored = false
  #segments: readonly Segment[]
  #version = 0
  // Input so far; the list follows it.
  #last: { readonly number: number; readonly series: number } | undefined
  #inProgress: SegmentInProgress | undefined
  #nextInit: Uint8Array | undefined
  #init: string | undefined

  constructor({ name, store, files, changes, restored = NOTHING_LISTED }: RenditionParts) {
    this.name = name
    this.#store = store
    this.#files = files
    this.#changes = changes
    this.#listed = restored
    this.#segments = restored.segments
    const last = restored.segments.at(-1)
    this.#last = last && { number: last.number, series: last.series }
  }

  /** Listed segments, the open one last when parts are used. Each change makes a new array. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** Number of published changes. */
  get version(): number {
    return this.#version
  }

  get discontinuitySequence(): number {
    const first = this.#segments[0]
    if (first === undefined) return 0
    return first.series - (first.discontinuity ? 1 : 0)
  }

  /** Segments that a journal may name: parts of an open segment that are only in memory are left out. */
  get storedSegments(): readonly Segment[] {
    return this.#open === undefined || this.#isOpenStored ? this.#segments : this.#listed.segments
  }

  get files(): RenditionFiles {
    return this.#files
  }

  /** True if the current playlist answers `_HLS_msn` and `_HLS_part` (RFC 8216bis, 6.2.5.2). */
  hasSegment(msn: number, part?: number): boolean {
    const last = this.#segments.at(-1)
    if (last === undefined || msn > last.number) return false
    if (msn < last.number) {
      return part === undefined || this.#partExists(msn, part) || this.hasSegment(msn + 1, 0)
    }
    if (last.state === 'open') return part !== undefined && part < last.parts.length
    return part === undefined || this.#partExists(msn, part)
  }

  /** Resolves with the next published change. */
  untilChanged(): Promise<void> {
    return new Promise((resolve) => {
      const off = this.subscribe(() => {
        off()
        resolve()
      })
    })
  }

  /** Calls `onChange` after each published change, until the returned function is called. */
  subscribe(onChange: () => void): () => void {
    this.#listeners.add(onChange)
    return () => this.#listeners.delete(onChange)
  }

  /** Bytes of a segment, part or initialisation segment that is or was listed. Rejects when its file has vanished. */
  bytesOf(file: string): Promise<Uint8Array> | Uint8Array | undefined {
    const name = readFileName(file)
    if (name?.kind !== 'part') return name === undefined ? undefined : this.#files.bytesOf(file)
    const segment = this.#segmentAt(name.number)
    if (segment === undefined || partFile(segment.file, name.part) !== file) return undefined
    return segment.parts[name.part]?.bytes
  }

  init(bytes: Uint8Array): void {
    this.#nextInit = ownCopy(bytes)
  }

  begin(begin: SegmentBegin): void {
    const series = this.#nextSeries(begin)
    if (this.#nextInit !== undefined) {
      this.#init = initFile(begin.number)
      this.#files.addInit(this.#init, this.#nextInit)
      this.#nextInit = undefined
    }
    this.#inProgress = {
      begin,
      series,
      file: segmentFile(begin.number, this.#store.extension),
      init: this.#init,
      parts: [],
      isMemoryOnly: false,
    }
  }

  part(given: Part): void {
    const inProgress = this.#current('part')
    const part = { ...given, bytes: ownCopy(given.bytes) }
    const index = inProgress.parts.push(part)
    const entry: JournalEntry = {
      kind: 'part',
      rendition: this.name,
      number: inProgress.begin.number,
      duration: part.duration,
      independent: part.independent,
      bytes: part.bytes.length,
    }
    this.#changes.push({
      files: () => this.#files.appendPart(inProgress.file, part.bytes, inProgress.init),
      entries: () =>
        index === 1
          ? [{ kind: 'open', rendition: this.name, ...recordFor(inProgress) }, entry]
          : [entry],
      isMemoryOnly: () => inProgress.isMemoryOnly,
      publish: (stored) => {
        inProgress.isMemoryOnly ||= !stored
        this.#publishOpen(inProgress, index)
      },
    })
  }

  end(end: SegmentEnd): void {
    const inProgress = this.#current('end')
    this.#inProgress = undefined
    const { parts } = inProgress
    if (end.bytes === undefined && parts.length === 0) {
      throw new SluiceError(
        'internal',
        `${this.name}: segment ${inProgress.begin.number} ends without bytes`,
      )
    }
    const bytes = parts.length === 0 ? ownCopy(end.bytes!) : joined(parts)
    const segment: Segment = {
      ...segmentOf(inProgress),
      state: 'done',
      duration: end.duration,
      independent: end.independent,
      bytes: bytes.length,
      // The same bytes are kept once.
      parts: parts.length === 0 ? [] : viewsInto(bytes, parts),
    }
    this.#close(segment, {
      files: async () => {
        await this.#files.closeOpen()
        const appended = parts.length > 0 && !inProgress.isMemoryOnly
        if (!appended) await this.#files.writeSegment(inProgress.file, bytes, inProgress.init)
      },
      published: (stored) => this.#files.addPublished(segment.file, bytes, stored),
    })
  }

  gap({ duration, ...begin }: SegmentBegin & { readonly duration: number }): void {
    const series = this.#nextSeries(begin)
    this.#close({
      ...begin,
      series,
      state: 'gap',
      duration,
      independent: false,
      file: segmentFile(begin.number, this.#store.extension),
      init: this.#init,
      bytes: 0,
      parts: [],
    })
  }

  /** Resolves when everything given is published. */
  async settled(): Promise<void> {
    await this.#changes.settled()
  }

  /** Numbers are contiguous within a playlist and over all of them. */
  #nextSeries(begin: SegmentBegin): number {
    const expected = this.#last === undefined ? begin.number : this.#last.number + 1
    if (this.#inProgress !== undefined || begin.number !== expected) {
      throw new SluiceError(
        'internal',
        `${this.name}: segment ${begin.number} cannot start` +
          (this.#inProgress === undefined
            ? `: ${expected} must come next`
            : ` while ${this.#inProgress.begin.number} is open`),
      )
    }
    const series =
      this.#last === undefined
        ? this.#store.seriesOf(begin)
        : this.#last.series + (begin.discontinuity ? 1 : 0)
    this.#last = { number: begin.number, series }
    this.#store.onSegmentStart(begin, series)
    return series
  }

  #current(what: string): SegmentInProgress {
    if (this.#inProgress !== undefined) return this.#inProgress
    throw new SluiceError('internal', `${this.name}: ${what} without an open segment`)
  }

  #publishOpen(inProgress: SegmentInProgress, count: number): void {
    const parts = inProgress.parts.slice(0, count)
    this.#isOpenStored = !inProgress.isMemoryOnly
    this.#open = {
      ...segmentOf(inProgress),
      state: 'open',
      duration: parts.reduce((sum, { duration }) => sum + duration, 0),
      independent: parts[0]?.independent ?? false,
      bytes: parts.reduce((sum, { bytes }) => sum + bytes.length, 0),
      parts,
    }
    this.#publishList(!inProgress.isMemoryOnly)
  }

  #close(
    segment: Segment,
    file?: { readonly files: () => Promise<void>; readonly published: (stored: boolean) => void },
  ): void {
    let next: ReturnType<typeof listWith> | undefined
    const plan = (): ReturnType<typeof listWith> =>
      (next ??= listWith(this.#listed, segment, this.#store.limits(this.#listed, segment.bytes)))
    this.#changes.push({
      files: file?.files,
      entries: () => [this.#closedEntry(segment, plan().listed)],
      publish: (stored) => {
        file?.published(stored)
        const { listed, left } = plan()
        this.#listed = withoutOldParts(listed, this.#store.partsKept(listed))
        this.#open = undefined
        this.#retire(left, listed)
        this.#publishList(stored)
      },
    })
  }

  #closedEntry(segment: Segment, { segments }: ListedSegments): JournalEntry {
    const { state, duration, independent, bytes } = segment
    const closed: ClosedRecord = {
      ...recordOf(segment),
      duration,
      independent,
      bytes,
      first: segments[0]!.number,
    }
    return { kind: state === 'gap' ? 'gap' : 'done', rendition: this.name, ...closed }
  }

  #retire(left: readonly Segment[], { segments, duration }: ListedSegments): void {
    for (const [i, segment] of left.entries()) {
      const stay = Math.min(duration / TICKS_PER_MS, MAX_STAY_MS) + segment.duration / TICKS_PER_MS
      const until = this.#store.now() + stay
      this.#files.retire(segment.file, until)
      const following = left[i + 1] ?? segments[0]
      if (segment.init === undefined || segment.init === following?.init) continue
      this.#files.retire(segment.init, until)
    }
  }

  #publishList(stored: boolean): void {
    this.#segments =
      this.#open === undefined ? this.#listed.segments : [...this.#listed.segments, this.#open]
    this.#version++
    this.#store.onChange(stored)
    for (const listener of [...this.#listeners]) listener()
  }

  #partExists(msn: number, part: number): boolean {
    const parts = this.#segmentAt(msn)?.parts ?? []
    // Parts of gaps and older segments are not known; the whole is in the playlist.
    return parts.length === 0 || part < parts.length
  }

  #segmentAt(number: number): Segment | undefined {
    const first = this.#segments[0]
    return first === undefined ? undefined : this.#segments[number - first.number]
  }
}

const segmentOf = ({
  begin,
  series,
  file,
  init,
}: SegmentInProgress): Pick<Segment, keyof SegmentBegin | 'series' | 'file' | 'init'> => ({
  number: begin.number,
  start: begin.start,
  wallMs: begin.wallMs,
  discontinuity: begin.discontinuity,
  series,
  file,
  init,
})

const recordFor = (inProgress: SegmentInProgress): ReturnType<typeof recordOf> =>
  recordOf(segmentOf(inProgress))

/** A view would keep the much larger buffer alive. */
const ownCopy = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength > 2 * bytes.length ? Buffer.from(bytes) : bytes

const joined = (parts: readonly Part[]): Uint8Array =>
  Buffer.concat(parts.map(({ bytes }) => bytes))

const viewsInto = (whole: Uint8Array, parts: readonly Part[]): readonly Part[] => {
  let at = 0
  return parts.map((part) => {
    const bytes = whole.subarray(at, at + part.bytes.length)
    at += part.bytes.length
    return { ...part, bytes }
  })
}
