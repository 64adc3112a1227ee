import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { parseH264Sps } from './h264-sps.ts'
import type { H264Sps } from './h264-sps.ts'

/** ITU-T H.264 9.1.1: the code of a signed value. */
const signed = (value: number): number => (value > 0 ? 2 * value - 1 : -2 * value)

interface Hrd {
  readonly entries: number
}

interface VuiFields {
  readonly aspect: number | readonly [number, number] | undefined
  readonly overscan: boolean
  readonly signalType: 'none' | 'short' | 'colour'
  readonly chromaLocation: boolean
  readonly timing: readonly [number, number] | undefined
  readonly nalHrd: Hrd | undefined
  readonly vclHrd: Hrd | undefined
  readonly reorder: number | undefined
}

interface SpsFields {
  readonly profile: number
  readonly constraints: number
  readonly level: number
  readonly id: number
  readonly chroma: number
  readonly separate: boolean
  readonly depths: readonly [number, number]
  /** Values of each list that is sent. */
  readonly scaling: readonly (readonly number[] | undefined)[] | undefined
  readonly frameNumBits: number
  readonly poc: { readonly type: 0 | 1 | 2; readonly cycle: readonly number[] }
  readonly mbs: readonly [number, number]
  readonly interlaced: boolean
  readonly crop: readonly [number, number, number, number] | undefined
  readonly vui: VuiFields | undefined
}

const PLAIN: SpsFields = {
  profile: 77,
  constraints: 0,
  level: 30,
  id: 0,
  chroma: 1,
  separate: false,
  depths: [8, 8],
  scaling: undefined,
  frameNumBits: 4,
  poc: { type: 0, cycle: [] },
  mbs: [45, 36],
  interlaced: false,
  crop: undefined,
  vui: undefined,
}
const PLAIN_VUI: VuiFields = {
  aspect: undefined,
  overscan: false,
  signalType: 'none',
  chromaLocation: false,
  timing: undefined,
  nalHrd: undefined,
  vclHrd: undefined,
  reorder: undefined,
}
const CHROMA_PROFILES = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244]

/** All bits set in what is skipped, so that a wrong length is noticed. */
const ones = (w: BitWriter, count: number): BitWriter => w.bits(2 ** count - 1, count)

function writeHrd(w: BitWriter, hrd: Hrd | undefined): void {
  w.bits(hrd === undefined ? 0 : 1, 1)
  if (hrd === undefined) return
  ones(w.ue(hrd.entries - 1), 8)
  for (let i = 0; i < hrd.entries; i++) w.ue(1000 + i, 7).bits(1, 1)
  ones(w, 20)
}

function writeVui(w: BitWriter, vui: VuiFields): void {
  w.bits(vui.aspect === undefined ? 0 : 1, 1)
  if (typeof vui.aspect === 'number') w.bits(vui.aspect, 8)
  else if (vui.aspect !== undefined) w.bits(255, 8).bits(vui.aspect[0], 16).bits(vui.aspect[1], 16)
  w.bits(vui.overscan ? 3 : 0, vui.overscan ? 2 : 1)
  w.bits(vui.signalType === 'none' ? 0 : 1, 1)
  if (vui.signalType !== 'none') w.bits(0xf, 4).bits(vui.signalType === 'colour' ? 1 : 0, 1)
  if (vui.signalType === 'colour') ones(w, 24)
  w.bits(vui.chromaLocation ? 1 : 0, 1)
  if (vui.chromaLocation) w.ue(2, 3)
  w.bits(vui.timing === undefined ? 0 : 1, 1)
  if (vui.timing !== undefined) w.bits(vui.timing[0], 32).bits(vui.timing[1], 32).bits(1, 1)
  writeHrd(w, vui.nalHrd)
  writeHrd(w, vui.vclHrd)
  if (vui.nalHrd !== undefined || vui.vclHrd !== undefined) w.bits(1, 1)
  w.bits(1, 1)
  w.bits(vui.reorder === undefined ? 0 : 1, 1)
  if (vui.reorder !== undefined) w.bits(1, 1).ue(2, 1, 11, 12, vui.reorder, 16)
}

function writeHighFields(w: BitWriter, sps: SpsFields): void {
  w.ue(sps.chroma)
  if (sps.chroma === 3) w.bits(sps.separate ? 1 : 0, 1)
  w.ue(sps.depths[0] - 8, sps.depths[1] - 8).bits(1, 1)
  w.bits(sps.scaling === undefined ? 0 : 1, 1)
  for (const list of sps.scaling ?? []) {
    w.bits(list === undefined ? 0 : 1, 1)
    let last = 8
    for (const value of list ?? []) {
      w.ue(signed(((value - last + 384) % 256) - 128))
      last = value
    }
  }
}

