import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'

/** Below it, compressing costs less than handing it to another thread. */
const SYNC_BYTES = 16 * 1024
const LEVEL = { level: 5 }
const gzipLater = promisify(gzip)

/** A text as it goes out: made and compressed once, however many clients ask for it. */
export class RenderedText {
  readonly plain: Buffer
  readonly #name: string
  #zipped: Buffer | Promise<Buffer> | undefined

  /** `name`: differs whenever the text does. */
  constructor(text: string, name: string) {
    this.plain = Buffer.from(text)
    this.#name = name
  }

  get etag(): string {
    return `"${this.#name}"`
  }

  /** Strong tags name bytes: compressed ones have another (RFC 9110, 8.8.1). */
  get zippedEtag(): string {
    return `"${this.#name}-gz"`
  }

  zipped(): Buffer | Promise<Buffer> {
    return (this.#zipped ??= this.#zip())
  }

  #zip(): Buffer | Promise<Buffer> {
    if (this.plain.length <= SYNC_BYTES) return gzipSync(this.plain, LEVEL)
    return gzipLater(this.plain, LEVEL).then((bytes) => (this.#zipped = bytes))
  }
}

/** The last rendering of each of a few texts. */
export class PlaylistCache {
  readonly #texts = new Map<string, { readonly version: number; readonly text: RenderedText }>()
  readonly #run: string

  /** `run`: differs from one start of the program to the next, so that tags do. */
  constructor(run: string) {
    this.#run = run
  }

  textOf(key: string, version: number, render: () => string): RenderedText {
    const known = this.#texts.get(key)
    if (known?.version === version) return known.text
    const text = new RenderedText(render(), `${this.#run}-${key}-${version}`)
    this.#texts.set(key, { version, text })
    return text
  }
}
