import { expect, it } from 'vitest'
import { FrameRing } from './frame-ring.ts'

const filled = (count: number, ms = 20): FrameRing => {
  const ring = new FrameRing(100)
  for (let value = 0; value < count; value++) ring.append({ bytes: Uint8Array.of(value), ms })
  return ring
}

it('keeps the newest units for at least the given time, and no longer than one more', () => {
  const ring = filled(50)
  expect(ring.end - ring.oldest).toBe(5)
  expect(ring.unit(ring.end - 1)?.bytes).toEqual(Uint8Array.of(49))
  expect(ring.unit(ring.oldest)?.bytes).toEqual(Uint8Array.of(45))
})

it('has nothing for a number that is gone or not there yet', () => {
  const ring = filled(50)
  expect(ring.unit(ring.oldest - 1)).toBeUndefined()
  expect(ring.unit(ring.end)).toBeUndefined()
})

it.each([
  { ms: 0, number: 50 },
  { ms: 1, number: 49 },
  { ms: 20, number: 49 },
  { ms: 50, number: 47 },
  { ms: 10_000, number: 45 },
])('finds the unit that started $ms ms ago', ({ ms, number }) => {
  expect(filled(50).numberBefore(ms)).toBe(number)
})

it('gives the lag of a place', () => {
  const ring = filled(50)
  expect(ring.msSince(ring.end)).toBe(0)
  expect(ring.msSince(ring.end - 2)).toBe(40)
  expect(ring.msSince(0)).toBe(100)
})
