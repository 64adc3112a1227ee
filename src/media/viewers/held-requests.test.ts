import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { channelId } from '../../contract/ids.ts'
import { readPath } from '../../contract/paths.ts'
import { HeldRequests } from './held-requests.ts'

const clock = new FakeClock()
let held: HeldRequests
let arrived: () => void = () => {}
const server = createServer((request, response) => {
  held.hold(request, response, readPath(request.url ?? '', channelId('main'))!)
  arrived()
})

const ask = (path: string): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo
    get({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      let body = ''
      response.on('data', (piece: Buffer) => (body += piece.toString('utf8')))
      response.on('end', () => resolve({ status: response.statusCode, body }))
    }).on('error', reject)
  })
const arrival = (): Promise<void> => new Promise((resolve) => (arrived = resolve))
const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
  if (request.url !== '/live/stream.m3u8') return false
  response.end('there')
  return true
}

describe('a request that comes too early', () => {
  beforeEach(() => {
    held = new HeldRequests(clock, { maxMs: 8_000, maxRequests: 2 })
    return new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  it('is answered as soon as there is an answer', async () => {
    const came = arrival()
    const answered = ask('/live/stream.m3u8')
    await came
    held.release(answer)
    expect(await answered).toEqual({ status: 200, body: 'there' })
    expect(held.count).toBe(0)
  })

  it('is refused when no route serves it, or at the time limit', async () => {
    let came = arrival()
    const unknown = ask('/live/other')
    await came
    held.release(answer)
    expect((await unknown).status).toBe(503)
    came = arrival()
    const late = ask('/live/stream.m3u8')
    await came
    clock.advance(8_000)
    expect((await late).status).toBe(503)
    expect(held.count).toBe(0)
  })

  it('is answered in turn when many come at once, without blocking the event loop', async () => {
    held = new HeldRequests(clock, { maxMs: 8_000, maxRequests: 100 })
    const answers: Promise<{ status: number | undefined }>[] = []
    for (let i = 0; i < 100; i++) {
      const came = arrival()
      answers.push(ask('/live/stream.m3u8'))
      await came
    }
    held.retry(() => false)
    expect(held.count).toBe(100)
    held.retry(answer)
    expect(held.count).toBe(36)
    held.retry(answer)
    expect(held.count).toBe(0)
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200)
  })

  it('is refused at once past the limit', async () => {
    const first = [arrival(), ask('/a')] as const
    await first[0]
    const second = [arrival(), ask('/b')] as const
    await second[0]
    expect((await ask('/c')).status).toBe(503)
    held.release(answer)
    expect((await first[1]).status).toBe(503)
    await second[1]
  })
})
