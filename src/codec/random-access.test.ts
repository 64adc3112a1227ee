import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { H264Inspector } from './h264.ts'
import { HevcInspector } from './hevc.ts'
import { Mpeg2Inspector } from './mpeg2-video.ts'

const unit = (...parts: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(parts.flat())

const PROFILE_BITS = [1, ...new Array<number>(10).fill(0), 120]
const vps = (id = 0, timing?: readonly [number, number]): number[] => {
  const w = new BitWriter().bits(id, 4).bits(0xc0, 8).bits(0, 3).bits(0x1_ffff, 17)
  for (const byte of PROFILE_BITS) w.bits(byte, 8)
  w.bits(1, 1).ue(4, 2, 0).bits(0, 6).ue(0)
  w.bits(timing === undefined ? 0 : 1, 1)
  if (timing !== undefined) w.bits(timing[0], 32).bits(timing[1], 32)
  return nal([32 << 1, 1], w.bytes())
}
const sps = (choice: { id?: number; vpsId?: number; width?: number } = {}): number[] => {
  const w = new BitWriter()
    .bits(choice.vpsId ?? 0, 4)
    .bits(0, 3)
    .bits(1, 1)
  for (const byte of PROFILE_BITS) w.bits(byte, 8)
  w.ue(choice.id ?? 0, 1, choice.width ?? 1280, 720)
    .bits(0, 1)
    .ue(0, 0, 4)
    .bits(1, 1)
  w.ue(4, 2, 0, 0, 3, 0, 3, 0, 0).bits(0, 4).ue(0).bits(0, 4)
  return nal([33 << 1, 1], w.bytes())
}
const pps = (id = 0, spsId = 0): number[] =>
  nal([34 << 1, 1], new BitWriter().ue(id, spsId).bits(0x55, 8).bytes())
const picture = (type: number, ppsId = 0): number[] =>
  nal([type << 1, 1], new BitWriter().bits(2, 2).ue(ppsId).bits(0x5555_5555, 32).bytes())
const DELIMITER = nal([35 << 1, 1], [0x50])
const SEI = nal([39 << 1, 1], [1, 1, 5, 0x80])
const IDR = 19

describe('an HEVC random access point', () => {
  it.each([
    [15, 'none'],
    [16, 'bla'],
    [17, 'bla'],
    [18, 'bla'],
    [19, 'idr'],
    [20, 'idr'],
    [21, 'cra'],
    [22, 'none'],
    [23, 'none'],
    [24, 'none'],
    [1, 'none'],
  ])('of nal_unit_type %i is %s', (type, rap) => {
    const of = unit(DELIMITER, vps(), sps(), pps(), picture(type))
    const found = new HevcInspector().inspect(of)
    expect(found.rap).toBe(rap)
    expect(found.data).toBe(of)
  })

  it.each([
    { name: 'VPS', of: [sps(), pps()] },
    { name: 'SPS', of: [vps(), pps()] },
    { name: 'PPS', of: [vps(), sps()] },
    { name: 'PPS of its id', of: [vps(), sps(), pps(1)] },
    { name: 'VPS of its id', of: [vps(1), sps(), pps()] },
    { name: 'SPS of its id', of: [vps(), sps({ id: 1 }), pps()] },
  ])('without the $name is none', ({ of }) => {
    expect(new HevcInspector().inspect(unit(...of, picture(IDR))).rap).toBe('none')
  })

  it.each([
    { name: 'all sets', sent: [] },
    { name: 'the VPS', sent: [sps(), pps(), pps(63)] },
    { name: 'the SPS', sent: [vps(), pps(), pps(63)] },
    { name: 'a PPS', sent: [vps(), sps(), pps()] },
  ])('gets its stored sets as one block behind the delimiter when it lacks $name', ({ sent }) => {
    const inspector = new HevcInspector()
    inspector.inspect(unit(vps(), sps(), pps(), pps(63), sps({ id: 15 }), pps(7, 15), picture(IDR)))
    const found = inspector.inspect(unit(DELIMITER, ...sent, SEI, picture(IDR)))
    expect(found.rap).toBe('idr')
    const block = [vps(), sps(), pps(), pps(63)]
    expect(found.data).toEqual(unit(DELIMITER, ...block, ...sent, SEI, picture(IDR)))
  })

  it('is none once its SPS changed and its PPS did not follow', () => {
    const inspector = new HevcInspector()
    inspector.inspect(unit(vps(), sps(), pps(), sps({ id: 1 }), pps(1, 1), picture(IDR)))
    expect(inspector.inspect(unit(sps({ width: 640 }), picture(IDR))).rap).toBe('none')
    expect(inspector.inspect(unit(picture(IDR, 1))).rap).toBe('idr')
    const again = inspector.inspect(unit(pps(), picture(IDR)))
    expect(again).toMatchObject({ rap: 'idr', format: { width: 640 } })
  })

  it('takes the frame rate of its VPS when its SPS has none', () => {
    const inspector = new HevcInspector()
    const of = unit(
      vps(0, [1, 50]),
      vps(3, [1, 60]),
      sps(),
      pps(),
      sps({ id: 1, vpsId: 3 }),
      pps(1, 1),
    )
    expect(inspector.inspect(unit([...of], picture(IDR))).format).toMatchObject({
      frameRate: { num: 50, den: 1 },
    })
    expect(inspector.inspect(unit(picture(IDR, 1)))).toMatchObject({
      format: { frameRate: { num: 60, den: 1 } },
      reorderFrames: 2,
    })
  })

  it.each([
    { name: 'PPS 64', of: [vps(), sps(), pps(64)], ppsId: 64 },
    { name: 'a PPS of SPS 16', of: [vps(), sps(), pps(0, 16)], ppsId: 0 },
  ])('does not exist with $name', ({ of, ppsId }) => {
    expect(new HevcInspector().inspect(unit(...of, picture(IDR, ppsId))).rap).toBe('none')
  })

  it('may use PPS 63 and SPS 15', () => {
    const of = unit(vps(), sps({ id: 15 }), pps(63, 15), picture(IDR, 63))
    expect(new HevcInspector().inspect(of).rap).toBe('idr')
  })

  it('has no format before its sets came, and none after a reset', () => {
    const inspector = new HevcInspector()
    expect(inspector.inspect(unit(picture(IDR))).format).toBeUndefined()
    expect(inspector.inspect(unit(vps(), sps())).format).toMatchObject({ width: 1280, height: 720 })
    inspector.reset()
    expect(inspector.inspect(unit(pps(), picture(IDR)))).toMatchObject({
      rap: 'none',
      format: undefined,
      reorderFrames: undefined,
    })
  })
})

/** A NAL unit of three bytes behind its start code; the first slice bit set or not. */
const hevcNal = (type: number, first = true): number[] => [
  0,
  0,
  1,
  type << 1,
  1,
  first ? 0x80 : 0,
  7,
]

describe('an HEVC access unit', () => {
  const STARTS = new Set([32, 33, 34, 35, 39, 41, 42, 43, 44, 48, 49, 50, 51, 52, 53, 54, 55])

  it('begins at the types of 7.4.2.4.4 and at first slices', () => {
    const inspector = new HevcInspector()
    for (let type = 0; type < 64; type++) {
      expect([type, inspector.startsAccessUnit(unit(hevcNal(type)))]).toEqual([
        type,
        type <= 31 || STARTS.has(type),
      ])
      expect(inspector.startsAccessUnit(unit(hevcNal(type, false)))).toBe(STARTS.has(type))
    }
    expect(inspector.startsAccessUnit(Uint8Array.of(0, 0, 1))).toBe(false)
    expect(inspector.startsAccessUnit(unit([7], hevcNal(1)))).toBe(false)
  })

  it('holds its further slices and what follows them', () => {
    const parts = [
      hevcNal(1, false),
      hevcNal(35),
      hevcNal(39),
      hevcNal(1),
      hevcNal(1, false),
      hevcNal(40),
      hevcNal(1),
      hevcNal(31),
    ]
    expect(new HevcInspector().splitAccessUnits(unit(...parts))).toEqual([7, 42, 49])
    const four = unit([0], hevcNal(1), [0], hevcNal(35), [0], hevcNal(1))
    expect(new HevcInspector().splitAccessUnits(four)).toEqual([0, 8])
  })
})

const avcNal = (type: number, first = true): number[] => [
  0,
  0,
  1,
  0x60 | type,
  first ? 0x80 : 0x40,
  7,
]

describe('an H.264 access unit', () => {
  it('begins at the types of 7.4.1.2.3 and at first slices', () => {
    const inspector = new H264Inspector()
    const starts = [6, 7, 8, 9, 15, 16, 17, 18]
    const slices = [1, 2, 5]
    for (let type = 0; type < 32; type++) {
      const of = [true, false].map((first) => inspector.startsAccessUnit(unit(avcNal(type, first))))
      expect([type, ...of]).toEqual([
        type,
        starts.includes(type) || slices.includes(type),
        starts.includes(type),
      ])
    }
    expect(inspector.startsAccessUnit(Uint8Array.of(0, 0, 1))).toBe(false)
  })

  it('keeps its sets when they have the largest ids', () => {
    const w = new BitWriter().bits(77, 8).bits(0, 8).bits(30, 8).ue(31, 0, 2, 1).bits(0, 1)
    const spsOf31 = nal([0x67], w.ue(39, 22).bits(1, 1).bits(1, 1).bits(0, 2).bytes())
    const ppsOf = (id: number, spsId: number): number[] =>
      nal([0x68], new BitWriter().ue(id, spsId).bits(0, 2).ue(0, 0, 0).bytes())
    const slice = (id: number): number[] =>
      nal([0x65], new BitWriter().ue(0, 7, id).bits(0x5555_5555, 32).bytes())
    const rap = (id: number, spsId = 31): string =>
      new H264Inspector().inspect(unit(spsOf31, ppsOf(id, spsId), slice(id))).rap
    expect([rap(255), rap(256), rap(0, 32)]).toEqual(['idr', 'none', 'none'])
  })
})

describe('MPEG-2 video after a reset', () => {
  it('has no format and no random access point until its sequence header comes again', () => {
    const sequence = [0, 0, 1, 0xb3, 0x2d, 0x02, 0x40, 0x33, 0xff, 0xff, 0xe0, 0x18]
    const intra = [0, 0, 1, 0, 0, 0x08, 0, 0, 0, 0, 1, 1, 0x55]
    const inspector = new Mpeg2Inspector()
    expect(inspector.inspect(unit(sequence, intra))).toMatchObject({
      rap: 'i_picture',
      format: { width: 720 },
      reorderFrames: 1,
    })
    inspector.reset()
    expect(inspector.inspect(unit(intra))).toMatchObject({
      rap: 'none',
      format: undefined,
      reorderFrames: undefined,
    })
    expect(inspector.inspect(unit(sequence, intra)).rap).toBe('i_picture')
  })
})

describe('fields of MPEG-2', () => {
  const field = (reference: number, structure: number): number[] => [
    ...[0, 0, 1, 0, reference >> 2, ((reference & 3) << 6) | 0x10, 0, 0],
    ...[0, 0, 1, 0xb5, 0x8f, 0xff, 0xf0 | structure, 0x80, 0],
    ...[0, 0, 1, 1, 0x55],
  ]

  it.each([
    { name: 'both of one picture', second: field(5, 2), units: 1 },
    { name: 'of one parity', second: field(5, 1), units: 2 },
    { name: 'of the picture after', second: field(6, 2), units: 2 },
    { name: 'of one four pictures later', second: field(9, 2), units: 2 },
    { name: 'a field and a frame', second: field(5, 3), units: 2 },
  ])('$name are $units access units', ({ second, units }) => {
    expect(new Mpeg2Inspector().splitAccessUnits(unit(field(5, 1), second))).toHaveLength(units)
  })
})
