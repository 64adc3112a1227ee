import { readFile, readdir, rm, stat, truncate } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isRenditionName, readFileName, segmentFile, type SegmentExtension } from './file-names.ts'
import {
  JournalReader,
  listedOf,
  type StoredSegment,
  type StoredWindow,
} from './journal-entries.ts'
import { totalDurationOf } from './rendition-window.ts'
import type { Part, RenditionName, Segment } from './segment-model.ts'
import { TICKS_PER_MS } from '../../../contract/time.ts'
import { errorCode } from '../../../lib/error-code.ts'

/** One restored rendition. */
export interface RestoredRendition {
  readonly segments: readonly Segment[]
  /** Sizes of the files of `segments`. */
  readonly files: ReadonlyMap<string, number>
  readonly inits: ReadonlyMap<string, Uint8Array>
  /** Sizes of files that are no longer listed. */
  readonly past: ReadonlyMap<string, number>
}

/** Segments whose sizes are compared: older ones were written long before the process ended. */
const CHECKED_SEGMENTS = 8

/** Returns undefined when there is no journal, or none that can be read. */
export const readJournalFile = async (path: string): Promise<StoredWindow | undefined> => {
  const reader = new JournalReader()
  try {
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
    for await (const line of lines) reader.addLine(line)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  return reader.window
}

/** Time within which a paused player or a restarted machine returns. */
const MAX_AWAY_MS = 300_000

/**
 * True if a window ended longer ago than it lasts: no player is in the middle of it. Listed again, it would pass for
 * live, and players would start with old media.
 */
export const isExpired = (
  { renditions }: StoredWindow,
  { now, windowMs }: { readonly now: number; readonly windowMs: number },
): boolean => {
  let end = Number.NEGATIVE_INFINITY
  let longest = 0
  for (const segments of renditions.values()) {
    const last = segments.at(-1)
    if (last === undefined) continue
    end = Math.max(end, last.wallMs + last.duration / TICKS_PER_MS)
    longest = Math.max(longest, totalDurationOf(segments) / TICKS_PER_MS)
  }
  return now - end > Math.max(longest, windowMs, MAX_AWAY_MS)
}

export interface RestoreOptions {
  readonly folder: string
  readonly extension: SegmentExtension
  /** Ticks from the end within which segments get their parts back. */
  readonly partsKept: (segments: readonly StoredSegment[]) => number
}

/**
 * Restores what players have seen: missing files become gaps, an open segment ends with its published parts, renditions
 * that lag behind get gaps. Removes unknown files.
 */
export const restoreWindow = async (
  window: StoredWindow,
  options: RestoreOptions,
): Promise<ReadonlyMap<RenditionName, RestoredRendition>> => {
  const level = withEqualLengths(window.renditions)
  const restored = new Map<RenditionName, RestoredRendition>()
  for (const name of await renditionFolders(options.folder)) {
    const folder = join(options.folder, name)
    restored.set(name, await restoreRendition(level.get(name) ?? [], folder, options))
  }
  return restored
}

const renditionFolders = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((each) => each.isDirectory() && isRenditionName(each.name))
    .map(({ name }) => name)
}

/** Adds gaps up to the same last number in every rendition, so that the next one is the same everywhere. */
const withEqualLengths = (
  renditions: StoredWindow['renditions'],
): ReadonlyMap<RenditionName, readonly StoredSegment[]> => {
  const leader = [...renditions.values()].reduce<readonly StoredSegment[]>(
    (best, each) => ((each.at(-1)?.number ?? -1) > (best.at(-1)?.number ?? -1) ? each : best),
    [],
  )
  const level = new Map<RenditionName, readonly StoredSegment[]>()
  for (const [name, segments] of renditions) {
    const last = segments.at(-1)
    const missing = leader.filter(({ number }) => last !== undefined && number > last.number)
    // Too far behind for an unbroken list of numbers.
    const joins = missing.length === 0 || missing[0]!.number === last!.number + 1
    level.set(name, joins ? [...segments, ...gapsLike(missing, last)] : [])
  }
  return level
}

const gapsLike = (
  missing: readonly StoredSegment[],
  last: StoredSegment | undefined,
): StoredSegment[] => missing.map((segment) => asGap({ ...segment, init: last?.init }))

const asGap = (segment: StoredSegment): StoredSegment => ({
  ...segment,
  state: 'gap',
  independent: false,
  bytes: 0,
  parts: [],
})

