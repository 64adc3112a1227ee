import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import { FakeChannel } from '../../../../test/helpers/fake-channel.ts'
import { EVENT_STREAM_LIMITS, openEventStream } from './event-stream.ts'

/** A socket that accepts nothing until it is released. */
class StuckResponse extends EventEmitter {
  text = ''
  writableLength = 0
  ended = false
  destroyed = false
  writeHead(): this {
    return this
  }
  write(text: string): boolean {
    this.text += text
    this.writableLength += text.length
    return false
  }
  drain(): void {
    this.writableLength = 0
    this.emit('drain')
  }
  end(): void {
    this.ended = true
    this.emit('close')
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
  get ids(): number[] {
    return [...this.text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))
  }
}

const opened = (channel: FakeChannel, after: number) => {
  const response = new StuckResponse()
  const clock = new FakeClock()
  let ends = 0
  const stream = openEventStream({
    response: response as unknown as ServerResponse,
    port: channel,
    clock,
    after,
    limits: { ...EVENT_STREAM_LIMITS, maxWaitingBytes: 1_000 },
    onEnd: () => void ends++,
  })
  return { response, clock, stream, ends: () => ends }
}
const warn = (channel: FakeChannel, times: number, message = 'x'.repeat(100)): void => {
  for (let i = 0; i < times; i++) channel.emit({ type: 'warning', message })
}

test('an event is an id, a type and one line of JSON', () => {
  const channel = new FakeChannel()
  const { response } = opened(channel, 0)
  channel.emit({ type: 'warning', message: 'two\nlines' })
  expect(response.text).toMatch(
    /^retry: 2000\n\nid: 1\nevent: warning\ndata: \{"id":1,"at":\d+,"channel":"main","event":\{"type":"warning","message":"two\\nlines"\}\}\n\n$/,
  )
})

test('events after the last one of the client are replayed, once', () => {
  const channel = new FakeChannel()
  warn(channel, 4)
  const { response } = opened(channel, 2)
  warn(channel, 1)
  expect(response.ids).toEqual([3, 4, 5])
})

test('a client from before a restart is given all that is kept', () => {
  const channel = new FakeChannel()
  warn(channel, 2)
  expect(opened(channel, 500).response.ids).toEqual([1, 2])
})

test('a comment is sent every fifteen seconds', () => {
  const { response, clock } = opened(new FakeChannel(), 0)
  clock.advance(14_999)
  expect(response.text).not.toContain(': heartbeat')
  clock.advance(1)
  expect(response.text).toContain(': heartbeat\n\n')
})

test('a client that accepts nothing is disconnected, and its queue stays bounded', () => {
  const channel = new FakeChannel()
  const { response, clock, ends } = opened(channel, 0)
  warn(channel, 100)
  expect(response.destroyed).toBe(true)
  expect(response.text.length).toBeLessThan(1_500)
  expect([ends(), channel.listenerCount, clock.pendingTimers]).toEqual([1, 0, 0])
})

test('a long replay is no reason to cut, and counts no more once it is drained', () => {
  const channel = new FakeChannel()
  warn(channel, 100)
  const { response } = opened(channel, 0)
  warn(channel, 2)
  expect(response.destroyed).toBe(false)
  expect(response.ids).toHaveLength(102)
  response.drain()
  warn(channel, 20)
  expect(response.destroyed).toBe(true)
})

test('closing ends it once, whoever closes', () => {
  const channel = new FakeChannel()
  const { response, stream, ends, clock } = opened(channel, 0)
  stream.close()
  response.emit('close')
  stream.close()
  expect(response.ended).toBe(true)
  expect([ends(), channel.listenerCount, clock.pendingTimers]).toEqual([1, 0, 0])
})
