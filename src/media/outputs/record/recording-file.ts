import { open, type FileHandle } from 'node:fs/promises'

/** A file being recorded: blocks of whole units are appended, each written whole or removed. */
export class RecordingFile {
  readonly path: string
  readonly #handle: FileHandle
  #bytes = 0

  private constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  /** Fails for an existing file. */
  static async create(path: string): Promise<RecordingFile> {
    return new RecordingFile(path, await open(path, 'wx', 0o644))
  }

  /** Complete up to here. */
  get bytes(): number {
    return this.#bytes
  }

  /** A full disk writes a part of a block: that part is removed, so that the file ends at its last complete block. */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    const block = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    let written = 0
    try {
      while (written < block.length) {
        const left = block.length - written
        const { bytesWritten } = await this.#handle.write(
          block,
          written,
          left,
          this.#bytes + written,
        )
        written += bytesWritten
      }
    } catch (error) {
      await this.#handle.truncate(this.#bytes).catch(() => {})
      throw error
    }
    this.#bytes += block.length
  }

  /** The file was deleted: what is written now would be lost. */
  async isGone(): Promise<boolean> {
    return (await this.#handle.stat()).nlink === 0
  }

  /** Synced to the disk; errors of disks without sync are ignored. */
  async close(): Promise<void> {
    await this.#handle.datasync().catch(() => {})
    await this.#handle.close()
  }
}
