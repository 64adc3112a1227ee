import { mkdir, open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { ByteCache } from './byte-cache.ts'
import { writeWhole } from './journal.ts'
import type { RenditionName } from './segment-model.ts'

export interface RenditionFilesOptions {
  readonly name: RenditionName
  /** Folder of the store; undefined: memory only. */
  readonly folder: string | undefined
  /** Shared by all renditions. */
  readonly recent: ByteCache
}

/** A file that is no longer listed, for players with an older playlist. */
interface PastFile {
  readonly file: string
  readonly bytes: number
  /** Milliseconds of the clock. */
  readonly until: number
}

interface InitFile {
  readonly bytes: Uint8Array
  isSaved: boolean
}

/** The bytes of one rendition: on disk, in memory, or both. */
export class RenditionFiles {
  readonly #options: RenditionFilesOptions
  readonly #folder: string | undefined
  /** Sizes of listed and past files by name. */
  readonly #sizes = new Map<string, number>()
  /** Bytes that are only in memory. */
  readonly #unsaved = new Map<string, Uint8Array>()
  readonly #inits = new Map<string, InitFile>()
  readonly #pendingReads = new Map<string, Promise<Uint8Array>>()
  readonly #past: PastFile[] = []
  #bytes = 0
  #unsavedBytes = 0
  #hasFolder = false
  #removals: Promise<unknown> = Promise.resolve()
  #open: { readonly file: string; readonly handle: FileHandle } | undefined

  constructor(options: RenditionFilesOptions) {
    this.#options = options
    this.#folder = options.folder === undefined ? undefined : join(options.folder, options.name)
  }

  get bytes(): number {
    return this.#bytes
  }

  get unsavedBytes(): number {
    return this.#unsavedBytes
  }

  /** Time until which the oldest past file is kept; Infinity when there is none. */
  get oldestPast(): number {
    return this.#past[0]?.until ?? Infinity
  }

  // ── files ──

  /** Adds a file that is on disk. */
  addRestored(file: string, bytes: number): void {
    this.#count(file, bytes)
    this.#hasFolder = true
  }

  addRestoredInit(file: string, bytes: Uint8Array): void {
    this.#inits.set(file, { bytes, isSaved: true })
    this.addRestored(file, bytes.length)
  }

  /** Adds a published segment. */
  addPublished(file: string, bytes: Uint8Array, stored: boolean): void {
    this.#count(file, bytes.length)
    if (stored) {
      this.#options.recent.put(this.#key(file), bytes)
    } else {
      this.#unsaved.set(file, bytes)
      this.#unsavedBytes += bytes.length
    }
  }

  addInit(file: string, bytes: Uint8Array): void {
    this.#inits.set(file, { bytes, isSaved: false })
    this.#count(file, bytes.length)
  }

  /** Bytes of a listed or past segment or initialisation segment. Rejects when the file has vanished. */
  bytesOf(file: string): Promise<Uint8Array> | Uint8Array | undefined {
    const init = this.#inits.get(file)
    if (init !== undefined) return init.bytes
    if (!this.#sizes.has(file)) return undefined
    return this.#unsaved.get(file) ?? this.#options.recent.get(this.#key(file)) ?? this.#read(file)
  }

  // ── writing ──

  /** Writes a whole segment: its name appears only with all of its bytes. */
  async writeSegment(file: string, bytes: Uint8Array, init: string | undefined): Promise<void> {
    await this.#saveInit(init)
    await this.#writeFile(file, bytes)
  }

  /** Appends a part to the segment in progress. */
  async appendPart(file: string, bytes: Uint8Array, init: string | undefined): Promise<void> {
    if (this.#open?.file !== file) {
      await this.closeOpen()
      await this.#saveInit(init)
      this.#open = { file, handle: await open(await this.#path(file), 'w', 0o644) }
    }
    await writeWhole(this.#open.handle, bytes)
  }

  async closeOpen(): Promise<void> {
    const { handle } = this.#open ?? {}
    this.#open = undefined
    await handle?.close()
  }

  hasUnsaved(): boolean {
    return this.#unsaved.size > 0 || [...this.#inits.values()].some(({ isSaved }) => !isSaved)
  }

  /** Writes what is only in memory. Throws when the disk fails. */
  async save(): Promise<void> {
    for (const file of [...this.#inits.keys()]) await this.#saveInit(file)
    for (const [file, bytes] of [...this.#unsaved]) {
      await this.#writeFile(file, bytes)
      // It may have been removed meanwhile.
      if (!this.#unsaved.delete(file)) await rm(await this.#path(file), { force: true })
      else {
        this.#unsavedBytes -= bytes.length
        this.#options.recent.put(this.#key(file), bytes)
      }
    }
  }

  // ── leaving ──

  /** Marks a file as past, kept until `until`. */
  retire(file: string, until: number): void {
    const bytes = this.#sizes.get(file)
    if (bytes !== undefined) this.#past.push({ file, bytes, until })
  }

  /** Removes past files whose time has come. */
  sweep(now: number): void {
    while (this.#past.length > 0 && this.#past[0]!.until <= now) this.dropOldestPast()
  }

  /** Returns false when there is no past file. */
  dropOldestPast(): boolean {
    const oldest = this.#past.shift()
    if (oldest === undefined) return false
    this.#forget(oldest.file)
    return true
  }

  /** Resolves when the removals under way are done. */
  async settled(): Promise<void> {
    await this.#removals
  }

  #forget(file: string): void {
    const bytes = this.#sizes.get(file) ?? 0
    this.#sizes.delete(file)
    this.#bytes -= bytes
    this.#options.recent.delete(this.#key(file))
    this.#inits.delete(file)
    if (this.#unsaved.delete(file)) this.#unsavedBytes -= bytes
    else if (this.#folder !== undefined) this.#remove(join(this.#folder, file))
  }

  #remove(path: string): void {
    // A file that cannot be removed now is swept at the next start.
    this.#removals = this.#removals.then(() => rm(path, { force: true }).catch(() => {}))
  }

  #count(file: string, bytes: number): void {
    this.#bytes += bytes - (this.#sizes.get(file) ?? 0)
    this.#sizes.set(file, bytes)
  }

  #key(file: string): string {
    return `${this.#options.name}/${file}`
  }

  #read(file: string): Promise<Uint8Array> {
    const underWay = this.#pendingReads.get(file)
    if (underWay !== undefined) return underWay
    const read = readFile(join(this.#folder ?? '', file))
      .then((bytes) => {
        if (this.#sizes.has(file)) this.#options.recent.put(this.#key(file), bytes)
        return bytes
      })
      .finally(() => this.#pendingReads.delete(file))
    this.#pendingReads.set(file, read)
    return read
  }

  async #saveInit(file: string | undefined): Promise<void> {
    const init = file === undefined ? undefined : this.#inits.get(file)
    if (file === undefined || init === undefined || init.isSaved) return
    await this.#writeFile(file, init.bytes)
    init.isSaved = true
  }

  async #writeFile(file: string, bytes: Uint8Array): Promise<void> {
    const path = await this.#path(file)
    const part = `${path}.part`
    try {
      await writeFile(part, bytes, { mode: 0o644 })
      await rename(part, path)
    } catch (error) {
      this.#remove(part)
      // The folder may have been removed.
      this.#hasFolder = false
      throw error
    }
  }

  async #path(file: string): Promise<string> {
    const folder = this.#folder ?? ''
    if (!this.#hasFolder) await mkdir(folder, { recursive: true })
    this.#hasFolder = true
    return join(folder, file)
  }
}
