import { describe, expect, it } from 'vitest'
import { plainPacket } from '../../../test/helpers/program-chunks.ts'
import { millis, ticksOfMs } from '../../contract/time.ts'
import { collectFirstCounters, collectLastCounters, discontinuityPreamble } from './preamble.ts'
import { Ring } from './ring.ts'

const packets = (...list: readonly (readonly [pid: number, counter: number])[]): Buffer =>
  Buffer.concat(list.map(([pid, counter]) => plainPacket({ pid, counter })))
const WANTED = new Set([0, 0x100, 0x1abc])

describe('the preamble of a reader that skips', () => {
  it('is a packet per PID with the discontinuity indicator and nothing else', () => {
    const bytes = discontinuityPreamble([
      { pid: 0x1abc, counter: 0x1f },
      { pid: 0, counter: 7 },
    ])
    expect(bytes).toHaveLength(376)
    expect([...bytes.subarray(0, 7)]).toEqual([0x47, 0x1a, 0xbc, 0x2f, 183, 0x80, 0xff])
    expect([...bytes.subarray(188, 194)]).toEqual([0x47, 0, 0, 0x27, 183, 0x80])
    expect(bytes.subarray(194).every((byte) => byte === 0xff)).toBe(true)
  })

  it('has the counter of the last packet of each PID before it', () => {
    const found = new Map([[0, 9]])
    collectLastCounters(
      packets([0x100, 4], [0x1abc, 1], [0x100, 5], [0x55, 3], [0, 2]),
      WANTED,
      found,
    )
    expect([...found].sort((a, b) => a[0] - b[0])).toEqual([
      [0, 9],
      [0x100, 5],
      [0x1abc, 1],
    ])
  })

  it('has the counter before that of the first packet behind it, where there is none before', () => {
    const found = new Map<number, number>()
    const bare = plainPacket({ pid: 0x1abc, counter: 6 })
    bare[3] = 0x20 | 6
    collectFirstCounters(
      Buffer.concat([packets([0x100, 0], [0x55, 1], [0x100, 1], [0, 8]), bare]),
      WANTED,
      found,
    )
    expect([...found].sort((a, b) => a[0] - b[0])).toEqual([
      [0, 7],
      [0x100, 15],
      [0x1abc, 6],
    ])
  })
})

const LIMITS = { maxBytes: 10_000_000, minDuration: millis(1000), pids: [0, 0x100] }
/** A chunk of `count` packets each 100 ms; a random access point at the indices of `raps`. */
const filled = (
  chunks: number,
  raps: readonly number[],
  limits: Partial<typeof LIMITS> = {},
): Ring => {
  const ring = new Ring({ ...LIMITS, ...limits })
  for (let k = 0; k < chunks; k++) {
    const rap = raps.includes(k)
    const bytes = packets(
      ...(rap
        ? ([
            [0x100, 2 * k],
            [0, k],
          ] as const)
        : ([[0x100, 2 * k]] as const)),
    )
    ring.append(bytes, ticksOfMs(k * 100), rap ? 188 : -1)
  }
  return ring
}

