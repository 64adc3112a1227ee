import { expect, test } from 'vitest'
import { ByteQueue } from './byte-queue.ts'

const queue = (limit: number) => {
  const calls: string[] = []
  const bytes = new ByteQueue(limit, {
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
  })
  return { bytes, calls }
}

test('the tap is paused at the limit and resumed at half of it', async () => {
  const { bytes, calls } = queue(100)
  for (let at = 0; at < 5; at++) bytes.push(new Uint8Array(30))
  expect(calls).toEqual(['pause'])
  const reader = bytes[Symbol.asyncIterator]()
  await reader.next()
  await reader.next()
  await reader.next()
  expect(bytes.queuedBytes).toBe(60)
  expect(calls).toEqual(['pause'])
  await reader.next()
  expect(calls).toEqual(['pause', 'resume'])
})

test('what is queued at the end is still read, in order', async () => {
  const { bytes } = queue(100)
  bytes.push(Uint8Array.of(1))
  bytes.push(Uint8Array.of(2, 3))
  bytes.end()
  const read: number[] = []
  for await (const chunk of bytes) read.push(...chunk)
  expect(read).toEqual([1, 2, 3])
})

test('a reader that waits is woken by the end', async () => {
  const { bytes } = queue(100)
  const next = bytes[Symbol.asyncIterator]().next()
  bytes.end()
  expect((await next).done).toBe(true)
})

test('after a reader left the writer continues, and nothing is kept', async () => {
  const { bytes, calls } = queue(10)
  bytes.push(new Uint8Array(20))
  bytes.push(new Uint8Array(20))
  for await (const _ of bytes) break
  bytes.push(new Uint8Array(20))
  expect(calls).toEqual(['pause', 'resume'])
  expect(bytes.queuedBytes).toBe(0)
})