function spsBytes(sps: SpsFields): number[] {
  const w = new BitWriter()
  w.bits(sps.profile, 8).bits(sps.constraints, 8).bits(sps.level, 8).ue(sps.id)
  if (CHROMA_PROFILES.includes(sps.profile)) writeHighFields(w, sps)
  w.ue(sps.frameNumBits - 4, sps.poc.type)
  if (sps.poc.type === 0) w.ue(12)
  if (sps.poc.type === 1) {
    w.bits(1, 1).ue(signed(-3), signed(5), sps.poc.cycle.length)
    for (const offset of sps.poc.cycle) w.ue(signed(offset))
  }
  w.ue(4)
    .bits(1, 1)
    .ue(sps.mbs[0] - 1, sps.mbs[1] - 1)
  if (sps.interlaced) w.bits(1, 2)
  else w.bits(1, 1)
  w.bits(1, 1).bits(sps.crop === undefined ? 0 : 1, 1)
  if (sps.crop !== undefined) w.ue(...sps.crop)
  w.bits(sps.vui === undefined ? 0 : 1, 1)
  if (sps.vui !== undefined) writeVui(w, sps.vui)
  return w.bytes()
}

function parse(sps: Partial<SpsFields>): H264Sps | undefined {
  const bytes = Uint8Array.from(nal([0x67], spsBytes({ ...PLAIN, ...sps })))
  return parseH264Sps(bytes, 4, bytes.length)
}
const parseVui = (vui: Partial<VuiFields>): H264Sps | undefined =>
  parse({ vui: { ...PLAIN_VUI, ...vui } })

const flags = fc.boolean()
const hrd = fc.option(fc.record({ entries: fc.integer({ min: 1, max: 32 }) }), { nil: undefined })
const vuis: fc.Arbitrary<VuiFields> = fc.record({
  aspect: fc.constantFrom(undefined, 14, [64, 45] as const),
  overscan: flags,
  signalType: fc.constantFrom('none', 'short', 'colour'),
  chromaLocation: flags,
  timing: fc.constantFrom(undefined, [1001, 60_000] as const),
  nalHrd: hrd,
  vclHrd: hrd,
  reorder: fc.option(fc.nat(16), { nil: undefined }),
})
const list = (size: number): fc.Arbitrary<readonly number[] | undefined> =>
  fc.option(
    // 9.1.1, 7.3.2.1.1.1: a value of 0 ends the list.
    fc.array(fc.integer({ min: 1, max: 255 }), { minLength: size, maxLength: size }),
    { nil: undefined },
  )
const scalings = (chroma: number): fc.Arbitrary<SpsFields['scaling']> =>
  fc.option(
    fc.tuple(...Array.from({ length: chroma === 3 ? 12 : 8 }, (_, i) => list(i < 6 ? 16 : 64))),
    { nil: undefined },
  )
const fields: fc.Arbitrary<SpsFields> = fc.nat(3).chain((chroma) =>
  fc.record({
    profile: fc.constantFrom(66, 77, ...CHROMA_PROFILES),
    constraints: fc.nat(255),
    level: fc.constantFrom(10, 21, 31, 41, 52),
    id: fc.nat(31),
    chroma: fc.constant(chroma),
    separate: flags,
    depths: fc.tuple(fc.integer({ min: 8, max: 14 }), fc.integer({ min: 8, max: 14 })),
    scaling: scalings(chroma),
    frameNumBits: fc.integer({ min: 4, max: 16 }),
    poc: fc.record({
      type: fc.constantFrom(0, 1, 2),
      cycle: fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 255 }),
    }),
    mbs: fc.tuple(fc.integer({ min: 8, max: 120 }), fc.integer({ min: 8, max: 60 })),
    interlaced: flags,
    crop: fc.option(fc.tuple(fc.nat(7), fc.nat(7), fc.nat(7), fc.nat(7)), { nil: undefined }),
    vui: fc.option(vuis, { nil: undefined }),
  }),
)

const CROP_UNITS = [
  [1, 1],
  [2, 2],
  [2, 1],
  [1, 1],
] as const

