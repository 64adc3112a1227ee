/** Builds headers bit by bit for byte-level tests: plain bits, Exp-Golomb codes and flags. */
export class BitWriter {
  #bits = ''

  bits(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(count, '0')
    return this
  }

  ue(...values: readonly number[]): this {
    for (const value of values) {
      const code = (value + 1).toString(2)
      this.#bits += '0'.repeat(code.length - 1) + code
    }
    return this
  }

  /** With the stop bit of rbsp_trailing_bits, padded to whole bytes. */
  bytes(): number[] {
    const text = `${this.#bits}1`
    const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0')
    return (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  }
}

/** NAL unit behind a four-byte start code, emulation prevention inserted. */
export function nal(header: readonly number[], payload: readonly number[]): number[] {
  const escaped: number[] = []
  let zeros = 0
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      escaped.push(3)
      zeros = 0
    }
    escaped.push(byte)
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return [0, 0, 0, 1, ...header, ...escaped]
}
