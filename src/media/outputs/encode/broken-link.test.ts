import { describe, expect, it } from 'vitest'
import { hevcEndOfSequence } from '../../../codec/hevc.ts'
import type { EntryPointName } from '../../../codec/entry-point.ts'
import { ticks } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import { BrokenLinks } from './broken-link.ts'

const CRA = 21
const BLA_W_LP = 16
const IDR = 19
const TRAIL = 1
const DELIMITER = 35

const nal = (type: number): number[] => [0, 0, 1, type << 1, 1, 0x80, 7]
const nals = (...types: number[]): Uint8Array => Uint8Array.from(types.flatMap(nal))
const joined = (...parts: Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))
const unit = (data: Uint8Array, entry: EntryPointName = 'none'): AccessUnit => ({
  ...{ pid: 256, kind: 'video', pts: ticks(0), dts: ticks(0), entry, leading: false, duration: 0 },
  data,
})
const end = hevcEndOfSequence()

describe('a cut into an open GOP', () => {
  it.each([
    {
      title: 'behind the picture before',
      units: [unit(joined(nals(TRAIL), end)), unit(nals(DELIMITER, CRA, CRA), 'cra')],
    },
    {
      title: 'in front of the picture',
      units: [unit(nals(TRAIL)), unit(joined(end, nals(DELIMITER, CRA, CRA)), 'cra')],
    },
  ])('becomes a broken link, with the end of sequence $title', ({ units }) => {
    const links = new BrokenLinks()
    expect(units.map((each) => links.bytesOf(each))).toEqual([
      nals(TRAIL),
      nals(DELIMITER, BLA_W_LP, BLA_W_LP),
    ])
  })

  it('is no other picture', () => {
    const links = new BrokenLinks()
    const cra = unit(nals(DELIMITER, CRA), 'cra')
    const idr = unit(joined(end, nals(IDR)), 'idr')
    expect(links.bytesOf(cra)).toEqual(cra.data)
    expect(links.bytesOf(idr)).toEqual(nals(IDR))
    expect(links.bytesOf(cra)).toEqual(cra.data)
  })

  it('leaves the bytes of the program as they are', () => {
    const links = new BrokenLinks()
    const cra = unit(joined(end, nals(CRA)), 'cra')
    const before = cra.data.slice()
    links.bytesOf(cra)
    expect(cra.data).toEqual(before)
  })
})
