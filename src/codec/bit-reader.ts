const EMULATION_PREVENTION = 0x03
/** Exp-Golomb codes of the video standards have at most 32 leading zeros. */
const MAX_LEADING_ZEROS = 32

/**
 * Reads bits, most significant first. In a NAL unit it leaves out emulation prevention bytes on the way
 * (ITU-T H.264 7.3.1, H.265 7.3.1.1; Exp-Golomb: H.264 9.1). Reading past the end yields zeros
 * and sets `exhausted`, so that a parser checks once at its end.
 */
export class BitReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #inNal: boolean
  #at: number
  #zeros = 0
  #current = 0
  #left = 0
  exhausted = false

  constructor(bytes: Uint8Array, start: number, end: number, content: 'nal' | 'plain' = 'nal') {
    this.#bytes = bytes
    this.#at = start
    this.#inNal = content === 'nal'
    this.#end = Math.min(end, bytes.length)
  }

  #load(): void {
    if (this.#inNal && this.#zeros >= 2 && this.#bytes[this.#at] === EMULATION_PREVENTION) {
      this.#at++
      this.#zeros = 0
    }
    if (this.#at >= this.#end) {
      this.exhausted = true
      this.#current = 0
    } else {
      this.#current = this.#bytes[this.#at++]!
      this.#zeros = this.#current === 0 ? this.#zeros + 1 : 0
    }
    this.#left = 8
  }

  /** u(n), n ≤ 32. */
  bits(count: number): number {
    let value = 0
    let wanted = count
    while (wanted > 0) {
      if (this.#left === 0) this.#load()
      const taken = Math.min(wanted, this.#left)
      this.#left -= taken
      value = value * 2 ** taken + ((this.#current >> this.#left) & ((1 << taken) - 1))
      wanted -= taken
    }
    return value
  }

  /** u(1) as a truth value. */
  flag(): boolean {
    return this.bits(1) === 1
  }

  /** Stops early at the end of the bytes, so that a corrupt length costs nothing. */
  skip(count: number): void {
    for (let left = count; left > 0 && !this.exhausted; left -= 32) this.bits(Math.min(left, 32))
  }

  /** ue(v). */
  ue(): number {
    let zeros = 0
    while (zeros < MAX_LEADING_ZEROS && !this.exhausted && this.bits(1) === 0) zeros++
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** se(v). */
  se(): number {
    const code = this.ue()
    return code % 2 === 0 ? -(code / 2) : (code + 1) / 2
  }

  /** True while bits of the unit's own bytes are left; trailing bits count. */
  get more(): boolean {
    return !this.exhausted && this.#at < this.#end
  }
}
