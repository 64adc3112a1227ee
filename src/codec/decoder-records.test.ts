import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { aacRecord, adtsBlocks, adtsHeaderBytes } from './aac-record.ts'
import { ac3Record, eac3Record } from './ac3-record.ts'
import { avcRecord } from './avc-record.ts'
import { hevcRecord } from './hevc-record.ts'
import { lengthPrefixed, nalSpans, nalUnitsOf, sameBytes } from './nal-spans.ts'

/** Plain bits as bytes; `fields`: value, number of bits. */
const bytesOf = (...fields: readonly (readonly [value: number, bits: number])[]): number[] => {
  const text = fields
    .map(([value, bits]) => (bits === 0 ? '' : value.toString(2).padStart(bits, '0')))
    .join('')
  const whole = text.padEnd(Math.ceil(text.length / 8) * 8, '0')
  return (whole.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
}
const unit = (...nals: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(nals.flat())
/** A NAL unit behind its length in 16 bits. */
const sized = (bytes: readonly number[]): number[] => [bytes.length >> 8, bytes.length, ...bytes]
const annexB = (bytes: readonly number[]): number[] => [0, 0, 0, 1, ...bytes]

/** Profile, no constraints, level 3.1, id 0. */
const avcSps = (profile: number, ...chromaAndDepths: readonly number[]): number[] => {
  const w = new BitWriter().bits(profile, 8).bits(0x40, 8).bits(31, 8).ue(0)
  for (const [i, value] of chromaAndDepths.entries()) {
    w.ue(value)
    if (i === 0 && value === 3) w.bits(1, 1)
  }
  return nal([0x67], w.bytes()).slice(4)
}
const MAIN = avcSps(77)
const PPS_0 = [0x68, 0xce, 0x3c]
const PPS_1 = [0x68, 0x4e, 0x3c, 0x80]
const IDR = [0x65, 0x88, 0x84]

describe('an AVC decoder configuration record', () => {
  it('lists each set once, behind its length, and ends there up to the main profile', () => {
    const of = unit(...[MAIN, PPS_0, PPS_1, MAIN, PPS_0, IDR].map(annexB))
    expect([...avcRecord(of)!]).toEqual([
      ...[1, 77, 0x40, 31, 0xff, 0xe1, ...sized(MAIN)],
      ...[2, ...sized(PPS_0), ...sized(PPS_1)],
    ])
  })

  it.each([
    { name: '4:2:0, 8 bits', fields: [1, 0, 0], tail: [0xfd, 0xf8, 0xf8] },
    { name: '4:2:2, 10 and 9 bits', fields: [2, 2, 1], tail: [0xfe, 0xfa, 0xf9] },
    { name: '4:4:4, 14 bits', fields: [3, 6, 6], tail: [0xff, 0xfe, 0xfe] },
    { name: '4:0:0', fields: [0, 0, 0], tail: [0xfc, 0xf8, 0xf8] },
  ])('of the high profiles carries $name', ({ fields, tail }) => {
    const sps = avcSps(100, ...fields)
    const record = [...avcRecord(unit(annexB(sps), annexB(PPS_0)))!]
    expect(record.slice(-4)).toEqual([...tail, 0])
    const extension = [0x6d, 1, 2]
    const extended = [...avcRecord(unit(...[sps, extension, PPS_0].map(annexB)))!]
    expect(extended).toEqual([...record.slice(0, -1), 1, ...sized(extension)])
  })

  it('writes lengths of two bytes', () => {
    const long = [...PPS_0, ...new Array<number>(300).fill(7)]
    const record = [...avcRecord(unit(annexB(MAIN), annexB(long)))!]
    expect(record.slice(-305)).toEqual([0x01, 0x2f, ...long])
  })

  it.each([
    { name: 'no SPS', of: [PPS_0, IDR] },
    { name: 'no PPS', of: [MAIN, IDR] },
    { name: 'an SPS of three bytes', of: [[0x67, 77, 0x40], PPS_0] },
    { name: 'nothing', of: [] },
  ])('is undefined for $name', ({ of }) => {
    expect(avcRecord(unit(...of.map(annexB)))).toBeUndefined()
  })

  it.each([66, 77, 88])('of profile %i ends with its PPS', (profile) => {
    const record = avcRecord(unit(annexB(avcSps(profile)), annexB(PPS_0)))!
    expect([...record.slice(-5)]).toEqual(sized(PPS_0))
  })

  it('holds 31 SPS and 255 PPS at most', () => {
    const many = Array.from({ length: 300 }, (_, i) => [0x68, 1 + (i >> 8), i & 0xff, 9])
    const spses = Array.from({ length: 40 }, (_, i) => [...MAIN, i + 1])
    const record = avcRecord(unit(...[...spses, ...many].map(annexB)))!
    expect(record[5]).toBe(0xe0 | 31)
    const ppsAt = 6 + spses.slice(0, 31).reduce((sum, sps) => sum + 2 + sps.length, 0)
    expect(record[ppsAt]).toBe(255)
    expect(record).toHaveLength(ppsAt + 1 + 255 * 6)
  })
})

/** General profile, tier and level as they stand in SPS and record. */
const PROFILE = [0x22, 0x20, 0, 0, 0, 0x90, 0x11, 0x12, 0x13, 0x14, 0x15, 0x5d]

function hevcSps(subLayers: readonly (readonly [boolean, boolean])[], chroma = 1): number[] {
  const w = new BitWriter().bits(0, 4).bits(subLayers.length, 3).bits(1, 1)
  for (const byte of PROFILE) w.bits(byte, 8)
  for (const [profile, level] of subLayers) w.bits(profile ? 1 : 0, 1).bits(level ? 1 : 0, 1)
  if (subLayers.length > 0)
    w.bits(2 ** ((8 - subLayers.length) * 2) - 1, (8 - subLayers.length) * 2)
  for (const [profile, level] of subLayers) {
    if (profile) for (let i = 0; i < 11; i++) w.bits(0xff, 8)
    if (level) w.bits(0xff, 8)
  }
  w.ue(0, chroma)
  if (chroma === 3) w.bits(1, 1)
  w.ue(1920, 1088).bits(1, 1).ue(0, 0, 0, 4, 2, 1)
  return nal([33 << 1, 1], w.bytes()).slice(4)
}
const VPS = [32 << 1, 1, 0x0c, 1]
const HEVC_PPS = [34 << 1, 1, 0xc1, 0x72]
const SLICE = [19 << 1, 1, 0xaf, 9]

describe('an HEVC decoder configuration record', () => {
  it.each([
    { subLayers: [], chroma: 1 },
    { subLayers: [[true, true]] as const, chroma: 1 },
    {
      subLayers: [
        [false, true],
        [true, false],
        [false, false],
      ] as const,
      chroma: 3,
    },
  ])('carries the profile and the format behind sub-layers $subLayers', (choice) => {
    const sps = hevcSps(choice.subLayers, choice.chroma)
    const of = unit(...[VPS, sps, HEVC_PPS, VPS, SLICE].map(annexB))
    expect([...hevcRecord(of)!]).toEqual([
      ...[1, ...PROFILE, 0xf0, 0, 0xfc, 0xfc | choice.chroma, 0xfa, 0xf9, 0, 0],
      ...[((choice.subLayers.length + 1) << 3) | 4 | 3, 3],
      ...[0x80 | 32, 0, 1, ...sized(VPS)],
      ...[0x80 | 33, 0, 1, ...sized(sps)],
      ...[0x80 | 34, 0, 1, ...sized(HEVC_PPS)],
    ])
  })

  it('says that sets are in the pictures too', () => {
    const sps = hevcSps([])
    const record = [...hevcRecord(unit(...[VPS, sps, HEVC_PPS].map(annexB)), 'in_band_too')!]
    expect(record.slice(23, 26)).toEqual([32, 0, 1])
  })

  it.each([
    { name: 'no VPS', of: [hevcSps([]), HEVC_PPS] },
    { name: 'no SPS', of: [VPS, HEVC_PPS] },
    { name: 'no PPS', of: [VPS, hevcSps([])] },
    { name: 'an SPS that is cut off', of: [VPS, hevcSps([]).slice(0, 17), HEVC_PPS] },
  ])('is undefined for $name', ({ of }) => {
    expect(hevcRecord(unit(...of.map(annexB)))).toBeUndefined()
  })
})

describe('NAL units of an access unit', () => {
  it('are found between start codes of three and four bytes, without zeros behind them', () => {
    const bytes = Uint8Array.of(9, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 1, 0, 0, 1, 0x65, 2, 0)
    expect(nalSpans(bytes)).toEqual([4, 6, 10, 11, 17, 19])
    expect(nalSpans(Uint8Array.of(1, 2, 3))).toEqual([])
  })

  it('stand behind lengths of four bytes, without those that are left out', () => {
    const long = new Uint8Array(70_001).fill(0x11).with(0, 0x65)
    const of = Buffer.concat([unit(...[MAIN, [0x09, 0x10], []].map(annexB)), long])
    const prefixed = lengthPrefixed(of, (first) => first === 0x09)
    const head = [0, 0, 0, MAIN.length, ...MAIN, 0, 1, 0x11, 0x71]
    expect([...prefixed.subarray(0, head.length)]).toEqual(head)
    expect(sameBytes(prefixed.subarray(head.length), long)).toBe(true)
  })

  it('of one type are listed without duplicates', () => {
    const of = unit(...[PPS_0, PPS_1, PPS_0, MAIN].map(annexB))
    const found = nalUnitsOf(of, nalSpans(of), (first) => (first & 0x1f) === 8)
    expect(found.map((bytes) => [...bytes])).toEqual([PPS_0, PPS_1])
  })

  it.each([
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[0, 2], [1, 2], false],
    [[1, 2], [1, 2, 3], false],
    [[], [], true],
  ])('%j and %j: the same bytes is %s', (a, b, same) => {
    expect(sameBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(same)
  })
})

/** ADTS: object type less 1, rate index, channels, CRC, blocks. */
const adts = (fields: {
  readonly profile?: number
  readonly rate?: number
  readonly channels?: number
  readonly crc?: boolean
  readonly payload?: readonly number[]
}): Uint8Array => {
  const { profile = 1, rate = 3, channels = 2, crc = false, payload = [0x21, 0, 0] } = fields
  const header = bytesOf(
    [0xfff, 12],
    [crc ? 0 : 1, 4],
    [profile, 2],
    [rate, 4],
    [0, 1],
    [channels, 3],
    [0, 4],
    [7 + (crc ? 2 : 0) + payload.length, 13],
    [0x7ff, 11],
    [0, 2],
  )
  return Uint8Array.from([...header, ...(crc ? [0x12, 0x34] : []), ...payload])
}

/** Program config element with comment: 3/1/2 elements, one LFE, one associated, one coupling, all three mixdowns. */
const configElement = (comment: readonly number[]): number[] =>
  bytesOf(
    [5, 3],
    [0xa, 4],
    [1, 2],
    [3, 4],
    ...([
      [2, 4],
      [1, 4],
      [1, 4],
      [1, 2],
      [1, 3],
      [1, 4],
    ] as const),
    ...([
      [1, 1],
      [9, 4],
      [1, 1],
      [6, 4],
      [1, 1],
      [5, 3],
    ] as const),
    ...([
      [0x10, 5],
      [0x01, 5],
      [0x12, 5],
      [0x03, 5],
    ] as const),
    ...([
      [0xa, 4],
      [0xb, 4],
      [0x1c, 5],
    ] as const),
    // Aligned to the byte from the frame's start; the element began three bits before.
    [0, 7],
    [comment.length, 8],
    ...comment.map((byte) => [byte, 8] as const),
  )

describe('an AudioSpecificConfig from ADTS', () => {
  it.each([
    { fields: {}, record: [0x11, 0x90] },
    { fields: { profile: 0, rate: 4, channels: 1 }, record: [0x0a, 0x08] },
    { fields: { profile: 3, rate: 12, channels: 7 }, record: [0x26, 0x38] },
    { fields: { crc: true, channels: 6 }, record: [0x11, 0xb0] },
  ])('of $fields is $record', ({ fields, record }) => {
    expect([...aacRecord(adts(fields))!]).toEqual(record)
  })

  it.each([false, true])('copies the program config element (CRC: %s)', (crc) => {
    const payload = [...configElement([0x41, 0x42]), 0xde, 0xad]
    const record = aacRecord(adts({ channels: 0, crc, payload }))!
    const expected = bytesOf(
      [2, 5],
      [3, 4],
      [0, 4],
      [0, 3],
      [0xa, 4],
      [1, 2],
      [3, 4],
      ...([
        [2, 4],
        [1, 4],
        [1, 4],
        [1, 2],
        [1, 3],
        [1, 4],
      ] as const),
      ...([
        [1, 1],
        [9, 4],
        [1, 1],
        [6, 4],
        [1, 1],
        [5, 3],
      ] as const),
      ...([
        [0x10, 5],
        [0x01, 5],
        [0x12, 5],
        [0x03, 5],
      ] as const),
      ...([
        [0xa, 4],
        [0xb, 4],
        [0x1c, 5],
      ] as const),
    )
    expect([...record]).toEqual([...expected, 0])
  })

  it('is undefined without channels, or when it is cut off', () => {
    expect(aacRecord(adts({ channels: 0 }))).toBeUndefined()
    expect(aacRecord(adts({ channels: 0, payload: configElement([]).slice(0, 8) }))).toBeUndefined()
    expect(aacRecord(adts({}).subarray(0, 7))).toBeUndefined()
  })

  it('knows the length of its header and its blocks', () => {
    expect(adtsHeaderBytes(adts({}))).toBe(7)
    expect(adtsHeaderBytes(adts({ crc: true }))).toBe(9)
    const frame = adts({})
    expect([0, 1, 2, 3].map((n) => adtsBlocks(frame.with(6, 0xfc | n)))).toEqual([1, 2, 3, 4])
  })
})

describe('a dac3 box', () => {
  /** fscod, frmsizecod, bsid, bsmod, acmod, bits of mix levels, lfeon. */
  it.each([
    { name: '5.1, 384 kbit/s', fields: [0, 28, 8, 0, 7, 4, 1], box: [0x10, 0x3d, 0xc0] },
    { name: 'stereo, 192 kbit/s', fields: [0, 20, 8, 0, 2, 2, 0], box: [0x10, 0x11, 0x40] },
    { name: 'mono, 44.1 kHz', fields: [1, 9, 8, 0, 1, 0, 0], box: [0x50, 0x08, 0x80] },
    { name: '3/0, commentary', fields: [2, 36, 6, 5, 3, 2, 1], box: [0x8d, 0x5e, 0x40] },
    { name: '2/1, half rate', fields: [0, 36, 9, 0, 4, 2, 1], box: [0x12, 0x26, 0x40] },
    { name: '1+1', fields: [0, 0, 8, 7, 0, 0, 1], box: [0x11, 0xc4, 0x00] },
  ])('of $name', ({ fields, box }) => {
    const [fscod, size, bsid, bsmod, acmod, mixBits, lfe] = fields as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const frame = [
      ...[0x0b, 0x77, 0, 0],
      ...bytesOf([fscod, 2], [size, 6], [bsid, 5], [bsmod, 3], [acmod, 3], [0, mixBits], [lfe, 1]),
      ...[0, 0],
    ]
    expect([...ac3Record(Uint8Array.from(frame))]).toEqual(box)
  })
})

interface Eac3 {
  readonly type?: number
  readonly substream?: number
  readonly size?: number
  readonly rate?: readonly [number, number]
  readonly acmod?: number
  readonly lfe?: number
  /** Bits behind lfeon. */
  readonly rest?: readonly (readonly [number, number])[]
}
const eac3 = (choice: Eac3 = {}): number[] => {
  const { type = 0, substream = 0, size = 768, rate = [0, 3], acmod = 7, lfe = 1 } = choice
  const head = bytesOf(
    [type, 2],
    [substream, 3],
    [size / 2 - 1, 11],
    [rate[0], 2],
    [rate[1], 2],
    [acmod, 3],
    [lfe, 1],
    [16, 5],
    ...(choice.rest ?? []),
  )
  const frame = [0x0b, 0x77, ...head]
  return [...frame, ...new Array<number>(size - frame.length).fill(0)]
}
/** dialnorm 31, no compression, a channel map. */
const mapped = (map: number): (readonly [number, number])[] => [
  [31, 5],
  [0, 1],
  [1, 1],
  [map, 16],
]

describe('a dec3 box', () => {
  const record = (...frames: readonly number[][]): number[] | undefined => {
    const found = eac3Record(Uint8Array.from(frames.flat()))
    return found && [...found]
  }

  it('carries the data rate and the substream', () => {
    // 768 bytes in 1536 samples of 48 kHz: 192 kbit/s.
    expect(record(eac3())).toEqual([0x06, 0x00, 0x20, 0x0f, 0])
    expect(record(eac3({ acmod: 2, lfe: 0, rate: [1, 3] }))).toEqual([0x05, 0x80, 0x60, 0x04, 0])
  })

  it.each([
    { rate: [0, 0], kbps: 1152 },
    { rate: [0, 1], kbps: 576 },
    { rate: [0, 2], kbps: 384 },
    { rate: [2, 3], kbps: 128 },
    { rate: [3, 0], kbps: 96 },
    { rate: [3, 1], kbps: 88 },
    { rate: [3, 3], kbps: 96 },
  ] as const)('of rate codes $rate carries $kbps kbit/s', ({ rate, kbps }) => {
    const [high, low] = record(eac3({ rate }))!
    expect(((high! << 8) | low!) >> 3).toBe(kbps)
  })

  it('limits the data rate to its 13 bits', () => {
    const [high, low] = record(
      ...Array.from({ length: 7 }, (_, i) => eac3({ rate: [0, 0], substream: i, size: 4096 })),
    )!
    expect(((high! << 8) | low!) >> 3).toBe(8191)
  })

  it('counts dependent substreams and joins their channel maps', () => {
    const dependent = (rest: Eac3['rest']): number[] =>
      eac3({ type: 1, acmod: 2, lfe: 0, ...(rest === undefined ? {} : { rest }) })
    // Lrs/Rrs is bit 6 of the map from the top, Lc/Rc bit 5, LFE2 the last but one.
    expect(record(eac3(), dependent(mapped(0x0200)))!.slice(-4)).toEqual([0x20, 0x0f, 0x02, 0x02])
    const two = record(eac3(), dependent(mapped(0x0400)), dependent(mapped(0x0008 | 0x0002)))!
    expect(two.slice(-4)).toEqual([0x20, 0x0f, 0x05, 0x81])
    expect(record(eac3(), dependent([]))!.slice(-4)).toEqual([0x20, 0x0f, 0x02, 0x00])
  })

  it('finds the channel map behind two programs and their compression', () => {
    const rest = [
      [31, 5],
      [1, 1],
      [0xff, 8],
      [30, 5],
      [1, 1],
      [0xee, 8],
      [1, 1],
      [0x0200, 16],
    ] as const
    const found = record(eac3(), eac3({ type: 1, acmod: 0, lfe: 0, rest }))!
    expect(found.slice(-2)).toEqual([0x02, 0x02])
  })

  it('lists independent substreams, eight at most', () => {
    const found = record(eac3(), eac3({ substream: 1, acmod: 1, lfe: 0 }))!
    expect(found[1]! & 7).toBe(1)
    expect(found.slice(2)).toEqual([0x20, 0x0f, 0, 0x20, 0x02, 0])
    const of = (count: number): number[][] =>
      Array.from({ length: count }, (_, i) => eac3({ substream: i % 8 }))
    expect(record(...of(8))![1]! & 7).toBe(7)
    expect(record(...of(9))).toBeUndefined()
  })

  it('is undefined without an independent substream', () => {
    expect(record(eac3({ type: 1 }))).toBeUndefined()
    expect(record([0x0b, 0x78, ...new Array<number>(9).fill(0)])).toBeUndefined()
    expect(record([0x0b, 0x77, 0, 3, 0x3f, 0x80, 0])).toBeUndefined()
  })
})
