import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Codec } from '../contract/format.ts'
import {
  PACKET_SIZE,
  adaptationFlags,
  continuityAt,
  hasDiscontinuity,
  hasPayload,
  hasPcr,
  hasRandomAccess,
  hasTransportError,
  isScrambled,
  payloadAt,
  pcrAt,
  pidAt,
  startsUnit,
  writePcr,
} from './packet.ts'
import { parsePesHeader, pesHeaderSize, pesLengthAt, startsPes, writePesHeader } from './pes.ts'
import { codecOf, isAnnouncedScrambled, signalOf } from './stream-types.ts'
import { descriptor, registrationDescriptor } from './psi.ts'
import { Unwrapper, WRAP_33, readTimestamp, wrap33, writeTimestamp } from './timestamps.ts'

const packet = (head: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(PACKET_SIZE).fill(0xee)
  bytes.set(head)
  return bytes
}

describe('the header of a transport packet', () => {
  it.each([
    {
      head: [0x47, 0x1f, 0xff, 0x10],
      pid: 0x1fff,
      error: false,
      starts: false,
      scrambled: false,
      counter: 0,
    },
    {
      head: [0x47, 0xe1, 0x00, 0x1f],
      pid: 0x100,
      error: true,
      starts: true,
      scrambled: false,
      counter: 15,
    },
    {
      head: [0x47, 0x40, 0x11, 0x97],
      pid: 0x11,
      error: false,
      starts: true,
      scrambled: true,
      counter: 7,
    },
    {
      head: [0x47, 0xa0, 0x00, 0x50],
      pid: 0,
      error: true,
      starts: false,
      scrambled: true,
      counter: 0,
    },
  ])('$head is of PID $pid', ({ head, ...fields }) => {
    const b = packet(head)
    expect({
      pid: pidAt(b, 0),
      error: hasTransportError(b, 0),
      starts: startsUnit(b, 0),
      scrambled: isScrambled(b, 0),
      counter: continuityAt(b, 0),
    }).toEqual(fields)
  })

  it.each([
    { name: 'a payload alone', head: [0x47, 0, 0, 0x10], payload: 4 },
    { name: 'neither', head: [0x47, 0, 0, 0x00], payload: 188 },
    { name: 'an adaptation field alone', head: [0x47, 0, 0, 0x20, 183], payload: 188 },
    { name: 'neither, and a counter of 15', head: [0x47, 0, 0, 0x0f], payload: 188 },
    { name: 'a payload alone, and a counter of 15', head: [0x47, 0, 0, 0x1f], payload: 4 },
    { name: 'an empty adaptation field', head: [0x47, 0, 0, 0x30, 0], payload: 5 },
    { name: 'an adaptation field of 182 bytes', head: [0x47, 0, 0, 0x30, 182], payload: 187 },
    { name: 'an adaptation field beyond the packet', head: [0x47, 0, 0, 0x30, 200], payload: 188 },
  ])('with $name has its payload at $payload', ({ head, payload }) => {
    const b = packet(head)
    expect(payloadAt(b, 0)).toBe(payload)
    const second = new Uint8Array([...packet([0x47, 0, 0, 0x10]), ...b])
    expect(payloadAt(second, PACKET_SIZE)).toBe(PACKET_SIZE + payload)
    expect(hasPayload(b, 0)).toBe((head[3]! & 0x10) !== 0)
  })

  it.each([
    {
      name: 'all flags',
      head: [0x47, 0, 0, 0x30, 7, 0xd0],
      flags: 0xd0,
      found: [true, true, true],
    },
    {
      name: 'a PCR that does not fit',
      head: [0x47, 0, 0, 0x30, 6, 0x10],
      flags: 0x10,
      found: [false, false, false],
    },
    {
      name: 'no adaptation field',
      head: [0x47, 0, 0, 0x10, 7, 0xff],
      flags: 0,
      found: [false, false, false],
    },
    {
      name: 'an empty adaptation field',
      head: [0x47, 0, 0, 0x30, 0, 0xff],
      flags: 0,
      found: [false, false, false],
    },
    {
      name: 'the other flags',
      head: [0x47, 0, 0, 0x30, 7, 0x2f],
      flags: 0x2f,
      found: [false, false, false],
    },
    {
      name: 'one byte of flags',
      head: [0x47, 0, 0, 0x30, 1, 0x40],
      flags: 0x40,
      found: [false, true, false],
    },
  ])('with $name', ({ head, flags, found }) => {
    const b = packet(head)
    expect(adaptationFlags(b, 0)).toBe(flags)
    expect([hasDiscontinuity(b, 0), hasRandomAccess(b, 0), hasPcr(b, 0)]).toEqual(found)
  })

  it('carries a PCR of 33 bits, six reserved ones and nine of extension', () => {
    const b = packet([0x47, 0, 0, 0x20, 183, 0x10])
    writePcr(b, 6, 0x1_2345_6789 * 300 + 0x12b)
    expect([...b.subarray(6, 12)]).toEqual([0x91, 0xa2, 0xb3, 0xc4, 0xff, 0x2b])
    expect(pcrAt(b, 0)).toBe(0x1_2345_6789 * 300 + 0x12b)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: WRAP_33 * 300 - 1 }), (pcr27) => {
        writePcr(b, 6, pcr27)
        expect(pcrAt(b, 0)).toBe(pcr27)
      }),
    )
  })
})

