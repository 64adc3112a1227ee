import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSequence } from './mpeg2-sequence.ts'
import type { Mpeg2Sequence } from './mpeg2-sequence.ts'

interface Sequence {
  readonly width: number
  readonly height: number
  readonly rateCode: number
  readonly profileAndLevel: number
  readonly progressive: boolean
  readonly chroma: number
  readonly lowDelay: boolean
  readonly rateNum: number
  readonly rateDen: number
}

const PLAIN: Sequence = {
  width: 720,
  height: 576,
  rateCode: 3,
  profileAndLevel: 0x48,
  progressive: false,
  chroma: 1,
  lowDelay: false,
  rateNum: 0,
  rateDen: 0,
}

/** Number of bits, most significant first, as bytes. */
const bytesOf = (...fields: readonly (readonly [value: number, bits: number])[]): number[] => {
  const text = fields.map(([value, bits]) => value.toString(2).padStart(bits, '0')).join('')
  return (text.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
}

/** ISO/IEC 13818-2, 6.2.2.1: no quantiser matrices. */
const header = (s: Sequence): number[] => [
  ...[0, 0, 1, 0xb3],
  ...bytesOf([s.width % 4096, 12], [s.height % 4096, 12], [0xf, 4], [s.rateCode, 4]),
  ...bytesOf([0x3_ffff, 18], [1, 1], [0x3ff, 10], [0, 3]),
]
/** 6.2.2.3. */
const extension = (s: Sequence): number[] => [
  ...[0, 0, 1, 0xb5],
  ...bytesOf(
    [1, 4],
    [s.profileAndLevel, 8],
    [s.progressive ? 1 : 0, 1],
    [s.chroma, 2],
    [s.width >> 12, 2],
    [s.height >> 12, 2],
    [0xfff, 12],
    [1, 1],
  ),
  ...bytesOf([0xff, 8], [s.lowDelay ? 1 : 0, 1], [s.rateNum, 2], [s.rateDen, 5]),
]
const parseBytes = (bytes: readonly number[]): Mpeg2Sequence | undefined =>
  parseSequence(Uint8Array.from(bytes), 0, bytes.length)
const parse = (choice: Partial<Sequence>): Mpeg2Sequence | undefined => {
  const s = { ...PLAIN, ...choice }
  return parseBytes([...header(s), ...extension(s)])
}

describe('an MPEG-2 sequence header', () => {
  it('is read back with the upper bits of its extension', () => {
    const sequences = fc.record({
      width: fc.integer({ min: 1, max: 0x3fff }),
      height: fc.integer({ min: 1, max: 0x3fff }),
      level: fc.nat(15),
      progressive: fc.boolean(),
      chroma: fc.integer({ min: 1, max: 3 }),
      lowDelay: fc.boolean(),
    })
    fc.assert(
      fc.property(sequences, ({ level, ...s }) => {
        expect(parse({ ...s, profileAndLevel: 0x40 | level })).toEqual({
          format: {
            codec: 'mpeg2video',
            profile: 'main',
            chroma: [undefined, '4:2:0', '4:2:2', '4:4:4'][s.chroma],
            depth: 8,
            width: s.width,
            height: s.height,
            frameRate: { num: 25, den: 1 },
            scan: s.progressive ? 'progressive' : 'interlaced',
            level,
          },
          lowDelay: s.lowDelay,
        })
      }),
    )
  })

  /** Table 6-4. */
  it.each([
    [0, undefined],
    [1, '24000/1001'],
    [2, '24/1'],
    [3, '25/1'],
    [4, '30000/1001'],
    [5, '30/1'],
    [6, '50/1'],
    [7, '60000/1001'],
    [8, '60/1'],
    [9, undefined],
    [15, undefined],
  ])('with frame_rate_code %i has the rate %s, in MPEG-1 too', (rateCode, rate) => {
    for (const found of [parse({ rateCode }), parseBytes(header({ ...PLAIN, rateCode }))]) {
      const frameRate = found!.format.frameRate
      expect(frameRate && `${frameRate.num}/${frameRate.den}`).toBe(rate)
    }
  })

  it.each([
    { rateNum: 3, rateDen: 0, rate: { num: 100, den: 1 } },
    { rateNum: 0, rateDen: 1, rate: { num: 25, den: 2 } },
    { rateNum: 1, rateDen: 31, rate: { num: 25, den: 16 } },
  ])('multiplies its rate by the extension ($rateNum, $rateDen)', ({ rate, ...factors }) => {
    expect(parse(factors)?.format.frameRate).toEqual(rate)
  })

  /** Table 8-2. */
  it.each([
    [0x14, 'high', 4],
    [0x24, 'spatial', 4],
    [0x38, 'snr', 8],
    [0x4a, 'main', 10],
    [0x58, 'simple', 8],
    [0x68, 'profile_6', 8],
    [0x08, 'profile_0', 8],
    [0x85, '422', 5],
    [0x80, '422', 0],
  ])('with profile and level %i is of %s at %i', (profileAndLevel, profile, level) => {
    expect(parse({ profileAndLevel })?.format).toMatchObject({ profile, level })
  })

  it.each([
    { name: 'no chroma format', sequence: { chroma: 0 } },
    { name: 'no width', sequence: { width: 0 } },
    { name: 'no height', sequence: { height: 0 } },
  ])('with $name is refused', ({ sequence }) => {
    expect(parse(sequence)).toBeUndefined()
  })

  it('without its extension is of MPEG-1, whatever stands behind it', () => {
    const other = [0, 0, 1, 0xb5, 0x23, 5, 5, 5, 5, 5, 5, 5]
    for (const tail of [[], other, [0, 0, 1, 0xb2, 0x11, 2, 3, 4, 5, 6, 7, 8]]) {
      expect(parseBytes([...header(PLAIN), ...tail])).toEqual({
        format: {
          codec: 'mpeg2video',
          profile: 'mpeg1',
          chroma: '4:2:0',
          depth: 8,
          width: 720,
          height: 576,
          frameRate: { num: 25, den: 1 },
          scan: 'progressive',
        },
        lowDelay: false,
      })
    }
    expect(parseBytes(header({ ...PLAIN, width: 0 }))).toBeUndefined()
    expect(parseBytes(header({ ...PLAIN, height: 0 }))).toBeUndefined()
  })

  it('finds its extension behind user data, unless it is cut off', () => {
    const user = [0, 0, 1, 0xb2, 0x10, 0x10]
    const bytes = [...header(PLAIN), ...user, ...extension(PLAIN)]
    expect(parseBytes(bytes)?.format.profile).toBe('main')
    expect(parseSequence(Uint8Array.from(bytes), 0, bytes.length - 1)?.format.profile).toBe('mpeg1')
  })

  it('is refused when it is cut off', () => {
    const bytes = Uint8Array.from(header(PLAIN))
    expect(bytes).toHaveLength(12)
    expect(parseSequence(bytes, 0, 11)).toBeUndefined()
    expect(parseSequence(bytes, 0, 12)).toBeDefined()
  })
})
