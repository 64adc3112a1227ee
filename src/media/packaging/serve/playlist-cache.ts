import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'

/** Size up to which compressing here costs less than on another thread. */
const SYNC_BYTES = 16 * 1024
const LEVEL = { level: 5 }
const gzipLater = promisify(gzip)

/** A text as it is sent: rendered and compressed once for all clients. */
export class RenderedText {
  readonly plain: Buffer
  readonly #name: string
  #zipped: Buffer | Promise<Buffer> | undefined

  /** `name`: changes with the text. */
  constructor(text: string, name: string) {
    this.plain = Buffer.from(text)
    this.#name = name
  }

  get etag(): string {
    return `"${this.#name}"`
  }

  /** Strong ETags name bytes: compressed ones have another (RFC 9110, 8.8.1). */
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

/** Last rendering of each of a few texts. */
export class PlaylistCache {
  readonly #texts = new Map<string, { readonly version: number; readonly text: RenderedText }>()
  readonly #run: string

  /** `run`: changes with every start of the program, so that ETags do. */
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