describe('a time stamp of 33 bits', () => {
  it('stands between marker bits', () => {
    const b = new Uint8Array(7).fill(0xaa)
    writeTimestamp(b, 1, { prefix: 2, time33: 0x1_2345_6789 })
    expect([...b]).toEqual([0xaa, 0x29, 0x8d, 0x15, 0xcf, 0x13, 0xaa])
  })

  it('is read back, with any marker bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: WRAP_33 - 1 }), (time33) => {
        const b = new Uint8Array(5)
        writeTimestamp(b, 0, { prefix: 3, time33 })
        expect(readTimestamp(b, 0)).toBe(time33)
        for (const at of [0, 2, 4]) b[at]! &= 0xfe
        expect(readTimestamp(b, 0)).toBe(time33)
      }),
    )
  })

  it.each([
    [2 ** 32, 2 ** 32],
    [2 ** 32 + 1, 2 ** 32 + 1 - WRAP_33],
  ])('that first steps by %i continues at %i: the nearer way', (raw, time) => {
    const clock = new Unwrapper()
    expect(clock.isStarted).toBe(false)
    expect(clock.unwrap(0)).toBe(0)
    expect(clock.isStarted).toBe(true)
    expect(clock.unwrap(raw)).toBe(time)
  })

  it('that steps back by half the range continues forwards', () => {
    const clock = new Unwrapper()
    clock.unwrap(2 ** 32)
    expect(clock.unwrap(0)).toBe(WRAP_33)
    const other = new Unwrapper()
    other.unwrap(2 ** 32 - 1)
    expect(other.unwrap(0)).toBe(0)
  })

  it.each([
    [0.4, 0],
    [0.5, 1],
    [-0.6, WRAP_33 - 1],
    [WRAP_33, 0],
    [-WRAP_33 - 5, WRAP_33 - 5],
    [3 * WRAP_33 + 7, 7],
  ])('%d goes on the wire as %i', (time, wire) => {
    expect(wrap33(time) + 0).toBe(wire)
  })
})

/** Flags and header length of a PES packet, behind its length. */
const pes = (streamId: number, rest: readonly number[]): Uint8Array =>
  Uint8Array.from([0, 0, 1, streamId, 0, 0, ...rest])
const PTS = [0x21, 0x00, 0x05, 0xbf, 0x21]

