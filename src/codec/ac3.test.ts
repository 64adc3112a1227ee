import { describe, expect, it } from 'vitest'
import { Ac3Parser } from './ac3.ts'
import { NO_FRAME, TOO_SHORT } from './frame-parser.ts'

/** fscod, frmsizecod, bsid, and byte 6 on: acmod, mix levels, lfeon. */
const ac3 = (
  fscod: number,
  size: number,
  bsid = 8,
  tail: readonly number[] = [0x40, 0],
): Uint8Array => Uint8Array.from([0x0b, 0x77, 0, 0, (fscod << 6) | size, bsid << 3, ...tail])

/** ETSI TS 102 366 table 4.13: kbit/s, then words per frame at 48, 44.1 (even code) and 32 kHz. */
const SIZES =
  `32 64 69 96; 40 80 87 120; 48 96 104 144; 56 112 121 168; 64 128 139 192; 80 160 174 240;
  96 192 208 288; 112 224 243 336; 128 256 278 384; 160 320 348 480; 192 384 417 576; 224 448 487 672;
  256 512 557 768; 320 640 696 960; 384 768 835 1152; 448 896 975 1344; 512 1024 1114 1536;
  576 1152 1253 1728; 640 1280 1393 1920`
    .split(';')
    .map((row) => row.trim().split(/\s+/).map(Number) as [number, number, number, number])

describe('an AC-3 header', () => {
  it.each(SIZES.map(([kbps, ...words], code) => ({ kbps, words, code })))(
    'of $kbps kbit/s gives its length at each rate',
    ({ words, code }) => {
      const parser = new Ac3Parser()
      const lengths = [0, 1, 2].map((fscod) => parser.lengthAt(ac3(fscod, code * 2), 0))
      expect(lengths).toEqual(words.map((count) => count * 2))
      const odd = [0, 1, 2].map((fscod) => parser.lengthAt(ac3(fscod, code * 2 + 1), 0))
      expect(odd).toEqual([words[0] * 2, words[1] * 2 + 2, words[2] * 2])
    },
  )

  /** Table 4.3; lfeon stands behind the mix levels of each mode. */
  it.each([
    { acmod: 0, channels: 2, lfeBit: 12 },
    { acmod: 1, channels: 1, lfeBit: 12 },
    { acmod: 2, channels: 2, lfeBit: 10 },
    { acmod: 3, channels: 3, lfeBit: 10 },
    { acmod: 4, channels: 3, lfeBit: 10 },
    { acmod: 5, channels: 4, lfeBit: 8 },
    { acmod: 6, channels: 4, lfeBit: 10 },
    { acmod: 7, channels: 5, lfeBit: 8 },
  ])(
    'of acmod $acmod has $channels channels and may have an LFE',
    ({ acmod, channels, lfeBit }) => {
      const bits = acmod << 13
      // All other bits behind acmod set, then lfeon alone.
      const without = bits | (0x1fff & ~(1 << lfeBit))
      const found = [without, bits | (1 << lfeBit)].map((word) =>
        new Ac3Parser().formatAt(ac3(0, 20, 8, [word >> 8, word & 0xff]), 0),
      )
      expect(found.map((format) => format.channels)).toEqual([channels, channels + 1])
      expect(found[0]).toMatchObject({ codec: 'ac3', profile: '', frameSamples: 1536 })
    },
  )

  it.each([
    { fscod: 0, bsid: 8, rate: 48_000 },
    { fscod: 1, bsid: 6, rate: 44_100 },
    { fscod: 2, bsid: 8, rate: 32_000 },
    { fscod: 0, bsid: 9, rate: 24_000 },
    { fscod: 2, bsid: 10, rate: 8000 },
  ])('of fscod $fscod and bsid $bsid has the rate $rate', ({ fscod, bsid, rate }) => {
    expect(new Ac3Parser().formatAt(ac3(fscod, 20, bsid), 0)).toMatchObject({
      codec: 'ac3',
      sampleRate: rate,
    })
  })

  it.each([
    { name: 'a reserved rate', bytes: ac3(3, 20), length: NO_FRAME },
    { name: 'size code 38', bytes: ac3(0, 38), length: NO_FRAME },
    { name: 'bsid 17', bytes: ac3(0, 20, 17), length: NO_FRAME },
    { name: 'another syncword', bytes: ac3(0, 20).with(1, 0x78), length: NO_FRAME },
    { name: 'another first byte', bytes: ac3(0, 20).with(0, 0x0c), length: NO_FRAME },
    { name: 'seven bytes', bytes: ac3(0, 20).subarray(0, 7), length: TOO_SHORT },
    { name: 'one byte', bytes: Uint8Array.of(0x0b), length: TOO_SHORT },
    { name: 'two bytes, no syncword', bytes: Uint8Array.of(0x0b, 0x76), length: NO_FRAME },
  ])('with $name has the length $length', ({ bytes, length }) => {
    expect(new Ac3Parser().lengthAt(bytes, 0)).toBe(length)
  })

  it('of another size keeps the format object', () => {
    const parser = new Ac3Parser()
    const format = parser.formatAt(ac3(0, 20), 0)
    expect(parser.formatAt(ac3(0, 28), 0)).toBe(format)
    expect(parser.formatAt(ac3(1, 20), 0).sampleRate).toBe(44_100)
  })

  it('never continues the frame before it', () => {
    expect(new Ac3Parser().continuesAt(ac3(0, 20).with(2, 0x48), 0)).toBe(false)
  })
})

