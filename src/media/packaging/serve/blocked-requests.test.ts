import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import {
  openStores,
  type StoreFiller,
  type OpenStores,
} from '../../../../test/helpers/hls-store-rig.ts'
import { memoryHttp } from '../../../../test/helpers/memory-http.ts'
import type { Rendition } from '../store/rendition.ts'
import { BlockedRequests } from './blocked-requests.ts'

const LIMITS = { maxRequests: 3, maxWaitMs: 5_000 }

let folder: string
let clock: FakeClock
let stores: OpenStores
let rendition: Rendition
let filler: StoreFiller
let blocked: BlockedRequests

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-blocked-'))
  clock = new FakeClock(1_000)
  stores = openStores({ folder, clock })
  const store = await stores.open()
  rendition = store.rendition('stream_0')
  filler = stores.fillerOf(store, ['stream_0'])
  blocked = new BlockedRequests({ clock, ...LIMITS })
})
afterEach(async () => {
  blocked.close()
  await stores.close()
  await rm(folder, { recursive: true, force: true })
})

/** Holds each request for the segment that its path names: `/1` for the first. */
const http = memoryHttp((request, response) => {
  const wanted = Number(request.url?.slice(1))
  const isHeld = blocked.hold({
    rendition,
    response,
    ready: () => rendition.segments.length >= wanted,
    answer: () => response.end('there'),
    refuse: () => response.writeHead(503).end(),
  })
  if (!isHeld) response.writeHead(429).end()
})

const isHeld = async (count: number): Promise<void> => {
  await expect.poll(() => blocked.count, { interval: 1 }).toBe(count)
}

describe('requests for media that is not published yet', () => {
  test('are answered when it is published, and only then', async () => {
    const [first, second] = [http.get('/1'), http.get('/2')]
    await isHeld(2)
    const change = rendition.untilChanged()
    filler.segment()
    await change
    clock.advance(10)
    expect((await first.answer).status).toBe(200)
    expect(blocked.count).toBe(1)
    clock.advance(LIMITS.maxWaitMs)
    expect((await second.answer).status).toBe(503)
    expect(blocked.count).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  test('are dropped when their clients leave, which frees their places', async () => {
    const clients = Array.from({ length: LIMITS.maxRequests }, () => http.get('/1'))
    await isHeld(LIMITS.maxRequests)
    expect((await http.get('/1').answer).status).toBe(429)
    for (const client of clients) client.leave()
    await isHeld(0)
    const next = http.get('/1')
    await isHeld(1)
    blocked.close()
    expect((await next.answer).status).toBe(503)
  })

  test('leave no listener at the rendition when they are closed', async () => {
    let listeners = 0
    const subscribe = rendition.subscribe.bind(rendition)
    rendition.subscribe = (onChange) => {
      listeners++
      const leave = subscribe(onChange)
      return () => {
        listeners--
        leave()
      }
    }
    const waiting = http.get('/9')
    await isHeld(1)
    expect(listeners).toBe(1)
    blocked.close()
    expect(listeners).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    expect((await waiting.answer).status).toBe(503)
  })
})
