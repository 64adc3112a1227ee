import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { messageOf } from './error-message.ts'

it.each([
  [new Error('gone'), 'gone'],
  ['text', 'text'],
  [new AggregateError([new Error('a'), new Error('b'), new Error('a')]), 'a; b'],
  [new AggregateError([new Error('a')], 'both failed'), 'both failed'],
])('%s has the message %s', (error, message) => {
  expect(messageOf(error)).toBe(message)
})

it('gives the reason for each address of a host when none answers', async () => {
  const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }))
  const socket = connect({
    host: 'two.example',
    port: 1,
    lookup: (_host, _options, found) => found(null, addresses),
  })
  const failed = await once(socket, 'connect').catch((error: unknown) => error)
  expect(messageOf(failed)).toMatch(/ECONNREFUSED 127\.0\.0\.2:1; .*ECONNREFUSED 127\.0\.0\.1:1/)
})
