import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { insertAt, leadingPrefix, nextPrefix, trimZeros, unitStart } from './annex-b.ts'
import { BitReader } from './bit-reader.ts'

const sparse = fc
  .array(fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 255), { maxLength: 400 })
  .map((bytes) => Uint8Array.from(bytes))

describe('start codes', () => {
  it('are found exactly where a plain search finds them, near and far', () => {
    fc.assert(
      fc.property(sparse, fc.nat(300), (bytes, gap) => {
        const spread = new Uint8Array(bytes.length + gap).fill(7)
        spread.set(bytes, gap)
        const expected: number[] = []
        for (let i = 0; i + 2 < spread.length; i++) {
          if (spread[i] === 0 && spread[i + 1] === 0 && spread[i + 2] === 1) expected.push(i)
        }
        const found: number[] = []
        for (let at = nextPrefix(spread, 0); at >= 0; at = nextPrefix(spread, at + 1))
          found.push(at)
        expect(found).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('count their zero_byte to the unit behind it', () => {
    const bytes = Uint8Array.of(0, 0, 0, 1, 9, 5, 0, 0, 0, 1, 1)
    expect(unitStart(bytes, nextPrefix(bytes, 0))).toBe(0)
    expect(unitStart(bytes, nextPrefix(bytes, 3))).toBe(6)
    expect(trimZeros(bytes, 4, 7)).toBe(6)
  })

  it.each([
    { bytes: [0, 0, 1, 9], at: 0 },
    { bytes: [0, 0, 0, 0, 1, 9], at: 2 },
    { bytes: [5, 0, 0, 1, 9], at: -1 },
    { bytes: [0, 1, 9], at: -1 },
    { bytes: [0, 0, 0], at: -1 },
    { bytes: [], at: -1 },
  ])('lead $bytes at $at', ({ bytes, at }) => {
    expect(leadingPrefix(Uint8Array.from(bytes))).toBe(at)
  })

  it('allow bytes to be inserted between units', () => {
    const joined = insertAt(Uint8Array.of(1, 2, 3), 1, Uint8Array.of(8, 9))
    expect([...joined]).toEqual([1, 8, 9, 2, 3])
  })
})

describe('a bit reader', () => {
  const value = fc.nat(0xffff)

  it('reads back what was written, emulation prevention removed', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), (values) => {
        const writer = new BitWriter()
        for (const v of values)
          writer
            .bits(v, 16)
            .ue(v & 0xff)
            .bits(0, 17)
        const bytes = Uint8Array.from(nal([0x67], writer.bytes()))
        const r = new BitReader(bytes, 5, bytes.length)
        for (const v of values) expect([r.bits(16), r.ue(), r.bits(17)]).toEqual([v, v & 0xff, 0])
        expect(r.exhausted).toBe(false)
      }),
    )
  })

  it('keeps 00 00 03 of plain bytes', () => {
    const bytes = Uint8Array.of(0, 0, 3, 1)
    expect(new BitReader(bytes, 0, 4, 'plain').bits(32)).toBe(0x0301)
    expect(new BitReader(bytes, 0, 4).bits(24)).toBe(1)
  })

  it('reads 32 bits without a sign', () => {
    expect(new BitReader(Uint8Array.of(255, 255, 255, 255), 0, 4).bits(32)).toBe(0xffffffff)
  })

  it.each([
    { code: 1, value: 1 },
    { code: 2, value: -1 },
    { code: 3, value: 2 },
    { code: 0, value: 0 },
  ])('reads the signed code $code as $value', ({ code, value: signed }) => {
    const bytes = Uint8Array.from(new BitWriter().ue(code).bytes())
    expect(new BitReader(bytes, 0, bytes.length).se()).toBeCloseTo(signed)
  })

  it('yields zeros past the end and sets exhausted', () => {
    const r = new BitReader(Uint8Array.of(0xff), 0, 1)
    expect([r.bits(8), r.exhausted, r.bits(8), r.exhausted]).toEqual([255, false, 0, true])
    r.skip(1e15)
    expect(r.ue()).toBe(0)
  })
})
