import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http'
import { Socket, type AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { FramesRig } from '../../../test/helpers/frames-rig.ts'
import { loopMaterial } from '../../../test/helpers/looped-stream.ts'
import { testHost, type TestHost } from '../../../test/helpers/process-host.ts'
import { rigSlate } from '../../../test/helpers/program-rig.ts'
import { FAMILIES } from '../../../test/helpers/rig-families.ts'
import { RigSource } from '../../../test/helpers/rig-source.ts'
import { channelId, outputId } from '../../contract/ids.ts'
import { readPath } from '../../contract/paths.ts'
import { HlsSpec } from '../../contract/output-spec.ts'
import type { OutputProgram } from '../outputs/interface/output.ts'
import { noAccount } from '../../../test/helpers/host-status.ts'
import { SharedParts } from './shared-parts.ts'
import { HlsOutput } from './hls-output.ts'
import { Packager } from './segment/packager.ts'
import { placeOf } from './segment/packaging-plan.ts'

const EPOCH = 1_767_225_600_000

let folder: string
let clock: FakeClock
let rig: FramesRig
let host: TestHost
let packagers: SharedParts<Packager>
let server: Server
let output: HlsOutput
let stop: AbortController
let ended: Promise<void>
const alerts: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'))
  host = testHost()
  clock = new FakeClock(1_000)
  packagers = new SharedParts()
  const family = FAMILIES[0]!.a
  const material = await loopMaterial(family)
  rig = new FramesRig({
    ...{ clock, material, slate: await rigSlate(family) },
    sources: [new RigSource({ id: 'a', material, start: 900_000 })],
  })
  rig.setWanted('a')
  rig.start()
  server = createServer((request, response) => {
    const path = readPath(request.url ?? '', channelId('main'))
    if (path === undefined || !output.serve(request, response, path)) response.writeHead(418).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await remove()
  rig.close()
  expect(clock.pendingTimers).toBe(0)
  server.closeAllConnections()
  server.close()
  host.close()
  await rm(folder, { recursive: true, force: true })
})

const add = (url: 'hls:' | 'dash:', given: object = {}, pictures?: 'MPEG-2 video'): void => {
  const spec = HlsSpec.parse({ segmentTime: 2, ...given })
  const place = placeOf(url, spec, folder)
  const wallTime = (): number => EPOCH + clock.now()
  output = new HlsOutput({
    ...{ id: outputId('web'), url, kind: url === 'hls:' ? 'hls' : 'dash' },
    ...{ spec, title: 'rig', clock, wallTime, packagers, container: place.container },
    packagerName: place.container,
    createPackager: () =>
      new Packager({
        ...{
          place,
          spec,
          clock,
          wallTime,
          serviceName: 'rig',
          program: pictures === undefined ? rig.program : inMpeg2(rig.program),
        },
        ...{ host: host.host, ffmpeg: 'ffmpeg', random: () => 0.5, memory: noAccount },
        onLine: () => {},
        warn: () => {},
        alert: (_what, message) => void alerts.push(message),
      }),
  })
  stop = new AbortController()
  ended = output.run(stop.signal)
}

const inMpeg2 = ({ ring, frames }: OutputProgram): OutputProgram => {
  const { video, ...rest } = frames.tracks
  const tracks = { ...rest, video: { ...video!, codec: 'mpeg2video' as const } }
  const { onAir, time } = frames
  return { ring, frames: { tracks, onAir, time, attach: () => () => {} } }
}

const remove = async (): Promise<void> => {
  stop.abort()
  await ended
}

const listed = (): number => Number(output.status().details?.['listed'] ?? 0)

/** Runs the program until this many segments are listed. */
const until = async (segments: number): Promise<void> => {
  for (let i = 0; i < 100 && listed() < segments; i++) {
    await clock.advanceAsync(200)
    // The disk is real: without this it would be as slow as the clock is fast, and time out.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(listed()).toBeGreaterThanOrEqual(segments)
}

const ask = (path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)

/** Runs the program until the answer comes. */
const playing = async (answer: Promise<Response>): Promise<{ status: number; text: string }> => {
  let answered = false
  const done = answer.finally(() => (answered = true))
  for (let i = 0; i < 1_000 && !answered; i++) await clock.advanceAsync(20)
  const response = await done
  return { status: response.status, text: await response.text() }
}

const numbersIn = (playlist: string): number[] =>
  [...playlist.matchAll(/^(\d+)\.(?:ts|m4s)$/gm)].map(([, number]) => Number(number))

describe('an output of packaged segments', () => {
  it('answers with an MPD only when it has a period', async () => {
    add('dash:', { storage: 'memory' })
    for (const path of ['/live/stream.mpd', '/channels/main/dash/manifest.mpd']) {
      const { status, text } = await playing(ask(path))
      expect(status).toBe(200)
      expect(text).toMatch(/<Period [^]*<AdaptationSet [^]*<S /)
    }
  })

  it('holds requests while its store is being opened', () => {
    add('hls:')
    const request = new IncomingMessage(new Socket())
    for (const [url, expected] of [
      ['/live/stream.m3u8', true],
      ['/live/7.ts', true],
      ['/live/stream_0/7.ts', true],
      ['/live/7.m4s', false],
      ['/live/stream.mpd', false],
    ] as const) {
      const response = new ServerResponse(request)
      request.url = url
      const path = readPath(url, channelId('main'))!
      expect([url, output.serve(request, response, path)]).toEqual([url, expected])
      expect(response.headersSent).toBe(false)
    }
  })

  it('reports an unusable folder once, and tries again', async () => {
    alerts.length = 0
    writeFileSync(join(folder, 'file'), '')
    add('hls:', { dir: join(folder, 'file') })
    for (let i = 0; i < 20; i++) {
      await clock.advanceAsync(1_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(output.status().state).toBe('waiting')
    expect(output.status().errors).toBeGreaterThan(1)
    expect(alerts).toEqual([expect.stringMatching(/HLS folder .*file.* cannot be used/)])
  })

  it('answers at once with the reason why there is nothing to serve', async () => {
    add('dash:', { storage: 'memory' }, 'MPEG-2 video')
    await clock.advanceAsync(20)
    const answer = await ask('/live/stream.mpd')
    expect([answer.status, output.status().state]).toEqual([503, 'failed'])
    expect(await answer.json()).toMatchObject({
      error: 'not_reachable',
      message: expect.stringContaining('the program has MPEG-2 video'),
    })
  })

  it.each(['disk', 'memory'])(
    'is served again under both paths when it was removed and added: %s',
    async (storage) => {
      add('hls:', { storage })
      await until(3)
      const before = numbersIn(await (await ask('/live/stream.m3u8')).text())
      await remove()
      const refused = await ask('/live/stream.m3u8')
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      add('hls:', { storage })
      await until(storage === 'disk' ? before.length + 1 : 1)
      for (const path of ['/live/', '/channels/main/hls/']) {
        const text = await (await ask(`${path}stream.m3u8`)).text()
        const after = numbersIn(text)
        expect(after.at(-1)).toBeGreaterThan(before.at(-1)!)
        if (storage === 'disk') expect(after.slice(0, before.length)).toEqual(before)
        expect((await ask(`${path}${after.at(-1)}.ts`)).status).toBe(200)
      }
    },
  )

  it('lists the segments of the run before at once', async () => {
    add('hls:')
    await until(3)
    await remove()
    add('hls:')
    for (let i = 0; i < 100 && output.status().details === undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(output.status().details).toMatchObject({ segments: 0 })
    expect(listed()).toBeGreaterThanOrEqual(3)
  })
})