describe('a PES header', () => {
  const stamps = fc.integer({ min: 0, max: WRAP_33 - 1 })

  it('is read back with its times, its stuffing and its length', () => {
    const fields = fc.record({
      streamId: fc.constantFrom(0xe0, 0xc0, 0xbd),
      pts33: stamps,
      dts33: stamps,
      payload: fc.nat(70_000),
      stuffing: fc.nat(32),
    })
    fc.assert(
      fc.property(fields, fc.boolean(), (some, equal) => {
        const f = equal ? { ...some, dts33: some.pts33 } : some
        const b = new Uint8Array(80).fill(0x55)
        const size = writePesHeader(b, 3, f)
        const hasDts = f.pts33 !== f.dts33
        expect(size).toBe(9 + (hasDts ? 10 : 5) + f.stuffing)
        expect(pesHeaderSize(f)).toBe(size)
        expect(parsePesHeader(b, 3, 3 + size)).toEqual({
          pts: f.pts33,
          dts: hasDts ? f.dts33 : undefined,
          size,
        })
        expect(parsePesHeader(b, 3, 2 + size)).toBeUndefined()
        const length = size - 6 + f.payload
        expect(pesLengthAt(b, 3)).toBe(length > 65_535 ? 0 : length)
        expect([...b.subarray(3 + size - f.stuffing, 3 + size)]).toEqual(
          new Array(f.stuffing).fill(0xff),
        )
        expect([b[2], b[3 + size]]).toEqual([0x55, 0x55])
        // Data alignment (a frame begins here); PTS alone '10', both '11', in flags and in front of the stamps.
        expect([b[6], b[9], b[10]]).toEqual([f.streamId, 0x84, hasDts ? 0xc0 : 0x80])
        expect(b[12]! >> 4).toBe(hasDts ? 3 : 2)
        if (hasDts) expect(b[17]! >> 4).toBe(1)
      }),
    )
  })

  it('of the longest bounded packet has the length 65535', () => {
    const b = new Uint8Array(20)
    const fields = { streamId: 0xe0, pts33: 5, dts33: 5, stuffing: 0 }
    writePesHeader(b, 0, { ...fields, payload: 65_535 - 8 })
    expect(pesLengthAt(b, 0)).toBe(65_535)
    writePesHeader(b, 0, { ...fields, payload: 65_536 - 8 })
    expect(pesLengthAt(b, 0)).toBe(0)
  })

  it.each([
    {
      name: 'a PTS',
      bytes: pes(0xe0, [0x80, 0x80, 5, ...PTS]),
      found: { pts: 90_000, dts: undefined, size: 14 },
    },
    {
      name: 'no time',
      bytes: pes(0xe0, [0x80, 0, 0]),
      found: { pts: undefined, dts: undefined, size: 9 },
    },
    {
      name: 'a DTS flag alone',
      bytes: pes(0xe0, [0x80, 0x40, 10, ...PTS, ...PTS]),
      found: { pts: undefined, dts: undefined, size: 19 },
    },
    {
      name: 'room for a PTS only',
      bytes: pes(0xe0, [0x80, 0xc0, 9, ...PTS, 0, 0, 0, 0]),
      found: { pts: 90_000, dts: undefined, size: 18 },
    },
    {
      name: 'no room for a PTS',
      bytes: pes(0xe0, [0x80, 0x80, 4, 0, 0, 0, 0]),
      found: { pts: undefined, dts: undefined, size: 13 },
    },
    {
      name: 'both',
      bytes: pes(0xe0, [0x80, 0xc0, 10, ...PTS, 0x11, 0, 1, 0, 1]),
      found: { pts: 90_000, dts: 0, size: 19 },
    },
    { name: 'scrambling', bytes: pes(0xe0, [0x90, 0, 0]), found: undefined },
    { name: 'other scrambling', bytes: pes(0xe0, [0xa0, 0, 0]), found: undefined },
    { name: 'no marker', bytes: pes(0xe0, [0x40, 0, 0]), found: undefined },
    { name: 'a wrong prefix', bytes: pes(0xe0, [0x80, 0, 0]).with(2, 0), found: undefined },
    { name: 'eight bytes', bytes: pes(0xe0, [0x80, 0]), found: undefined },
  ])('with $name', ({ bytes, found }) => {
    expect(parsePesHeader(bytes, 0, bytes.length)).toEqual(found)
  })

  /** Table 2-21: map, padding, private 2, ECM, EMM, DSM-CC, H.222.1 E, directory. */
  it('is of no frames for the ids without an optional header', () => {
    const headerless = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff])
    for (let id = 0xbc; id <= 0xff; id++) {
      const found = parsePesHeader(pes(id, [0x80, 0, 0]), 0, 9)
      expect([id, found === undefined]).toEqual([id, headerless.has(id)])
    }
  })

  it.each([
    [[0, 0, 1], true],
    [[1, 0, 1], false],
    [[0, 1, 1], false],
    [[0, 0, 0], false],
    [[0, 0], false],
  ])('at %j: %s', (bytes, starts) => {
    expect(startsPes(Uint8Array.from(bytes), 0)).toBe(starts)
  })
})

