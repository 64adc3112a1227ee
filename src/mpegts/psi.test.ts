import { describe, expect, it } from 'vitest'
import { decodeDvbText, encodeDvbText } from './dvb-text.ts'
import { crc32Mpeg } from './crc32.ts'
import {
  buildPat,
  buildPmt,
  buildSdt,
  languageDescriptor,
  languageOf,
  parsePat,
  parsePmt,
  parseSdt,
  registrationDescriptor,
  registrationOf,
} from './psi.ts'
import { SectionAssembler, isWholeSection } from './section.ts'

const pmt = {
  program: 7,
  version: 5,
  pcrPid: 0x1ffe,
  descriptors: registrationDescriptor('HDMV'),
  streams: [
    { streamType: 0x1b, pid: 0x100, descriptors: new Uint8Array(0) },
    { streamType: 0x0f, pid: 0x101, descriptors: languageDescriptor('deu') },
  ],
}

describe('tables', () => {
  it('has the check value of CRC-32/MPEG-2', () => {
    expect(crc32Mpeg(Buffer.from('123456789'))).toBe(0x0376e6e7)
  })

  it('reads the PAT that it wrote', () => {
    const programs = [
      { program: 1, pid: 0x1000 },
      { program: 65_535, pid: 0x1ffe },
    ]
    const section = buildPat({ transportStreamId: 3, version: 31, programs })
    expect(isWholeSection(section)).toBe(true)
    expect(parsePat(section)).toEqual(programs)
  })

  it('reads the PMT that it wrote', () => {
    const section = buildPmt(pmt)
    expect(isWholeSection(section)).toBe(true)
    expect(parsePmt(section)).toEqual(pmt)
    expect(languageOf(pmt.streams[1]!.descriptors)).toBe('deu')
    expect(registrationOf(pmt.descriptors)).toBe('HDMV')
  })

  it.each(['Kanal 1', 'Zürich 東京', 'x'.repeat(300), 'ü'.repeat(300), ''])(
    'reads the service name %j that it wrote, cut to what a descriptor holds',
    (name) => {
      const service = { service: 1, name, provider: 'Sluice' }
      const section = buildSdt({ transportStreamId: 1, networkId: 1, version: 0, service })
      expect(isWholeSection(section)).toBe(true)
      const [read] = parseSdt(section)
      expect(read!.provider).toBe('Sluice')
      expect(name.startsWith(read!.name)).toBe(true)
      expect(read!.name.length).toBeGreaterThanOrEqual(Math.min(name.length, 59))
    },
  )

  it('marks UTF-8 by its selector and writes ASCII without one', () => {
    expect(encodeDvbText('abc')).toEqual(Uint8Array.from([97, 98, 99]))
    expect(encodeDvbText('é')).toEqual(Uint8Array.from([0x15, 0xc3, 0xa9]))
    expect(decodeDvbText(Uint8Array.from([0x05, 0xe9]))).toBe('é')
  })

  it('rejects a PMT whose inner lengths do not fit', () => {
    const section = buildPmt(pmt)
    section[11] = 0xff
    expect(parsePmt(section)).toBeUndefined()
  })
})

describe('section assembler', () => {
  const section = buildPat({
    transportStreamId: 1,
    version: 0,
    programs: Array.from({ length: 200 }, (_, i) => ({ program: i + 1, pid: 0x100 + i })),
  })

  it.each([1, 2, 3, 183, 184])('joins a section cut into pieces of %i bytes', (size) => {
    const found: Uint8Array[] = []
    const assembler = new SectionAssembler((s) => found.push(s.slice()))
    assembler.push(Uint8Array.of(0), { from: 0, to: 1, startsSection: true })
    for (let from = 0; from < section.length; from += size) {
      const to = Math.min(section.length, from + size)
      assembler.push(section, { from, to, startsSection: false })
    }
    expect(found).toEqual([section])
  })

  it('finds several sections in one payload, and one that ends before the pointer', () => {
    const small = buildPat({ transportStreamId: 1, version: 0, programs: [] })
    const found: Uint8Array[] = []
    const assembler = new SectionAssembler((s) => found.push(s.slice()))
    const first = Uint8Array.of(0, ...small, ...small.subarray(0, 5))
    const second = Uint8Array.of(small.length - 5, ...small.subarray(5), ...small, 0xff, 0xff)
    assembler.push(first, { from: 0, to: first.length, startsSection: true })
    assembler.push(second, { from: 0, to: second.length, startsSection: true })
    expect(found).toEqual([small, small, small])
  })

  it('drops a section whose packets are missing', () => {
    const found: Uint8Array[] = []
    const assembler = new SectionAssembler((s) => found.push(s.slice()))
    assembler.push(Uint8Array.of(0, ...section.subarray(0, 100)), {
      from: 0,
      to: 101,
      startsSection: true,
    })
    assembler.reset()
    assembler.push(section, { from: 100, to: section.length, startsSection: false })
    expect(found).toEqual([])
  })
})
