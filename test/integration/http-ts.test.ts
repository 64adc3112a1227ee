import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { outputId } from '../../src/contract/ids.ts'
import { millis, ticks } from '../../src/contract/time.ts'
import { realClock } from '../../src/lib/clock.ts'
import type { ViewerLimits } from '../../src/media/viewers/http-ts.ts'
import { HttpTs } from '../../src/media/viewers/http-ts.ts'
import { Ring } from '../../src/media/ring/ring.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import type { ProgramChunk } from '../helpers/program-chunks.ts'
import {
  continuityErrors,
  cutProgram,
  encodeProgram,
  hasRandomAccessFlag,
  pidAt,
  PMT_PID,
  PROGRAM_PIDS,
  startsUnit,
  VIDEO_PID,
} from '../helpers/program-chunks.ts'

let chunks: readonly ProgramChunk[]
beforeAll(async () => {
  chunks = cutProgram(await encodeProgram({ seconds: 4, gop: 25 }))
})

let ring: Ring
let server: Server
let port: number
const sockets = new Set<Socket>()

const newRing = (): Ring =>
  new Ring({ maxBytes: 32 << 20, minDuration: millis(20_000), pids: PROGRAM_PIDS })

const serve = async (output: HttpTs): Promise<void> => {
  server = createServer((incoming, response) => output.accept(incoming, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
}

const open = async (
  limits: Partial<ViewerLimits> = {},
  clock: FakeClock | typeof realClock = realClock,
): Promise<HttpTs> => {
  const output = new HttpTs({
    id: outputId('viewers'),
    path: '/stream.ts',
    program: ring,
    clock,
    limits,
  })
  await serve(output)
  return output
}

beforeEach(() => {
  ring = newRing()
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  server.closeAllConnections()
  server.close()
})
afterAll(() => expect(sockets.size).toBe(0))

const feed = (from: number, to: number): void => {
  for (const chunk of chunks.slice(from, to))
    ring.append(chunk.bytes, chunk.time, chunk.randomAccess)
}

/** A raw connection; `text` is all that has come. */
class Wire {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  closed = false

  constructor(head: string) {
    this.socket = connect(port, '127.0.0.1')
    sockets.add(this.socket)
    this.socket.on('data', (bytes) => (this.#received = Buffer.concat([this.#received, bytes])))
    this.socket.on('error', () => {})
    this.socket.on('close', () => (this.closed = true))
    this.socket.write(head)
  }

  get head(): string {
    return this.#received.toString('latin1', 0, this.#bodyAt())
  }

  get body(): Buffer {
    return this.#received.subarray(this.#bodyAt())
  }

  #bodyAt(): number {
    const at = this.#received.indexOf('\r\n\r\n')
    return at < 0 ? this.#received.length : at + 4
  }
}

const GET = 'GET /stream.ts HTTP/1.1\r\nHost: x\r\nUser-Agent: VLC/3.0.18\r\n\r\n'

const until = async (holds: () => boolean, withinMs = 5_000): Promise<void> => {
  const end = performance.now() + withinMs
  while (!holds() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 2))
  expect(holds()).toBe(true)
}

describe('a viewer', () => {
  test('gets PAT, PMT and a random access point first, about a second old, at once', async () => {
    const output = await open()
    feed(0, 90)
    const begun = performance.now()
    const viewer = new Wire(GET)
    await until(() => viewer.body.length > 0)
    expect(performance.now() - begun).toBeLessThan(500)
    const expected = chunks.slice(50, 90).reduce((sum, chunk) => sum + chunk.bytes.length, 0)
    await until(() => viewer.body.length >= expected)
    const { body } = viewer
    expect(body.length).toBe(expected)
    expect(pidAt(body, 0)).toBe(0)
    expect(pidAt(body, 188)).toBe(PMT_PID)
    const video = Array.from({ length: body.length / 188 }, (_, index) => index * 188).find(
      (at) => pidAt(body, at) === VIDEO_PID && startsUnit(body, at),
    )!
    expect(hasRandomAccessFlag(body, video)).toBe(true)
    // Access unit delimiter, then the sequence parameter set in front of the picture.
    expect(body.subarray(video, video + 188).includes(Buffer.from([0, 0, 0, 1, 0x67]))).toBe(true)
    expect(continuityErrors(body)).toEqual([])
    expect(output.viewers()[0]).toMatchObject({
      agent: 'VLC/3.0.18',
      address: '127.0.0.1',
      lagMs: 0,
      bytes: body.length,
      skips: 0,
    })
  })

  test('is told what it gets, without chunked encoding, ranges or caching', async () => {
    await open()
    feed(0, 30)
    const viewer = new Wire('GET /stream.ts HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n')
    await until(() => viewer.body.length > 0)
    expect(viewer.head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(viewer.head).toMatch(/content-type: video\/mp2t\r\n/i)
    expect(viewer.head).toMatch(/connection: close\r\n/i)
    expect(viewer.head).toMatch(/access-control-allow-origin: \*\r\n/i)
    expect(viewer.head).not.toMatch(/transfer-encoding|content-length|content-range/i)
    expect(viewer.body[0]).toBe(0x47)
  })

  test('of HTTP/1.0 gets the same', async () => {
    await open()
    feed(0, 30)
    const viewer = new Wire('GET /stream.ts HTTP/1.0\r\n\r\n')
    await until(() => viewer.body.length > 1_000)
    expect(viewer.head).toMatch(/ 200 OK/)
    expect(viewer.body[0]).toBe(0x47)
  })

  test('that comes before the program gets the head at once and the picture when there is one', async () => {
    await open()
    const viewer = new Wire(GET)
    await until(() => viewer.head.includes('video/mp2t'))
    expect(viewer.body.length).toBe(0)
    feed(0, 2)
    await until(() => viewer.body.length > 0)
    expect(pidAt(viewer.body, 0)).toBe(0)
  })

  test('is disconnected when the program ends, after the last byte', async () => {
    const output = await open()
    const viewer = new Wire(GET)
    await until(() => output.viewers().length === 1)
    feed(0, 100)
    ring.close()
    await until(() => viewer.closed)
    expect(viewer.body.length).toBe(
      chunks.slice(0, 100).reduce((sum, chunk) => sum + chunk.bytes.length, 0),
    )
  })
})

test('HEAD is answered at once with the same head and no viewer', async () => {
  const output = await open()
  const asked = request({ port, host: '127.0.0.1', method: 'HEAD' }).end()
  const [response] = await once(asked, 'response')
  expect(response.statusCode).toBe(200)
  expect(response.headers['content-type']).toBe('video/mp2t')
  await once(response.resume(), 'end')
  expect(output.viewers()).toEqual([])
})

test('another method is refused by name', async () => {
  await open()
  const viewer = new Wire('DELETE /stream.ts HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => viewer.closed)
  expect(viewer.head).toMatch(/^HTTP\/1.1 405 /)
  expect(viewer.body.toString()).toMatch(/method DELETE/)
})

test('one viewer more than the limit gets 503 with a reason, and gets in when another has left', async () => {
  const output = await open({ maxViewers: 1 })
  feed(0, 30)
  const first = new Wire(GET)
  await until(() => first.body.length > 0)
  const second = new Wire(GET)
  await until(() => second.closed)
  expect(second.head).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 5\r\n/i)
  expect(JSON.parse(second.body.toString())).toMatchObject({ error: 'too_many_viewers' })
  first.socket.destroy()
  await until(() => output.viewers().length === 0)
  const third = new Wire(GET)
  await until(() => third.body.length > 0)
})

describe('bad behaviour harms nobody else', () => {
  test.each([
    ['a request that is garbage', '\u0016\u0003\u0001\u0000garbage\r\n\r\n'],
    ['garbage after the request', `${GET}\u0000\u0001nonsense\r\n\r\n`],
    ['a second request on the same connection', `${GET}${GET}`],
    ['a body without end', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nxxxx'],
  ])('%s', async (_, text) => {
    const output = await open()
    feed(0, 30)
    const good = new Wire(GET)
    await until(() => good.body.length > 0)
    const bad = new Wire(text)
    await until(() => bad.closed || bad.body.length > 0)
    const before = good.body.length
    feed(30, 31)
    await until(() => good.body.length === before + chunks[30]!.bytes.length)
    bad.socket.destroy()
    await until(() => output.viewers().length === 1)
  })

  test('half-closing', async () => {
    const output = await open()
    feed(0, 30)
    const half = new Wire(GET)
    half.socket.end()
    await until(() => half.head !== '')
    feed(30, 40)
    half.socket.destroy()
    await until(() => output.viewers().length === 0)
  })

  test('reading nothing: it is disconnected after the grace, while another reads on', async () => {
    const clock = new FakeClock()
    const output = await open({ grace: millis(10_000) }, clock)
    const good = new Wire(GET)
    const stalled = new Wire(GET)
    stalled.socket.pause()
    await until(() => output.viewers().length === 2)
    // More than the kernel's buffers take, so that the write stays under way.
    const entry = chunks[0]!
    let sent = 0
    for (let i = 0; i < 40; i++) {
      const bytes = Buffer.concat(Array.from({ length: 40 }, () => entry.bytes))
      ring.append(bytes, ticks(i * 3_600), 0)
      sent += bytes.length
      await until(() => good.body.length >= sent)
    }
    for (let i = 0; i < 400 && output.viewers().every((viewer) => viewer.lagMs === 0); i++) {
      const bytes = Buffer.concat(Array.from({ length: 40 }, () => entry.bytes))
      ring.append(bytes, ticks((40 + i) * 3_600), 0)
      sent += bytes.length
      await until(() => good.body.length >= sent)
    }
    await until(() => output.viewers()[0]!.bytes === good.body.length)
    clock.advance(9_000)
    expect(output.viewers().length).toBe(2)
    clock.advance(2_000)
    await until(() => output.viewers().length === 1)
    expect(output.status()).toMatchObject({
      errors: 1,
      lastError: expect.stringMatching(/took nothing/),
    })
    ring.append(entry.bytes, ticks(3_600_000), 0)
    await until(() => good.body.length >= sent + entry.bytes.length)
    expect(good.closed).toBe(false)
  })

  test('reading too slowly: it skips to a random access point, without a continuity error', async () => {
    const output = await open({ lag: millis(2_000), grace: millis(60_000) })
    feed(0, 1)
    const slow = new Wire(GET)
    await until(() => slow.body.length > 0)
    slow.socket.pause()
    await until(() => output.viewers()[0]!.lagMs === 0)
    // The same four seconds again and again until the kernel's buffers are full and the lag has passed the limit.
    for (let round = 0; round < 400 && output.viewers()[0]!.lagMs < 3_000; round++) {
      const bytes = Buffer.concat(Array.from({ length: 60 }, () => chunks[0]!.bytes))
      restampCounters(bytes)
      ring.append(bytes, ticks(chunks[0]!.time + round * 9_000), 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(output.viewers()[0]!.lagMs).toBeGreaterThan(2_000)
    slow.socket.resume()
    await until(() => output.viewers()[0]!.skips === 1 && output.viewers()[0]!.lagMs === 0)
    await until(() => slow.body.length === output.viewers()[0]!.bytes)
    const errors = continuityErrors(slow.body.subarray(chunks[0]!.bytes.length))
    expect(errors).toEqual([])
  })
})

const counters = new Map<number, number>()
/** Continues the counters of each PID, so that what is appended again and again is one stream. */
const restampCounters = (bytes: Buffer): void => {
  for (let at = 0; at < bytes.length; at += 188) {
    if ((bytes[at + 3]! & 0x10) === 0) continue
    const pid = pidAt(bytes, at)
    const counter = ((counters.get(pid) ?? 0) + 1) & 0x0f
    counters.set(pid, counter)
    bytes[at + 3] = (bytes[at + 3]! & 0xf0) | counter
    // The first picture's discontinuity flags, if any, would hide what is tested.
    if ((bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! > 0) bytes[at + 5] = bytes[at + 5]! & 0x7f
  }
}

test('an abort disconnects every viewer before run() resolves', async () => {
  const output = await open()
  feed(0, 30)
  const stop = new AbortController()
  const run = output.run(stop.signal)
  const viewers = Array.from({ length: 12 }, () => new Wire(GET))
  await until(() => viewers.every((viewer) => viewer.body.length > 0))
  stop.abort()
  await run
  expect(output.viewers()).toEqual([])
  await until(() => viewers.every((viewer) => viewer.closed))
})

test('many viewers are served round robin and all get the same bytes', async () => {
  const output = await open()
  feed(0, 30)
  const viewers = Array.from({ length: 40 }, () => new Wire(GET))
  await until(() => output.viewers().length === 40)
  feed(30, 60)
  const expected = chunks.slice(0, 60).reduce((sum, chunk) => sum + chunk.bytes.length, 0)
  await until(() => viewers.every((viewer) => viewer.body.length === expected))
  expect(viewers.every((viewer) => viewer.body.equals(viewers[0]!.body))).toBe(true)
})
