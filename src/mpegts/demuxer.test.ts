import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adtsFrame, h264Unit } from '../../test/helpers/coded-units.ts'
import {
  AUDIO,
  VIDEO,
  demuxAll,
  essence,
  muxAll,
  muxOptions,
  openDemuxer,
  unitsFrom,
  writtenEssence,
} from '../../test/helpers/ts-program.ts'
import { ticks } from '../contract/time.ts'
import { TsMuxer, type MuxUnit } from './muxer.ts'
import { PACKET_SIZE, pidAt } from './packet.ts'
import { buildPat } from './psi.ts'
import { WRAP_33 } from './timestamps.ts'

const units = unitsFrom(900_000, 30)
const stream = muxAll(units)

/** The packets of the stream as separate buffers, to be reordered, damaged and joined again. */
const packets = (bytes: Buffer = stream): Buffer[] =>
  Array.from({ length: bytes.length / PACKET_SIZE }, (_, i) =>
    Buffer.from(bytes.subarray(i * PACKET_SIZE, (i + 1) * PACKET_SIZE)),
  )

const nth = (list: readonly Buffer[], pid: number, n: number): number =>
  list.map((packet, index) => ({ packet, index })).filter(({ packet }) => pidAt(packet, 0) === pid)[
    n
  ]!.index

const missing = (bytes: Uint8Array, options = {}): string[] => {
  const found = new Set(essence(demuxAll(bytes, options).units))
  return writtenEssence(units).filter((unit) => !found.has(unit))
}

