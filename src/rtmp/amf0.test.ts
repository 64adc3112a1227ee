import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeAmf } from './amf0-reader.ts'
import { AmfDate, AmfEcmaArray, encodeAmf, textIn, type AmfValue } from './amf0.ts'

const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.double(),
    fc.boolean(),
    fc.string({ unit: 'grapheme' }),
    fc.constant(null),
    fc.constant(undefined),
    fc.double({ noNaN: true }).map((ms) => new AmfDate(ms)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc
      .dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true })
      .map((entries) => new AmfEcmaArray(entries)),
  ),
}))

describe('AMF 0', () => {
  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        expect(decodeAmf(encodeAmf(...values))).toEqual({ ok: true, values })
      }),
    )
  })

  test('writes a string above 65535 bytes as a long one', () => {
    const long = 'ä'.repeat(40_000)
    expect(encodeAmf(long)[0]).toBe(0x0c)
    expect(decodeAmf(encodeAmf(long))).toEqual({ ok: true, values: [long] })
  })

  test('matches the example of connect in the specification', () => {
    expect(Buffer.from(encodeAmf('connect', 1, { app: 'a' })).toString('hex')).toBe(
      '020007636f6e6e656374003ff000000000000003000361707002000161000009',
    )
  })

  test('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodeAmf(bytes)))
  })

  test.each([
    ['a string longer than the bytes', [2, 0xff, 0xff, 0x61], /cut short/],
    ['an array of 4 thousand million values', [0x0a, 0xff, 0xff, 0xff, 0xff], /cut short/],
    [
      'too many values',
      [0x0a, 0xff, 0xff, 0xff, 0xff, ...Array.from({ length: 9_000 }, () => 5)],
      /more than 4096/,
    ],
    [
      'nesting without end',
      Array.from({ length: 400 }, () => [0x0a, 0, 0, 0, 1]).flat(),
      /nested deeper/,
    ],
    ['an unknown marker', [0x44], /marker 0x44/],
  ])('refuses %s, with the reason', (_, bytes, why) => {
    expect(decodeAmf(Uint8Array.from(bytes))).toMatchObject({
      ok: false,
      why: expect.stringMatching(why),
    })
  })

  test('treats "__proto__" like any other name', () => {
    const bytes = encodeAmf(Object.fromEntries([['__proto__', { code: 'x' }]]))
    const { values } = decodeAmf(bytes)
    expect(textIn(values[0], 'code')).toBeUndefined()
    expect(Object.keys(values[0] as object)).toEqual(['__proto__'])
  })
})