describe('an H.264 SPS', () => {
  it('is read back whatever optional fields stand between those of interest', () => {
    fc.assert(
      fc.property(fields, (sps) => {
        const isHigh = CHROMA_PROFILES.includes(sps.profile)
        const chroma = isHigh ? sps.chroma : 1
        const [unitX, unitY] = CROP_UNITS[chroma]!
        const crop = sps.crop ?? [0, 0, 0, 0]
        const rows = sps.interlaced ? 2 : 1
        const found = parse(sps)
        expect(found).toMatchObject({
          id: sps.id,
          frameNumBits: sps.frameNumBits,
          frameMbsOnly: !sps.interlaced,
          separateColourPlanes: isHigh && chroma === 3 && sps.separate,
          format: {
            codec: 'h264',
            chroma: ['4:0:0', '4:2:0', '4:2:2', '4:4:4'][chroma],
            depth: isHigh ? Math.max(...sps.depths) : 8,
            width: sps.mbs[0] * 16 - (crop[0] + crop[1]) * unitX,
            height: sps.mbs[1] * 16 * rows - (crop[2] + crop[3]) * unitY * rows,
            scan: sps.interlaced ? 'interlaced' : 'progressive',
            level: sps.level,
          },
        })
        expect(found!.format.frameRate).toEqual(sps.vui?.timing && { num: 30_000, den: 1001 })
        const aspect = sps.vui?.aspect
        expect(found!.pixelAspect).toEqual(
          aspect && (aspect === 14 ? { num: 4, den: 3 } : { num: 64, den: 45 }),
        )
        if (sps.vui?.reorder !== undefined) expect(found!.reorderFrames).toBe(sps.vui.reorder)
      }),
      { numRuns: 120 },
    )
  })

  it.each([
    [44, 'cavlc444'],
    [66, 'baseline'],
    [77, 'main'],
    [88, 'extended'],
    [100, 'high'],
    [110, 'high10'],
    [122, 'high422'],
    [144, 'high444'],
    [244, 'high444'],
    [118, 'profile_118'],
  ])('of profile_idc %i is of profile %s', (profile, name) => {
    expect(parse({ profile })?.format.profile).toBe(name)
  })

  it.each([
    { name: 'an id of 32', sps: { id: 32 } },
    { name: 'a frame number of 17 bits', sps: { frameNumBits: 17 } },
    { name: 'a chroma format of 4', sps: { profile: 100, chroma: 4 } },
    { name: '15 bits per sample', sps: { profile: 110, depths: [8, 15] as const } },
    { name: 'no columns left', sps: { mbs: [1, 1] as const, crop: [4, 4, 0, 0] as const } },
    { name: 'no rows left', sps: { mbs: [1, 1] as const, crop: [0, 0, 4, 4] as const } },
    { name: '16400 columns', sps: { mbs: [1025, 1] as const } },
    { name: '16400 rows', sps: { mbs: [1, 1025] as const } },
  ])('with $name is refused', ({ sps }) => {
    expect(parse(sps)).toBeUndefined()
  })

  it('of 16384 by 16384 pixels is the largest', () => {
    expect(parse({ mbs: [1024, 1024] })?.format).toMatchObject({ width: 16_384, height: 16_384 })
  })

  it('may be one column and one row', () => {
    const sps = { profile: 100, chroma: 3, mbs: [1, 1], crop: [7, 8, 8, 7] } as const
    expect(parse(sps)?.format).toMatchObject({ width: 1, height: 1 })
  })

  it('that is cut off before its VUI flag is refused', () => {
    const bytes = Uint8Array.from(nal([0x67], spsBytes(PLAIN)))
    for (let end = 4; end < bytes.length - 1; end++)
      expect(parseH264Sps(bytes, 4, end)).toBeUndefined()
    expect(parseH264Sps(bytes, 4, bytes.length)).toBeDefined()
  })

  it('keeps its picture size when its VUI is cut off', () => {
    const vui = { ...PLAIN_VUI, timing: [1, 50], reorder: 3 } as const
    const bytes = Uint8Array.from(nal([0x67], spsBytes({ ...PLAIN, vui })))
    const short = parseH264Sps(bytes, 4, bytes.length - 8)
    expect(short?.format).toMatchObject({ width: 720, height: 576 })
    expect(short?.format.frameRate).toBeUndefined()
    expect(short?.reorderFrames).toBe(5)
  })

  it('ends a scaling list at the value 0, and the last value stands for the rest', () => {
    const lists = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? [16, 32, 0] : undefined))
    expect(parse({ profile: 100, scaling: lists })?.format).toMatchObject({
      width: 720,
      height: 576,
    })
  })
})

