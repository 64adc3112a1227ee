import { expect, test } from 'vitest'
import { ChannelRig } from '../../../test/helpers/channel-rig.ts'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { sourceId } from '../../contract/ids.ts'
import { Budgets, defaultBudgetLimits } from './budgets.ts'

const opened = (memoryBytes = 1_000_000_000) => {
  const clock = new FakeClock()
  const warnings: string[] = []
  const budgets = new Budgets({
    limits: { memoryBytes, hosts: { maxSimultaneous: 1, maxPerMinute: 10 } },
    clock,
    warn: (message) => warnings.push(message),
  })
  const stop = new AbortController()
  const ended = budgets.run(stop.signal)
  const close = async (): Promise<void> => {
    stop.abort()
    await ended
    expect(clock.pendingTimers).toBe(0)
  }
  return { budgets, clock, warnings, close }
}

test('memory is summed by kind over all who hold it, as it is now', async () => {
  const { budgets, close } = opened()
  let bytes = 10
  budgets.addHolder('ring', () => bytes)
  const release = budgets.addHolder('ring', () => 5)
  budgets.addHolder('source_buffer', () => 7)
  bytes = 20
  expect(budgets.status().memory).toEqual([
    { kind: 'ring', bytes: 25, holders: 2 },
    { kind: 'source_buffer', bytes: 7, holders: 1 },
    { kind: 'segment_store', bytes: 0, holders: 0 },
  ])
  release()
  release()
  expect(budgets.status().memory[0]).toEqual({ kind: 'ring', bytes: 20, holders: 1 })
  await close()
})

test('an excess is counted and reported once, and again when it was over', async () => {
  const { budgets, clock, warnings, close } = opened(100_000_000)
  let bytes = 100_000_000
  const release = budgets.addHolder('segment_store', () => bytes)
  clock.advance(5_000)
  expect(warnings).toEqual([])
  bytes = 130_000_000
  clock.advance(60_000)
  expect(warnings).toEqual(['rings, source buffers and segments take 130 MB, more than 100 MB'])
  bytes = 95_000_000
  clock.advance(5_000)
  bytes = 130_000_000
  clock.advance(5_000)
  expect(budgets.status().memoryExceeded).toBe(1)
  bytes = 80_000_000
  clock.advance(1_000)
  bytes = 130_000_000
  clock.advance(1_000)
  expect(budgets.status().memoryExceeded).toBe(2)
  expect(warnings).toHaveLength(2)
  release()
  clock.advance(60_000)
  expect(warnings).toHaveLength(2)
  await close()
})

test('attempts to connect are those of all channels; one that has to wait is counted', async () => {
  const { budgets, close } = opened()
  const stop = new AbortController()
  const release = await budgets.connections.admit('cam.example', stop.signal)
  const second = budgets.connections.admit('cam.example', stop.signal)
  const third = budgets.connections.admit('cam.example', stop.signal)
  const elsewhere = await budgets.connections.admit('other.example', stop.signal)
  expect(budgets.status().connections).toEqual({ connecting: 2, waiting: 2, delayed: 2 })
  release?.()
  ;(await second)?.()
  ;(await third)?.()
  elsewhere?.()
  expect(budgets.status().connections).toEqual({ connecting: 0, waiting: 0, delayed: 2 })
  await close()
})

test('by default the limit is a share of the memory there is', () => {
  const { memoryBytes } = defaultBudgetLimits()
  expect(memoryBytes).toBeGreaterThan(100_000_000)
  expect(Number.isFinite(memoryBytes)).toBe(true)
})

test('a channel holds rings and buffers while it uses them, and nothing when it has closed', async () => {
  const rig = await ChannelRig.start({ sources: { a: {}, b: {} } })
  const held = () =>
    Object.fromEntries(rig.budgets.status().memory.map(({ kind, holders }) => [kind, holders]))
  const [ring, buffers] = rig.budgets.status().memory
  // The program's, and one for each source that somebody may look at.
  expect(held()).toMatchObject({ ring: 3, source_buffer: 2 })
  expect(ring!.bytes).toBeGreaterThan(1_000)
  expect(buffers!.bytes).toBe(rig.source('a').bufferBytes + rig.source('b').bufferBytes)
  await rig.answer(rig.channel.removeSource(sourceId('b')))
  await rig.run(1_000)
  expect(held()).toMatchObject({ ring: 2, source_buffer: 1 })
  await rig.close()
  expect(held()).toMatchObject({ ring: 0, source_buffer: 0, segment_store: 0 })
})
