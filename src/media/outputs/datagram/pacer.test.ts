import { describe, expect, test } from 'vitest'
import { ticksOfMs } from '../../../contract/time.ts'
import { Pacer } from './pacer.ts'

const DATAGRAM = 7 * 188
const TICK_MS = 5

interface Sent {
  readonly at: number
  readonly bytes: Uint8Array
  readonly time: number
}

/** Pictures of the given sizes (packets), one each `intervalMs`, that arrive `jitter` late. */
const play = (options: {
  readonly sizes: readonly number[]
  readonly intervalMs: number
  readonly jitter?: (index: number) => number
}): readonly Sent[] => {
  const pacer = new Pacer(7)
  const sent: Sent[] = []
  let next = 0
  for (let now = 0; now < options.sizes.length * options.intervalMs + 200; now += TICK_MS) {
    for (; next < options.sizes.length; next++) {
      if (next * options.intervalMs + (options.jitter?.(next) ?? 0) > now) break
      const bytes = new Uint8Array(options.sizes[next]! * 188).fill(next & 0xff)
      pacer.addPart(
        { bytes, time: ticksOfMs(next * options.intervalMs), skipped: false, randomAccess: -1 },
        now,
      )
    }
    for (let due = pacer.takeDue(now); due !== undefined; due = pacer.takeDue(now)) {
      sent.push({ at: now, ...due })
    }
  }
  return sent
}

const perTick = (sent: readonly Sent[]): readonly number[] => {
  const counts = new Map<number, number>()
  for (const { at } of sent) counts.set(at, (counts.get(at) ?? 0) + 1)
  return [...counts.values()]
}

const joined = (sent: readonly Sent[]): Buffer => Buffer.concat(sent.map(({ bytes }) => bytes))

describe('pacing', () => {
  test('spreads equal pictures evenly: never more than one datagram above the mean in a tick', () => {
    // 112 packets each 40 ms: 16 datagrams, 2 in each 5 ms.
    const sent = play({ sizes: Array.from({ length: 100 }, () => 112), intervalMs: 40 })
    expect(Math.max(...perTick(sent))).toBeLessThanOrEqual(3)
    expect(joined(sent).length).toBe(100 * 112 * 188)
  })

  test('spreads a random access picture ten times as large over the time to the next picture', () => {
    const sizes = Array.from({ length: 100 }, (_, index) => (index % 25 === 0 ? 560 : 56))
    const sent = play({ sizes, intervalMs: 40 })
    // 80 datagrams in 7 to 8 ticks, not in one.
    expect(Math.max(...perTick(sent))).toBeLessThanOrEqual(13)
  })

  test('delays no picture by more than 40 ms', () => {
    const sizes = Array.from({ length: 50 }, (_, index) => (index % 10 === 0 ? 301 : 33))
    let position = 0
    const ends = sizes.map((size) => (position += size * 188))
    let done = 0
    let index = 0
    for (const { at, bytes } of play({ sizes, intervalMs: 40 })) {
      done += bytes.length
      for (; index < ends.length && ends[index]! <= done; index++) {
        expect(at - index * 40).toBeLessThanOrEqual(index === sizes.length - 1 ? 80 : 45)
      }
    }
    expect(index).toBe(50)
  })

  test('keeps order and loses nothing with pictures at 50 a second that arrive unevenly', () => {
    const sizes = Array.from({ length: 200 }, (_, index) => 20 + (index % 7) * 9)
    const sent = play({ sizes, intervalMs: 20, jitter: (index) => (index % 3) * 10 })
    const fed = Buffer.concat(
      sizes.map((size, index) => new Uint8Array(size * 188).fill(index & 0xff)),
    )
    expect(joined(sent).equals(fed)).toBe(true)
    expect(sent.every(({ bytes }) => bytes.length <= DATAGRAM && bytes.length % 188 === 0)).toBe(
      true,
    )
  })

  test('gives times that never run backwards, at the rate of the clock', () => {
    const sent = play({ sizes: Array.from({ length: 100 }, () => 60), intervalMs: 40 })
    const steps = sent.slice(1).map((one, index) => one.time - sent[index]!.time)
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0)
    expect(sent.at(-1)!.time - sent[0]!.time).toBeCloseTo((sent.at(-1)!.at - sent[0]!.at) * 90, 3)
  })

  test('after a stall sends late packets at once, and is even again with the next picture', () => {
    const stall = (index: number): number => (index >= 20 && index < 30 ? (30 - index) * 40 : 0)
    const sent = play({
      sizes: Array.from({ length: 60 }, () => 112),
      intervalMs: 40,
      jitter: stall,
    })
    const late = sent.filter(({ at }) => at > 1_245)
    expect(Math.max(...perTick(late))).toBeLessThanOrEqual(3)
    expect(joined(sent).length).toBe(60 * 112 * 188)
  })
})
