import { describe, expect, it } from 'vitest'
import { muxAll, unitsFrom } from '../../test/helpers/ts-program.ts'
import { TsDemuxer } from './demuxer.ts'
import { PACKET_SIZE, PID_PAT } from './packet.ts'
import { crc32Mpeg } from './crc32.ts'

const PACKETS = 1_000_000
const MEMORY_LIMIT = 64 * 2 ** 20

/** xorshift32: the same stream in every run. */
const randomFrom = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Mutation = (packet: Buffer, random: (below: number) => number) => readonly Uint8Array[]

const flip =
  (bits: number): Mutation =>
  (packet, random) => {
    for (let i = 0; i < bits; i++) packet[random(PACKET_SIZE)]! ^= 1 << random(8)
    return [packet]
  }

/** A table of random content with a valid CRC. */
const nonsenseTable: Mutation = (packet, random) => {
  const length = 9 + random(160)
  packet.set([0x47, 0x40 | random(32), random(256), 0x10 | random(16), 0])
  if (random(2) === 0) packet.set([0x40 | (PID_PAT >> 8), PID_PAT], 1)
  if (random(3) === 0) packet.set([0x50, 0x00], 1)
  packet.set([[0, 2, 0x42][random(3)]!, 0xb0, length], 5)
  for (let i = 8; i < 5 + 3 + length - 4; i++) packet[i] = random(256)
  packet[10]! |= 1
  packet.writeUInt32BE(crc32Mpeg(packet, 5, 4 + length), 4 + length)
  return [packet]
}

const MUTATIONS: Record<string, Mutation> = {
  'one flipped bit': flip(1),
  'many flipped bits': flip(40),
  'a random header': (packet, random) => {
    for (let i = 1; i < 12; i++) packet[i] = random(256)
    return [packet]
  },
  'a random PES header': (packet, random) => {
    for (let i = 4; i < 24; i++) packet[i] = random(256)
    packet.set([0, 0, 1], 4)
    packet[1]! |= 0x40
    return [packet]
  },
  'a lost packet': () => [],
  'a repeated packet': (packet) => [packet, packet],
  'a packet repeated thrice': (packet) => [packet, packet, packet],
  'a truncated packet': (packet, random) => [packet.subarray(0, random(PACKET_SIZE))],
  'inserted garbage': (packet, random) => {
    const garbage = Buffer.alloc(random(600))
    for (let i = 0; i < garbage.length; i++) garbage[i] = random(8) === 0 ? 0x47 : random(256)
    return [packet, garbage]
  },
  'random content in a table': nonsenseTable,
  'an adaptation field of wrong length': (packet, random) => {
    packet[3]! |= 0x20
    packet[4] = random(256)
    return [packet]
  },
}

const memory = (): number => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('a million mutated packets', () => {
  it('never throw, are counted, and leave the memory flat', () => {
    const random = randomFrom(20_061_975)
    const stream = muxAll(unitsFrom(2 ** 33 - 500_000, 250, (k) => 400 + ((k * 997) % 9000)))
    const kinds = Object.values(MUTATIONS)
    let units = 0
    let unitBytes = 0
    const demuxer = new TsDemuxer({
      program: () => {},
      unit: (unit) => {
        units++
        unitBytes += unit.data.length
      },
      format: () => {},
    })
    let mutated = 0
    let pushed = 0
    let at = 0
    let warm = 0
    while (mutated < PACKETS) {
      const batch: Uint8Array[] = []
      for (let i = 0; i < 400; i++) {
        const packet = Buffer.from(stream.subarray(at, at + PACKET_SIZE))
        at = (at + PACKET_SIZE) % stream.length
        // Runs of whole packets between damaged ones: otherwise only the search for sync would be tested.
        const damaged = random(2) === 0 || mutated % 5000 < 500
        batch.push(...(damaged ? kinds[random(kinds.length)]!(packet, random) : [packet]))
        if (damaged) mutated++
      }
      const bytes = Buffer.concat(batch)
      pushed += bytes.length
      for (let from = 0; from < bytes.length;) {
        const size = 1 + random(5000)
        demuxer.push(bytes.subarray(from, from + size))
        from += size
      }
      if (warm === 0 && mutated > PACKETS / 10) warm = memory()
    }
    const grown = memory() - warm
    demuxer.flush()
    const { counters } = demuxer
    expect(grown).toBeLessThan(MEMORY_LIMIT)
    expect(counters.bytes).toBe(pushed)
    expect(counters.pids.size).toBeLessThanOrEqual(8192)
    expect(units).toBeGreaterThan(1000)
    expect(unitBytes).toBeLessThan(pushed)
    for (const name of [
      'syncLosses',
      'skippedBytes',
      'continuityErrors',
      'transportErrors',
      'scrambledPackets',
      'duplicates',
      'crcErrors',
      'damagedUnits',
      'unknownPidPackets',
    ] as const) {
      expect(counters[name], name).toBeGreaterThan(100)
    }
    expect(counters.packets * PACKET_SIZE + counters.skippedBytes).toBeGreaterThan(pushed - 5000)
  }, 60_000)
})