describe('the demuxer returns what was muxed', () => {
  it('with the same bytes, times and random access points, whole and in DTS order per track', () => {
    const demuxed = demuxAll(stream)
    expect(essence(demuxed.units)).toEqual(writtenEssence(units))
    for (const pid of [VIDEO, AUDIO]) {
      const times = demuxed.units.filter((unit) => unit.pid === pid).map(({ dts }) => dts)
      expect(times).toEqual([...times].sort((a, b) => a - b))
    }
    expect(demuxed.demuxer.counters).toMatchObject({
      bytes: stream.length,
      packets: stream.length / PACKET_SIZE,
      continuityErrors: 0,
      damagedUnits: 0,
      skippedBytes: 0,
      syncLosses: 0,
      unknownPidPackets: 0,
      crcErrors: 0,
    })
  })

  it('with its program, formats and PCR', () => {
    const { programs, formats, pcrs } = demuxAll(stream)
    expect(programs.at(-1)).toMatchObject({
      number: 1,
      pmtPid: 0x1000,
      pcrPid: VIDEO,
      serviceName: 'test',
      tracks: [
        { pid: VIDEO, kind: 'video', codec: 'h264' },
        { pid: AUDIO, kind: 'audio', codec: 'aac', language: 'eng' },
      ],
    })
    expect(formats.map(([pid]) => pid).sort()).toEqual([VIDEO, AUDIO])
    expect(pcrs.length).toBeGreaterThan(29)
  })

  it('in any chunking', () => {
    const short = muxAll(unitsFrom(0, 6))
    const expected = essence(demuxAll(short).units)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
        const demuxed = openDemuxer()
        for (let at = 0, i = 0; at < short.length; i++) {
          // One buffer for all chunks, as a socket reader may use: units have to own their bytes.
          const chunk = Buffer.from(short.subarray(at, (at += sizes[i % sizes.length]!)))
          demuxed.demuxer.push(chunk)
          chunk.fill(0xee)
        }
        demuxed.demuxer.flush()
        expect(essence(demuxed.units)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
    expect(essence(demuxAll(short, { chunk: 1 }).units)).toEqual(expected)
  })

  it('across the 33-bit wrap, continuous on both tracks', () => {
    const start = WRAP_33 - 40_000
    const across = unitsFrom(start, 30)
    const found = demuxAll(muxAll(across))
    expect(essence(found.units)).toEqual(writtenEssence(across))
    expect(Math.max(...found.units.map(({ dts }) => dts))).toBeGreaterThan(WRAP_33)
    expect(found.pcrs).toEqual([...found.pcrs].sort((a, b) => a - b))
  })

  it('whatever the sizes of the units', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 4, maxLength: 4 }),
        (sizes) => {
          const some = unitsFrom(0, 12, (k) => sizes[k % 4]!)
          expect(essence(demuxAll(muxAll(some)).units)).toEqual(writtenEssence(some))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('with pictures above the 64 KB that a PES length can hold', () => {
    const large = unitsFrom(0, 6, (k) => 30_000 + k * 20_000)
    expect(essence(demuxAll(muxAll(large)).units)).toEqual(writtenEssence(large))
  })

  it('as soon as the last byte of a bounded PES has come', () => {
    const demuxed = openDemuxer()
    const muxer = new TsMuxer(muxOptions())
    for (const unit of unitsFrom(0, 30)) {
      muxer.advance(unit.dts)
      muxer.write(unit)
      demuxed.demuxer.push(muxer.takeBatch().bytes)
      const last = demuxed.units.at(-1)
      if (unit.dts > 18 * 3600)
        expect([last?.pid, last?.dts]).toEqual([[VIDEO, AUDIO][unit.track], unit.dts])
    }
  })
})

describe('damage', () => {
  it('drops the picture that misses a packet, and nothing else', () => {
    const list = packets()
    list.splice(nth(list, VIDEO, 8), 1)
    const bytes = Buffer.concat(list)
    expect(missing(bytes)).toHaveLength(1)
    expect(demuxAll(bytes).demuxer.counters).toMatchObject({ continuityErrors: 1, damagedUnits: 1 })
    expect(demuxAll(bytes).demuxer.counters.pids.get(VIDEO)?.continuityErrors).toBe(1)
  })

  it("passes the damaged picture on with corruptUnits 'pass'", () => {
    const list = packets()
    list.splice(nth(list, VIDEO, 8), 1)
    const { units: found } = demuxAll(Buffer.concat(list), { corruptUnits: 'pass' })
    expect(found.filter(({ pid }) => pid === VIDEO)).toHaveLength(30)
  })

  it('drops one legal duplicate silently, and counts a third copy as an error', () => {
    const list = packets()
    const at = nth(list, VIDEO, 8)
    list.splice(at, 0, list[at]!)
    const twice = demuxAll(Buffer.concat(list))
    expect(essence(twice.units)).toEqual(writtenEssence(units))
    expect(twice.demuxer.counters).toMatchObject({ duplicates: 1, continuityErrors: 0 })
    list.splice(at, 0, list[at]!)
    expect(demuxAll(Buffer.concat(list)).demuxer.counters.continuityErrors).toBe(1)
  })

  it('counts a jump as an error unless the discontinuity_indicator announced it', () => {
    const muxer = new TsMuxer(muxOptions())
    const first = muxAll(unitsFrom(0, 5), muxer)
    muxer.markDiscontinuity()
    const second = muxAll(unitsFrom(900_000, 10), muxer)
    const list = packets(second)
    for (const packet of list) packet[3] = (packet[3]! & 0xf0) | ((packet[3]! + 5) & 0x0f)
    const announced = demuxAll(Buffer.concat([first, ...list]))
    expect(announced.demuxer.counters.continuityErrors).toBe(0)
    expect(announced.units.filter(({ pid }) => pid === VIDEO)).toHaveLength(15)
  })

  it.each([
    ['1 byte', 1],
    ['100 bytes', 100],
    ['a packet less a byte', 187],
    ['2000 bytes', 2000],
  ])('finds sync again after garbage of %s', (_, size) => {
    const list = packets()
    const at = nth(list, VIDEO, 40)
    const garbage = Buffer.alloc(size, 0x11)
    const bytes = Buffer.concat([...list.slice(0, at), garbage, ...list.slice(at)])
    const { counters } = demuxAll(bytes).demuxer
    expect(counters.syncLosses).toBe(1)
    expect(counters.skippedBytes + counters.packets * PACKET_SIZE).toBe(bytes.length)
    expect(missing(bytes).length).toBeLessThanOrEqual(2)
    expect(missing(bytes, { chunk: 100 }).length).toBeLessThanOrEqual(2)
  })

  it('passes no picture that lost bytes inside a packet', () => {
    const at = nth(packets(), VIDEO, 8) * PACKET_SIZE + 60
    const bytes = Buffer.concat([stream.subarray(0, at), stream.subarray(at + 50)])
    for (const chunk of [1, 188, 1316, bytes.length]) {
      const found = essence(demuxAll(bytes, { chunk }).units)
      const written = new Set(writtenEssence(units))
      expect(found.filter((unit) => !written.has(unit))).toEqual([])
      expect(found.length).toBeGreaterThan(units.length - 4)
    }
  })

  it('ignores packets with transport_error_indicator', () => {
    const list = packets()
    list[nth(list, AUDIO, 5)]![1]! |= 0x80
    const bytes = Buffer.concat(list)
    expect(demuxAll(bytes).demuxer.counters.transportErrors).toBe(1)
    expect(missing(bytes).length).toBeGreaterThan(0)
    expect(missing(bytes).every((unit) => unit.startsWith(String(AUDIO)))).toBe(true)
  })

  it('counts scrambled packets, passes none of them, and marks them in the program', () => {
    const list = packets()
    for (const packet of list) if (pidAt(packet, 0) === AUDIO) packet[3]! |= 0x80
    const { units: found, programs, demuxer } = demuxAll(Buffer.concat(list))
    expect(found.every(({ pid }) => pid === VIDEO)).toBe(true)
    expect(demuxer.counters.scrambledPackets).toBe(list.filter((p) => pidAt(p, 0) === AUDIO).length)
    expect(programs.at(-1)!.tracks[1]!.scrambled).toBe(true)
  })

  it('counts null packets and unknown PIDs', () => {
    const nothing = Buffer.alloc(PACKET_SIZE, 0xff)
    nothing.set([0x47, 0x1f, 0xff, 0x10])
    const stranger = Buffer.from(nothing)
    stranger.set([0x47, 0x02, 0x22, 0x10])
    const { demuxer, units: found } = demuxAll(Buffer.concat([nothing, stream, stranger, nothing]))
    expect(demuxer.counters).toMatchObject({ nullPackets: 2, unknownPidPackets: 1 })
    expect(found).toHaveLength(units.length)
  })

  it('ignores a PMT whose CRC is wrong', () => {
    const list = packets()
    for (const packet of list) if (pidAt(packet, 0) === 0x1000) packet[30]! ^= 1
    const { programs, demuxer } = demuxAll(Buffer.concat(list))
    expect(programs).toEqual([])
    expect(demuxer.counters.crcErrors).toBeGreaterThan(5)
  })

  it('drops a PES above 16 MB without holding it', () => {
    const muxer = new TsMuxer(muxOptions())
    const huge: MuxUnit = {
      track: 0,
      pts: ticks(0),
      dts: ticks(0),
      rap: true,
      data: h264Unit('idr', 17_000_000),
    }
    const bytes = Buffer.concat([muxAll([huge], muxer), muxAll(unitsFrom(3600, 12), muxer)])
    const found = demuxAll(bytes, { chunk: 65_536 })
    expect(found.demuxer.counters.oversizedPes).toBe(1)
    expect(found.units.filter(({ pid }) => pid === VIDEO)).toHaveLength(12)
  })

  it('forgets partial data on reset, and keeps the program and the counters', () => {
    const demuxed = openDemuxer()
    demuxed.demuxer.push(stream.subarray(0, 20_000))
    demuxed.demuxer.reset()
    demuxed.demuxer.push(stream)
    demuxed.demuxer.flush()
    expect(demuxed.programs).toHaveLength(2) // PMT, then the service name
    expect(demuxed.demuxer.counters.continuityErrors).toBe(0)
    expect(demuxed.demuxer.counters.bytes).toBe(stream.length + 20_000)
    const written = new Set(writtenEssence(units))
    expect(essence(demuxed.units).every((unit) => written.has(unit))).toBe(true)
  })
})

describe('shapes of stream', () => {
  it.each([
    [192, 4, 0],
    [204, 0, 16],
  ])('reads packets of %i bytes', (_, before, after) => {
    const bytes = Buffer.concat(
      packets().flatMap((packet) => [Buffer.alloc(before, 1), packet, Buffer.alloc(after, 2)]),
    )
    for (const chunk of [1, 1000, bytes.length]) {
      expect(essence(demuxAll(bytes, { chunk }).units)).toEqual(writtenEssence(units))
    }
  })

  it('reads a stream shorter than the run of sync bytes, at its end', () => {
    const few = unitsFrom(0, 1, () => 20)
    expect(essence(demuxAll(muxAll(few.slice(0, 1))).units)).toEqual(
      writtenEssence(few.slice(0, 1)),
    )
  })

  it('chooses the first program with media, or the configured one', () => {
    const other = new TsMuxer(
      muxOptions({ programNumber: 2, pmtPid: 0x1100, tracks: [{ pid: 0x200, codec: 'aac' }] }),
    )
    const frames = Array.from({ length: 30 }, (_, k): MuxUnit => {
      const pts = ticks(k * 1920)
      return { track: 0, pts, dts: pts, rap: false, data: adtsFrame(200, k) }
    })
    const one = packets()
    const two = packets(muxAll(frames, other)).filter((packet) => pidAt(packet, 0) > 0x20)
    const both: Buffer[] = []
    const pat = patOf([
      [1, 0x1000],
      [2, 0x1100],
    ])
    for (const [i, packet] of one.entries()) {
      const isPat = pidAt(packet, 0) === 0
      both.push(isPat ? withContinuity(pat, packet) : packet)
      if (two[i]) both.push(two[i])
    }
    const bytes = Buffer.concat(both)
    expect(new Set(demuxAll(bytes).units.map(({ pid }) => pid))).toEqual(new Set([VIDEO, AUDIO]))
    const second = demuxAll(bytes, { program: 2 })
    expect(new Set(second.units.map(({ pid }) => pid))).toEqual(new Set([0x200]))
    expect(second.demuxer.counters.unknownPidPackets).toBeLessThan(20)
    expect(demuxAll(bytes, { program: 9 }).units).toEqual([])
  })

  it('follows a change of the PMT', () => {
    const muxer = new TsMuxer(muxOptions())
    const first = muxAll(unitsFrom(0, 10), muxer)
    muxer.setTrack(1, { language: 'deu' })
    const second = muxAll(unitsFrom(36_000, 10), muxer)
    const { programs, units: found } = demuxAll(Buffer.concat([first, second]))
    expect(programs.map(({ version }) => version)).toEqual([0, 0, 1])
    expect(programs.at(-1)!.tracks[1]!.language).toBe('deu')
    expect(found.filter(({ pid }) => pid === VIDEO)).toHaveLength(20)
  })

  it('splits a PES that carries several pictures, a frame apart', () => {
    const pair = (k: number): Uint8Array =>
      Buffer.concat([h264Unit(k === 0 ? 'idr' : 'p', 500, k), h264Unit('p', 400, k + 1)])
    const pairs = Array.from({ length: 10 }, (_, k): MuxUnit => {
      const dts = ticks(k * 7200)
      return { track: 0, pts: dts, dts, rap: k === 0, data: pair(k) }
    })
    const { units: found } = demuxAll(muxAll(pairs))
    expect(found.map(({ dts }) => dts)).toEqual(Array.from({ length: 20 }, (_, k) => k * 3600))
  })

  it('joins a picture that is spread over several PES packets', () => {
    const pictures = Array.from({ length: 12 }, (_, k) => h264Unit(k === 0 ? 'idr' : 'p', 900, k))
    const muxer = new TsMuxer(muxOptions())
    const halves = pictures.flatMap((data, k): MuxUnit[] => {
      const dts = ticks(k * 3600)
      const half = { track: 0, pts: dts, dts, rap: false }
      return [
        { ...half, data: data.subarray(0, 500) },
        { ...half, data: data.subarray(500) },
      ]
    })
    const list = packets(muxAll(halves, muxer))
    const { units: found } = demuxAll(Buffer.concat(list.map(stripSecondPts())))
    expect(found.map(({ data }) => data.length)).toEqual(
      pictures.map((data) => data.length + DELIMITER_SIZE),
    )
  })

  it('gives each frame of an audio PES its exact time', () => {
    const frames = Array.from({ length: 12 }, (_, k): MuxUnit => {
      const pts = ticks(k * 3 * 1920 + 7)
      const data = Buffer.concat([0, 1, 2].map((i) => adtsFrame(100 + i, k)))
      return { track: 1, pts, dts: pts, rap: false, data }
    })
    const { units: found } = demuxAll(muxAll(frames))
    expect(found.map(({ pts }) => pts)).toEqual(Array.from({ length: 36 }, (_, k) => 7 + k * 1920))
  })

  it('continues the times of an audio frame that began in the PES before', () => {
    const all = Buffer.concat(Array.from({ length: 30 }, (_, k) => adtsFrame(100, k)))
    // 250 bytes per PES: frames 0, 3, 5, 8, 10 … are the first to begin in theirs.
    const parts = Array.from({ length: 12 }, (_, k): MuxUnit => {
      const pts = ticks(Math.ceil((k * 250) / 100) * 1920)
      const data = all.subarray(k * 250, (k + 1) * 250)
      return { track: 1, pts, dts: pts, rap: false, data }
    })
    const { units: found } = demuxAll(muxAll(parts))
    expect(found.map(({ pts }) => pts)).toEqual(Array.from({ length: 30 }, (_, k) => k * 1920))
  })
})

/** The muxer puts a delimiter before the second half too: it treats each unit as a picture. */
const DELIMITER_SIZE = 0

/** Removes PTS and delimiter from every second PES of the video, as a splitting multiplexer would write it. */
const stripSecondPts = (): ((packet: Buffer) => Buffer) => {
  let count = 0
  return (packet) => {
    if (pidAt(packet, 0) !== VIDEO || (packet[1]! & 0x40) === 0 || count++ % 2 === 0) return packet
    const pes = packet.indexOf(Uint8Array.of(0, 0, 1, 0xe0), 4)
    // The header keeps its length: the PTS becomes stuffing, and the delimiter (6 bytes) goes into the header too.
    packet[pes + 7] = 0
    packet[pes + 8]! += 6
    packet.fill(0xff, pes + 9, pes + 9 + packet[pes + 8]!)
    return packet
  }
}

const patOf = (programs: readonly (readonly [number, number])[]): Buffer => {
  const packet = Buffer.alloc(PACKET_SIZE, 0xff)
  const section = buildPat({
    transportStreamId: 1,
    version: 0,
    programs: programs.map(([program, pid]) => ({ program, pid })),
  })
  packet.set([0x47, 0x40, 0, 0x10, 0, ...section])
  return packet
}

const withContinuity = (packet: Buffer, like: Buffer): Buffer => {
  const copy = Buffer.from(packet)
  copy[3] = (copy[3]! & 0xf0) | (like[3]! & 0x0f)
  return copy
}