describe('a ring', () => {
  it('takes whole packets only, and none once it is closed', () => {
    const ring = filled(2, [0])
    expect(() => ring.append(new Uint8Array(187), ticksOfMs(0))).toThrow('187 bytes')
    ring.append(new Uint8Array(0), ticksOfMs(500))
    let calls = 0
    const leave = ring.subscribe(() => calls++)
    ring.append(packets([0x100, 1]), ticksOfMs(200))
    leave()
    ring.append(packets([0x100, 2]), ticksOfMs(300))
    expect(calls).toBe(1)
    ring.close()
    ring.close()
    ring.append(packets([0x100, 3]), ticksOfMs(400))
    expect([ring.closed, ring.end, ring.duration]).toEqual([true, 5 * 188, 300])
  })

  it('finds the chunk of each position', () => {
    const ring = filled(7, [0, 3])
    const starts = [0, 376, 564, 752, 1128, 1316, 1504]
    expect(ring.end).toBe(1692)
    for (let position = 0; position < ring.end; position++) {
      const expected = starts.findLastIndex((start) => start <= position)
      expect(ring.chunkAt(position)?.index).toBe(expected)
      expect(ring.lagAt(position)).toBe((6 - expected) * 100)
    }
    expect([ring.chunkAt(1692), ring.lagAt(1692)]).toEqual([undefined, 0])
  })

  it('finds its random access points by age and by position', () => {
    const ring = filled(10, [1, 4, 7])
    const positions = [188 + 188, 188 * 5 + 188, 188 * 9 + 188]
    expect(
      [0, 199, 200, 201, 500, 501, 9000].map((age) => ring.newestRap(millis(age))?.time),
    ).toEqual([700, 700, 700, 400, 400, 100, 100].map(ticksOfMs))
    expect(ring.newestRap()?.position).toBe(positions[2])
    expect([0, 376, 377, 1128, 1129, 1880, 1881].map((at) => ring.rapFrom(at)?.position)).toEqual([
      positions[0],
      positions[0],
      positions[1],
      positions[1],
      positions[2],
      positions[2],
      undefined,
    ])
  })

  it('gives views of whole packets', () => {
    const ring = filled(5, [0])
    expect([187, 188, 375, 376, 9999].map((max) => ring.view(0, max)?.length)).toEqual([
      0, 188, 188, 376, 1128,
    ])
    expect(ring.view(940, 9999)?.length).toBe(188)
    expect(ring.view(1128, 9999)).toBeUndefined()
  })

  it('keeps its duration and two groups of pictures', () => {
    const ring = filled(40, [0, 10, 20, 30])
    // The second last random access point is 1900 ms old.
    expect([ring.duration, ring.chunkAt(ring.start)?.index]).toEqual([1900, 20])
    const short = filled(
      40,
      Array.from({ length: 40 }, (_, k) => k),
    )
    expect(short.duration).toBe(1000)
    expect(short.rapFrom(0)?.position).toBe(short.start + 188)
  })

  it('keeps no more than its bytes, but always the newest chunk', () => {
    const ring = filled(40, [0], { maxBytes: 5 * 188 })
    expect([ring.bytes, ring.duration]).toEqual([5 * 188, 400])
    expect(ring.newestRap()).toBeUndefined()
    expect(filled(40, [0], { maxBytes: 0 }).bytes).toBe(188)
  })

  it('takes preamble counters from both sides of a position', () => {
    const ring = filled(5, [1])
    const preamble = ring.discontinuityAt(376)
    // PID 0 starts behind the position with counter 1; the last of PID 0x100 before it has 2.
    expect([...preamble].filter((_, at) => at % 188 === 3)).toEqual([0x20, 0x22])
    expect(ring.discontinuityAt(376)).toBe(preamble)
    const later = ring.discontinuityAt(940)
    expect([...later].filter((_, at) => at % 188 === 3)).toEqual([0x21, 0x26])
  })

  it('never gives null packets a counter', () => {
    const ring = new Ring({ ...LIMITS, pids: [0x100, 0x1fff] })
    ring.append(packets([0x1fff, 3], [0x100, 1]), ticksOfMs(0), 0)
    expect(ring.discontinuityAt(376)).toHaveLength(188)
  })
})

describe('a reader by chunks', () => {
  it('reports the offset of the random access point in the rest of a chunk', () => {
    const ring = filled(2, [0])
    const reader = ring.join({ joinAge: millis(0), lagLimit: millis(5000) })
    const first = reader.next()!
    expect([first.bytes.length, first.randomAccess, first.time]).toEqual([188, 0, 0])
    const second = reader.next()!
    expect([second.bytes.length, second.randomAccess, second.skipped]).toEqual([188, -1, false])
    expect(reader.next()).toBeUndefined()
  })

  it('skips by bytes too, and reports that with the preamble alone', () => {
    const ring = new Ring({ ...LIMITS, minDuration: millis(60_000) })
    const add = (k: number, rap: boolean): void =>
      ring.append(packets([0, k], [0x100, k]), ticksOfMs(k * 100), rap ? 0 : -1)
    add(0, true)
    const reader = ring.join({ joinAge: millis(0), lagLimit: millis(60_000), lagBytes: 4 * 376 })
    reader.next()
    for (let k = 1; k <= 4; k++) add(k, k === 3)
    expect([reader.next()?.time, reader.skips]).toEqual([ticksOfMs(100), 0])
    for (let k = 5; k <= 6; k++) add(k, false)
    const skipped = reader.next()!
    expect([skipped.skipped, skipped.bytes.length, skipped.time]).toEqual([
      true,
      376,
      ticksOfMs(300),
    ])
    expect([reader.next()?.time, reader.skips]).toEqual([ticksOfMs(300), 1])
  })
})
