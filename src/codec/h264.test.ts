import { describe, expect, it } from 'vitest'
import { BitWriter, nal } from '../../test/helpers/bit-writer.ts'
import { H264Inspector } from './h264.ts'

const DELIMITER = nal([0x09], [0x10])
const SEI_RECOVERY = nal([0x06], [6, 1, 0xc4, 0x80])
/** User data of 300 bytes in front of the recovery point: a size of two bytes. */
const SEI_LONG = nal([0x06], [5, 255, 45, ...new Array<number>(300).fill(0), 6, 1, 0xc4, 0x80])
const SEI_OTHER = nal([0x06], [5, 3, 6, 1, 0xc4, 0x80])

interface SpsChoice {
  readonly id?: number
  readonly widthInMbs?: number
  readonly interlaced?: boolean
}

/** Main profile, 640x368 in frames or 640x384 in fields, POC type 2. */
function sps(choice: SpsChoice = {}): number[] {
  const bits = new BitWriter().bits(77, 8).bits(0, 8).bits(30, 8)
  bits.ue(choice.id ?? 0, 0, 2, 1).bits(0, 1)
  bits.ue((choice.widthInMbs ?? 40) - 1, choice.interlaced === true ? 11 : 22)
  if (choice.interlaced === true) bits.bits(0, 2)
  else bits.bits(1, 1)
  return nal([0x67], bits.bits(1, 1).bits(0, 2).bytes())
}

const pps = (id: number, spsId: number): number[] =>
  nal([0x68], new BitWriter().ue(id, spsId).bits(0, 2).ue(0, 0, 0).bytes())

interface SliceChoice {
  readonly idr?: boolean
  readonly firstMb?: number
  readonly type?: number
  readonly pps?: number
  readonly field?: 'top' | 'bottom'
  readonly frameNum?: number
}

function slice(choice: SliceChoice = {}): number[] {
  const bits = new BitWriter().ue(choice.firstMb ?? 0, choice.type ?? 5, choice.pps ?? 0)
  bits.bits(choice.frameNum ?? 0, 4)
  if (choice.field !== undefined) bits.bits(1, 1).bits(choice.field === 'bottom' ? 1 : 0, 1)
  return nal([choice.idr === true ? 0x65 : 0x41], [...bits.bits(0x5555, 16).bytes(), 1, 2, 3])
}

const I = 7
const IDR = slice({ idr: true, type: I })
const unit = (...parts: readonly number[][]): Uint8Array => Uint8Array.from(parts.flat())
const offsets = (...parts: readonly number[][]): number[] => {
  let at = 0
  return parts.map((part) => (at += part.length) - part.length)
}

