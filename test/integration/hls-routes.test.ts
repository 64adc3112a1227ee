import { createServer, get, request as httpRequest, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HlsSpec } from '../../src/contract/output-spec.ts'
import { realClock } from '../../src/lib/clock.ts'
import { HlsRoutes, type HlsRoutesOptions } from '../../src/media/packaging/serve/hls-routes.ts'
import type { MasterInput } from '../../src/media/packaging/serve/master-playlist.ts'
import { openStore } from '../../src/media/packaging/store/open-store.ts'
import type { SegmentStore } from '../../src/media/packaging/store/segment-store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import {
  createFiller,
  partBytes,
  segmentBytes,
  storeOptions,
  type StoreFiller,
} from '../helpers/hls-store-rig.ts'
import { checkDelta, checkMasterPlaylist, checkMediaPlaylist } from '../helpers/hls-validator.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly text: string
}

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

const TARGET = 4
let folder: string
let clock: FakeClock
let store: SegmentStore
let routes: HlsRoutes
let server: Server
let base: string

const serve = async (options: Partial<HlsRoutesOptions> = {}, spec: object = {}): Promise<void> => {
  routes = new HlsRoutes({
    store,
    settings: HlsSpec.parse(spec),
    targetSeconds: TARGET,
    master: () => undefined,
    clock,
    ...options,
  })
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]!
    if (!routes.serve(request, response, path)) response.writeHead(418).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const openWith = async (options: Partial<Parameters<typeof openStore>[0]> = {}): Promise<void> => {
  store = await openStore({ ...storeOptions(realClock), folder, ...options })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'))
  clock = new FakeClock(1_000)
})
afterEach(async () => {
  routes.close()
  server.closeAllConnections()
  server.close()
  await store.close()
  expect(clock.pendingTimers).toBe(0)
  await rm(folder, { recursive: true, force: true })
})

const ask = (path: string, { method = 'GET', headers = {} }: Asked = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      `${base}/${path}`,
      { method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            text: body.toString(),
          })
        })
      },
    )
    request.on('error', reject)
    request.end()
  })

const settled = async (): Promise<void> => {
  for (const each of store.renditions.values()) await each.settled()
}

/** Held requests are answered as the clock goes on. */
const ticking = async <T>(answer: Promise<T>): Promise<T> => {
  const ticks = setInterval(() => clock.advance(2), 1)
  try {
    return await answer
  } finally {
    clearInterval(ticks)
  }
}

/** Waits until so many requests are held. */
const held = async (count: number): Promise<void> => {
  await expect.poll(() => routes.traffic.held, { timeout: 5_000, interval: 5 }).toBe(count)
}

