import { describe, expect, it } from 'vitest'
import { Mpeg2Inspector, mpeg2SequenceEnd } from './mpeg2-video.ts'

/** 720x576, 25 Hz, main profile at main level, interlaced. */
const SEQUENCE = [
  ...[0, 0, 1, 0xb3, 0x2d, 0x02, 0x40, 0x33, 0x0e, 0xa6, 0x23, 0x80],
  ...[0, 0, 1, 0xb5, 0x14, 0x82, 0x00, 0x01, 0x00, 0x00],
]
const group = (closed: boolean): number[] => [0, 0, 1, 0xb8, 0, 8, 0, closed ? 0x40 : 0]
const SLICE = [0, 0, 1, 1, 0x55, 0x66]
type Structure = 'top' | 'bottom' | 'frame'

function picture(
  type: 'I' | 'P' | 'B',
  reference: number,
  structure: Structure = 'frame',
): number[] {
  const coding = { I: 1, P: 2, B: 3 }[type]
  const code = { top: 1, bottom: 2, frame: 3 }[structure]
  const header = [0, 0, 1, 0, reference >> 2, ((reference & 3) << 6) | (coding << 3), 0, 0]
  return [...header, 0, 0, 1, 0xb5, 0x8f, 0xff, 0xf0 | code, 0x80, 0, ...SLICE]
}
const unit = (...parts: readonly number[][]): Uint8Array => Uint8Array.from(parts.flat())

describe('MPEG-2 pictures', () => {
  it.each([
    { gop: 'open', closed: false, leading: true },
    { gop: 'closed', closed: true, leading: false },
  ])('between an I picture and the next reference lead in an $gop GOP', ({ closed, leading }) => {
    const inspector = new Mpeg2Inspector()
    const rap = inspector.inspect(unit(SEQUENCE, group(closed), picture('I', 2)))
    expect(rap).toMatchObject({ rap: 'i_picture', leading: false })
    for (const reference of [0, 1]) {
      const b = inspector.inspect(unit(picture('B', reference)))
      expect(b).toMatchObject({ rap: 'none', leading, decodableLeading: !leading })
    }
    expect(inspector.inspect(unit(picture('P', 5))).leading).toBe(false)
    const later = inspector.inspect(unit(picture('B', 3)))
    expect(later).toMatchObject({ leading: false, decodableLeading: false })
  })

  it('lead behind the second field of their I picture too', () => {
    const inspector = new Mpeg2Inspector()
    inspector.inspect(unit(SEQUENCE, group(false), picture('I', 2, 'top')))
    expect(inspector.inspect(unit(picture('P', 2, 'bottom'))).rap).toBe('none')
    expect(inspector.inspect(unit(picture('B', 0, 'top'))).leading).toBe(true)
  })

  it('are no random access points before a sequence header, and get the stored one later', () => {
    const inspector = new Mpeg2Inspector()
    const bare = unit(group(true), picture('I', 0))
    expect(inspector.inspect(bare)).toMatchObject({ rap: 'none', data: bare, format: undefined })
    const { format } = inspector.inspect(unit(SEQUENCE, group(true), picture('I', 0)))
    const found = inspector.inspect(bare)
    expect(found.rap).toBe('i_picture')
    expect(found.data).toEqual(unit(SEQUENCE, group(true), picture('I', 0)))
    expect(found.format).toBe(format)
    expect(format).toMatchObject({ width: 720, height: 576, scan: 'interlaced', profile: 'main' })
  })

  it('begin units at sequence, group and picture headers; two fields are one', () => {
    const parts = [
      [...SEQUENCE, ...group(false), ...picture('I', 1, 'top')],
      picture('P', 1, 'bottom'),
      picture('B', 0, 'top'),
      picture('B', 0, 'bottom'),
      picture('P', 2),
      picture('P', 3),
    ]
    const at = parts.map((_, i) => parts.slice(0, i).flat().length)
    const inspector = new Mpeg2Inspector()
    expect(inspector.splitAccessUnits(unit(...parts))).toEqual([0, at[2], at[4], at[5]])
    expect(inspector.splitAccessUnits(unit(SLICE))).toEqual([])
    expect(inspector.startsAccessUnit(unit(SLICE))).toBe(false)
    expect(inspector.startsAccessUnit(unit(picture('B', 0)))).toBe(true)
  })

  it('of MPEG-1 are recognised by the missing extension', () => {
    const found = new Mpeg2Inspector().inspect(unit(SEQUENCE.slice(0, 12), picture('I', 0)))
    expect(found.format).toMatchObject({ profile: 'mpeg1', scan: 'progressive' })
  })

  it('end a sequence with sequence_end_code', () => {
    expect([...mpeg2SequenceEnd()]).toEqual([0, 0, 1, 0xb7])
  })
})
