import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { parseHevcSps, parseHevcVps } from './hevc-sps.ts'
import type { HevcSps, HevcVps } from './hevc-sps.ts'

interface SubLayer {
  readonly profile: boolean
  readonly level: boolean
}
/** One st_ref_pic_set: sent as it is, or as its difference from the one before (used, use_delta per picture). */
type ReferenceSet =
  | { readonly negative: number; readonly positive: number }
  | { readonly keep: 'used' | 'delta' | 'none' }

interface VuiFields {
  readonly aspect: number | undefined
  readonly overscan: boolean
  readonly signalType: 'none' | 'short' | 'colour'
  readonly chromaLocation: boolean
  readonly fields: boolean
  readonly displayWindow: boolean
  readonly timing: readonly [number, number] | undefined
}

interface SpsFields {
  readonly vpsId: number
  readonly subLayers: readonly SubLayer[]
  readonly profile: number
  readonly progressive: boolean
  readonly interlaced: boolean
  readonly level: number
  readonly id: number
  readonly chroma: number
  readonly size: readonly [number, number]
  readonly window: readonly [number, number, number, number] | undefined
  readonly depths: readonly [number, number]
  readonly pocBits: number
  /** Of each sub-layer that is sent; the last counts. */
  readonly reorder: readonly number[]
  readonly scaling: 'none' | 'default' | 'copied' | 'sent'
  readonly pcm: boolean
  readonly sets: readonly ReferenceSet[]
  readonly longTerm: number | undefined
  readonly vui: VuiFields | undefined
}

const PLAIN: SpsFields = {
  vpsId: 0,
  subLayers: [],
  profile: 1,
  progressive: true,
  interlaced: false,
  level: 120,
  id: 0,
  chroma: 1,
  size: [1920, 1088],
  window: undefined,
  depths: [8, 8],
  pocBits: 8,
  reorder: [2],
  scaling: 'none',
  pcm: false,
  sets: [],
  longTerm: undefined,
  vui: undefined,
}
const PLAIN_VUI: VuiFields = {
  aspect: undefined,
  overscan: false,
  signalType: 'none',
  chromaLocation: false,
  fields: false,
  displayWindow: false,
  timing: undefined,
}

/** All bits set in what is skipped, so that a wrong length is noticed. */
function ones(w: BitWriter, count: number): BitWriter {
  for (let left = count; left > 0; left -= 32)
    w.bits(2 ** Math.min(left, 32) - 1, Math.min(left, 32))
  return w
}

function writeProfile(w: BitWriter, sps: SpsFields): void {
  w.bits(1, 3).bits(sps.profile, 5)
  ones(w, 32)
    .bits(sps.progressive ? 1 : 0, 1)
    .bits(sps.interlaced ? 1 : 0, 1)
  ones(w, 46).bits(sps.level, 8)
  for (const { profile, level } of sps.subLayers) w.bits(profile ? 1 : 0, 1).bits(level ? 1 : 0, 1)
  if (sps.subLayers.length > 0) ones(w, (8 - sps.subLayers.length) * 2)
  for (const { profile, level } of sps.subLayers) ones(w, (profile ? 88 : 0) + (level ? 8 : 0))
}

function writeOrdering(w: BitWriter, sps: SpsFields): void {
  w.bits(sps.reorder.length > 1 ? 1 : 0, 1)
  for (const reorder of sps.reorder) w.ue(6, reorder, 5)
}

function writeScaling(w: BitWriter, scaling: SpsFields['scaling']): void {
  w.bits(scaling === 'none' ? 0 : 1, 1)
  if (scaling === 'none') return
  w.bits(scaling === 'default' ? 0 : 1, 1)
  if (scaling === 'default') return
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      w.bits(scaling === 'sent' ? 1 : 0, 1)
      if (scaling === 'copied') w.ue(1)
      else {
        if (size > 1) w.ue(11)
        for (let i = 0; i < (size === 0 ? 16 : 64); i++) w.ue(7)
      }
    }
  }
}