describe('the reorder depth of H.264', () => {
  /** Table A-1: frames of 16 by 16 pixels that fit, by level; A.3.1 limits them to 16. */
  it.each([
    [10, 396],
    [11, 900],
    [12, 2376],
    [20, 2376],
    [21, 4752],
    [22, 8100],
    [30, 8100],
    [31, 18_000],
    [32, 20_480],
    [40, 32_768],
    [41, 32_768],
    [42, 34_816],
    [50, 110_400],
    [51, 184_320],
    [52, 184_320],
    [60, 696_320],
  ])('at level_idc %i without a VUI is what %i macroblocks hold', (level, mbs) => {
    // Two frames fit exactly in the width and the height chosen; a column more leaves one.
    const side = Math.min(1024, mbs / 2)
    const rows = mbs / 2 / side
    if (Number.isInteger(rows)) expect(parse({ level, mbs: [side, rows] })?.reorderFrames).toBe(2)
    expect(parse({ level, mbs: [side, Math.floor(rows) + 1] })?.reorderFrames).toBe(1)
    expect(parse({ level, mbs: [1, 1] })?.reorderFrames).toBe(16)
  })

  it.each([
    { name: 'baseline', sps: { profile: 66 }, depth: 0 },
    { name: 'picture order type 2', sps: { poc: { type: 2, cycle: [] } as const }, depth: 0 },
    { name: 'CAVLC 4:4:4 intra', sps: { profile: 44 }, depth: 0 },
    { name: 'high 10 intra', sps: { profile: 110, constraints: 0x10 }, depth: 0 },
    { name: 'high 4:2:2 intra', sps: { profile: 122, constraints: 0x10 }, depth: 0 },
    { name: 'high 4:4:4 intra', sps: { profile: 244, constraints: 0x10 }, depth: 0 },
    { name: 'high intra', sps: { profile: 100, constraints: 0x10 }, depth: 0 },
    { name: 'scalable high intra', sps: { profile: 86, constraints: 0x10 }, depth: 0 },
    { name: 'main with constraint 3', sps: { profile: 77, constraints: 0x10 }, depth: 5 },
    { name: 'high without constraint 3', sps: { profile: 100, constraints: 0xef }, depth: 5 },
    {
      name: 'main in fields',
      sps: { interlaced: true, mbs: [45, 18] as const },
      depth: 5,
    },
  ])('of $name is $depth', ({ sps, depth }) => {
    expect(parse(sps)?.reorderFrames).toBe(depth)
  })

  it('of the VUI counts up to 16; above, it is corrupt', () => {
    expect(parseVui({ reorder: 16 })?.reorderFrames).toBe(16)
    expect(parseVui({ reorder: 17 })?.reorderFrames).toBe(5)
  })
})

describe('the pixel aspect ratio', () => {
  /** Table E-1. */
  it.each([
    [0, undefined],
    [1, undefined],
    [2, '12:11'],
    [3, '10:11'],
    [4, '16:11'],
    [5, '40:33'],
    [6, '24:11'],
    [7, '20:11'],
    [8, '32:11'],
    [9, '80:33'],
    [10, '18:11'],
    [11, '15:11'],
    [12, '64:33'],
    [13, '160:99'],
    [14, '4:3'],
    [15, '3:2'],
    [16, '2:1'],
    [17, undefined],
    [254, undefined],
  ])('of aspect_ratio_idc %i is %s', (aspect, ratio) => {
    const found = parseVui({ aspect })?.pixelAspect
    expect(found && `${found.num}:${found.den}`).toBe(ratio)
  })

  it.each([
    [[0, 5], undefined],
    [[5, 0], undefined],
    [[9, 9], undefined],
    [[1, 65_535], { num: 1, den: 65_535 }],
  ] as const)('sent as %j is %j', (aspect, ratio) => {
    expect(parseVui({ aspect })?.pixelAspect).toEqual(ratio)
  })
})

describe('the frame rate', () => {
  it.each([
    { timing: [1, 50], rate: { num: 25, den: 1 } },
    { timing: [1001, 48_000], rate: { num: 24_000, den: 1001 } },
    { timing: [1, 2], rate: { num: 1, den: 1 } },
    { timing: [1, 600], rate: { num: 300, den: 1 } },
    { timing: [1, 601], rate: undefined },
    { timing: [2, 3], rate: undefined },
    { timing: [0, 50], rate: undefined },
    { timing: [1, 0], rate: undefined },
    { timing: [1, 90_000], rate: undefined },
    { timing: [0x8000_0000, 0xffff_ffff], rate: undefined },
    { timing: [0x4000_0000, 0x8000_0000], rate: { num: 1, den: 1 } },
  ] as const)('of time_scale and ticks $timing is $rate', ({ timing, rate }) => {
    expect(parseVui({ timing })?.format.frameRate).toEqual(rate)
  })
})
