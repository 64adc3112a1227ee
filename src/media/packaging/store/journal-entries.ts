import { ticks } from '../../../contract/time.ts'
import { parseJson } from '../../../lib/json.ts'
import { isRenditionName, readFileName } from './file-names.ts'
import type { RenditionName, Segment, SegmentBegin } from './segment-model.ts'

/** Raised when older journals can't be read: their window is then not listed, but numbers go on. */
const JOURNAL_FORMAT = 1

/** A part in the journal: its bytes are in the segment's file, behind those of the parts before it. */
export interface PartRecord {
  /** Ticks, 90 kHz. */
  readonly duration: number
  readonly independent: boolean
  readonly bytes: number
}

export interface SegmentRecord {
  readonly number: number
  readonly start: number
  readonly wallMs: number
  readonly discontinuity: boolean
  readonly series: number
  readonly init?: string | undefined
}

interface Of {
  readonly rendition: RenditionName
}

/** A segment that is whole, or will never be. `first`: number of the first listed segment after this. */
export interface ClosedRecord extends SegmentRecord {
  readonly duration: number
  readonly independent: boolean
  readonly bytes: number
  readonly first: number
  /** Kept for the newest segments. */
  readonly parts?: readonly PartRecord[]
}

export type JournalEntry =
  /** First entry. `next`: no number below it was ever used by a segment that is not in the journal; `series` likewise. */
  | {
      readonly kind: 'store'
      readonly format: number
      readonly layout: string
      readonly next: number
      readonly series: number
    }
  | ({ readonly kind: 'open' } & SegmentRecord & Of)
  | ({ readonly kind: 'part'; readonly number: number } & PartRecord & Of)
  | ({ readonly kind: 'done' } & ClosedRecord & Of)
  | ({ readonly kind: 'gap' } & ClosedRecord & Of)

export interface StoredSegment extends SegmentRecord {
  readonly state: 'open' | 'done' | 'gap'
  readonly duration: number
  readonly independent: boolean
  readonly bytes: number
  readonly parts: readonly PartRecord[]
}

/** State at the end of a journal. */
export interface StoredWindow {
  readonly layout: string
  /** Above every number of a segment that was ever published. */
  readonly next: number
  /** Series of the newest segment ever. */
  readonly series: number
  readonly renditions: ReadonlyMap<RenditionName, readonly StoredSegment[]>
}

export const storeEntry = (window: Omit<StoredWindow, 'renditions'>): JournalEntry => ({
  kind: 'store',
  format: JOURNAL_FORMAT,
  layout: window.layout,
  next: window.next,
  series: window.series,
})

export const lineOf = (entry: JournalEntry): string => `${JSON.stringify(entry)}\n`

export const recordOf = (
  segment: SegmentBegin & Pick<Segment, 'series' | 'init'>,
): SegmentRecord => ({
  number: segment.number,
  start: segment.start,
  wallMs: segment.wallMs,
  discontinuity: segment.discontinuity,
  series: segment.series,
  init: segment.init,
})

/** Entries of the list: the content of a compacted journal for one rendition. */
export function* entriesOf(
  rendition: RenditionName,
  segments: readonly Segment[],
): Generator<JournalEntry> {
  const first = segments[0]?.number ?? 0
  for (const segment of segments) {
    const record = recordOf(segment)
    const parts = segment.parts.map(({ duration, independent, bytes }): PartRecord => ({
      duration,
      independent,
      bytes: bytes.length,
    }))
    if (segment.state === 'open') {
      yield { kind: 'open', rendition, ...record }
      for (const part of parts) yield { kind: 'part', rendition, number: segment.number, ...part }
      continue
    }
    const { duration, independent, bytes } = segment
    const closed = { ...record, duration, independent, bytes, first }
    yield parts.length === 0
      ? { kind: segment.state, rendition, ...closed }
      : { kind: segment.state, rendition, ...closed, parts }
  }
}

/** Reads lines as they come. A line that is no entry (cut short by a kill) is left out. */
export class JournalReader {
  #layout: string | undefined
  #next = 0
  #series = 0
  readonly #renditions = new Map<RenditionName, StoredSegment[]>()
  readonly #firsts = new Map<RenditionName, number>()

  addLine(text: string): void {
    const entry = parseEntry(text)
    if (entry === undefined) return
    if (entry.kind === 'store') {
      this.#layout = entry.format === JOURNAL_FORMAT ? entry.layout : ''
      this.#raiseCounters(entry.next - 1, entry.series)
    } else if (entry.kind === 'part') {
      this.#part(entry)
    } else {
      // A number is published when its segment is whole, or with its first part.
      if (entry.kind !== 'open') this.#raiseCounters(entry.number, entry.series)
      this.#segment(entry)
    }
  }