function writeSets(w: BitWriter, sets: readonly ReferenceSet[]): void {
  w.ue(sets.length)
  let pictures = 0
  for (const [i, set] of sets.entries()) {
    if (i > 0) w.bits('keep' in set ? 1 : 0, 1)
    if ('keep' in set) {
      w.bits(1, 1).ue(3)
      for (let k = 0; k <= pictures; k++) {
        if (set.keep === 'used') w.bits(1, 1)
        else w.bits(set.keep === 'delta' ? 1 : 0, 2)
      }
      pictures = set.keep === 'none' ? 0 : pictures + 1
    } else {
      w.ue(set.negative, set.positive)
      pictures = set.negative + set.positive
      for (let k = 0; k < pictures; k++) w.ue(2).bits(1, 1)
    }
  }
}

function writeVui(w: BitWriter, vui: VuiFields): void {
  w.bits(vui.aspect === undefined ? 0 : 1, 1)
  if (vui.aspect !== undefined) w.bits(vui.aspect, 8)
  w.bits(vui.overscan ? 3 : 0, vui.overscan ? 2 : 1)
  w.bits(vui.signalType === 'none' ? 0 : 1, 1)
  if (vui.signalType !== 'none') w.bits(0xf, 4).bits(vui.signalType === 'colour' ? 1 : 0, 1)
  if (vui.signalType === 'colour') ones(w, 24)
  w.bits(vui.chromaLocation ? 1 : 0, 1)
  if (vui.chromaLocation) w.ue(2, 3)
  w.bits(1, 1)
    .bits(vui.fields ? 1 : 0, 1)
    .bits(1, 1)
  w.bits(vui.displayWindow ? 1 : 0, 1)
  if (vui.displayWindow) w.ue(1, 2, 3, 4)
  w.bits(vui.timing === undefined ? 0 : 1, 1)
  if (vui.timing !== undefined) w.bits(vui.timing[0], 32).bits(vui.timing[1], 32)
}

function spsBytes(sps: SpsFields): number[] {
  const w = new BitWriter().bits(sps.vpsId, 4).bits(sps.subLayers.length, 3).bits(1, 1)
  writeProfile(w, sps)
  w.ue(sps.id, sps.chroma)
  if (sps.chroma === 3) w.bits(1, 1)
  w.ue(...sps.size).bits(sps.window === undefined ? 0 : 1, 1)
  w.ue(...(sps.window ?? []), sps.depths[0] - 8, sps.depths[1] - 8, sps.pocBits - 4)
  writeOrdering(w, sps)
  w.ue(0, 3, 0, 3, 2, 1)
  writeScaling(w, sps.scaling)
  w.bits(3, 2).bits(sps.pcm ? 1 : 0, 1)
  if (sps.pcm) w.bits(0x77, 8).ue(1, 2).bits(1, 1)
  writeSets(w, sps.sets)
  w.bits(sps.longTerm === undefined ? 0 : 1, 1)
  if (sps.longTerm !== undefined) ones(w.ue(sps.longTerm), sps.longTerm * (sps.pocBits + 1))
  w.bits(3, 2).bits(sps.vui === undefined ? 0 : 1, 1)
  if (sps.vui !== undefined) writeVui(w, sps.vui)
  return nal([33 << 1, 1], w.bytes())
}

function parse(choice: Partial<SpsFields>): HevcSps | undefined {
  const bytes = Uint8Array.from(spsBytes({ ...PLAIN, ...choice }))
  return parseHevcSps(bytes, 4, bytes.length)
}

const flags = fc.boolean()
const sets: fc.Arbitrary<readonly ReferenceSet[]> = fc
  .array(
    fc.oneof(
      fc.record({ negative: fc.nat(4), positive: fc.nat(4) }),
      fc.record({ keep: fc.constantFrom('used', 'delta', 'none') }),
    ),
    { maxLength: 8 },
  )
  .map((all) => [{ negative: 2, positive: 1 }, ...all])
