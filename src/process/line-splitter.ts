const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Memory bound for a line without an end; the rest of the line is cut. */
const MAX_LINE_BYTES = 4096

/**
 * Bytes in, lines out, whatever the chunks. CR, LF and CRLF end a line (progress displays use CR); empty lines are
 * left out; a line longer than `longest` bytes is cut there and marked with "…".
 */
export class LineSplitter {
  readonly #maxBytes: number
  readonly #onLine: (line: string) => void
  readonly #buffer: Buffer
  #length = 0
  #isTruncated = false

  constructor(onLine: (line: string) => void, maxBytes = MAX_LINE_BYTES) {
    this.#onLine = onLine
    this.#maxBytes = maxBytes
    this.#buffer = Buffer.alloc(maxBytes)
  }

  push(chunk: Uint8Array): void {
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue
      this.#append(chunk, from, at)
      this.#emit()
      from = at + 1
    }
    this.#append(chunk, from, chunk.length)
  }

  /** The last line may lack its end. */
  end(): void {
    this.#emit()
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    const room = this.#maxBytes - this.#length
    const take = Math.min(room, to - from)
    if (take < to - from) this.#isTruncated = true
    if (take <= 0) return
    this.#buffer.set(chunk.subarray(from, from + take), this.#length)
    this.#length += take
  }

  #emit(): void {
    if (this.#length === 0) return
    const line = this.#buffer.toString('utf8', 0, this.#length)
    this.#length = 0
    const marked = this.#isTruncated ? `${line}…` : line
    this.#isTruncated = false
    this.#onLine(marked)
  }
}
