import { execFile } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { aHost } from '../helpers/host-status.ts'
import { accessPolicy } from '../../src/control/api/access.ts'
import { buildApi, type Api } from '../../src/control/api/api.ts'
import { EVENT_STREAM_LIMITS } from '../../src/control/api/routes/event-stream.ts'
import { listen, reserveAddress } from '../../src/control/api/listen.ts'
import type { MediaRoutes } from '../../src/control/api/media-routes.ts'
import { buildLog } from '../../src/control/telemetry/log.ts'
import { buildMetrics } from '../../src/control/telemetry/metrics.ts'
import { realClock } from '../../src/lib/clock.ts'
import { FakeChannel } from '../helpers/fake-channel.ts'

const run = promisify(execFile)
const open: Api[] = []
afterEach(async () => {
  for (const api of open.splice(0)) await api.close()
})

const TS_PACKET = Buffer.alloc(188, 0x47)

const media: MediaRoutes = {
  handle: (request, response) => {
    if (request.url === '/broken.ts') throw new Error('the ring is gone')
    if (request.url !== '/stream.ts') return false
    response.writeHead(200, { 'content-type': 'video/mp2t' })
    response.write(TS_PACKET)
    return true
  },
}

const started = async (
  options: { readonly heartbeatMs?: number; readonly token?: string; readonly host?: string } = {},
) => {
  const channel = new FakeChannel()
  const metrics = buildMetrics({
    statuses: async () => [await channel.status()],
    host: () => aHost(),
  })
  const api = buildApi({
    port: channel,
    media,
    access: accessPolicy(options.token === undefined ? '127.0.0.1' : '0.0.0.0', options.token),
    metrics,
    log: buildLog({ level: 'silent', form: 'json', destination: { write: () => {} } }),
    clock: realClock,
    eventLimits: { ...EVENT_STREAM_LIMITS, heartbeatMs: options.heartbeatMs ?? 15_000 },
  })
  open.push(api)
  const url = await listen(api, { host: options.host ?? '127.0.0.1', port: 0 })
  return { api, channel, url, port: Number(new URL(url).port), metrics }
}

interface Reply {
  readonly status: number | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly first: string
}

/** One request, to its first bytes: a stream has no end to wait for. */
const firstBytes = (url: string, headers: http.OutgoingHttpHeaders = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = http.get(url, { headers, agent: false }, (response) => {
      const done = (first: string) => {
        resolve({ status: response.statusCode, headers: response.headers, first })
        request.destroy()
      }
      response.once('data', (chunk: Buffer) => done(chunk.toString('latin1')))
      response.once('end', () => done(''))
    })
    request.once('error', reject)
  })

/** Reads events until the text so far satisfies; the connection is then closed. */
const eventsUntil = (
  url: string,
  enough: (text: string) => boolean,
  headers: http.OutgoingHttpHeaders = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    const request = http.get(url, { headers, agent: false }, (response) => {
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (!enough(text)) return
        resolve(text)
        request.destroy()
      })
      response.on('end', () => resolve(text))
    })
    request.once('error', (error) => (enough(text) ? undefined : reject(error)))
  })
const idsIn = (text: string): number[] =>
  [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))

/** Raw bytes in, everything that comes back until the server closes. */
const raw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })

describe('one address for media, control and page', () => {
  test('media bytes come from the data plane, the rest from the API', async () => {
    const { url } = await started()
    const stream = await firstBytes(`${url}stream.ts`)
    expect([stream.status, stream.headers['content-type'], stream.first.length]).toEqual([
      200,
      'video/mp2t',
      188,
    ])
    expect((await fetch(`${url}status`)).status).toBe(200)
    expect(await (await fetch(url)).text()).toContain('<title>Sluice</title>')
  })

  test('a media route that throws costs one answer, not the server', async () => {
    const { url } = await started()
    const broken = await fetch(`${url}broken.ts`)
    expect([broken.status, ((await broken.json()) as { error: string }).error]).toEqual([
      500,
      'internal',
    ])
    expect((await fetch(`${url}health`)).status).toBe(200)
  })

  test('a foreign Host or Origin reaches neither media nor control', async () => {
    const { url, channel } = await started()
    for (const path of ['stream.ts', 'status', 'events', 'metrics', '']) {
      for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }]) {
        const reply = await firstBytes(`${url}${path}`, headers)
        expect([path, reply.status]).toEqual([path, 403])
        expect(JSON.parse(reply.first)).toMatchObject({ error: 'forbidden' })
      }
    }
    const take = await fetch(`${url}switch`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
      body: '{"source":"s1"}',
    })
    expect(take.status).toBe(403)
    expect(channel.calls).toEqual([])
  })

  test('a take with curl, as docs/api.md writes it', async () => {
    const { url } = await started()
    const args = ['-sS', '-X', 'POST', `${url}switch`, '-H', 'content-type: application/json']
    const { stdout } = await run('curl', [...args, '-d', '{"source":"s1"}'])
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, source: 's1' })
  })
})

