import { describe, expect, it } from 'vitest'
import type { Codec } from '../contract/format.ts'
import { delimiterFor } from './access-unit-delimiter.ts'

const start = (...bytes: number[]): number[] => [0, 0, 0, 1, ...bytes]

const H264 = {
  codec: 'h264',
  delimiter: start(0x09, 0xf0),
  otherDelimiter: [0, 0, 1, 0x09, 0x10],
  end: [0, 0, 1, 10],
  endOfStream: [0, 0, 1, 11],
  picture: start(0x65, 0x88, 0x84, 0, 33),
} as const
const HEVC = {
  codec: 'hevc',
  delimiter: start(0x46, 1, 0x50),
  otherDelimiter: [0, 0, 1, 0x46, 1, 0x10],
  end: [0, 0, 1, 36 << 1, 1],
  endOfStream: [0, 0, 1, 37 << 1, 1],
  picture: start(0x26, 1, 0xaf, 9),
} as const

/** Bytes of the unit as written. */
const written = (codec: Codec, unit: readonly number[]): number[] => {
  const { bytes, rest } = delimiterFor(codec, Uint8Array.from(unit))
  return [...bytes, ...unit.slice(rest)]
}

describe.each([H264, HEVC])('the delimiter of a unit of $codec', (nal) => {
  const { codec, delimiter, otherDelimiter, end, endOfStream, picture } = nal
  it.each([
    { title: 'goes in front of it', unit: picture, becomes: [...delimiter, ...picture] },
    { title: 'is its own', unit: [...delimiter, ...picture] },
    { title: 'is its own, of another kind', unit: [...otherDelimiter, ...picture] },
    {
      title: 'follows an end of sequence, which belongs to the picture before',
      unit: [...end, ...picture],
      becomes: [...end, ...delimiter, ...picture],
    },
    {
      title: 'follows an end of sequence and of the stream',
      unit: [0, ...end, ...endOfStream, ...picture],
      becomes: [0, ...end, ...endOfStream, ...delimiter, ...picture],
    },
    {
      title: 'is its own behind an end of sequence',
      unit: [...end, ...delimiter, ...picture],
    },
    {
      title: 'is its own behind an end of sequence, of another kind',
      unit: [...end, ...endOfStream, ...otherDelimiter, ...picture],
    },
    { title: 'is none behind an end of sequence alone', unit: [...end] },
    {
      title: 'is none behind more zeros than belong there',
      unit: [...Array<number>(200).fill(0), ...end, ...picture],
    },
  ])('$title', ({ unit, becomes }) => {
    expect(written(codec, unit)).toEqual(becomes ?? unit)
  })
})

it('is absent in other codecs', () => {
  expect(written('mpeg2video', [0, 0, 1, 0xb3])).toEqual([0, 0, 1, 0xb3])
  expect(written('aac', [0xff, 0xf1])).toEqual([0xff, 0xf1])
})
