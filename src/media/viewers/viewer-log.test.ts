import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import type { ChannelEvent } from '../../contract/events.ts'
import { ViewerLog } from './viewer-log.ts'

const viewer = (id: number) => ({ id, path: '/stream.ts', address: '192.0.2.1', agent: 'vlc' })

const opened = () => {
  const clock = new FakeClock()
  const events: ChannelEvent[] = []
  const log = new ViewerLog((event) => events.push(event), clock)
  return { clock, events, log }
}

test('joins and leaves are reported at once, with the reason where we disconnected', () => {
  const { events, log } = opened()
  log.joined(viewer(1))
  log.left(viewer(1))
  log.left(viewer(2), 'it took nothing for 10 s')
  expect(events).toEqual([
    { type: 'viewer_joined', viewer: 1, path: '/stream.ts', address: '192.0.2.1', agent: 'vlc' },
    { type: 'viewer_left', viewer: 1, path: '/stream.ts', address: '192.0.2.1', agent: 'vlc' },
    expect.objectContaining({ viewer: 2, reason: 'it took nothing for 10 s' }),
  ])
})

test('a thousand in a second are ten events and one with the count of the others and the last', () => {
  const { clock, events, log } = opened()
  for (let id = 1; id <= 1_000; id++) log.joined(viewer(id))
  expect(events).toHaveLength(10)
  clock.advance(1_000)
  expect(events).toHaveLength(11)
  expect(events[10]).toMatchObject({ type: 'viewer_joined', viewer: 1_000, others: 989 })
  log.joined(viewer(1_001))
  expect(events.at(-1)).toMatchObject({ viewer: 1_001 })
})

test('a flood of joins does not hide who leaves', () => {
  const { clock, events, log } = opened()
  for (let id = 1; id <= 11; id++) log.joined(viewer(id))
  log.left(viewer(3))
  expect(events.at(-1)).toMatchObject({ type: 'viewer_left', viewer: 3 })
  clock.advance(1_000)
  expect(events.at(-1)).toEqual({
    type: 'viewer_joined',
    ...{ viewer: 11, path: '/stream.ts', address: '192.0.2.1', agent: 'vlc' },
  })
})

test('a minute of floods is bounded', () => {
  const { clock, events, log } = opened()
  for (let second = 0; second < 60; second++) {
    for (let id = 0; id < 500; id++) {
      log.joined(viewer(id))
      log.left(viewer(id))
    }
    clock.advance(1_000)
  }
  expect(events).toHaveLength(60 * 2 * 11)
})

test('pending sums are reported at the close, and no timer is left', () => {
  const { clock, events, log } = opened()
  for (let id = 1; id <= 20; id++) log.left(viewer(id))
  log.close()
  expect(events.at(-1)).toMatchObject({ type: 'viewer_left', viewer: 20, others: 9 })
  expect(clock.pendingTimers).toBe(0)
  log.close()
  log.left(viewer(21))
  expect(events).toHaveLength(11)
  expect(clock.pendingTimers).toBe(0)
})
