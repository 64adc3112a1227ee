import { statfs } from 'node:fs/promises'
import type { RecordSpec } from '../../../contract/output-spec.ts'
import { TICKS_PER_MS, type Ticks90k } from '../../../contract/time.ts'
import { pause, type Clock } from '../../../lib/clock.ts'
import type { Entry, Piece, PieceFeed } from './piece.ts'
import type { RecordingFile } from './recording-file.ts'
import type { RecordingFolder } from './recording-folder.ts'
import { rotationAt, sizeLimit } from './rotation.ts'

export interface RecorderParts {
  readonly spec: RecordSpec
  readonly folder: RecordingFolder
  readonly feed: PieceFeed
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly onBytes: (bytes: number) => void
  /** A block is on the disk. */
  readonly onWritten: () => void
  /** Bytes that are free on the disk. */
  readonly onFree: (bytes: number) => void
}

/** What a look at the disk found. */
export class DiskFull extends Error {}

export const MEGABYTE = 1_000_000
/** What was played out is on the disk this soon, and the time that a block takes. */
const LOOK_EVERY_MS = 200
const BLOCK_BYTES = 1024 * 1024
const DISK_LOOK_MS = 1_000

/** The file that is open: where it began, in which clock, and how far it came. */
interface OpenFile {
  readonly file: RecordingFile
  readonly name: string
  /** Presentation time of its first picture. */
  readonly at: Ticks90k
  readonly beganAt: Ticks90k
  readonly origin: Ticks90k
  sequence: number
  /** Written and in the block. */
  bytes: number
  /** Bytes at its newest random access point, and the largest group until then. */
  groupFrom: number
  groupMax: number
  time: Ticks90k
  /** It ended at this presentation time: the next one's first picture. */
  endAt: Ticks90k | undefined
}

/** Pieces into files: one after the other, each beginning with a random access point. Throws what the disk says. */
export class Recorder {
  readonly #parts: RecorderParts
  readonly #rotateBytes: number | undefined
  #open: OpenFile | undefined
  #block: Uint8Array[] = []
  #blockBytes = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #isLost = false

  constructor(parts: RecorderParts) {
    this.#parts = parts
    const { rotateMb, quotaMb } = parts.spec
    this.#rotateBytes = sizeLimit(bytesOf(rotateMb), bytesOf(quotaMb))
  }

  /** Until the program ends or the signal is aborted; what was begun is completed. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, clock } = this.#parts
    try {
      while (!signal.aborted && !feed.ended) {
        await this.#takeAll()
        await this.#lookAtDisk()
        await pause(clock, LOOK_EVERY_MS, signal)
      }
      feed.finish()
      await this.#takeAll()
    } finally {
      feed.finish()
      await this.#finishFile()
    }
  }

  get current(): string | undefined {
    return this.#open?.name
  }

  async #takeAll(): Promise<void> {
    const { feed } = this.#parts
    for (let piece = feed.next(); piece !== undefined; piece = feed.next()) {
      const { entry } = piece
      if (entry !== undefined && this.#mustBegin(entry)) await this.#nextFile(piece, entry)
      if (this.#open !== undefined) await this.#add(piece, this.#open)
      if (this.#blockBytes >= BLOCK_BYTES) await this.#flush()
    }
    await this.#flush()
  }

  #mustBegin({ begins, at }: Entry): boolean {
    const open = this.#open
    if (open === undefined || begins === 'must' || this.#isLost) return true
    const { spec } = this.#parts
    open.groupMax = Math.max(open.groupMax, open.bytes - open.groupFrom)
    open.groupFrom = open.bytes
    const soFar = { ticks: at - open.at, bytes: open.bytes, groupBytes: open.groupMax }
    const limits = { seconds: spec.rotateSeconds, bytes: this.#rotateBytes }
    return rotationAt(soFar, limits) !== undefined
  }

  async #nextFile(piece: Piece, entry: Entry): Promise<void> {
    const { folder, spec, feed, wallTime } = this.#parts
    if (this.#open !== undefined && entry.follows === 'directly') this.#open.endAt = entry.at
    await this.#flush()
    await this.#finishFile()
    // Room for the one that begins.
    await this.#keepWithinQuota(this.#rotateBytes ?? 0)
    const { file, name } = await folder.begin({
      startedAt: Math.round(wallTime() - feed.lag),
      format: spec.format,
      onAir: spec.split === 'take' ? entry.onAir : undefined,
    })
    this.#isLost = false
    this.#open = {
      ...{ file, name, at: entry.at, beganAt: piece.time, origin: piece.origin },
      ...{ sequence: 0, bytes: 0, groupFrom: 0, groupMax: 0, time: piece.time, endAt: undefined },
    }
    if (entry.head !== undefined) this.#push(entry.head, this.#open)
  }

  async #add(piece: Piece, open: OpenFile): Promise<void> {
    open.sequence++
    open.time = piece.time
    const bytes = piece.bytesFor(open)
    this.#push(bytes instanceof Uint8Array ? bytes : await bytes, open)
  }

  #push(bytes: Uint8Array, open: OpenFile): void {
    this.#block.push(bytes)
    this.#blockBytes += bytes.length
    open.bytes += bytes.length
  }

  async #flush(): Promise<void> {
    const open = this.#open
    const bytes = this.#blockBytes
    if (open === undefined || bytes === 0) return
    const block = this.#block
    this.#block = []
    this.#blockBytes = 0
    await open.file.append(block)
    this.#parts.onBytes(bytes)
    this.#grown(open)
    this.#parts.onWritten()
  }

  #grown({ name, file, time, beganAt, at, endAt }: OpenFile): void {
    const ticks = endAt === undefined ? time - beganAt : endAt - at
    const durationMs = Math.max(0, Math.round(ticks / TICKS_PER_MS))
    this.#parts.folder.grown(name, { bytes: file.bytes, durationMs })
  }

  async #finishFile(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    this.#block = []
    this.#blockBytes = 0
    this.#grown(open)
    await open.file.close()
    if (this.#isLost) this.#parts.folder.forget(open.name)
    else await this.#parts.folder.finish(open.name)
  }

  async #keepWithinQuota(reserve: number): Promise<void> {
    const quota = bytesOf(this.#parts.spec.quotaMb)
    if (quota !== undefined) await this.#parts.folder.keepWithin(quota - reserve)
  }

  async #lookAtDisk(): Promise<void> {
    const { clock, folder, spec, onFree } = this.#parts
    if (clock.now() - this.#lookedAt < DISK_LOOK_MS) return
    this.#lookedAt = clock.now()
    await this.#keepWithinQuota(0)
    const free = await freeBytes(folder.path)
    const floor = spec.minFreeMb * MEGABYTE
    onFree(free)
    if (free < floor) {
      throw new DiskFull(`${mega(free)} MB are free, less than the ${spec.minFreeMb} to be kept`)
    }
    if (this.#open !== undefined && (await this.#open.file.isGone())) this.#isLost = true
  }
}

const bytesOf = (megabytes: number | undefined): number | undefined =>
  megabytes === undefined ? undefined : megabytes * MEGABYTE

export const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

export const mega = (bytes: number): number => Math.floor(bytes / MEGABYTE)
