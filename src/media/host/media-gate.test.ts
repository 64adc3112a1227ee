import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { MediaAccess } from '../../contract/access.ts'
import { judge, MediaGate } from './media-gate.ts'

const PUBLIC: MediaAccess = { playback: 'public', revoked: [] }
const LOCAL: MediaAccess = { playback: 'local', revoked: [] }
const REVOKED: MediaAccess = { playback: 'public', revoked: ['192.0.2.7', '2001:DB8::1'] }

const host = 'localhost:8099'
const origin = 'http://localhost:3000'
const foreign = 'https://evil.example'

test.each<[string, MediaAccess, string, string, Record<string, string>, 'may' | 'refused']>([
  [
    'anybody, in public',
    PUBLIC,
    '/stream.ts',
    '192.0.2.7',
    { host: 'any', origin: foreign },
    'may',
  ],
  ['this machine', LOCAL, '/stream.ts', '127.0.0.1', { host }, 'may'],
  ['an old player without Host', LOCAL, '/stream.ts', '127.0.0.1', {}, 'may'],
  ['a foreign Host', LOCAL, '/stream.ts', '127.0.0.1', { host: 'evil.example' }, 'refused'],
  ['a page of this machine', LOCAL, '/live/stream.m3u8', '::1', { host, origin }, 'may'],
  ['it, of any channel', LOCAL, '/channels/x/hls/1.ts', '::1', { host, origin }, 'may'],
  ['it, of the preview', LOCAL, '/preview.ts', '::1', { host, origin }, 'refused'],
  ['it, of recordings', LOCAL, '/recordings', '::1', { host, origin }, 'refused'],
  ['a foreign page', LOCAL, '/live/stream.m3u8', '::1', { host, origin: foreign }, 'refused'],
  ['who was revoked', REVOKED, '/stream.ts', '192.0.2.7', { host }, 'refused'],
  ['it, on a socket for both families', REVOKED, '/stream.ts', '::ffff:192.0.2.7', {}, 'refused'],
  ['it, in IPv6', REVOKED, '/stream.ts', '2001:db8::1', {}, 'refused'],
  ['its neighbour', REVOKED, '/stream.ts', '192.0.2.70', {}, 'may'],
])('%s', (_who, policy, url, address, headers, expected) => {
  const refusal = judge(policy, { method: 'GET', url, address, headers })
  expect(refusal === undefined ? 'may' : 'refused').toBe(expected)
})

const endOf = (response: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    response.on('error', () => {})
    response.once('close', resolve)
    response.resume()
  })

test('a new policy ends open requests that it refuses, and no others', async () => {
  const gate = new MediaGate(PUBLIC)
  const server = createServer((request, response) => {
    if (!gate.admit(request, response)) return
    response.writeHead(200)
    if (request.url === '/stream.ts') response.write('endless')
    else response.end('short')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const open = (path: string, headers = {}): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      get({ port, path, headers, host: '127.0.0.1', agent: false }, resolve).on('error', reject)
    })

  const short = await open('/live/1.ts')
  await once(short.resume(), 'end')
  const [own, other] = await Promise.all([
    open('/stream.ts'),
    open('/stream.ts', { host: 'other.example' }),
  ])
  expect(gate.open).toBe(2)

  const ended = endOf(other)
  gate.setAccess(LOCAL)
  await ended
  expect(own.destroyed).toBe(false)
  const refused = await open('/stream.ts', { host: 'other.example' })
  expect(refused.statusCode).toBe(403)
  refused.resume()

  const allEnded = endOf(own)
  gate.setAccess({ playback: 'public', revoked: ['127.0.0.1'] })
  await allEnded
  expect((await open('/stream.ts')).statusCode).toBe(403)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  expect(gate.open).toBe(0)
})
