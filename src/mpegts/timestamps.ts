/** 33-bit time stamps: ISO/IEC 13818-1, 2.4.3.7 (PTS, DTS) and 2.4.2.2 (PCR). */
import type { Ticks90k } from '../contract/time.ts'

export const WRAP_33 = 2 ** 33
export const PCR_STEPS = 300
const HALF = 2 ** 32
const HIGH_BITS = 2 ** 30

/**
 * Continues 33-bit times past their wrap. One unwrapper serves a whole program, so that all of its tracks agree: each
 * value becomes the one nearest to the last value seen on any of them. A jump of less than 13 hours stays visible.
 * Results can be negative where a stream begins just after a wrap on one track and just before it on another.
 */
export class Unwrapper {
  #last: number | undefined

  /** True once a first value has set the scale. */
  get isStarted(): boolean {
    return this.#last !== undefined
  }

  unwrap(raw: number): Ticks90k {
    const last = this.#last
    if (last === undefined) {
      this.#last = raw
      return raw as Ticks90k
    }
    let step = (raw - last) % WRAP_33
    if (step > HALF) step -= WRAP_33
    else if (step <= -HALF) step += WRAP_33
    this.#last = last + step
    return this.#last as Ticks90k
  }
}

/** The 33 bits that go on the wire; fractions are rounded to the nearest tick. */
export const wrap33 = (t: number): number => {
  const rest = Math.round(t) % WRAP_33
  return rest < 0 ? rest + WRAP_33 : rest
}

/** 2.4.3.7: five bytes with marker bits. Markers are not checked: a wrong one does not invalidate the other bits. */
export const readTimestamp = (b: Uint8Array, at: number): number =>
  ((b[at]! >> 1) & 0x07) * HIGH_BITS +
  ((b[at + 1]! << 22) | ((b[at + 2]! >> 1) << 15) | (b[at + 3]! << 7) | (b[at + 4]! >> 1))

/** `prefix`: the four bits in front ('0010' PTS alone, '0011' PTS before a DTS, '0001' DTS). `time33` within 0 … 2^33 - 1. */
export const writeTimestamp = (
  b: Uint8Array,
  at: number,
  stamp: { readonly prefix: number; readonly time33: number },
): void => {
  const high = Math.floor(stamp.time33 / HIGH_BITS)
  const low = stamp.time33 - high * HIGH_BITS
  b[at] = (stamp.prefix << 4) | (high << 1) | 1
  b[at + 1] = low >> 22
  b[at + 2] = ((low >> 14) & 0xfe) | 1
  b[at + 3] = low >> 7
  b[at + 4] = (low << 1) | 1
}
