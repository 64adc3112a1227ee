import { expect, it } from 'vitest'
import { UnitQueue } from './unit-queue.ts'

const push = (queue: UnitQueue, count: number): void => {
  for (let value = 0; value < count; value++) queue.push({ bytes: Uint8Array.of(value), ms: 20 })
}

it('gives whole units in order, as many as fit', () => {
  const queue = new UnitQueue(1_000)
  push(queue, 5)
  expect(queue.take(3)).toEqual([Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(2)])
  expect(queue.ms).toBe(40)
  expect(queue.take(100)).toHaveLength(2)
  expect(queue.take(100)).toEqual([])
})

it('drops the oldest beyond its limit, and counts one skip until it was emptied', () => {
  const queue = new UnitQueue(100)
  push(queue, 50)
  expect(queue.ms).toBe(100)
  expect([queue.skips, queue.droppedMs]).toEqual([1, 900])
  expect(queue.take(1)).toEqual([Uint8Array.of(45)])
  push(queue, 50)
  expect(queue.skips).toBe(1)
  queue.take(100)
  push(queue, 50)
  expect(queue.skips).toBe(2)
})

it('clears its units without counting drops', () => {
  const queue = new UnitQueue(100)
  push(queue, 5)
  queue.clear()
  expect([queue.ms, queue.skips, queue.droppedMs]).toEqual([0, 0, 0])
})
