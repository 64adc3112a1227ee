/** ICY metadata of SHOUTcast and Icecast: a block after each `metaint` bytes of audio. */

/** Bytes of audio between two blocks: about a second of 128 kbit/s. */
export const METAINT = 16_000
const BLOCK_UNIT = 16
const MAX_BLOCK_BYTES = 255 * BLOCK_UNIT
const NO_CHANGE = Uint8Array.of(0)

/** One block: its length in units of 16 bytes, and text padded with zeros. */
export const titleBlock = (title: string): Uint8Array => {
  const around = "StreamTitle='';".length
  const text = new TextEncoder().encode(
    `StreamTitle='${truncateTitle(title, MAX_BLOCK_BYTES - around)}';`,
  )
  const units = Math.ceil(text.length / BLOCK_UNIT)
  const block = new Uint8Array(1 + units * BLOCK_UNIT)
  block[0] = units
  block.set(text, 1)
  return block
}

/** "';" ends the title, and nothing in it can be escaped. */
const truncateTitle = (title: string, maxBytes: number): string => {
  const plain = [...title.replaceAll("';", '’;').replaceAll(/\p{Cc}/gu, ' ')]
  let bytes = 0
  const kept = plain.findIndex((character) => {
    bytes += new TextEncoder().encode(character).length
    return bytes > maxBytes
  })
  return (kept < 0 ? plain : plain.slice(0, kept)).join('')
}

/** Inserts the blocks into one listener's audio. A block is empty unless the title changed. */
export class IcyFraming {
  #bytesToBlock = METAINT
  #lastTitle: string | undefined

  /** The bytes with their blocks, in order; nothing is copied. */
  frame(bytes: Uint8Array, title: string): Uint8Array[] {
    const parts: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= this.#bytesToBlock) {
      parts.push(bytes.subarray(at, at + this.#bytesToBlock), this.#block(title))
      at += this.#bytesToBlock
      this.#bytesToBlock = METAINT
    }
    if (at < bytes.length) parts.push(bytes.subarray(at))
    this.#bytesToBlock -= bytes.length - at
    return parts
  }

  #block(title: string): Uint8Array {
    if (title === this.#lastTitle) return NO_CHANGE
    this.#lastTitle = title
    return titleBlock(title)
  }
}