describe('events', () => {
  test('kept events come first, then new ones as they happen', async () => {
    const { url, channel } = await started()
    channel.emit({ type: 'warning', message: 'one' })
    const reading = eventsUntil(`${url}events`, (text) => idsIn(text).length >= 2)
    await expect.poll(() => channel.listenerCount).toBe(1)
    channel.emit({ type: 'warning', message: 'two' })
    expect(idsIn(await reading)).toEqual([1, 2])
    await expect.poll(() => channel.listenerCount).toBe(0)
  })

  test('a client that comes back continues where it was; its header goes before its address', async () => {
    const { url, channel } = await started()
    for (const message of ['one', 'two', 'three', 'four'])
      channel.emit({ type: 'warning', message })
    const four = (text: string) => text.includes('id: 4\n')
    expect(idsIn(await eventsUntil(`${url}events?after=2`, four))).toEqual([3, 4])
    const header = { 'last-event-id': '3' }
    expect(idsIn(await eventsUntil(`${url}events?after=0`, four, header))).toEqual([4])
  })

  test('heartbeats keep the connection known to be alive', async () => {
    const { url } = await started({ heartbeatMs: 20 })
    const text = await eventsUntil(`${url}events`, (t) => t.split(': heartbeat\n\n').length > 2)
    expect(text).toMatch(/^retry: 2000\n\n: heartbeat\n\n: heartbeat\n\n/)
  })

  test('a client that reads nothing is cut, and the others read on', async () => {
    const { url, port, channel } = await started()
    const stuck = net.connect(port, '127.0.0.1')
    stuck.pause()
    const cut = new Promise<void>((resolve) => {
      stuck.on('close', () => resolve())
      stuck.on('error', () => resolve())
    })
    stuck.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(() => channel.listenerCount).toBe(1)
    const TOTAL = 400
    const reading = eventsUntil(`${url}events`, (text) =>
      text.includes(`id: ${TOTAL}\n`, text.length - 100_000),
    )
    await expect.poll(() => channel.listenerCount).toBe(2)
    const message = 'x'.repeat(32_000)
    for (let i = 0; i < TOTAL; i++) {
      channel.emit({ type: 'warning', message })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(idsIn(await reading)).toHaveLength(TOTAL)
    await expect.poll(() => channel.listenerCount).toBe(0)
    stuck.resume()
    await cut
  })

  test('closing ends the streams and everything else', async () => {
    const { api, url, channel } = await started()
    const reading = eventsUntil(`${url}events`, () => false)
    const viewing = firstBytes(`${url}stream.ts`)
    await expect.poll(() => channel.listenerCount).toBe(1)
    await viewing
    await api.close()
    expect(await reading).toBe('retry: 2000\n\n')
    expect(channel.listenerCount).toBe(0)
    await expect(fetch(`${url}status`)).rejects.toThrow()
  })
})

describe('what a stranger may send', () => {
  test.each([
    ['no HTTP at all', '\x00\x01\x02\x03garbage\r\n\r\n'],
    [
      'a header without end',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
    ],
    [
      'a broken Content-Length',
      'POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n',
    ],
    ['a broken address', 'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('%s is answered in JSON, and the next request is served', async (_case, bytes) => {
    const { port, url } = await started()
    const answer = await raw(port, bytes)
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({
      error: 'bad_request',
    })
    expect((await fetch(`${url}health`)).status).toBe(200)
  })
})

const anApi = (port: FakeChannel): Api =>
  buildApi({
    port,
    media,
    access: accessPolicy('127.0.0.1', undefined),
    metrics: { contentType: 'text/plain', render: async () => '' },
    log: buildLog({ level: 'silent', form: 'json', destination: { write: () => {} } }),
    clock: realClock,
  })

describe('listening', () => {
  test('a port in use is named', async () => {
    const { port } = await started()
    const second = anApi(new FakeChannel())
    open.push(second)
    await expect(listen(second, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'address_in_use',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
  })

  test('who connects before the API is there is answered by it', async () => {
    const reserved = await reserveAddress({ host: '127.0.0.1', port: 0 })
    const early = fetch(`${reserved.url}health`)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const api = anApi(new FakeChannel())
    open.push(api)
    await reserved.serveApi(api)
    expect((await early).status).toBe(200)
    expect((await fetch(`${reserved.url}health`)).status).toBe(200)
  })

  test('an address that was reserved for nothing is free again', async () => {
    const reserved = await reserveAddress({ host: '127.0.0.1', port: 0 })
    const early = fetch(`${reserved.url}health`).catch(() => 'closed')
    await new Promise((resolve) => setTimeout(resolve, 200))
    reserved.release()
    expect(await early).toBe('closed')
    const port = Number(new URL(reserved.url).port)
    const again = await reserveAddress({ host: '127.0.0.1', port })
    again.release()
  })

  test('with a token, changes need it over the wire too', async () => {
    const { url } = await started({ token: 'opensesame' })
    const take = (headers: Record<string, string>) =>
      fetch(`${url}switch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"source":"s1"}',
      })
    expect((await take({})).status).toBe(401)
    expect((await take({ 'x-sluice-token': 'opensesame' })).status).toBe(200)
    expect((await fetch(`${url}status`)).status).toBe(200)
  })

  test('health stays fast, and metrics can be scraped', async () => {
    const { url, metrics } = await started()
    const text = await (await fetch(`${url}metrics`)).text()
    expect(text).toContain('sluice_source_healthy{channel="main",source="s0"} 1')
    metrics.close()
    const times: number[] = []
    for (let i = 0; i < 50; i++) {
      const from = performance.now()
      await (await fetch(`${url}health`)).arrayBuffer()
      times.push(performance.now() - from)
    }
    times.sort((a, b) => a - b)
    expect(times[25]).toBeLessThan(50)
  })
})
