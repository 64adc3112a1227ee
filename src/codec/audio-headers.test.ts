import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AdtsParser } from './adts.ts'
import { NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import { LatmParser } from './latm.ts'
import { MpegAudioParser } from './mpeg-audio.ts'

type Field = readonly [value: number, bits: number]

/** Plain bits as bytes. */
const bytesOf = (...fields: readonly Field[]): number[] => {
  const text = fields
    .map(([value, bits]) => (bits === 0 ? '' : value.toString(2).padStart(bits, '0')))
    .join('')
  const whole = text.padEnd(Math.ceil(text.length / 8) * 8, '0')
  return (whole.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
}

/** ISO/IEC 13818-7: rates by sampling_frequency_index. */
const AAC_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
  7350,
]

const adts = (fields: {
  readonly profile?: number
  readonly rate?: number
  readonly channels?: number
  readonly crc?: boolean
  readonly length?: number
  readonly blocks?: number
  readonly payload?: readonly number[]
}): Uint8Array => {
  const { profile = 1, rate = 3, channels = 2, crc = false, payload = [0x21, 0, 0] } = fields
  const header = bytesOf(
    [0xfff, 12],
    [crc ? 0 : 1, 4],
    [profile, 2],
    [rate, 4],
    [1, 1],
    [channels, 3],
    [0xf, 4],
    [fields.length ?? 7 + (crc ? 2 : 0) + payload.length, 13],
    [0x7ff, 11],
    [(fields.blocks ?? 1) - 1, 2],
  )
  return Uint8Array.from([...header, ...(crc ? [0x12, 0x34] : []), ...payload])
}

describe('an ADTS header', () => {
  it('is read back, its 13 bits of length and its format', () => {
    const headers = fc.record({
      profile: fc.nat(3),
      rate: fc.nat(12),
      channels: fc.integer({ min: 1, max: 7 }),
      crc: fc.boolean(),
      length: fc.integer({ min: 10, max: 8191 }),
      blocks: fc.integer({ min: 1, max: 4 }),
    })
    const parser = new AdtsParser()
    fc.assert(
      fc.property(headers, (fields) => {
        const bytes = adts(fields)
        expect(parser.lengthAt(bytes, 0)).toBe(fields.length)
        expect(parser.formatAt(bytes, 0, fields.length)).toEqual({
          codec: 'aac',
          profile: ['main', 'lc', 'ssr', 'ltp'][fields.profile],
          sampleRate: AAC_RATES[fields.rate],
          channels: fields.channels === 7 ? 8 : fields.channels,
          frameSamples: 1024 * fields.blocks,
        })
      }),
    )
  })

  it.each([
    { name: 'another syncword', bytes: adts({}).with(1, 0xe1), length: NO_FRAME },
    { name: 'layer 1', bytes: adts({}).with(1, 0xf3), length: NO_FRAME },
    { name: 'a first byte of 0xfe', bytes: adts({}).with(0, 0xfe), length: NO_FRAME },
    { name: 'rate index 13', bytes: adts({ rate: 13 }), length: NO_FRAME },
    { name: 'no payload', bytes: adts({ length: 7 }), length: NO_FRAME },
    { name: 'one byte of payload', bytes: adts({ length: 8 }), length: 8 },
    { name: 'a CRC only', bytes: adts({ crc: true, length: 9 }), length: NO_FRAME },
    { name: 'a byte behind its CRC', bytes: adts({ crc: true, length: 10 }), length: 10 },
    { name: 'seven bytes', bytes: adts({}).subarray(0, 7), length: 10 },
    { name: 'six bytes', bytes: adts({}).subarray(0, 6), length: TOO_SHORT },
    { name: 'one byte', bytes: Uint8Array.of(0xff), length: TOO_SHORT },
    { name: 'two bytes, no syncword', bytes: Uint8Array.of(0xff, 0xe0), length: NO_FRAME },
  ])('with $name has the length $length', ({ bytes, length }) => {
    expect(new AdtsParser().lengthAt(bytes, 0)).toBe(length)
  })

  it.each([
    { name: 'another length', other: adts({ length: 99 }), match: true },
    { name: 'more blocks', other: adts({ blocks: 2 }), match: true },
    { name: 'a CRC', other: adts({ crc: true }), match: false },
    { name: 'another rate', other: adts({ rate: 4 }), match: false },
    { name: 'another profile', other: adts({ profile: 0 }), match: false },
    { name: 'one channel', other: adts({ channels: 1 }), match: false },
    { name: 'six channels', other: adts({ channels: 6 }), match: false },
  ])('beside one with $name matches: $match', ({ other, match }) => {
    const both = Uint8Array.from([...adts({}), ...other])
    expect(new AdtsParser().headersMatch(both, 0, adts({}).length)).toBe(match)
  })

  it('without channels takes those of its program config element, until the next one', () => {
    const parser = new AdtsParser()
    const of = (payload: readonly number[], crc = false): number => {
      const bytes = adts({ channels: 0, payload, crc })
      return parser.formatAt(bytes, 0, bytes.length).channels
    }
    const element = bytesOf(
      ...([
        [5, 3],
        [0, 10],
        [2, 4],
        [1, 4],
        [1, 4],
        [1, 2],
        [0x7f, 7],
      ] as const),
      ...([
        [1, 1],
        [0xf, 4],
        [1, 1],
        [0xf, 4],
        [1, 1],
        [7, 3],
      ] as const),
      ...([
        [0x0f, 5],
        [0x1f, 5],
        [0x0f, 5],
        [0x1f, 5],
      ] as const),
    )
    expect(of([0x20, 0, 0])).toBe(2)
    expect(of([...element, 0])).toBe(7)
    expect(of([0x20, 0, 0])).toBe(7)
    const stereo = bytesOf(
      ...([
        [5, 3],
        [0, 10],
        [1, 4],
        [0, 10],
        [0, 7],
        [0, 3],
        [0x10, 5],
      ] as const),
    )
    expect(of([...stereo, 0], true)).toBe(2)
    expect(of(element.slice(0, 5))).toBe(2)
  })

  it('of equal frames yields the same object', () => {
    const parser = new AdtsParser()
    const first = parser.formatAt(adts({}), 0, 10)
    expect(parser.formatAt(adts({ length: 11 }), 0, 11)).toBe(first)
    expect(parser.formatAt(adts({ channels: 1 }), 0, 10).channels).toBe(1)
  })
})

interface Mux {
  readonly version1?: boolean
  readonly subFrames?: number
  readonly config: readonly Field[]
}
/** Type and rate index, channels. */
const aac = (type: number, rate: number, channels: number): Field[] => [
  [type, 5],
  [rate, 4],
  [channels, 4],
]
const latm = ({ version1 = false, subFrames = 1, config }: Mux): Uint8Array => {
  const versioned: Field[] = version1
    ? [
        [1, 1],
        [0, 1],
        [1, 2],
        [0xffff, 16],
      ]
    : [[0, 1]]
  const mux = bytesOf(
    [0, 1],
    ...versioned,
    [1, 1],
    [subFrames - 1, 6],
    [0, 4],
    [0, 3],
    ...(version1
      ? ([
          [0, 2],
          [0xff, 8],
        ] as const)
      : []),
    ...config,
    [0, 32],
  )
  return Uint8Array.from([0x56, 0xe0 | (mux.length >> 8), mux.length, ...mux])
}

describe('a LATM frame', () => {
  it.each([
    { name: 'LC', config: [...aac(2, 3, 2), [0, 1]], found: ['lc', 48_000, 2, 1024] },
    { name: 'frames of 960', config: [...aac(2, 5, 1), [1, 1]], found: ['lc', 32_000, 1, 960] },
    {
      name: 'an explicit rate',
      config: [
        [1, 5],
        [15, 4],
        [44_056, 24],
        [6, 4],
        [0, 1],
      ],
      found: ['main', 44_056, 6, 1024],
    },
    {
      name: 'SBR',
      config: [...aac(5, 6, 2), [3, 4], [2, 5], [0, 1]],
      found: ['he', 48_000, 2, 2048],
    },
    {
      name: 'SBR at the core rate',
      config: [...aac(5, 3, 2), [3, 4], [2, 5], [0, 1]],
      found: ['he', 48_000, 2, 1024],
    },
    {
      name: 'parametric stereo',
      config: [...aac(29, 7, 1), [4, 4], [2, 5], [0, 1]],
      found: ['he_v2', 44_100, 2, 2048],
    },
    {
      name: 'SBR on an escaped type',
      config: [...aac(5, 6, 1), [3, 4], [31, 5], [10, 6], [1, 1]],
      found: ['he', 48_000, 1, 1920],
    },
    {
      name: 'a program config element',
      config: [
        ...aac(2, 3, 0),
        [0, 1],
        [1, 1],
        [0x3fff, 14],
        [1, 1],
        [0, 10],
        [1, 4],
        [0, 4],
        [1, 4],
        [1, 2],
        [0, 7],
        [0, 3],
        [0x10, 5],
        [0x1f, 5],
      ],
      found: ['lc', 48_000, 5, 1024],
    },
    {
      name: 'a program config element without core delay',
      config: [
        ...aac(2, 3, 0),
        [0, 1],
        [0, 1],
        [1, 1],
        [0, 10],
        [0, 4],
        [0, 4],
        [0, 4],
        [0, 2],
        [0, 7],
        [0, 3],
      ],
      found: ['lc', 48_000, 2, 1024],
    },
  ] as const)('of $name carries its format', ({ config, found }) => {
    for (const version1 of [false, true]) {
      for (const subFrames of [1, 3, 64]) {
        const bytes = latm({ version1, subFrames, config })
        const [profile, sampleRate, channels, samples] = found
        expect(new LatmParser().formatAt(bytes, 0, bytes.length)).toEqual({
          codec: 'aac_latm',
          profile,
          sampleRate,
          channels,
          frameSamples: samples * subFrames,
        })
      }
    }
  })

  it.each([
    { channels: 1, count: 1 },
    { channels: 6, count: 6 },
    { channels: 7, count: 8 },
    { channels: 11, count: 7 },
    { channels: 12, count: 8 },
    { channels: 13, count: 24 },
    { channels: 14, count: 8 },
  ])('of channel configuration $channels has $count channels', ({ channels, count }) => {
    const bytes = latm({ config: [...aac(2, 3, channels), [0, 1]] })
    expect(new LatmParser().formatAt(bytes, 0, bytes.length)?.channels).toBe(count)
  })

  it('keeps the format of the mux before it, and has none before the first', () => {
    const parser = new LatmParser()
    const same = Uint8Array.of(0x56, 0xe0, 3, 0x80, 1, 2)
    const first = latm({ config: [...aac(2, 3, 2), [0, 1]] })
    expect(parser.formatAt(same, 0, 6)).toBeUndefined()
    const format = parser.formatAt(first, 0, first.length)
    expect(parser.formatAt(same, 0, 6)).toBe(format)
    expect(parser.formatAt(first, 0, first.length)).toBe(format)
    const other = latm({
      config: [
        [0, 5],
        [3, 4],
        [2, 4],
        [0, 1],
      ],
    })
    expect(parser.formatAt(other, 0, other.length)).toBe(format)
    expect(parser.formatAt(first, 0, 5)).toBe(format)
    // audioMuxVersionA 1 is reserved.
    expect(
      parser.formatAt(Uint8Array.of(0x56, 0xe0, 6, 0x60, 0xff, 0xff, 0xff, 0xff, 0xff), 0, 9),
    ).toBe(format)
  })

  it.each([
    { bytes: [0x56, 0xe0, 1, 0], length: 4 },
    { bytes: [0x56, 0xff, 0xff], length: 3 + 8191 },
    { bytes: [0x56, 0xf2, 0x34], length: 3 + 0x1234 },
    { bytes: [0x56, 0xe0, 0], length: NO_FRAME },
    { bytes: [0x56, 0xc0, 1], length: NO_FRAME },
    { bytes: [0x56, 0x60, 1], length: NO_FRAME },
    { bytes: [0x57, 0xe0, 1], length: NO_FRAME },
    { bytes: [0x56, 0xe0], length: TOO_SHORT },
    { bytes: [0x56], length: TOO_SHORT },
    { bytes: [0x56, 0x40], length: NO_FRAME },
  ])('$bytes has the length $length', ({ bytes, length }) => {
    expect(new LatmParser().lengthAt(Uint8Array.from(bytes), 0)).toBe(length)
  })
})

/** ISO/IEC 11172-3 table 2.4.2.3 and ISO/IEC 13818-3: kbit/s by bitrate_index 1 to 14, and bytes per kbit/s. */
const MPEG_RATES = {
  'MPEG-1 layer I': '32 64 96 128 160 192 224 256 288 320 352 384 416 448',
  'MPEG-1 layer II': '32 48 56 64 80 96 112 128 160 192 224 256 320 384',
  'MPEG-1 layer III': '32 40 48 56 64 80 96 112 128 160 192 224 256 320',
  'MPEG-2 layer I': '32 48 56 64 80 96 112 128 144 160 176 192 224 256',
  'MPEG-2 layer II': '8 16 24 32 40 48 56 64 80 96 112 128 144 160',
  'MPEG-2 layer III': '8 16 24 32 40 48 56 64 80 96 112 128 144 160',
  'MPEG-2.5 layer III': '8 16 24 32 40 48 56 64 80 96 112 128 144 160',
}
const VERSIONS: Readonly<Record<string, { bits: number; divisor: number }>> = {
  'MPEG-1': { bits: 3, divisor: 1 },
  'MPEG-2': { bits: 2, divisor: 2 },
  'MPEG-2.5': { bits: 0, divisor: 4 },
}
const LAYERS: Readonly<Record<string, { bits: number; codec: string }>> = {
  I: { bits: 3, codec: 'mp1' },
  II: { bits: 2, codec: 'mp2' },
  III: { bits: 1, codec: 'mp3' },
}
const mpegHeader = (
  version: number,
  layer: number,
  rest: readonly [number, number, number],
): Uint8Array =>
  Uint8Array.of(
    0xff,
    0xe1 | (version << 3) | (layer << 1),
    (rest[0] << 4) | (rest[1] << 2) | (rest[2] << 1),
    0x40,
  )

describe('an MPEG audio header', () => {
  it.each(Object.entries(MPEG_RATES))('of %s gives its length at each bit rate', (name, rates) => {
    const [version, layer] = name.split(' layer ') as [string, string]
    const { bits, divisor } = VERSIONS[version]!
    const { bits: layerBits, codec } = LAYERS[layer]!
    const samples = layer === 'I' ? 384 : layer === 'III' && divisor > 1 ? 576 : 1152
    const slot = layer === 'I' ? 4 : 1
    for (const [i, kbps] of rates.split(' ').map(Number).entries()) {
      for (const [rateIndex, fullRate] of [44_100, 48_000, 32_000].entries()) {
        for (const padding of [0, 1]) {
          const bytes = mpegHeader(bits, layerBits, [i + 1, rateIndex, padding])
          const rate = fullRate / divisor
          const slots = Math.floor((samples * kbps * 1000) / (8 * slot * rate)) + padding
          expect(new MpegAudioParser().lengthAt(bytes, 0)).toBe(slots * slot)
          expect(new MpegAudioParser().formatAt(bytes, 0)).toEqual({
            codec,
            profile: '',
            sampleRate: rate,
            channels: 2,
            frameSamples: samples,
          })
        }
      }
    }
  })

  it.each([
    { name: 'a reserved version', bytes: [0xff, 0xed, 0x90, 0], length: NO_FRAME },
    { name: 'a reserved layer', bytes: [0xff, 0xf9, 0x90, 0], length: NO_FRAME },
    { name: 'a reserved rate', bytes: [0xff, 0xfb, 0x9c, 0], length: NO_FRAME },
    { name: 'free format', bytes: [0xff, 0xfb, 0x00, 0], length: NO_FRAME },
    { name: 'bit rate index 15', bytes: [0xff, 0xfb, 0xf0, 0], length: NO_FRAME },
    { name: 'another syncword', bytes: [0xff, 0xdb, 0x90, 0], length: NO_FRAME },
    { name: 'another first byte', bytes: [0xfe, 0xfb, 0x90, 0], length: NO_FRAME },
    { name: 'three bytes', bytes: [0xff, 0xfb, 0x90], length: TOO_SHORT },
    { name: 'one byte', bytes: [0xff], length: TOO_SHORT },
    { name: 'two bytes, no syncword', bytes: [0xff, 0xdb], length: NO_FRAME },
  ])('with $name has the length $length', ({ bytes, length }) => {
    expect(new MpegAudioParser().lengthAt(Uint8Array.from(bytes), 0)).toBe(length)
  })

  it.each([
    { mode: 0x00, channels: 2 },
    { mode: 0x40, channels: 2 },
    { mode: 0x80, channels: 2 },
    { mode: 0xc0, channels: 1 },
  ])('of mode $mode has $channels channels', ({ mode, channels }) => {
    const parser = new MpegAudioParser()
    const first = parser.formatAt(Uint8Array.of(0xff, 0xfb, 0x90, mode), 0)
    expect(first.channels).toBe(channels)
    expect(parser.formatAt(Uint8Array.of(0xff, 0xfa, 0xa2, mode | 0x3f), 0)).toBe(first)
  })

  it.each([
    { name: 'bit rate and padding', other: [0xff, 0xfb, 0xa2, 0x40], match: true },
    { name: 'CRC', other: [0xff, 0xfa, 0x90, 0x40], match: true },
    { name: 'mode extension', other: [0xff, 0xfb, 0x90, 0x70], match: true },
    { name: 'mode', other: [0xff, 0xfb, 0x90, 0xc0], match: false },
    { name: 'rate', other: [0xff, 0xfb, 0x94, 0x40], match: false },
    { name: 'layer', other: [0xff, 0xfd, 0x90, 0x40], match: false },
    { name: 'version', other: [0xff, 0xf3, 0x90, 0x40], match: false },
  ])('beside one of another $name matches: $match', ({ other, match }) => {
    const bytes = Uint8Array.from([0xff, 0xfb, 0x90, 0x40, ...other])
    expect(new MpegAudioParser().headersMatch(bytes, 0, 4)).toBe(match)
  })
})