const vuis: fc.Arbitrary<VuiFields> = fc.record({
  aspect: fc.constantFrom(undefined, 14),
  overscan: flags,
  signalType: fc.constantFrom('none', 'short', 'colour'),
  chromaLocation: flags,
  fields: flags,
  displayWindow: flags,
  timing: fc.constantFrom(undefined, [1001, 60_000] as const),
})
const fieldsOf: fc.Arbitrary<SpsFields> = fc
  .array(fc.record({ profile: flags, level: flags }), { maxLength: 6 })
  .chain((subLayers) =>
    fc.record({
      vpsId: fc.nat(15),
      subLayers: fc.constant(subLayers),
      profile: fc.constantFrom(1, 2, 4),
      progressive: flags,
      interlaced: flags,
      level: fc.nat(255),
      id: fc.nat(15),
      chroma: fc.nat(3),
      size: fc.tuple(fc.integer({ min: 64, max: 4096 }), fc.integer({ min: 64, max: 4096 })),
      window: fc.option(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(9)), { nil: undefined }),
      depths: fc.tuple(fc.integer({ min: 8, max: 16 }), fc.integer({ min: 8, max: 16 })),
      pocBits: fc.integer({ min: 4, max: 16 }),
      reorder: fc.oneof(
        fc.tuple(fc.nat(16)),
        fc.array(fc.nat(16), {
          minLength: subLayers.length + 1,
          maxLength: subLayers.length + 1,
        }),
      ),
      scaling: fc.constantFrom('none', 'default', 'copied', 'sent'),
      pcm: flags,
      sets,
      longTerm: fc.option(fc.nat(32), { nil: undefined }),
      vui: fc.option(vuis, { nil: undefined }),
    }),
  )

const WINDOW_UNITS = [
  [1, 1],
  [2, 2],
  [2, 1],
  [1, 1],
] as const

