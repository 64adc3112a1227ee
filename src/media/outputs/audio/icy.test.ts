import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IcyFraming, METAINT, titleBlock } from './icy.ts'

const textOf = (block: Uint8Array): string =>
  Buffer.from(block.subarray(1)).toString('utf8').replace(/\0+$/, '')

describe('a title block', () => {
  it.each([
    ['Studio 1', "StreamTitle='Studio 1';"],
    ["Rock 'n' Roll", "StreamTitle='Rock 'n' Roll';"],
    ["a'; b", "StreamTitle='a’; b';"],
    ['two\r\nlines', "StreamTitle='two  lines';"],
    ['', "StreamTitle='';"],
    ['Übertragung', "StreamTitle='Übertragung';"],
  ])('of %j is %j', (title, text) => {
    expect(textOf(titleBlock(title))).toBe(text)
  })

  it('has the length in its first byte, and never cuts a character', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 6_000, unit: 'grapheme' }), (title) => {
        const block = titleBlock(title)
        expect(block.length).toBe(1 + block[0]! * 16)
        expect(textOf(block)).toMatch(/^StreamTitle='.*';$/s)
        expect(textOf(block)).not.toContain('\ufffd')
      }),
      { numRuns: 50 },
    )
    expect(titleBlock('ö'.repeat(5_000)).length).toBeLessThanOrEqual(1 + 255 * 16)
  })
})

/** Splits audio and titles as a player does. */
const unframe = (bytes: Uint8Array): { sound: number[]; titles: string[] } => {
  const sound: number[] = []
  const titles: string[] = []
  for (let at = 0; at < bytes.length;) {
    sound.push(...bytes.subarray(at, at + METAINT))
    at += METAINT
    if (at >= bytes.length) break
    const length = bytes[at]! * 16
    titles.push(textOf(bytes.subarray(at, at + 1 + length)))
    at += 1 + length
  }
  return { sound, titles }
}

describe('framing', () => {
  it('keeps the audio whatever the pieces, and has each change of title once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 12 }), (lengths) => {
        const framing = new IcyFraming()
        let value = 0
        const given: number[] = []
        const parts = lengths.flatMap((length, index) => {
          const piece = Uint8Array.from({ length }, () => value++ & 0xff)
          given.push(...piece)
          return framing.frame(piece, index < 6 ? 'one' : 'two')
        })
        const { sound, titles } = unframe(Buffer.concat(parts))
        expect(Buffer.from(sound).equals(Buffer.from(given))).toBe(true)
        const told = titles.filter((title) => title !== '')
        expect(["StreamTitle='one';", "StreamTitle='two';"]).toEqual(expect.arrayContaining(told))
        expect(new Set(told).size).toBe(told.length)
        expect(titles.length).toBe(Math.floor(given.length / METAINT))
      }),
      { numRuns: 50 },
    )
  })
})