describe('an H.264 random access point', () => {
  it.each([
    {
      name: 'an IDR with parameter sets',
      of: unit(DELIMITER, sps(), pps(0, 0), IDR),
      rap: 'idr',
    },
    { name: 'an IDR without', of: unit(DELIMITER, IDR), rap: 'none' },
    { name: 'an IDR with an SPS only', of: unit(sps(), IDR), rap: 'none' },
    { name: 'an IDR whose PPS is another', of: unit(sps(), pps(1, 0), IDR), rap: 'none' },
    { name: 'a P picture', of: unit(sps(), pps(0, 0), slice()), rap: 'none' },
    {
      name: 'a P picture with a recovery point',
      of: unit(sps(), pps(0, 0), SEI_RECOVERY, slice()),
      rap: 'recovery_point',
    },
    {
      name: 'a recovery point behind other messages',
      of: unit(sps(), pps(0, 0), SEI_LONG, slice()),
      rap: 'recovery_point',
    },
    {
      name: 'a message that only looks like one',
      of: unit(sps(), pps(0, 0), SEI_OTHER, slice()),
      rap: 'none',
    },
    {
      name: 'an I picture with parameter sets',
      of: unit(sps(), pps(0, 0), slice({ type: I })),
      rap: 'recovery_point',
    },
    {
      name: 'a picture whose first slice alone is I',
      of: unit(nal([0x09], [0x30]), sps(), pps(0, 0), slice({ type: 2 })),
      rap: 'none',
    },
    {
      name: 'I slices that the delimiter announces',
      of: unit(DELIMITER, sps(), pps(0, 0), slice({ type: 2 })),
      rap: 'recovery_point',
    },
    { name: 'parameter sets without a picture', of: unit(sps(), pps(0, 0)), rap: 'none' },
    { name: 'nothing', of: new Uint8Array(0), rap: 'none' },
  ])('is $rap for $name', ({ of, rap }) => {
    const found = new H264Inspector().inspect(of)
    expect(found.rap).toBe(rap)
    expect(found.data).toBe(of)
  })

  it('gets the stored parameter sets behind its delimiter', () => {
    const inspector = new H264Inspector()
    inspector.inspect(unit(sps(), pps(0, 0), pps(1, 0), IDR))
    const found = inspector.inspect(unit(DELIMITER, SEI_OTHER, IDR))
    expect(found.rap).toBe('idr')
    expect(found.data).toEqual(unit(DELIMITER, sps(), pps(0, 0), pps(1, 0), SEI_OTHER, IDR))
  })

  it('gets the newest of them, and only those of its own SPS', () => {
    const inspector = new H264Inspector()
    inspector.inspect(unit(sps(), pps(0, 0), sps({ id: 1 }), pps(5, 1), IDR))
    inspector.inspect(unit(sps({ widthInMbs: 20 }), pps(0, 0), IDR))
    const found = inspector.inspect(unit(IDR))
    expect(found.data).toEqual(unit(sps({ widthInMbs: 20 }), pps(0, 0), IDR))
    expect(found.format).toMatchObject({ width: 320, height: 368 })
    const other = inspector.inspect(unit(slice({ idr: true, type: I, pps: 5 })))
    expect(other.data).toEqual(
      unit(sps({ id: 1 }), pps(5, 1), slice({ idr: true, type: I, pps: 5 })),
    )
    expect(other.format).toMatchObject({ width: 640 })
  })

  it('is none once its SPS changed and its PPS did not follow', () => {
    const inspector = new H264Inspector()
    inspector.inspect(unit(sps(), pps(0, 0), IDR))
    expect(inspector.inspect(unit(sps({ widthInMbs: 20 }), IDR)).rap).toBe('none')
  })

  it('is none after a reset, until parameter sets come again', () => {
    const inspector = new H264Inspector()
    inspector.inspect(unit(sps(), pps(0, 0), IDR))
    inspector.reset()
    expect(inspector.inspect(unit(IDR))).toMatchObject({ rap: 'none', format: undefined })
  })

  it('keeps the format object while parameter sets repeat or are equal', () => {
    const inspector = new H264Inspector()
    const { format } = inspector.inspect(unit(sps(), pps(0, 0), IDR))
    const again = inspector.inspect(
      unit(sps({ id: 1 }), pps(1, 1), slice({ idr: true, type: I, pps: 1 })),
    )
    expect(again.format).toBe(format)
    const other = unit(sps({ widthInMbs: 20 }), pps(0, 0), IDR)
    expect(inspector.inspect(other).format).not.toBe(format)
  })

  it('reads no further than the first slice', () => {
    const inspector = new H264Inspector()
    const found = inspector.inspect(unit(DELIMITER, slice(), sps(), pps(0, 0), IDR))
    expect(found).toMatchObject({ rap: 'none', format: undefined })
  })
})

describe('H.264 access units in one payload', () => {
  const head = [DELIMITER, sps({ interlaced: true }), pps(0, 0)]

  it('begin at delimiters, parameter sets, messages and first slices', () => {
    const second = slice({ firstMb: 99 })
    const parts = [DELIMITER, sps(), pps(0, 0), IDR, second, SEI_OTHER, slice(), slice(), second]
    const at = offsets(...parts)
    expect(new H264Inspector().splitAccessUnits(unit(...parts))).toEqual([at[0], at[5], at[7]])
  })

  it('leave the end of an earlier unit in front', () => {
    const parts = [slice({ firstMb: 7 }), DELIMITER, slice()]
    const inspector = new H264Inspector()
    expect(inspector.splitAccessUnits(unit(...parts))).toEqual([parts[0]!.length])
    expect(inspector.splitAccessUnits(unit(parts[0]!))).toEqual([])
    expect(inspector.startsAccessUnit(unit(...parts))).toBe(false)
    expect(inspector.startsAccessUnit(unit(...parts.slice(1)))).toBe(true)
  })

  it('are one for both fields of a frame', () => {
    const top = slice({ field: 'top', type: I, idr: true })
    const bottom = slice({ field: 'bottom' })
    const parts = [...head, top, DELIMITER, bottom, DELIMITER, slice({ field: 'top', frameNum: 1 })]
    const at = offsets(...parts)
    expect(new H264Inspector().splitAccessUnits(unit(...parts))).toEqual([0, at[6]])
  })

  it.each([
    { name: 'fields of one parity', second: { field: 'top' } as const },
    { name: 'fields of two frames', second: { field: 'bottom', frameNum: 1 } as const },
    { name: 'a field and a frame', second: {} },
  ])('are two for $name', ({ second }) => {
    const parts = [...head, slice({ field: 'top' }), DELIMITER, slice(second)]
    const at = offsets(...parts)
    expect(new H264Inspector().splitAccessUnits(unit(...parts))).toEqual([0, at[4]])
  })

  it('report interlaced coding in the format', () => {
    const found = new H264Inspector().inspect(unit(...head, slice({ field: 'top', idr: true })))
    expect(found.format).toMatchObject({ scan: 'interlaced', width: 640, height: 384 })
  })
})
