import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import { outputId } from '../../../contract/ids.ts'
import { parseIcecastTarget } from './icecast-target.ts'
import { dialIcecast, SourceConnection, type SourceEnd } from './source-connection.ts'
import { UnitQueue } from './unit-queue.ts'

let server: Server
const sockets: Socket[] = []
const stop = new AbortController()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

/** A server that answers the head with this, and then reads or does not. */
const connect = async (answer: string, then: 'reads' | 'reads nothing' | 'closes') => {
  const received: Buffer[] = []
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.once('data', () => {
      socket.write(answer)
      if (then === 'reads nothing') socket.pause()
      if (then === 'closes') socket.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clock = new FakeClock()
  const queue = new UnitQueue(5_000)
  let welcomed = 0
  let sent = 0
  const connection = new SourceConnection({
    target: parseIcecastTarget({ id: outputId('radio'), url: `icecast://127.0.0.1:${port}/x` }),
    head: Buffer.from('PUT /x HTTP/1.1\r\n\r\n'),
    preamble: Buffer.from('<head>'),
    queue,
    clock,
    dial: dialIcecast,
    stallMs: 10_000,
    onAccepted: () => welcomed++,
    onSent: (bytes) => (sent += bytes),
  })
  const ended = connection.run(stop.signal)
  return { clock, queue, ended, received, welcomed: () => welcomed, sent: () => sent }
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let left = 500; left > 0 && !holds(); left--) await new Promise((r) => setTimeout(r, 5))
  expect(holds()).toBe(true)
}

it('sends the preamble and then the units once it was welcomed', async () => {
  const { queue, received, welcomed, clock } = await connect(
    'HTTP/1.1 100 Continue\r\n\r\n',
    'reads',
  )
  queue.push({ bytes: Buffer.from('too early'), ms: 20 })
  await until(() => welcomed() === 1)
  queue.push({ bytes: Buffer.from('one'), ms: 20 })
  queue.push({ bytes: Buffer.from('two'), ms: 20 })
  await until(() => Buffer.concat(received).toString().endsWith('\r\n\r\n<head>onetwo'))
  expect(clock.pendingTimers).toBe(1)
})

it('ends a connection that takes nothing for ten seconds', async () => {
  const { queue, welcomed, clock, ended, sent } = await connect(
    'HTTP/1.1 100 Continue\r\n\r\n',
    'reads nothing',
  )
  await until(() => welcomed() === 1)
  // More than the kernel buffers on both sides.
  let before = -1
  for (let round = 0; round < 200 && before !== sent(); round++) {
    before = sent()
    for (let unit = 0; unit < 40; unit++) queue.push({ bytes: Buffer.alloc(64 * 1024), ms: 20 })
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  clock.advance(9_000)
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(2_000)
  expect(await ended).toEqual({
    kind: 'lost',
    why: expect.stringMatching(/^it took nothing for 1\d{4} ms$/),
  })
  expect(clock.pendingTimers).toBe(0)
})

it.each([
  [
    'HTTP/1.0 401 Authentication Required\r\n\r\nYou need to authenticate\r\n',
    { kind: 'refused', status: 401, why: '401 Authentication Required: You need to authenticate' },
  ],
  ['SSH-2.0-x\r\n', { kind: 'refused', status: 0, why: 'not HTTP: SSH-2.0-x' }],
  ['', { kind: 'lost', why: 'the server closed the connection' }],
] satisfies [string, SourceEnd][])('reports its end by %j', async (answer, end) => {
  const { ended, welcomed } = await connect(answer, 'closes')
  expect(await ended).toEqual(end)
  expect(welcomed()).toBe(0)
})

it('gives up on a server that does not answer', async () => {
  const { ended, clock, received } = await connect('', 'reads')
  await until(() => received.length > 0)
  clock.advance(11_000)
  expect(await ended).toEqual({ kind: 'lost', why: 'no answer within 10000 ms' })
})