  /** Undefined without any entry. */
  get window(): StoredWindow | undefined {
    if (this.#layout === undefined && this.#renditions.size === 0) return undefined
    const renditions = new Map<RenditionName, readonly StoredSegment[]>()
    for (const [name, segments] of this.#renditions) {
      const first = this.#firsts.get(name) ?? 0
      renditions.set(
        name,
        segments.filter(
          ({ number, state, parts }) => number >= first && (state !== 'open' || parts.length > 0),
        ),
      )
    }
    return { layout: this.#layout ?? '', next: this.#next, series: this.#series, renditions }
  }

  #raiseCounters(number: number, series: number): void {
    this.#next = Math.max(this.#next, number + 1)
    this.#series = Math.max(this.#series, series)
  }

  #segment(entry: Exclude<JournalEntry, { kind: 'store' | 'part' }>): void {
    const segments = this.#segmentsOf(entry.rendition)
    const open = segments.at(-1)?.state === 'open' ? segments.pop()! : undefined
    if (entry.kind === 'open') {
      const segment: StoredSegment = {
        ...entry,
        state: 'open',
        duration: 0,
        independent: false,
        bytes: 0,
        parts: [],
      }
      this.#add(segments, segment)
      return
    }
    const ofOpen = open?.number === entry.number ? open.parts : []
    this.#add(segments, { ...entry, state: entry.kind, parts: entry.parts ?? ofOpen })
    this.#firsts.set(entry.rendition, entry.first)
  }

  #part(entry: Extract<JournalEntry, { kind: 'part' }>): void {
    const segments = this.#segmentsOf(entry.rendition)
    const open = segments.at(-1)
    if (open?.state !== 'open' || open.number !== entry.number) return
    this.#raiseCounters(open.number, open.series)
    const { duration, independent, bytes } = entry
    segments[segments.length - 1] = {
      ...open,
      duration: open.duration + duration,
      independent: open.parts.length === 0 ? independent : open.independent,
      bytes: open.bytes + bytes,
      parts: [...open.parts, { duration, independent, bytes }],
    }
  }

  /** Numbers in a list are contiguous: segments before a hole are dropped. */
  #add(segments: StoredSegment[], segment: StoredSegment): void {
    const last = segments.at(-1)
    if (last !== undefined && last.number + 1 !== segment.number) segments.length = 0
    segments.push(segment)
  }

  #segmentsOf(name: RenditionName): StoredSegment[] {
    let segments = this.#renditions.get(name)
    if (segments === undefined) {
      segments = []
      this.#renditions.set(name, segments)
    }
    return segments
  }
}

export const readJournal = (text: string): StoredWindow | undefined => {
  const reader = new JournalReader()
  for (const line of text.split('\n')) reader.addLine(line)
  return reader.window
}

const parseEntry = (text: string): JournalEntry | undefined => {
  const value = parseJson(text)
  return isEntry(value) ? value : undefined
}

type Fields = Readonly<Record<string, unknown>>

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isDuration = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0
const isFlag = (value: unknown): boolean => typeof value === 'boolean'

const isPart = (part: Fields): boolean =>
  isDuration(part['duration']) && isFlag(part['independent']) && isCount(part['bytes'])

const isSegment = (entry: Fields): boolean =>
  isCount(entry['number']) &&
  Number.isFinite(entry['start']) &&
  // Limit of a Date.
  Math.abs(Number(entry['wallMs'])) <= 8.64e15 &&
  isFlag(entry['discontinuity']) &&
  isCount(entry['series']) &&
  (entry['init'] === undefined ||
    (typeof entry['init'] === 'string' && readFileName(entry['init'])?.kind === 'init'))

const isClosed = (entry: Fields): boolean =>
  isSegment(entry) &&
  isPart(entry) &&
  isCount(entry['first']) &&
  (entry['parts'] === undefined ||
    (Array.isArray(entry['parts']) &&
      entry['parts'].every((part) => isFields(part) && isPart(part))))

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const isEntry = (value: unknown): value is JournalEntry => {
  if (!isFields(value)) return false
  const { kind } = value
  if (kind === 'store') {
    const { format, layout, next, series } = value
    return isCount(format) && typeof layout === 'string' && isCount(next) && isCount(series)
  }
  if (typeof value['rendition'] !== 'string' || !isRenditionName(value['rendition'])) return false
  if (kind === 'open') return isSegment(value)
  if (kind === 'part') return isCount(value['number']) && isPart(value)
  return (kind === 'done' || kind === 'gap') && isClosed(value)
}

/** Converts a stored segment to a listed one, without the bytes of its parts. */
export const listedOf = (stored: StoredSegment, file: string): Segment => ({
  number: stored.number,
  start: ticks(stored.start),
  wallMs: stored.wallMs,
  discontinuity: stored.discontinuity,
  series: stored.series,
  state: stored.state,
  duration: stored.duration,
  independent: stored.independent,
  file,
  init: stored.init,
  bytes: stored.bytes,
  parts: [],
})
