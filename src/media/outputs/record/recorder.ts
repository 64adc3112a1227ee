import { statfs } from 'node:fs/promises'
import type { RecordSpec } from '../../../contract/output-spec.ts'
import { TICKS_PER_MS, type Ticks90k } from '../../../contract/time.ts'
import { pause, type Clock } from '../../../lib/clock.ts'
import type { SplitPoint, RecordingChunk, RecordingInput } from './recording-chunk.ts'
import type { RecordingFile } from './recording-file.ts'
import type { RecordingFolder } from './recording-folder.ts'
import { rotationCause, maxFileBytes } from './rotation.ts'

export interface RecorderParts {
  readonly spec: RecordSpec
  readonly folder: RecordingFolder
  readonly input: RecordingInput
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly onBytes: (bytes: number) => void
  /** Called when a block is on the disk. */
  readonly onWritten: () => void
  /** Free bytes of the disk. */
  readonly onFreeBytes: (bytes: number) => void
}

/** Thrown when a check finds too little room. */
export class DiskFullError extends Error {}

export const MEGABYTE = 1_000_000
/** Delay from play-out to the disk, plus the time of a write. */
const CHECK_INTERVAL_MS = 200
const BLOCK_BYTES = 1024 * 1024
const DISK_CHECK_INTERVAL_MS = 1_000

/** The open file: its start, its clock, its progress. */
interface OpenFile {
  readonly file: RecordingFile
  readonly name: string
  /** Presentation time of its first picture. */
  readonly at: Ticks90k
  readonly beganAt: Ticks90k
  readonly origin: Ticks90k
  sequence: number
  /** Bytes written and in the block. */
  bytes: number
  /** Offset of its newest random access point, and its largest group. */
  groupStart: number
  maxGroupBytes: number
  time: Ticks90k
  /** Presentation time of its end: that of the next file's first picture. */
  endAt: Ticks90k | undefined
}

/** Chunks into files, each starting with a random access point. Throws errors of the disk. */
export class Recorder {
  readonly #parts: RecorderParts
  readonly #rotateBytes: number | undefined
  #openFile: OpenFile | undefined
  #block: Uint8Array[] = []
  #blockBytes = 0
  #diskCheckedAt = Number.NEGATIVE_INFINITY
  #isFileGone = false

  constructor(parts: RecorderParts) {
    this.#parts = parts
    const { rotateMb, quotaMb } = parts.spec
    this.#rotateBytes = maxFileBytes(bytesOf(rotateMb), bytesOf(quotaMb))
  }

  /** Runs until the program ends or the signal is aborted; the open file is completed. */
  async run(signal: AbortSignal): Promise<void> {
    const { input, clock } = this.#parts
    try {
      while (!signal.aborted && !input.ended) {
        await this.#recordQueued()
        await this.#checkDisk()
        await pause(clock, CHECK_INTERVAL_MS, signal)
      }
      input.finish()
      await this.#recordQueued()
    } finally {
      input.finish()
      await this.#finishFile()
    }
  }

  get current(): string | undefined {
    return this.#openFile?.name
  }

