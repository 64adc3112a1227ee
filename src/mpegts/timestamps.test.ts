import { describe, expect, it } from 'vitest'
import { pcrAt, writePcr } from './packet.ts'
import { Unwrapper, WRAP_33, readTimestamp, wrap33, writeTimestamp } from './timestamps.ts'

describe('timestamps', () => {
  it.each([0, 1, 90_000, 2 ** 30 - 1, 2 ** 30, 2 ** 32, WRAP_33 - 1])(
    'reads the time %i that it wrote',
    (time33) => {
      const b = new Uint8Array(5)
      writeTimestamp(b, 0, { prefix: 3, time33 })
      expect(readTimestamp(b, 0)).toBe(time33)
      expect([b[0]! & 1, b[2]! & 1, b[4]! & 1]).toEqual([1, 1, 1])
    },
  )

  it.each([0, 299, 300, 2 ** 33, WRAP_33 * 300 - 1])('reads the PCR %i that it wrote', (pcr27) => {
    const b = new Uint8Array(188)
    b.set([0x47, 0, 0, 0x20, 183, 0x10])
    writePcr(b, 6, pcr27)
    expect(pcrAt(b, 0)).toBe(pcr27)
  })

  it('continues past the wrap, also when tracks cross it one after the other', () => {
    const clock = new Unwrapper()
    const raw = [WRAP_33 - 3600, 100, WRAP_33 - 1800, 3600, 1800]
    const times = raw.map((value) => clock.unwrap(value))
    expect(times).toEqual([
      WRAP_33 - 3600,
      WRAP_33 + 100,
      WRAP_33 - 1800,
      WRAP_33 + 3600,
      WRAP_33 + 1800,
    ])
    expect(times.map(wrap33)).toEqual(raw)
  })

  it('runs through many wraps without losing a tick', () => {
    const clock = new Unwrapper()
    const step = 2 ** 31 + 12_345
    for (let k = 0; k < 1000; k++) expect(clock.unwrap(wrap33(k * step))).toBe(k * step)
  })

  it('leaves a jump visible', () => {
    const clock = new Unwrapper()
    clock.unwrap(900_000_000)
    expect(clock.unwrap(0)).toBe(0)
    expect(wrap33(-1)).toBe(WRAP_33 - 1)
  })
})
