import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReorderWindow } from './reorder-window.ts'

const WAIT = 50

const played = (steps: readonly (readonly [sequence: number, at: number])[], expireAt?: number) => {
  const out: number[] = []
  const window = new ReorderWindow<number>(WAIT, (packet) => out.push(packet))
  for (const [sequence, at] of steps) window.push(sequence, sequence, at)
  if (expireAt !== undefined) window.expire(expireAt)
  return { out, ...window.figures(), dueIn: window.dueIn(0) }
}

describe('a reorder window', () => {
  test('passes packets in order at once, across the wrap of the sequence number', () => {
    expect(
      played([
        [65_534, 0],
        [65_535, 1],
        [0, 2],
        [1, 3],
      ]),
    ).toMatchObject({
      out: [65_534, 65_535, 0, 1],
      lost: 0,
      reordered: 0,
    })
  })

  test('puts a late packet in its place, also around the wrap', () => {
    expect(
      played([
        [65_534, 0],
        [0, 1],
        [1, 2],
        [65_535, 3],
        [2, 4],
      ]),
    ).toMatchObject({
      out: [65_534, 65_535, 0, 1, 2],
      lost: 0,
      reordered: 1,
      dueIn: undefined,
    })
  })

  test('holds packets behind a gap until the wait is over, then counts the loss', () => {
    expect(
      played([
        [1, 0],
        [3, 10],
        [4, 20],
      ]),
    ).toMatchObject({ out: [1], lost: 0, dueIn: 60 })
    expect(
      played(
        [
          [1, 0],
          [3, 10],
          [4, 20],
        ],
        59,
      ),
    ).toMatchObject({ out: [1] })
    expect(
      played(
        [
          [1, 0],
          [3, 10],
          [4, 20],
        ],
        60,
      ),
    ).toMatchObject({ out: [1, 3, 4], lost: 1 })
  })

  test('an arriving packet ends a wait that is over', () => {
    expect(
      played([
        [1, 0],
        [3, 10],
        [5, 61],
      ]),
    ).toMatchObject({ out: [1, 3], lost: 1 })
  })

  test('counts second copies of passed and of held packets', () => {
    expect(
      played([
        [1, 0],
        [1, 1],
        [3, 2],
        [3, 3],
        [2, 4],
      ]),
    ).toMatchObject({
      out: [1, 2, 3],
      duplicates: 2,
      lost: 0,
    })
  })

  test('drops and counts a packet that comes after its wait, not as a second copy', () => {
    expect(
      played([
        [1, 0],
        [3, 0],
        [4, 60],
        [2, 61],
        [2, 62],
      ]),
    ).toMatchObject({
      out: [1, 3, 4],
      lost: 1,
      late: 1,
      duplicates: 1,
    })
  })

  test('counts everything missing before a packet too far ahead as lost', () => {
    expect(
      played([
        [1, 0],
        [3, 0],
        [1_000, 1],
        [1_001, 2],
      ]),
    ).toMatchObject({
      out: [1, 3, 1_000, 1_001],
      lost: 997,
    })
  })

  test('follows a restarted sender at its second packet, and ignores a single stray one', () => {
    expect(
      played([
        [30_000, 0],
        [5, 1],
        [6, 2],
        [7, 3],
      ]),
    ).toMatchObject({
      out: [30_000, 6, 7],
      restarts: 1,
    })
    expect(
      played([
        [30_000, 0],
        [5, 1],
        [30_001, 2],
      ]),
    ).toMatchObject({
      out: [30_000, 30_001],
      restarts: 0,
    })
  })

  test('any shuffle within the window is delivered in order and complete', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 300 }),
        (start, delays) => {
          const out: number[] = []
          const window = new ReorderWindow<number>(1_000, (n) => out.push(n))
          // The first packet is the first to arrive: it sets the start of the sequence.
          const order = delays
            .map((delay, n) => ({ n, at: n === 0 ? -1 : n + delay }))
            .sort((a, b) => a.at - b.at)
          for (const { n, at } of order) window.push((start + n) & 0xffff, n, at)
          expect(out).toEqual(delays.map((_, n) => n))
          expect(window.figures().lost).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('never delivers out of order or twice, whatever arrives from one sender', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1_000, max: 1_090 }), { maxLength: 400 }),
        (sequences) => {
          const out: number[] = []
          const window = new ReorderWindow<number>(WAIT, (n) => out.push(n))
          let at = 0
          for (const sequence of sequences) window.push(sequence, sequence, (at += 7))
          window.expire(Number.POSITIVE_INFINITY)
          expect(out).toEqual([...new Set(out)].sort((a, b) => a - b))
        },
      ),
      { numRuns: 200 },
    )
  })
})
