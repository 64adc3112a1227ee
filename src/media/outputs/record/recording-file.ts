import { open, type FileHandle } from 'node:fs/promises'

/** A file being recorded: blocks of whole units at its end, each written whole or taken back. */
export class RecordingFile {
  readonly path: string
  readonly #handle: FileHandle
  #bytes = 0

  private constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  /** Refuses a file that is there already. */
  static async create(path: string): Promise<RecordingFile> {
    return new RecordingFile(path, await open(path, 'wx', 0o644))
  }

  /** Safe to be read up to here. */
  get bytes(): number {
    return this.#bytes
  }

  /** A full disk takes a part of a block: that part is removed, so that the file ends where it was whole. */
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

  /** Somebody deleted it: what is written now would be lost. */
  async isGone(): Promise<boolean> {
    return (await this.#handle.stat()).nlink === 0
  }

  /** On the disk, also after a loss of power; a disk that cannot say so keeps what it has. */
  async close(): Promise<void> {
    await this.#handle.datasync().catch(() => {})
    await this.#handle.close()
  }
}
