import { expect, test } from 'vitest'
import { Emitter } from './events.ts'

type Events = { taken: number; lost: string }

const emitter = (errors: unknown[] = []) =>
  new Emitter<Events>({ maxListeners: 2, onListenerError: (error) => errors.push(error) })

test('a listener that throws is reported and the others are served', () => {
  const errors: unknown[] = []
  const seen: number[] = []
  const events = emitter(errors)
  events.on('taken', () => {
    throw new Error('listener')
  })
  events.on('taken', (value) => seen.push(value))
  events.emit('taken', 7)
  expect(seen).toEqual([7])
  expect(errors).toHaveLength(1)
})

test('one function subscribed twice is served twice and ended separately', () => {
  const seen: string[] = []
  const events = emitter()
  const listener = (value: string): void => void seen.push(value)
  const end = events.on('lost', listener)
  events.on('lost', listener)
  events.emit('lost', 'a')
  end()
  end()
  events.emit('lost', 'b')
  expect(seen).toEqual(['a', 'a', 'b'])
})

test('more listeners than the limit are refused', () => {
  const events = emitter()
  events.on('lost', () => {})
  events.on('lost', () => {})
  expect(() => events.on('lost', () => {})).toThrow('event "lost" has 2 listeners already')
  expect(events.listenerCount('lost')).toBe(2)
})
