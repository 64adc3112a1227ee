import { expect, test } from 'vitest'
import type { StampedEvent } from '../../contract/events.ts'
import { channelId } from '../../contract/ids.ts'
import { MediaEvents } from './media-events.ts'

const MAIN = channelId('main')
const warning = (id: number, message = `${id}`): StampedEvent => ({
  id,
  at: 0,
  channel: MAIN,
  event: { type: 'warning', message },
})

/** Yields these events, and ends. */
const read = async (given: readonly StampedEvent[]) => {
  const acked: number[] = []
  const faults: unknown[] = []
  const events = new MediaEvents(
    {
      events: async function* () {
        yield* given
      },
      ack: async ({ seq }) => void acked.push(seq),
    },
    (error) => faults.push(error),
  )
  events.listen(0, ({ id }) => {
    if (id === 2) throw new Error('a listener that fails')
  })
  const heard: number[] = []
  events.listen(0, ({ id }) => heard.push(id))
  await events.run('run', new AbortController().signal)
  return { events, acked, heard, faults }
}
const replayed = (events: MediaEvents, after: number): StampedEvent[] => {
  const found: StampedEvent[] = []
  events.listen(after, (event) => found.push(event))()
  return found
}

test('each event is delivered and acknowledged, in order', async () => {
  const { acked, heard } = await read([1, 2, 3].map((id) => warning(id)))
  expect([heard, acked]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])
})

test('a listener that throws is removed, and reported once; the others continue', async () => {
  const { heard, faults } = await read([1, 2, 3].map((id) => warning(id)))
  expect([heard, faults]).toEqual([[1, 2, 3], [new Error('a listener that fails')]])
})

test('a returning client is given the events that it has not had', async () => {
  const { events } = await read([1, 2, 3].map((id) => warning(id)))
  expect(replayed(events, 1).map(({ id }) => id)).toEqual([2, 3])
  expect(replayed(events, 3)).toEqual([])
})

test('the newest thousand are kept; a gap stands for the others, unless all is asked for', async () => {
  const { events } = await read(Array.from({ length: 1_200 }, (_, index) => warning(index + 1)))
  const after = replayed(events, 100)
  expect(after[0]).toMatchObject({ id: 200, event: { type: 'gap', from: 101, to: 200, lost: 100 } })
  expect([after.length, after[1]?.id]).toEqual([1_001, 201])
  const all = replayed(events, 0)
  expect([all.length, all[0]?.id]).toEqual([1_000, 201])
})

test('a gap of media is passed on in its place', async () => {
  const gap: StampedEvent = {
    id: 9,
    at: 0,
    channel: null,
    event: { type: 'gap', from: 2, to: 9, lost: 8 },
  }
  const { events, heard } = await read([warning(1), gap, warning(10)])
  expect(heard).toEqual([1, 9, 10])
  expect(replayed(events, 0).map(({ id }) => id)).toEqual([9, 10])
})
