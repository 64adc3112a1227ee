import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import type { JournalEntry } from './journal-entries.ts'
import { lineOf } from './journal-entries.ts'

interface PendingWrite {
  readonly text: string
  readonly written: () => void
  readonly failed: (error: unknown) => void
}

/** Lines formatted in one turn of the event loop. */
const MAX_LINES_PER_WRITE = 500

/**
 * Append-only JSON lines. Entries that come during a write are written together after it, so that the number of writes
 * does not grow with the number of renditions. Not synced: it survives the process however that ends, and mostly the
 * machine.
 */
export class Journal {
  readonly #path: string
  #file: FileHandle | undefined
  #waiting: PendingWrite[] = []
  #rewrite: Rewrite | undefined
  #busy: Promise<void> | undefined
  #lines = 0
  /** True if the last write failed: it may have left half a line. */
  #isTorn = false

  constructor(path: string) {
    this.#path = path
  }

  /** Lines since the last rewrite. */
  get lines(): number {
    return this.#lines
  }

  /** `written` is called when the entries are in the file, before any other operation on it. */
  append(
    entries: readonly JournalEntry[],
    written: () => void,
    failed: (error: unknown) => void,
  ): void {
    this.#waiting.push({ text: entries.map(lineOf).join(''), written, failed })
    this.#lines += entries.length
    this.#start()
  }

  /**
   * Replaces the file by the entries of `snapshot`, which is called when no write is under way: it reflects what was
   * appended before, and later entries follow it. On failure the old file stays in use.
   */
  rewrite(snapshot: () => Iterable<JournalEntry>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#rewrite?.reject(new Error('replaced by another snapshot'))
      this.#rewrite = { snapshot, resolve, reject }
      this.#start()
    })
  }

  async close(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy
    await this.#file?.close().catch(() => {})
    this.#file = undefined
  }

  #start(): void {
    this.#busy ??= this.#run().finally(() => {
      this.#busy = undefined
      if (this.#waiting.length > 0 || this.#rewrite !== undefined) this.#start()
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#rewrite !== undefined) {
      const rewrite = this.#rewrite
      this.#rewrite = undefined
      if (rewrite === undefined) await this.#write()
      else await this.#replace(rewrite)
    }
  }

  async #write(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      this.#file ??= await open(this.#path, 'a', 0o644)
      const text = batch.map((each) => each.text).join('')
      await writeWhole(this.#file, this.#isTorn ? `\n${text}` : text)
      this.#isTorn = false
    } catch (error) {
      this.#isTorn = true
      for (const { failed } of batch) failed(error)
      return
    }
    for (const { written } of batch) written()
  }

  async #replace({ snapshot, resolve, reject }: Rewrite): Promise<void> {
    const part = `${this.#path}.part`
    let file: FileHandle | undefined
    try {
      // The snapshot is taken before any wait: see `rewrite`.
      const entries = snapshot()
      const lines = this.#lines
      file = await open(part, 'w', 0o644)
      await writeEntries(file, entries)
      await file.datasync()
      await rename(part, this.#path)
      await this.#file?.close().catch(() => {})
      this.#file = file
      this.#lines -= lines
      this.#isTorn = false
    } catch (error) {
      await file?.close().catch(() => {})
      await rm(part, { force: true }).catch(() => {})
      reject(error)
      return
    }
    resolve()
  }
}

interface Rewrite {
  readonly snapshot: () => Iterable<JournalEntry>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

async function writeEntries(file: FileHandle, entries: Iterable<JournalEntry>): Promise<void> {
  let lines: string[] = []
  for (const entry of entries) {
    lines.push(lineOf(entry))
    if (lines.length < MAX_LINES_PER_WRITE) continue
    await writeWhole(file, lines.join(''))
    lines = []
  }
  await writeWhole(file, lines.join(''))
}

/** Writes in a loop: a full disk accepts a part and fails at the next write. */
export const writeWhole = async (file: FileHandle, content: string | Uint8Array): Promise<void> => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
    if (bytesWritten === 0) throw new Error('the disk accepted no bytes')
    written += bytesWritten
  }
}