describe('an HEVC SPS', () => {
  it('is read back whatever optional fields stand between those of interest', () => {
    fc.assert(
      fc.property(fieldsOf, (sps) => {
        const [unitX, unitY] = WINDOW_UNITS[sps.chroma]!
        const window = sps.window ?? [0, 0, 0, 0]
        const isFields = sps.vui?.fields === true
        const isInterlaced = isFields || (sps.interlaced && !sps.progressive)
        const found = parse(sps)
        expect(found).toMatchObject({
          id: sps.id,
          vpsId: sps.vpsId,
          reorderFrames: sps.reorder.at(-1),
          format: {
            codec: 'hevc',
            profile: { 1: 'main', 2: 'main10', 4: 'rext' }[sps.profile],
            chroma: ['4:0:0', '4:2:0', '4:2:2', '4:4:4'][sps.chroma],
            depth: Math.max(...sps.depths),
            width: sps.size[0] - (window[0] + window[1]) * unitX,
            height: sps.size[1] - (window[2] + window[3]) * unitY,
            scan: isInterlaced ? 'interlaced' : 'progressive',
            level: sps.level,
          },
        })
        expect(found!.format.frameRate).toEqual(
          sps.vui?.timing && { num: isFields ? 30_000 : 60_000, den: 1001 },
        )
        expect(found!.pixelAspect).toEqual(sps.vui?.aspect && { num: 4, den: 3 })
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    [1, 'main'],
    [2, 'main10'],
    [3, 'main_still'],
    [4, 'rext'],
    [5, 'high_throughput'],
    [9, 'scc'],
    [31, 'profile_31'],
  ])('of general_profile_idc %i is of profile %s', (profile, name) => {
    expect(parse({ profile })?.format.profile).toBe(name)
  })

  it.each([
    { name: 'an id of 16', sps: { id: 16 } },
    { name: 'a chroma format of 4', sps: { chroma: 4 } },
    { name: '17 bits per sample', sps: { depths: [17, 8] as const } },
    { name: 'a picture order count of 17 bits', sps: { pocBits: 17 } },
    { name: 'no columns left', sps: { size: [16, 16] as const, window: [4, 4, 0, 0] as const } },
    { name: 'no rows left', sps: { size: [16, 16] as const, window: [0, 0, 4, 4] as const } },
    { name: '16385 columns', sps: { size: [16_385, 16] as const } },
    { name: '16385 rows', sps: { size: [16, 16_385] as const } },
  ])('with $name is refused', ({ sps }) => {
    expect(parse(sps)).toBeUndefined()
  })

  it('may have 16384 by 16384 pixels, or one', () => {
    expect(parse({ size: [16_384, 16_384] })?.format).toMatchObject({
      width: 16_384,
      height: 16_384,
    })
    expect(parse({ chroma: 0, size: [1, 1] })?.format).toMatchObject({ width: 1, height: 1 })
  })

  it('has at most 16 pictures to reorder', () => {
    expect(parse({ reorder: [17] })?.reorderFrames).toBe(16)
  })

  it.each([
    {
      name: '64 sets',
      sps: { sets: Array.from({ length: 64 }, () => ({ negative: 1, positive: 1 })) },
    },
    { name: '32 pictures in a set', sps: { sets: [{ negative: 16, positive: 16 }] } },
  ])('with $name of reference pictures keeps its VUI', ({ sps }) => {
    const found = parse({ ...sps, vui: { ...PLAIN_VUI, timing: [1, 50] } })
    expect(found?.format.frameRate).toEqual({ num: 50, den: 1 })
  })

  it('that is cut off before its reorder depth is refused, and later loses its VUI only', () => {
    const bytes = Uint8Array.from(
      spsBytes({ ...PLAIN, vui: { ...PLAIN_VUI, fields: true, timing: [1, 50] } }),
    )
    expect(parseHevcSps(bytes, 4, 4 + 20)).toBeUndefined()
    const whole = parseHevcSps(bytes, 4, bytes.length)
    expect(whole?.format).toMatchObject({ scan: 'interlaced', frameRate: { num: 25, den: 1 } })
    const short = parseHevcSps(bytes, 4, bytes.length - 4)
    expect(short?.format).toMatchObject({ width: 1920, scan: 'progressive' })
    expect(short?.format.frameRate).toBeUndefined()
  })
})

interface VpsFields {
  readonly id: number
  readonly subLayers: readonly SubLayer[]
  readonly reorder: readonly number[]
  readonly highestLayer: number
  readonly layerSets: number
  readonly timing: readonly [number, number] | undefined
}
const PLAIN_VPS: VpsFields = {
  id: 0,
  subLayers: [],
  reorder: [2],
  highestLayer: 0,
  layerSets: 0,
  timing: undefined,
}

function vpsBytes(vps: VpsFields): Uint8Array {
  const w = new BitWriter().bits(vps.id, 4).bits(0xc0, 8).bits(vps.subLayers.length, 3)
  ones(w, 17)
  const sps = { ...PLAIN, subLayers: vps.subLayers, reorder: vps.reorder }
  writeProfile(w, sps)
  writeOrdering(w, sps)
  w.bits(vps.highestLayer, 6).ue(vps.layerSets)
  ones(w, vps.layerSets * (vps.highestLayer + 1))
  w.bits(vps.timing === undefined ? 0 : 1, 1)
  if (vps.timing !== undefined) w.bits(vps.timing[0], 32).bits(vps.timing[1], 32)
  return Uint8Array.from(nal([32 << 1, 1], w.bytes()))
}
const parseVps = (vps: Partial<VpsFields>): HevcVps | undefined => {
  const bytes = vpsBytes({ ...PLAIN_VPS, ...vps })
  return parseHevcVps(bytes, 4, bytes.length)
}

describe('an HEVC VPS', () => {
  it('is read back whatever sub-layers and layer sets it has', () => {
    const layered = fc.array(fc.record({ profile: flags, level: flags }), { maxLength: 6 })
    const vpses = layered.chain((subLayers) =>
      fc.record({
        id: fc.nat(15),
        subLayers: fc.constant(subLayers),
        reorder: fc.constantFrom([3], new Array<number>(subLayers.length + 1).fill(4)),
        highestLayer: fc.nat(62),
        layerSets: fc.nat(20),
        timing: fc.constantFrom(undefined, [1001, 30_000] as const),
      }),
    )
    fc.assert(
      fc.property(vpses, (vps) => {
        const frameRate = vps.timing && { num: 30_000, den: 1001 }
        expect(parseVps(vps)).toEqual({ id: vps.id, frameRate })
      }),
      { numRuns: 100 },
    )
  })

  it('has no frame rate when it is cut off in it, and is refused before', () => {
    const bytes = vpsBytes({ ...PLAIN_VPS, timing: [0x0101_0101, 0x7f7f_7f7f] })
    expect(parseHevcVps(bytes, 4, bytes.length)?.frameRate).toEqual({ num: 127, den: 1 })
    expect(parseHevcVps(bytes, 4, bytes.length - 2)).toEqual({ id: 0, frameRate: undefined })
    expect(parseHevcVps(bytes, 4, bytes.length - 10)).toBeUndefined()
  })

  it('may list 1023 layer sets', () => {
    expect(parseVps({ layerSets: 1023, timing: [1, 50] })?.frameRate).toEqual({ num: 50, den: 1 })
  })
})