describe('transport streams', () => {
  let feed: StoreFiller
  beforeEach(async () => {
    await openWith({ window: { segments: 4, ms: 0 } })
    await serve()
    feed = createFiller(store, ['stream_0'], store.nextNumber)
    for (let i = 0; i < 6; i++) feed.segment()
    await settled()
  })

  test('playlist and segments are served, under both of their paths', async () => {
    const playlist = await ask('stream.m3u8')
    expect(playlist.status).toBe(200)
    expect(playlist.headers).toMatchObject({
      'content-type': 'application/vnd.apple.mpegurl',
      'cache-control': 'no-cache',
      'access-control-allow-origin': '*',
      vary: 'Accept-Encoding',
    })
    expect(checkMediaPlaylist(playlist.text)).toEqual([])
    expect((await ask('stream_0/playlist.m3u8')).text).toBe(playlist.text)
    const newest = feed.next - 1
    for (const path of [`${newest}.ts`, `stream_0/${newest}.ts`]) {
      const segment = await ask(path)
      expect(segment.status).toBe(200)
      expect(segment.headers).toMatchObject({
        'content-type': 'video/mp2t',
        'cache-control': 'public, max-age=86400, immutable',
        'accept-ranges': 'bytes',
        'content-length': '1000',
      })
      expect(segment.body).toEqual(segmentBytes(newest))
    }
    expect(routes.traffic).toMatchObject({ requests: 4, viewers: 1, refused: 0 })
    expect(routes.traffic.bytes).toBe(2 * playlist.body.length + 2_000)
  })

  test('an older segment comes from the disk', async () => {
    await store.close()
    await openWith({ window: { segments: 4, ms: 0 } })
    server.close()
    await serve()
    const { segments } = store.rendition('stream_0')
    expect(segments).toHaveLength(4)
    const answers = await Promise.all(segments.map(({ file }) => ask(file)))
    expect(answers.map(({ body }) => body)).toEqual(
      segments.map(({ number }) => segmentBytes(number)),
    )
  })

  test.each([
    ['bytes=0-9', 206, 'bytes 0-9/1000', 10],
    ['bytes=990-', 206, 'bytes 990-999/1000', 10],
    ['bytes=-5', 206, 'bytes 995-999/1000', 5],
    ['bytes=990-2000', 206, 'bytes 990-999/1000', 10],
    ['bytes=1000-', 416, 'bytes */1000', 0],
    ['bytes=0-1,5-6', 200, undefined, 1_000],
    ['bytes=9-5', 200, undefined, 1_000],
    ['lines=1-2', 200, undefined, 1_000],
  ])('range %s', async (range, status, contentRange, length) => {
    const number = feed.next - 1
    const answer = await ask(`${number}.ts`, { headers: { range } })
    expect(answer.status).toBe(status)
    expect(answer.headers['content-range']).toBe(contentRange)
    if (status === 416) expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.body).toHaveLength(length)
    const [from = 0] = contentRange?.match(/\d+/)?.map(Number) ?? []
    if (status === 206)
      expect(answer.body).toEqual(segmentBytes(number).subarray(from, from + length))
  })

  test('gzip where it is accepted, with a tag of its own', async () => {
    const plain = await ask('stream.m3u8', { headers: { 'accept-encoding': 'br, gzip;q=0' } })
    const zipped = await ask('stream.m3u8', { headers: { 'accept-encoding': 'gzip, deflate, br' } })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(zipped.body).toString()).toBe(plain.text)
    expect(zipped.headers['etag']).not.toBe(plain.headers['etag'])
  })

  test('what did not change is not sent again', async () => {
    const { headers } = await ask('stream.m3u8')
    const etag = String(headers['etag'])
    const again = await ask('stream.m3u8', { headers: { 'if-none-match': `"x", W/${etag}` } })
    expect([again.status, again.body.length, again.headers['etag']]).toEqual([304, 0, etag])
    feed.segment()
    await settled()
    expect((await ask('stream.m3u8', { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  test('HEAD has the head, OPTIONS what is allowed, POST nothing', async () => {
    const { headers: whole } = await ask('stream.m3u8')
    const head = await ask('stream.m3u8', { method: 'HEAD' })
    expect([head.status, head.body.length]).toEqual([200, 0])
    expect(head.headers['content-length']).toBe(whole['content-length'])
    const options = await ask(`${feed.next - 1}.ts`, { method: 'OPTIONS' })
    expect(options.status).toBe(204)
    expect(options.headers).toMatchObject({ 'access-control-allow-methods': 'GET, HEAD, OPTIONS' })
    const post = await ask('stream.m3u8', { method: 'POST' })
    expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  test.each([
    ['a segment that never was', '99.ts', 404],
    ['one that is to come', '1999999999999.ts', 404],
    ['another extension', 'x.m4s', 418],
    ['another rendition', 'stream_7/playlist.m3u8', 404],
    ['a path that climbs', 'stream_0/../journal.jsonl', 418],
    ['an encoded path that climbs', 'stream_0/..%2fjournal.jsonl', 418],
    ['the journal', 'journal.jsonl', 418],
    ['the lock', 'owner.json', 418],
    ['a file that is being written', '5.ts.part', 418],
    ['no manifest without DASH', 'manifest.mpd', 418],
  ])('%s: %s', async (_, path, status) => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1')
    // Written by hand: clients tidy paths up.
    socket.write(`GET /${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).not.toContain('"kind"')
    if (status === 404) expect(JSON.parse(text.split('\r\n\r\n')[1]!).error).toBe('file_missing')
  })

  test('the time of day', async () => {
    const { text, headers } = await ask('time')
    expect(Math.abs(Date.parse(text) - Date.now())).toBeLessThan(60_000)
    expect(headers['cache-control']).toBe('no-store')
  })
})

test('a playlist without a segment is held until there is one, and for three target durations at most', async () => {
  await openWith()
  await serve()
  store.rendition('stream_0')
  const first = ask('stream.m3u8')
  await held(1)
  createFiller(store, ['stream_0'], store.nextNumber).segment()
  expect((await ticking(first)).text).toContain(`${store.nextNumber}.ts`)
  const late = ask(`stream.m3u8?_HLS_msn=${store.nextNumber + 1}`)
  await held(1)
  clock.advance(3 * TARGET * 1_000 - 300)
  await held(1)
  clock.advance(600)
  expect(await late).toMatchObject({ status: 503 })
  expect(routes.traffic.held).toBe(0)
  clock.advance(1_000)
})

describe('low latency', () => {
  let feed: StoreFiller
  beforeEach(async () => {
    await openWith({ extension: 'm4s', window: { segments: 12, ms: 0 } })
    await serve({}, { lowLatency: true, partTarget: 1 })
    for (const name of ['stream_0', 'stream_1'])
      store.rendition(name).init(Buffer.from(`init ${name}`))
    feed = createFiller(store, ['stream_0', 'stream_1'], store.nextNumber)
    for (let i = 0; i < 9; i++) feed.parts(4)
    await settled()
  })

  test('playlist, parts, initialisation segment, reports of the others', async () => {
    const playlist = await ask('stream_0/playlist.m3u8')
    expect(checkMediaPlaylist(playlist.text)).toEqual([])
    const last = feed.next - 1
    expect(playlist.text).toContain(
      `#EXT-X-RENDITION-REPORT:URI="../stream_1/playlist.m3u8",LAST-MSN=${last},LAST-PART=3`,
    )
    expect((await ask(`stream_1/${last}.2.m4s`)).body).toEqual(partBytes(last, 2))
    const init = await ask(`stream_1/init-${store.nextNumber}.mp4`)
    expect([init.text, init.headers['content-type']]).toEqual(['init stream_1', 'video/mp4'])
    const whole = await ask(`${last}.m4s`)
    expect(whole.headers['content-type']).toBe('video/iso.segment')
    expect(whole.body).toEqual(Buffer.concat([0, 1, 2, 3].map((part) => partBytes(last, part))))
    const delta = await ask('stream_0/playlist.m3u8?_HLS_skip=YES')
    expect(delta.text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=3')
    expect(checkDelta(playlist.text, delta.text)).toEqual([])
  })

  test('a reload is held until the part is there, and may then be kept', async () => {
    const answer = ask(`stream_0/playlist.m3u8?_HLS_msn=${feed.next}&_HLS_part=1`)
    await held(1)
    feed.openParts(1)
    await settled()
    await held(1)
    store
      .rendition('stream_0')
      .part({ duration: 90_000, independent: false, bytes: partBytes(feed.next, 1) })
    const { text, headers } = await ticking(answer)
    expect(text).toContain(`URI="${feed.next}.1.m4s"`)
    expect(headers['cache-control']).toBe('public, max-age=24')
  })

  test('a hinted part is held until it exists; what is not hinted is not there', async () => {
    expect((await ask(`${feed.next}.1.m4s`)).status).toBe(404)
    const hinted = ask(`${feed.next}.0.m4s`)
    await held(1)
    feed.openParts(1)
    expect((await ticking(hinted)).body).toEqual(partBytes(feed.next, 0))
    await settled()
    const never = ask(`${feed.next}.1.m4s`)
    await held(1)
    for (const each of store.renditions.values()) each.end({ duration: 360_000, independent: true })
    expect((await ticking(never)).status).toBe(404)
  })

  test.each([
    ['_HLS_msn=abc', '_HLS_msn=abc: it must be a whole number'],
    ['_HLS_msn=-1', '_HLS_msn=-1: it must be a whole number'],
    ['_HLS_part=1', '_HLS_part=1: it needs _HLS_msn beside it'],
    ['_HLS_msn=LAST+3', 'the last segment is LAST: at most LAST+2 is possible'],
    ['_HLS_msn=LAST+1&_HLS_part=3', 'the last part of segment LAST+1 is -1: at most 2 is possible'],
  ])('?%s is refused', async (query, why) => {
    const filled = (text: string): string =>
      text.replaceAll(/LAST(?:\+(\d))?/g, (_, more) => String(feed.next - 1 + Number(more ?? 0)))
    const answer = await ask(`stream_0/playlist.m3u8?${filled(query)}`)
    expect(answer.status).toBe(400)
    const refusal = JSON.parse(answer.text)
    const field = query.includes('_HLS_part') ? '_HLS_part' : '_HLS_msn'
    expect(refusal).toMatchObject({ error: 'bad_request', field })
    expect(refusal.message).toContain(filled(why))
  })

  test('many that wait are all answered, and those that went away are forgotten', async () => {
    const path = `stream_0/playlist.m3u8?_HLS_msn=${feed.next}&_HLS_part=0`
    const waiting = Array.from({ length: 200 }, () => ask(path))
    const gone = get(`${base}/${path}`, { agent: false })
    gone.on('error', () => {})
    await held(201)
    gone.destroy()
    await held(200)
    feed.openParts(1)
    const answers = await ticking(Promise.all(waiting))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers[0]!.text).toContain(`URI="${feed.next}.0.m4s"`)
  })

  test('closing answers what is held', async () => {
    const answer = ask(`${feed.next}.0.m4s`)
    await held(1)
    routes.close()
    expect((await answer).status).toBe(503)
  })
})

test('a master playlist is measured, and rendered once a second', async () => {
  await openWith()
  let asked = 0
  const master = (): MasterInput => {
    asked++
    return {
      targetSeconds: TARGET,
      independent: true,
      variants: [
        {
          uri: 'stream_0/playlist.m3u8',
          segments: store.rendition('stream_0').segments,
          declaredBitrate: 5_000_000,
          codecs: ['avc1.64001f', 'mp4a.40.2'],
          resolution: { width: 1280, height: 720 },
          frameRate: 25,
        },
      ],
      audio: [],
    }
  }
  await serve({ master })
  createFiller(store, ['stream_0'], store.nextNumber).segment()
  await settled()
  const { text } = await ask('stream.m3u8')
  expect(checkMasterPlaylist(text)).toEqual([])
  expect(text).toContain('BANDWIDTH=2000,')
  await ask('stream.m3u8')
  expect(asked).toBe(1)
})

test('the MPD is compressed, and has another tag when it is another text', async () => {
  await openWith()
  let mpd = '<MPD/>'
  await serve({ manifest: () => mpd })
  const first = await ask('manifest.mpd')
  expect([first.status, first.headers['content-type'], first.text]).toEqual([
    200,
    'application/dash+xml',
    '<MPD/>',
  ])
  const zipped = await ask('stream.mpd', { headers: { 'accept-encoding': 'gzip' } })
  expect(gunzipSync(zipped.body).toString()).toBe('<MPD/>')
  const condition = { headers: { 'if-none-match': String(first.headers['etag']) } }
  expect((await ask('manifest.mpd', condition)).status).toBe(304)
  mpd = '<MPD></MPD>'
  expect((await ask('manifest.mpd', condition)).text).toBe('<MPD></MPD>')
  // Of another run, which counts anew.
  routes.close()
  server.close()
  await serve({ manifest: () => '<MPD/>' })
  expect((await ask('manifest.mpd', condition)).status).toBe(200)
})
