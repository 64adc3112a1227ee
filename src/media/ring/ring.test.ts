import { describe, expect, test } from 'vitest'
import { continuityErrors, plainPacket } from '../../../test/helpers/program-chunks.ts'
import { millis, ticksOfMs } from '../../contract/time.ts'
import type { JoinOptions } from './reader.ts'
import { Ring } from './ring.ts'

const LIMITS = { maxBytes: 10_000_000, minDuration: millis(5_000), pids: [0, 256, 0x1fff] }
const JOIN: JoinOptions = { joinAge: millis(1_000), lagLimit: millis(5_000) }
const CHUNK_MS = 40

/** A program with a chunk each 40 ms: a PAT at the start of a GOP, then `packets` packets on PID 256. */
class ProgramWriter {
  readonly ring: Ring
  readonly #gop: number
  readonly #packets: number
  #count = 0
  #pats = 0
  #sent = 0

  constructor(options: { limits?: Partial<typeof LIMITS>; gop?: number; packets?: number } = {}) {
    this.ring = new Ring({ ...LIMITS, ...options.limits })
    this.#gop = options.gop ?? 25
    this.#packets = options.packets ?? 4
  }

  chunks(count: number): this {
    for (let i = 0; i < count; i++) {
      const rap = this.#count % this.#gop === 0
      const packets = Array.from({ length: this.#packets }, () =>
        plainPacket({ pid: 256, counter: this.#sent++, fill: this.#count & 0xff }),
      )
      if (rap) packets.unshift(plainPacket({ pid: 0, counter: this.#pats++ }))
      this.ring.append(Buffer.concat(packets), ticksOfMs(this.#count * CHUNK_MS), rap ? 0 : -1)
      this.#count++
    }
    return this
  }
}

const readAll = (reader: { read(max: number): Buffer | undefined }, max = 1 << 20): Buffer => {
  const parts: Buffer[] = []
  for (let part = reader.read(max); part !== undefined; part = reader.read(max)) parts.push(part)
  return Buffer.concat(parts)
}

describe('joining', () => {
  test.each([
    { chunks: 1, joinAge: 1_000, lag: 0 },
    { chunks: 20, joinAge: 1_000, lag: 760 },
    { chunks: 51, joinAge: 1_000, lag: 1_000 },
    { chunks: 60, joinAge: 1_000, lag: 1_360 },
    { chunks: 60, joinAge: 0, lag: 360 },
    { chunks: 60, joinAge: 60_000, lag: 2_360 },
  ])(
    'starts $lag ms back after $chunks chunks with a join age of $joinAge ms',
    ({ chunks, joinAge, lag }) => {
      const reader = new ProgramWriter()
        .chunks(chunks)
        .ring.join({ ...JOIN, joinAge: millis(joinAge) })
      expect(reader.lag).toBe(lag)
      const first = reader.read(188)!
      expect(first[1]! & 0x1f).toBe(0)
      expect(first[2]).toBe(0)
    },
  )

  test('waits for the first random access point', () => {
    const ring = new Ring(LIMITS)
    const reader = ring.join(JOIN)
    ring.append(plainPacket({ pid: 256, counter: 0 }), ticksOfMs(0))
    expect(reader.read(1_000)).toBeUndefined()
    const rap = Buffer.concat([
      plainPacket({ pid: 256, counter: 1 }),
      plainPacket({ pid: 0, counter: 0 }),
    ])
    ring.append(rap, ticksOfMs(40), 188)
    expect(reader.read(1_000)).toEqual(plainPacket({ pid: 0, counter: 0 }))
  })

  test('at the live edge waits for the next random access point', () => {
    const writer = new ProgramWriter().chunks(30)
    const reader = writer.ring.join({ ...JOIN, joinAge: 'next' })
    writer.chunks(20)
    expect(reader.next()).toBeUndefined()
    writer.chunks(1)
    expect(reader.next()?.time).toBe(ticksOfMs(50 * CHUNK_MS))
  })
})

describe('reading', () => {
  test('gives each byte once, in order, whatever the size of a read', () => {
    const writer = new ProgramWriter({ packets: 150 }).chunks(1)
    const reader = writer.ring.join(JOIN)
    writer.chunks(60)
    const bytes = readAll(reader, 1_000)
    expect(bytes.length).toBe((61 * 150 + 3) * 188)
    expect(continuityErrors(bytes)).toEqual([])
    expect(reader.lag).toBe(0)
  })

  test('one read covers many chunks without a copy', () => {
    const { ring } = new ProgramWriter().chunks(50)
    const [one, other] = [ring.join(JOIN).read(64_000)!, ring.join(JOIN).read(64_000)!]
    expect(one.length).toBeGreaterThan(20 * 4 * 188)
    expect(one.buffer).toBe(other.buffer)
  })

  test('bytes handed out do not change while the ring goes on', () => {
    const writer = new ProgramWriter().chunks(30)
    const held = writer.ring.join(JOIN).read(10_000)!
    const copy = Buffer.from(held)
    writer.chunks(2_000)
    expect(held.equals(copy)).toBe(true)
  })

  test('by chunk carries the program time of each', () => {
    const reader = new ProgramWriter().chunks(3).ring.join(JOIN)
    expect([reader.next(), reader.next(), reader.next()].map((part) => part?.time)).toEqual(
      [0, 40, 80].map(ticksOfMs),
    )
    expect(reader.next()).toBeUndefined()
  })

  test('ends when the ring is closed and all is read', () => {
    const { ring } = new ProgramWriter().chunks(3)
    const reader = ring.join(JOIN)
    let calls = 0
    ring.subscribe(() => calls++)
    ring.close()
    expect([calls, reader.ended]).toEqual([1, false])
    readAll(reader)
    expect(reader.ended).toBe(true)
  })
})

describe('a slow reader', () => {
  test('skips to the newest random access point, with the discontinuity indicator on each PID', () => {
    const writer = new ProgramWriter().chunks(1)
    const reader = writer.ring.join(JOIN)
    const before = readAll(reader)
    writer.chunks(140)
    const skip = reader.read(1 << 20)!
    const after = Buffer.concat([skip, readAll(reader)])
    expect(reader.skips).toBe(1)
    expect([...skip.subarray(0, 6)]).toEqual([0x47, 0, 0, 0x20 | 4, 183, 0x80])
    expect(skip.length).toBe(2 * 188)
    expect(after.length).toBe(2 * 188 + (16 * 4 + 1) * 188)
    expect(continuityErrors(Buffer.concat([before, after]))).toEqual([])
    expect(continuityErrors(after)).toEqual([])
  })

  test('is not skipped while the lag is within the limit', () => {
    const writer = new ProgramWriter().chunks(1)
    const reader = writer.ring.join(JOIN)
    writer.chunks(124)
    readAll(reader)
    expect(reader.skips).toBe(0)
  })

  test('that is behind because of a GOP longer than the limit does not skip', () => {
    const writer = new ProgramWriter({ gop: 250 }).chunks(200)
    const reader = writer.ring.join(JOIN)
    expect(reader.lag).toBe(199 * CHUNK_MS)
    reader.read(188)
    writer.chunks(49)
    readAll(reader)
    expect(reader.skips).toBe(0)
  })

  test('whose position left the ring continues at the newest random access point', () => {
    const writer = new ProgramWriter({ limits: { maxBytes: 40 * 4 * 188 } }).chunks(1)
    const reader = writer.ring.join({ ...JOIN, lagLimit: millis(600_000) })
    writer.chunks(500)
    expect(reader.next()?.skipped).toBe(true)
    expect(reader.next()?.time).toBe(ticksOfMs(500 * CHUNK_MS))
  })

  test('past the limit in bytes skips too', () => {
    const writer = new ProgramWriter().chunks(1)
    const reader = writer.ring.join({ ...JOIN, lagBytes: 10 * 4 * 188 })
    writer.chunks(30)
    expect(reader.next()?.skipped).toBe(true)
  })
})

describe('the media that a ring holds', () => {
  test('is bounded by time once there are two GOPs', () => {
    const { ring } = new ProgramWriter().chunks(1_000)
    expect(ring.duration).toBeGreaterThanOrEqual(5_000)
    expect(ring.duration).toBeLessThan(5_100)
  })

  test('is two GOPs when these are longer', () => {
    const { ring } = new ProgramWriter({ gop: 250 }).chunks(1_100)
    expect(ring.duration).toBe((1_099 - 750) * CHUNK_MS)
  })

  test('is bounded by bytes whatever the GOP', () => {
    const { ring } = new ProgramWriter({ gop: 10_000, limits: { maxBytes: 100_000 } }).chunks(5_000)
    expect(ring.bytes).toBeLessThanOrEqual(100_000)
  })

  test('is whole packets only', () => {
    expect(() => new Ring(LIMITS).append(new Uint8Array(100), ticksOfMs(0))).toThrow(/100 bytes/)
  })
})

test('a subscriber is called after each append, until it unsubscribes or the ring is closed', () => {
  const program = new ProgramWriter()
  const calls: string[] = []
  const leave = program.ring.subscribe(() => calls.push('first'))
  program.ring.subscribe(() => calls.push('second'))
  program.chunks(1)
  leave()
  program.chunks(1)
  program.ring.close()
  program.ring.close()
  expect(calls).toEqual(['first', 'second', 'second', 'second'])
})
