/** The stream that fills a byte queue. */
export interface PausableStream {
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * Bytes between a child's stdout and its one reader. Bounded: above `limit` the stream is paused, so that the child gets
 * the back-pressure of a slow reader (which paces finite inputs); below half of it, resumed.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #maxBytes: number
  readonly #stream: PausableStream
  #chunks: Uint8Array[] = []
  #head = 0
  #bytes = 0
  #isPaused = false
  #hasEnded = false
  #wake: (() => void) | undefined

  constructor(maxBytes: number, stream: PausableStream) {
    this.#maxBytes = maxBytes
    this.#stream = stream
  }

  push(chunk: Uint8Array): void {
    if (this.#hasEnded) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    if (this.#bytes >= this.#maxBytes && !this.#isPaused) {
      this.#isPaused = true
      this.#stream.pause()
    }
    this.#wakeReader()
  }

  /** No more will come; what is queued can still be read. */
  end(): void {
    this.#hasEnded = true
    this.#wakeReader()
  }

  /** Drops queued and later bytes: the writer never blocks on a reader that left. */
  discard(): void {
    this.#chunks = []
    this.#head = 0
    this.#bytes = 0
    this.#hasEnded = true
    this.#resume()
    this.#wakeReader()
  }

  get queuedBytes(): number {
    return this.#bytes
  }

  /** For one reader. Leaving the loop early discards the rest. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#shift()
        if (chunk !== undefined) yield chunk
        else if (this.#hasEnded) return
        else await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      this.discard()
    }
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined) return undefined
    this.#head++
    this.#bytes -= chunk.byteLength
    if (this.#head === this.#chunks.length) {
      this.#chunks = []
      this.#head = 0
    }
    if (this.#bytes <= this.#maxBytes / 2) this.#resume()
    return chunk
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#stream.resume()
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
