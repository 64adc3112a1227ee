import { appendFile, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../../lib/error-code.ts'
import { lockFolder, type FolderLock } from '../../../process/folder-lock.ts'
import { makeFolder } from '../../../process/make-folder.ts'
import type { SourceLabel } from './recording-chunk.ts'
import { RecordingFile } from './recording-file.ts'
import { indexLine, parseIndex, type IndexEntry } from './recording-index.ts'
import {
  parseRecordingName,
  recordingName,
  type RecordingFormat,
  type RecordingName,
} from './recording-name.ts'
import { recordingsOverQuota } from './rotation.ts'
import { wholePartOf } from './repair.ts'

const INDEX = 'recordings.jsonl'
/** Names sort by time: this much disorder is jitter of the measured lag, more is a wall clock that was set. */
const MAX_OUT_OF_ORDER_MS = 10_000

export interface Recording extends Pick<RecordingName, 'name' | 'startedAt' | 'number' | 'format'> {
  readonly bytes: number
  readonly durationMs: number
  readonly state: 'recording' | 'finished'
  readonly label?: string
  readonly source?: string
}

/** The recordings of one folder: existing, open and deleted ones. Files of other programs are never touched. */
export class RecordingFolder {
  readonly path: string
  readonly #recordings = new Map<string, Recording>()
  #number = 0
  #startedAt = 0
  #lock: FolderLock | undefined

  constructor(path: string) {
    this.path = path
  }

  /** Newest first. */
  get recordings(): readonly Recording[] {
    return [...this.#recordings.values()].toSorted((a, b) => b.number - a.number)
  }

  get count(): number {
    return this.#recordings.size
  }

  get bytes(): number {
    return [...this.#recordings.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  find(name: string): Recording | undefined {
    return this.#recordings.get(name)
  }

  /** Makes the folder, repairs files of an earlier run, and lists the rest. Idempotent. */
  async open(): Promise<void> {
    await makeFolder(this.path)
    if (this.#lock !== undefined) return
    // Two recorders that trim, delete and count in one folder would destroy each other's recordings.
    const lock = await lockFolder({
      folder: this.path,
      file: 'recordings.lock',
      purpose: 'recordings',
      advice: 'give each record: output its own',
    })
    try {
      await this.#readAll()
    } catch (error) {
      // The next attempt opens the whole folder again.
      await lock.release()
      throw error
    }
    this.#lock = lock
  }

  async #readAll(): Promise<void> {
    this.#recordings.clear()
    const index = parseIndex(await readFile(join(this.path, INDEX), 'utf8').catch(() => ''))
    for (const name of await readdir(this.path)) {
      const own = parseRecordingName(name)
      if (own === undefined) continue
      this.#number = Math.max(this.#number, own.number)
      const found = await this.#repair(own, index.get(name))
      if (found !== undefined) this.#recordings.set(name, found)
    }
    await this.#rewriteIndex()
  }

  async close(): Promise<void> {
    await this.#lock?.release()
    this.#lock = undefined
  }

  async createRecording(of: {
    readonly startedAt: number
    readonly format: RecordingFormat
    readonly onAir: SourceLabel | undefined
  }): Promise<{ readonly file: RecordingFile; readonly name: string }> {
    const { format, onAir } = of
    const isOff =
      of.startedAt < this.#startedAt && of.startedAt > this.#startedAt - MAX_OUT_OF_ORDER_MS
    const startedAt = isOff ? this.#startedAt : of.startedAt
    await makeFolder(this.path)
    const number = this.#number + 1
    const name = recordingName({ startedAt, number, format, label: onAir?.label ?? '' })
    const file = await RecordingFile.create(join(this.path, name))
    this.#number = number
    this.#startedAt = startedAt
    const sourceFields = onAir === undefined ? {} : { label: onAir.label, source: onAir.source }
    const state = 'recording'
    this.#recordings.set(name, {
      ...{ name, startedAt, number, format, bytes: 0, durationMs: 0, state },
      ...sourceFields,
    })
    await this.#appendToIndex({ name, ...sourceFields })
    return { file, name }
  }

  updateSize(name: string, now: { readonly bytes: number; readonly durationMs: number }): void {
    const recording = this.#recordings.get(name)
    if (recording !== undefined) this.#recordings.set(name, { ...recording, ...now })
  }

  /** A file in which nothing was recorded is removed. */
  async finishRecording(name: string): Promise<void> {
    const recording = this.#recordings.get(name)
    if (recording === undefined) return
    if (recording.bytes === 0) return this.remove(name)
    this.#recordings.set(name, { ...recording, state: 'finished' })
    await this.#appendToIndex(entryOf({ ...recording, state: 'finished' }))
  }

  /** Deletes the oldest until the rest fits the quota; returns the number of deleted files. */
  async trimToQuota(quotaBytes: number): Promise<number> {
    const gone = recordingsOverQuota([...this.#recordings.values()], quotaBytes)
    for (const name of gone) await this.remove(name)
    return gone.length
  }

  /** Removes a deleted file from the list. */
  forget(name: string): void {
    this.#recordings.delete(name)
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true })
    this.#recordings.delete(name)
  }

  /**
   * Trims an unfinished file to its complete part; undefined when there is none. A file that another program put in its
   * place (rewritten, or unreadable for us) is neither trimmed nor deleted, and is no error.
   */
  async #repair(own: RecordingName, entry: IndexEntry | undefined): Promise<Recording | undefined> {
    const { name, startedAt, number, format } = own
    const path = join(this.path, name)
    const file = await open(path, 'r+').catch(ignoreForeign)
    if (file === undefined) return undefined
    try {
      const { size } = await file.stat()
      const ended = entry?.finished === undefined && entry !== undefined ? 'torn' : 'clean'
      const isKnown = entry?.finished?.bytes === size
      const whole = isKnown ? entry.finished : await wholePartOf(file, { format, ended })
      if (whole.bytes === 0 && (ended === 'torn' || size === 0)) {
        await rm(path, { force: true })
        return undefined
      }
      if (whole.bytes < size && ended === 'torn') await file.truncate(whole.bytes)
      return {
        ...{ name, startedAt, number, format, state: 'finished', durationMs: whole.durationMs },
        bytes: ended === 'torn' ? whole.bytes : size,
        ...(entry?.label !== undefined && { label: entry.label }),
        ...(entry?.source !== undefined && { source: entry.source }),
      }
    } finally {
      await file.close()
    }
  }

  /** The index is optional: a disk too full for it loses no recording. */
  async #appendToIndex(entry: IndexEntry): Promise<void> {
    await appendFile(join(this.path, INDEX), indexLine(entry)).catch(ignoreFullDisk)
  }

  async #rewriteIndex(): Promise<void> {
    const path = join(this.path, INDEX)
    const lines = this.recordings.toReversed().map((recording) => indexLine(entryOf(recording)))
    try {
      await writeFile(`${path}.new`, lines.join(''))
      await rename(`${path}.new`, path)
    } catch (error) {
      await rm(`${path}.new`, { force: true })
      ignoreFullDisk(error)
    }
  }
}

const entryOf = ({ name, label, source, bytes, durationMs, state }: Recording): IndexEntry => ({
  name,
  ...(label !== undefined && { label }),
  ...(source !== undefined && { source }),
  ...(state === 'finished' && { finished: { bytes, durationMs } }),
})

export const isDiskFull = (error: unknown): boolean =>
  errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT'

const FOREIGN: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EISDIR', 'ENOENT'])

const ignoreForeign = (error: unknown): undefined => {
  if (!FOREIGN.has(errorCode(error))) throw error
}

const ignoreFullDisk = (error: unknown): void => {
  if (!isDiskFull(error)) throw error
}
