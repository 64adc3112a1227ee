import { describe, expect, it } from 'vitest'
import {
  buildPat,
  buildPmt,
  buildSdt,
  descriptor,
  findDescriptor,
  languageDescriptor,
  languageOf,
  parsePat,
  parsePmt,
  parseSdt,
  registrationDescriptor,
  registrationOf,
} from './psi.ts'
import { SectionAssembler, buildSection, isWholeSection, sectionHeader } from './section.ts'

const HEADER = { tableId: 0x42, extension: 0x1234, version: 21, current: true, number: 3, last: 5 }

describe('a long section', () => {
  it('is header, body and CRC', () => {
    const s = buildSection(HEADER, Uint8Array.of(1, 2, 3))
    expect([...s.subarray(0, 11)]).toEqual([0x42, 0xb0, 12, 0x12, 0x34, 0xeb, 3, 5, 1, 2, 3])
    expect(s).toHaveLength(15)
    expect(sectionHeader(s)).toEqual(HEADER)
    expect(isWholeSection(s)).toBe(true)
    expect(sectionHeader(buildSection({ ...HEADER, current: false }, s)).current).toBe(false)
    expect(buildSection({ ...HEADER, reserved: 0x70 }, s)[1]! & 0x70).toBe(0x70)
  })

  it('is whole with its syntax bit, its CRC and room for both', () => {
    const s = buildSection(HEADER, new Uint8Array(0))
    expect([isWholeSection(s), s.length]).toEqual([true, 12])
    for (let at = 0; at < s.length; at++) expect(isWholeSection(s.with(at, s[at]! ^ 1))).toBe(false)
    expect(isWholeSection(s.subarray(0, 11))).toBe(false)
    expect(isWholeSection(new Uint8Array(12))).toBe(false)
  })

  it('holds 4084 bytes', () => {
    const s = buildSection(HEADER, new Uint8Array(4084))
    expect([s.length, s[1]! & 0x0f, s[2]]).toEqual([4096, 0x0f, 0xfd])
    expect(() => buildSection(HEADER, new Uint8Array(4085))).toThrow('a section of 4097 bytes')
  })
})

/** Payloads of one PID; those that begin with a pointer are given as such. */
function join(
  ...payloads: readonly (readonly [starts: boolean, ...bytes: number[]])[]
): number[][] {
  const found: number[][] = []
  const assembler = new SectionAssembler((s) => found.push([...s]))
  for (const [startsSection, ...bytes] of payloads) {
    // In the middle of a packet, between other bytes.
    const packet = Uint8Array.of(9, ...bytes, 9)
    assembler.push(packet, { from: 1, to: 1 + bytes.length, startsSection })
  }
  return found
}

describe('sections in payloads', () => {
  const A = [...buildSection(HEADER, Uint8Array.of(7))]
  const B = [...buildSection({ ...HEADER, number: 4 }, new Uint8Array(0))]

  it('follow each other until stuffing', () => {
    expect(join([true, 0, ...A, ...B, 0xff, ...A])).toEqual([A, B])
  })

  it('are none before the first start', () => {
    expect(join([false, ...A], [true, 0, ...B])).toEqual([B])
    expect(join([true, A.length, ...A, ...B])).toEqual([B])
  })

  it('are none behind a pointer past the end, until the next start', () => {
    expect(join([true, 0, ...A.slice(0, 5)], [true, 200, 1, 2], [false, ...A.slice(5)])).toEqual([])
    expect(join([true, 200, 1, 2], [true, 0, ...B])).toEqual([B])
    expect(join([true, ...[]], [true, 0, ...A])).toEqual([A])
  })

  it('may end exactly at the pointer, and begin exactly at the end', () => {
    expect(
      join([true, 0, ...A.slice(0, 4)], [true, A.length - 4, ...A.slice(4)], [false, ...B]),
    ).toEqual([A, B])
  })

  it('that were not complete are replaced by the next start', () => {
    expect(join([true, 0, ...A.slice(0, 6)], [true, 1, A[6]!, ...B])).toEqual([B])
  })

  it('are found when their header is cut', () => {
    for (const cut of [1, 2, 3])
      expect(join([true, 0, ...A.slice(0, cut)], [false, ...A.slice(cut)], [false, ...B])).toEqual([
        A,
        B,
      ])
  })

  it('behind a damaged length are found at the next start', () => {
    expect(join([true, 0, 0x42, 0xbf, 0xff, ...A], [false, ...A], [true, 0, ...B])).toEqual([B])
    const longest = [...buildSection(HEADER, new Uint8Array(4084))]
    expect(join([true, 0, ...longest])).toEqual([longest])
  })
})

describe('a PAT', () => {
  it('lists programs, but not the network PID', () => {
    const programs = [
      { program: 0, pid: 0x10 },
      { program: 0x1234, pid: 0x1abc },
    ]
    const s = buildPat({ transportStreamId: 0x5678, version: 9, programs })
    expect([...s.subarray(0, 16)]).toEqual([
      ...[0, 0xb0, 17, 0x56, 0x78, 0xd3, 0, 0],
      ...[0, 0, 0xe0, 0x10, 0x12, 0x34, 0xfa, 0xbc],
    ])
    expect(parsePat(s)).toEqual([{ program: 0x1234, pid: 0x1abc }])
  })
})

