import { describe, expect, it } from 'vitest'
import { HevcInspector } from './hevc.ts'

const picture = (type: number, first: number): number[] => [0, 0, 1, type << 1, 1, first, 0xaa]
const DELIMITER = [0, 0, 0, 1, 35 << 1, 1, 0x50]

describe('HEVC pictures', () => {
  it.each([
    { name: 'RASL_N', type: 8, leading: true, decodableLeading: false },
    { name: 'RASL_R', type: 9, leading: true, decodableLeading: false },
    { name: 'RADL_N', type: 6, leading: false, decodableLeading: true },
    { name: 'RADL_R', type: 7, leading: false, decodableLeading: true },
    { name: 'TRAIL_R', type: 1, leading: false, decodableLeading: false },
  ])('of type $name are classed as leading or not', ({ type, leading, decodableLeading }) => {
    const found = new HevcInspector().inspect(
      Uint8Array.from([...DELIMITER, ...picture(type, 0xd0)]),
    )
    expect(found).toMatchObject({ rap: 'none', leading, decodableLeading })
  })

  it.each([16, 17, 18, 19, 20, 21])(
    'of type %i without parameter sets are no random access points',
    (type) => {
      const found = new HevcInspector().inspect(Uint8Array.from(picture(type, 0xd0)))
      expect(found.rap).toBe('none')
    },
  )

  it('begin units with their first segment only', () => {
    const bytes = [...picture(1, 0x80), ...picture(1, 0x40), ...DELIMITER, ...picture(1, 0x80)]
    const inspector = new HevcInspector()
    expect(inspector.splitAccessUnits(Uint8Array.from(bytes))).toEqual([0, 14])
    expect(inspector.startsAccessUnit(Uint8Array.from(picture(1, 0x40)))).toBe(false)
    expect(inspector.startsAccessUnit(Uint8Array.from(picture(1, 0x80)))).toBe(true)
  })
})