const restoreRendition = async (
  stored: readonly StoredSegment[],
  folder: string,
  options: RestoreOptions,
): Promise<RestoredRendition> => {
  const present = new Set(await readdir(folder))
  const inits = await readInits(stored, folder, present)
  const segments: StoredSegment[] = []
  for (const [i, segment] of stored.entries()) {
    const known =
      present.has(segmentFile(segment.number, options.extension)) &&
      (segment.init === undefined || inits.has(segment.init))
    const checked = i >= stored.length - CHECKED_SEGMENTS || segment.state === 'open'
    if (segment.state === 'gap' || !known) segments.push(asGap(segment))
    else segments.push(checked ? await checkedSegment(segment, folder, options.extension) : segment)
  }
  const listed = await withParts(segments, folder, options)
  const files = new Map<string, number>()
  for (const { state, file, bytes } of listed) if (state === 'done') files.set(file, bytes)
  const first = stored[0]?.number
  const past = await pastFiles({
    folder,
    present,
    known: new Set([...files.keys(), ...inits.keys()]),
    first,
    extension: options.extension,
  })
  return { segments: listed, files, inits, past }
}

const readInits = async (
  stored: readonly StoredSegment[],
  folder: string,
  present: ReadonlySet<string>,
): Promise<Map<string, Uint8Array>> => {
  const names = new Set(stored.map(({ init }) => init))
  const inits = new Map<string, Uint8Array>()
  for (const name of names) {
    if (name !== undefined && present.has(name)) inits.set(name, await readFile(join(folder, name)))
  }
  return inits
}

const checkedSegment = async (
  segment: StoredSegment,
  folder: string,
  extension: SegmentExtension,
): Promise<StoredSegment> => {
  const path = join(folder, segmentFile(segment.number, extension))
  const { size } = await stat(path)
  if (segment.state === 'done') return size === segment.bytes ? segment : asGap(segment)
  // The journal is written after the file: a file that is too short was cut by a crash of the machine.
  let bytes = 0
  const parts = segment.parts.filter((part) => (bytes += part.bytes) <= size)
  const whole = parts.reduce((sum, part) => sum + part.bytes, 0)
  if (parts.length === 0) return asGap(segment)
  if (size > whole) await truncate(path, whole)
  return {
    ...segment,
    state: 'done',
    parts,
    bytes: whole,
    duration: parts.reduce((sum, part) => sum + part.duration, 0),
  }
}

const withParts = async (
  segments: readonly StoredSegment[],
  folder: string,
  { partsKept, extension }: RestoreOptions,
): Promise<Segment[]> => {
  const keep = partsKept(segments)
  const listed: Segment[] = []
  let fromEnd = 0
  for (const segment of segments.toReversed()) {
    const file = segmentFile(segment.number, extension)
    const wanted = fromEnd < keep && segment.parts.length > 0 && segment.state === 'done'
    const parts = wanted ? await readParts(join(folder, file), segment) : []
    listed.push({ ...listedOf(segment, file), parts })
    fromEnd += segment.duration
  }
  return listed.toReversed()
}

const readParts = async (path: string, segment: StoredSegment): Promise<Part[]> => {
  const whole = await readFile(path)
  let at = 0
  return segment.parts.map(({ duration, independent, bytes }) => {
    const part = { duration, independent, bytes: whole.subarray(at, at + bytes) }
    at += bytes
    return part
  })
}

interface Unlisted {
  readonly folder: string
  readonly present: ReadonlySet<string>
  readonly known: ReadonlySet<string>
  /** Number of the first listed segment. */
  readonly first: number | undefined
  readonly extension: SegmentExtension
}

/** Keeps files that were listed before, for players; removes those that never were. */
const pastFiles = async ({
  folder,
  present,
  known,
  first,
  extension,
}: Unlisted): Promise<Map<string, number>> => {
  const past: { file: string; number: number }[] = []
  for (const file of present) {
    if (known.has(file)) continue
    const name = readFileName(file)
    if (
      name?.kind === 'segment' &&
      name.extension === extension &&
      name.number < (first ?? Infinity)
    ) {
      past.push({ file, number: name.number })
    } else if (name !== undefined || /\.(?:ts|m4s|mp4)\.part$/.test(file)) {
      await rm(join(folder, file), { force: true })
    }
  }
  past.sort((a, b) => a.number - b.number)
  const sizes = new Map<string, number>()
  for (const { file } of past) sizes.set(file, (await stat(join(folder, file))).size)
  return sizes
}