describe('a PMT', () => {
  const pmt = {
    program: 0x0102,
    version: 31,
    pcrPid: 0x1abc,
    descriptors: new Uint8Array([
      ...descriptor(5, new Uint8Array(250)),
      ...descriptor(9, [1, 2, 3, 4, 5]),
    ]),
    streams: [
      { streamType: 0x1b, pid: 0x1fe, descriptors: new Uint8Array(0) },
      {
        streamType: 0x06,
        pid: 0x20,
        descriptors: new Uint8Array([
          ...descriptor(0x6a, new Uint8Array(255)),
          ...descriptor(1, [2]),
        ]),
      },
    ],
  }

  it('holds loops of descriptors above 255 bytes', () => {
    const s = buildPmt(pmt)
    expect([...s.subarray(3, 12)]).toEqual([1, 2, 0xff, 0, 0, 0xfa, 0xbc, 0xf1, 0x03])
    expect([...s.subarray(12 + 259, 12 + 264)]).toEqual([0x1b, 0xe1, 0xfe, 0xf0, 0])
    expect([...s.subarray(12 + 264, 12 + 269)]).toEqual([0x06, 0xe0, 0x20, 0xf1, 0x04])
    expect(parsePmt(s)).toEqual(pmt)
  })

  it('without streams is valid, and without room for its own fields is not', () => {
    const bare = { ...pmt, descriptors: new Uint8Array(0), streams: [] }
    expect(parsePmt(buildPmt(bare))).toEqual(bare)
    expect(parsePmt(buildPmt(bare).subarray(0, 15))).toBeUndefined()
  })

  it('whose stream reaches past its end is refused', () => {
    const s = buildPmt({ ...pmt, descriptors: new Uint8Array(0), streams: [pmt.streams[0]!] })
    expect(parsePmt(s.with(16, 1))).toBeUndefined()
    expect(parsePmt(s.with(11, 5))?.streams).toEqual([])
    expect(parsePmt(s.with(11, 6))).toBeUndefined()
  })
})

describe('an SDT', () => {
  const service = { service: 0x1234, name: 'One', provider: 'Two' }

  it('names one running television service', () => {
    const s = buildSdt({ transportStreamId: 0x0203, networkId: 0x0405, version: 1, service })
    expect([...s.subarray(0, 16)]).toEqual([
      ...[0x42, 0xf0, 28, 2, 3, 0xc3, 0, 0],
      ...[4, 5, 0xff, 0x12, 0x34, 0xfc, 0x80, 11],
    ])
    expect([...s.subarray(16, 27)]).toEqual([
      0x48,
      9,
      1,
      3,
      ...Buffer.from('Two'),
      3,
      ...Buffer.from('One'),
    ])
    expect(parseSdt(s)).toEqual([service])
  })

  it('may list several services, with and without names', () => {
    const body = [
      ...[0, 1, 0xff],
      ...[0, 1, 0xfc, 0x80, 0],
      ...[0, 2, 0xfc, 0x80, 7, 0x48, 5, 1, 1, 0x50, 1, 0x4e],
      ...[0, 3, 0xfc, 0x80, 3, 0x48, 1, 1],
    ]
    const s = buildSection(HEADER, Uint8Array.from(body))
    expect(parseSdt(s)).toEqual([
      { service: 2, name: 'N', provider: 'P' },
      { service: 3, name: '', provider: '' },
    ])
    // The last service's loop reaches past the end.
    expect(parseSdt(s.with(8 + body.length - 4, 4))).toHaveLength(1)
  })
})

describe('a descriptor loop', () => {
  const loop = Uint8Array.from([
    ...descriptor(1, [9]),
    ...descriptor(2, []),
    ...descriptor(1, [8, 7]),
  ])

  it('is searched for the first of a tag', () => {
    expect([...findDescriptor(loop, 1)!]).toEqual([9])
    expect([...findDescriptor(loop, 2)!]).toEqual([])
    expect(findDescriptor(loop, 3)).toBeUndefined()
    expect(findDescriptor(loop.subarray(0, 8), 1)).toEqual(Uint8Array.of(9))
    expect(findDescriptor(loop.subarray(3, 8), 1)).toBeUndefined()
    expect(findDescriptor(Uint8Array.of(1), 1)).toBeUndefined()
  })

  it('holds a registration of four characters', () => {
    expect([...registrationDescriptor('AC-3')]).toEqual([5, 4, 65, 67, 45, 51])
    expect(registrationOf(descriptor(5, [65, 66, 67]))).toBe('')
    expect(registrationOf(descriptor(5, [65, 66, 67, 68, 1]))).toBe('ABCD')
    expect(registrationOf(loop)).toBe('')
  })

  it.each([
    ['DEU', 'deu'],
    ['eng', 'eng'],
    ['d1u', undefined],
    ['en', undefined],
  ])('holds the language %s as %s', (written, read) => {
    const body = Buffer.from(written)
    expect(languageOf(descriptor(10, body))).toBe(read)
    expect(languageOf(languageDescriptor('deu'))).toBe('deu')
    expect([...languageDescriptor('deu')]).toEqual([10, 4, 0x64, 0x65, 0x75, 0])
  })
})