  async #recordQueued(): Promise<void> {
    const { input } = this.#parts
    for (let chunk = input.next(); chunk !== undefined; chunk = input.next()) {
      const { splitPoint } = chunk
      if (splitPoint !== undefined && this.#startsNewFile(splitPoint))
        await this.#startFile(chunk, splitPoint)
      if (this.#openFile !== undefined) await this.#addChunk(chunk, this.#openFile)
      if (this.#blockBytes >= BLOCK_BYTES) await this.#flush()
    }
    await this.#flush()
  }

  #startsNewFile({ begins, at }: SplitPoint): boolean {
    const open = this.#openFile
    if (open === undefined || begins === 'must' || this.#isFileGone) return true
    const { spec } = this.#parts
    open.maxGroupBytes = Math.max(open.maxGroupBytes, open.bytes - open.groupStart)
    open.groupStart = open.bytes
    const soFar = { ticks: at - open.at, bytes: open.bytes, groupBytes: open.maxGroupBytes }
    const limits = { seconds: spec.rotateSeconds, bytes: this.#rotateBytes }
    return rotationCause(soFar, limits) !== undefined
  }

  async #startFile(chunk: RecordingChunk, splitPoint: SplitPoint): Promise<void> {
    const { folder, spec, input, wallTime } = this.#parts
    if (this.#openFile !== undefined && splitPoint.follows === 'directly')
      this.#openFile.endAt = splitPoint.at
    await this.#flush()
    await this.#finishFile()
    // Room for the next file.
    await this.#keepWithinQuota(this.#rotateBytes ?? 0)
    const { file, name } = await folder.createRecording({
      startedAt: Math.round(wallTime() - input.lag),
      format: spec.format,
      onAir: spec.split === 'take' ? splitPoint.onAir : undefined,
    })
    this.#isFileGone = false
    this.#openFile = {
      ...{ file, name, at: splitPoint.at, beganAt: chunk.time, origin: chunk.origin },
      ...{
        sequence: 0,
        bytes: 0,
        groupStart: 0,
        maxGroupBytes: 0,
        time: chunk.time,
        endAt: undefined,
      },
    }
    if (splitPoint.initSegment !== undefined) this.#addBytes(splitPoint.initSegment, this.#openFile)
  }

  async #addChunk(chunk: RecordingChunk, open: OpenFile): Promise<void> {
    open.sequence++
    open.time = chunk.time
    const bytes = chunk.bytesFor(open)
    this.#addBytes(bytes instanceof Uint8Array ? bytes : await bytes, open)
  }

  #addBytes(bytes: Uint8Array, open: OpenFile): void {
    this.#block.push(bytes)
    this.#blockBytes += bytes.length
    open.bytes += bytes.length
  }

  async #flush(): Promise<void> {
    const open = this.#openFile
    const bytes = this.#blockBytes
    if (open === undefined || bytes === 0) return
    const block = this.#block
    this.#block = []
    this.#blockBytes = 0
    await open.file.append(block)
    this.#parts.onBytes(bytes)
    this.#updateSize(open)
    this.#parts.onWritten()
  }

  #updateSize({ name, file, time, beganAt, at, endAt }: OpenFile): void {
    const ticks = endAt === undefined ? time - beganAt : endAt - at
    const durationMs = Math.max(0, Math.round(ticks / TICKS_PER_MS))
    this.#parts.folder.updateSize(name, { bytes: file.bytes, durationMs })
  }

  async #finishFile(): Promise<void> {
    const open = this.#openFile
    if (open === undefined) return
    this.#openFile = undefined
    this.#block = []
    this.#blockBytes = 0
    this.#updateSize(open)
    await open.file.close()
    if (this.#isFileGone) this.#parts.folder.forget(open.name)
    else await this.#parts.folder.finishRecording(open.name)
  }

  async #keepWithinQuota(reserve: number): Promise<void> {
    const quota = bytesOf(this.#parts.spec.quotaMb)
    if (quota !== undefined) await this.#parts.folder.trimToQuota(quota - reserve)
  }

  async #checkDisk(): Promise<void> {
    const { clock, folder, spec, onFreeBytes } = this.#parts
    if (clock.now() - this.#diskCheckedAt < DISK_CHECK_INTERVAL_MS) return
    this.#diskCheckedAt = clock.now()
    await this.#keepWithinQuota(0)
    const free = await freeBytes(folder.path)
    const floor = spec.minFreeMb * MEGABYTE
    onFreeBytes(free)
    if (free < floor) {
      throw new DiskFullError(
        `${megabytesOf(free)} MB are free, less than the ${spec.minFreeMb} to be kept`,
      )
    }
    if (this.#openFile !== undefined && (await this.#openFile.file.isGone()))
      this.#isFileGone = true
  }
}

const bytesOf = (megabytes: number | undefined): number | undefined =>
  megabytes === undefined ? undefined : megabytes * MEGABYTE

export const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

export const megabytesOf = (bytes: number): number => Math.floor(bytes / MEGABYTE)