interface Eac3 {
  readonly type?: number
  readonly substream?: number
  readonly words?: number
  readonly rate?: readonly [number, number]
  readonly acmod?: number
  readonly lfe?: number
  readonly bsid?: number
}
const eac3 = (choice: Eac3 = {}): Uint8Array => {
  const { type = 0, substream = 0, words = 384, rate = [0, 3], acmod = 7, lfe = 1 } = choice
  const size = words - 1
  return Uint8Array.from([
    ...[0x0b, 0x77, (type << 6) | (substream << 3) | (size >> 8), size & 0xff],
    ...[(rate[0] << 6) | (rate[1] << 4) | (acmod << 1) | lfe, (choice.bsid ?? 16) << 3, 0, 0],
  ])
}

describe('an E-AC-3 header', () => {
  it.each([4, 255, 256, 257, 2048])('of %i words gives its length', (words) => {
    expect(new Ac3Parser().lengthAt(eac3({ words }), 0)).toBe(words * 2)
  })

  it.each([
    { name: 'three words', fields: { words: 3 } },
    { name: 'a reserved type', fields: { type: 3 } },
    { name: 'a reserved rate', fields: { rate: [3, 3] as const } },
    { name: 'bsid 17', fields: { bsid: 17 } },
  ])('with $name is none', ({ fields }) => {
    expect(new Ac3Parser().lengthAt(eac3(fields), 0)).toBe(NO_FRAME)
  })

  it.each([
    { rate: [0, 0], sampleRate: 48_000, samples: 256 },
    { rate: [0, 1], sampleRate: 48_000, samples: 512 },
    { rate: [1, 2], sampleRate: 44_100, samples: 768 },
    { rate: [2, 3], sampleRate: 32_000, samples: 1536 },
    { rate: [3, 0], sampleRate: 24_000, samples: 1536 },
    { rate: [3, 1], sampleRate: 22_050, samples: 1536 },
    { rate: [3, 2], sampleRate: 16_000, samples: 1536 },
  ] as const)('of rate codes $rate has $samples samples at $sampleRate', (row) => {
    for (const bsid of [11, 16]) {
      expect(new Ac3Parser().formatAt(eac3({ rate: row.rate, bsid }), 0)).toEqual({
        codec: 'eac3',
        profile: '',
        sampleRate: row.sampleRate,
        channels: 6,
        frameSamples: row.samples,
      })
    }
  })

  it.each([...[2, 1, 2, 3, 3, 4, 4, 5].entries()])(
    'of acmod %i has %i channels',
    (acmod, channels) => {
      const parser = new Ac3Parser()
      expect(parser.formatAt(eac3({ acmod, lfe: 0 }), 0).channels).toBe(channels)
      expect(parser.formatAt(eac3({ acmod, lfe: 1 }), 0).channels).toBe(channels + 1)
    },
  )

  it.each([
    { name: 'an independent substream 0', fields: {}, continues: false },
    { name: 'an independent substream 1', fields: { substream: 1 }, continues: true },
    { name: 'an independent substream 7', fields: { substream: 7 }, continues: true },
    { name: 'a dependent substream', fields: { type: 1 }, continues: true },
    { name: 'a converted AC-3 stream', fields: { type: 2 }, continues: false },
  ])('of $name continues a frame: $continues', ({ fields, continues }) => {
    expect(new Ac3Parser().continuesAt(eac3(fields), 0)).toBe(continues)
  })

  it('matches one of equal rate and bsid', () => {
    const match = (one: Eac3, other: Eac3): boolean =>
      new Ac3Parser().headersMatch(Uint8Array.from([...eac3(one), ...eac3(other)]), 0, 8)
    expect(match({}, { words: 9, acmod: 2 })).toBe(true)
    expect(match({}, { rate: [1, 3] })).toBe(false)
    expect(match({}, { bsid: 11 })).toBe(false)
  })
})
