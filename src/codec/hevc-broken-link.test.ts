import { describe, expect, it } from 'vitest'
import { asBrokenLink, endsSequence } from './hevc-broken-link.ts'

const TRAIL = 1
const BLA_W_LP = 16
const BLA_W_RADL = 17
const IDR = 19
const CRA = 21
const PPS = 34
const DELIMITER = 35
const END = 36

const FIRST = 0x80
const NO_OUTPUT_OF_PRIOR = 0x40

/** A NAL unit of temporal id 0; `first`: the first byte behind its header. */
const nal = (type: number, first = FIRST): number[] => [0, 0, 1, type << 1, 1, first, 7]
const bytes = (...nals: readonly number[][]): Uint8Array => Uint8Array.from(nals.flat())

describe('the first picture of an HEVC splice', () => {
  it.each([
    { leading: 'decodable', type: BLA_W_RADL },
    { leading: 'all', type: BLA_W_LP },
  ] as const)(
    'becomes a broken link in each of its segments ($leading leading pictures)',
    ({ leading, type }) => {
      const unit = bytes(nal(DELIMITER), nal(PPS), nal(CRA), nal(CRA, 0x20), nal(CRA, 0x10))
      expect(asBrokenLink(unit, leading)).toEqual(
        bytes(nal(DELIMITER), nal(PPS), nal(type), nal(type, 0x20), nal(type, 0x10)),
      )
    },
  )

  it('lets the decoder output what was decoded before it', () => {
    const quiet = FIRST | NO_OUTPUT_OF_PRIOR
    expect(asBrokenLink(bytes(nal(CRA, quiet), nal(CRA, NO_OUTPUT_OF_PRIOR)), 'decodable')).toEqual(
      bytes(nal(BLA_W_RADL), nal(BLA_W_RADL, 0)),
    )
    expect(asBrokenLink(bytes(nal(BLA_W_LP, quiet)), 'decodable')).toEqual(bytes(nal(BLA_W_LP)))
  })

  it('keeps layer and temporal id', () => {
    const inLayer = [0, 0, 1, (CRA << 1) | 1, 0x0a, FIRST]
    expect(asBrokenLink(Uint8Array.from(inLayer), 'all')).toEqual(
      Uint8Array.from([0, 0, 1, (BLA_W_LP << 1) | 1, 0x0a, FIRST]),
    )
  })

  it.each([
    { name: 'other pictures', unit: bytes(nal(DELIMITER), nal(IDR, 0xc0), nal(TRAIL, 0xc0)) },
    { name: 'a NAL unit that is cut off', unit: Uint8Array.of(0, 0, 1, CRA << 1, 1) },
    { name: 'nothing', unit: new Uint8Array(0) },
  ])('leaves $name unchanged', ({ unit }) => {
    expect(asBrokenLink(unit, 'decodable')).toEqual(unit)
  })

  it('is a copy', () => {
    const unit = bytes(nal(CRA, 0xc0))
    const before = unit.slice()
    asBrokenLink(unit, 'decodable')
    expect(unit).toEqual(before)
  })
})

describe('the end of a sequence', () => {
  it.each([
    { unit: [...nal(TRAIL), 0, 0, 1, END << 1, 1], ends: true },
    { unit: [...nal(TRAIL), 0, 0, 0, 1, END << 1, 1, 0, 0], ends: true },
    { unit: [0, 0, 1, END << 1, 1, ...nal(TRAIL)], ends: false },
    { unit: [...nal(TRAIL), END << 1, 1], ends: false },
    { unit: nal(TRAIL), ends: false },
    { unit: [END << 1, 1], ends: false },
    { unit: [], ends: false },
  ])('is $ends of $unit', ({ unit, ends }) => {
    expect(endsSequence(Uint8Array.from(unit))).toBe(ends)
  })
})
