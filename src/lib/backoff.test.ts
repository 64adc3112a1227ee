import { expect, test } from 'vitest'
import { backoffDelay } from './backoff.ts'

const limits = { firstMs: 100, maxMs: 1_000, factor: 2, jitter: 0.5 }

test.each([
  [1, 100],
  [2, 200],
  [4, 800],
  [5, 1_000],
  [2_000, 1_000],
])('attempt %i waits %i ms without jitter', (attempt, ms) => {
  expect(backoffDelay(attempt, limits, () => 0)).toBe(ms)
})

test('jitter only shortens, by at most its share', () => {
  expect(backoffDelay(4, limits, () => 1)).toBe(400)
})
