import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import { FrameRing } from './frame-ring.ts'
import { Listener } from './listener.ts'

/** A few frames of this size fill the kernel's buffers. */
const FRAME_BYTES = 256 * 1024
const FRAME_MS = 100

let server: Server
let client: Socket
afterEach(() => {
  client.destroy()
  server.close()
})

const setUp = async () => {
  const accepted = new Promise<Socket>((resolve) => (server = createServer(resolve)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  const socket = await accepted
  socket.on('error', () => {})
  const ring = new FrameRing(3_000)
  const clock = new FakeClock()
  let count = 0
  const append = (): void =>
    ring.append({ bytes: Buffer.alloc(FRAME_BYTES, count++), ms: FRAME_MS })
  const audio = { ring, head: new Uint8Array(0) }
  const listener = new Listener({
    identity: { id: 1, path: '/listen.mp3', address: '', agent: '' },
    socket,
    audio,
    clock,
    burstMs: 500,
    lagMs: 2_000,
    icy: undefined,
  })
  return { listener, append, clock, count: () => count, ring }
}

it('starts with the burst, skips to the newest frame when its lag is too long, and continues with whole frames', async () => {
  const { listener, append, clock, ring } = await setUp()
  for (let frame = 0; frame < 20; frame++) append()
  client.pause()
  listener.pump()
  for (let frame = 0; frame < 300 && listener.lag < 1_900; frame++) {
    append()
    listener.pump()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(listener.skips).toBe(0)
  clock.advance(7_000)
  expect(listener.stalledFor(clock.now())).toBe(7_000)
  for (let frame = 0; frame < 40; frame++) append()
  const received: Buffer[] = []
  client.on('data', (chunk: Buffer) => received.push(chunk))
  client.resume()
  for (let left = 200; left > 0 && listener.lag > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(listener.skips).toBe(1)
  expect(listener.stalledFor(clock.now())).toBe(0)
  const bytes = Buffer.concat(received)
  expect(bytes.length % FRAME_BYTES).toBe(0)
  const frames = Array.from(
    { length: bytes.length / FRAME_BYTES },
    (_, n) => bytes[n * FRAME_BYTES]!,
  )
  expect(frames[0]).toBe(15)
  expect(frames.at(-1)).toBe((ring.end - 1) & 0xff)
  const steps = frames.slice(1).map((frame, n) => (frame - frames[n]! + 256) % 256)
  expect(steps.filter((step) => step !== 1)).toHaveLength(1)
})