describe('the codec of a PMT entry', () => {
  const NONE = new Uint8Array(0)
  const CODECS = 'h264 hevc mpeg2video aac aac_latm mp1 mp2 mp3 ac3 eac3'.split(' ') as Codec[]

  it('is that which was announced; the layer of MPEG audio is not', () => {
    for (const codec of CODECS) {
      const { streamType, descriptors } = signalOf(codec)
      expect(codecOf(streamType, descriptors)).toBe(
        codec.startsWith('mp') && codec.length === 3 ? 'mp2' : codec,
      )
    }
  })

  /** ISO/IEC 13818-1 table 2-34, ATSC A/53 part 3 for AC-3; stream ids of table 2-22. */
  it.each([
    ['h264', 0x1b, 0xe0, ''],
    ['hevc', 0x24, 0xe0, 'HEVC'],
    ['mpeg2video', 0x02, 0xe0, ''],
    ['aac', 0x0f, 0xc0, ''],
    ['aac_latm', 0x11, 0xc0, ''],
    ['mp1', 0x03, 0xc0, ''],
    ['mp2', 0x04, 0xc0, ''],
    ['mp3', 0x03, 0xc0, ''],
    ['ac3', 0x81, 0xbd, 'AC-3'],
    ['eac3', 0x87, 0xbd, 'EAC3'],
  ] as const)('%s is announced as type %i on stream id %i', (codec, streamType, streamId, id) => {
    const descriptors = id === '' ? NONE : registrationDescriptor(id)
    expect(signalOf(codec)).toEqual({ streamType, streamId, descriptors })
  })

  it.each([
    { name: 'AC-3 of DVB', tags: [0x6a], codec: 'ac3' },
    { name: 'E-AC-3 of DVB', tags: [0x7a], codec: 'eac3' },
    { name: 'teletext', tags: [0x56, 0x6a], codec: undefined },
    { name: 'subtitles', tags: [0x59, 0x6a], codec: undefined },
    { name: 'nothing', tags: [], codec: undefined },
  ])('of private data with $name is $codec', ({ tags, codec }) => {
    const loop = Uint8Array.from(tags.flatMap((tag) => [...descriptor(tag, [1, 2])]))
    expect(codecOf(0x06, loop)).toBe(codec)
  })

  it.each([
    ['AC-3', 'ac3'],
    ['EAC3', 'eac3'],
    ['HEVC', 'hevc'],
    ['OPUS', undefined],
  ])('of private data registered as %s is %s', (id, codec) => {
    expect(codecOf(0x06, registrationDescriptor(id))).toBe(codec)
  })

  it.each([
    [0x01, undefined],
    [0x03, 'mp2'],
    [0x84, 'eac3'],
    [0x86, undefined],
    [0x15, undefined],
  ])('of type %i is %s, whatever its registration', (type, codec) => {
    expect(codecOf(type, registrationDescriptor('AC-3'))).toBe(codec)
  })

  it('is announced as scrambled by a conditional access descriptor', () => {
    expect(isAnnouncedScrambled(descriptor(0x09, [1, 2, 3, 4]))).toBe(true)
    expect(isAnnouncedScrambled(descriptor(0x0a, [1, 2, 3, 4]))).toBe(false)
  })
})
