import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findExecutable } from '../../src/process/executable.ts'
import { type Expected, FLAWLESS, verdictOf } from '../helpers/capture-verdict.ts'
import { makeLiveMaterial, type Peer, sendLive } from '../helpers/live-peers.ts'
import { missingTool } from '../helpers/oracles.ts'
import { isAlive, until } from '../helpers/processes.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'
import { buildSluice, type SluiceBuild } from '../helpers/sluice-build.ts'
import { freeTcpPort } from '../helpers/source-bench.ts'

const missing = missingTool('ffmpeg', 'ffprobe', 'tsreport')
if (missing !== undefined) throw new Error(missing)

/** Long enough to be seen, short enough to wait for. */
const RETURN_MS = 1_500
/** The issue's own demand. */
const STOP_MS = 3_000
const SMALL = 'size=320x180&rate=25&gop=25&preset=ultrafast'
const A = `test:?${SMALL}&bframes=2`
const B = `bars:?${SMALL}&bframes=2`
/** Another rate, size and profile: it follows through a transcoder. */
const UNLIKE_A = 'bars:?size=256x144&rate=30&gop=60&preset=ultrafast'

let build: SluiceBuild
let folder: string
let material: string
const running = new Set<RunningSluice>()
const peers = new Set<Peer>()

beforeAll(() => {
  build = buildSluice()
  folder = mkdtempSync(join(tmpdir(), 'sluice-failover-'))
  material = join(folder, 'material.ts')
  makeLiveMaterial(material, { seconds: 60, tone: 660 })
})

afterEach(async () => {
  for (const sluice of running) await sluice.kill()
  for (const peer of peers) await peer.end()
  running.clear()
  peers.clear()
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Setup {
  readonly sources: Readonly<Record<string, string>>
  /** More lines of the [failover] table. */
  readonly failover?: string
  readonly standby?: string
  readonly path?: string
  readonly stateDir?: string
}

let count = 0

const start = async (setup: Setup): Promise<RunningSluice> => {
  const here = join(folder, String(++count))
  mkdirSync(here)
  const sources = Object.entries(setup.sources).map(([id, url]) =>
    [
      '[[sources]]',
      `id = "${id}"`,
      `url = "${url}"`,
      ...(id === setup.standby ? ['ingest = "standby"'] : []),
    ].join('\n'),
  )
  const config = join(here, 'channel.toml')
  const failover = `[failover]\n${setup.failover ?? ''}\n[failover.thresholds]\nreturnMs = ${RETURN_MS}`
  writeFileSync(config, `${failover}\n${sources.join('\n')}\n`)
  const sluice = await RunningSluice.start({
    main: join(build.folder, 'dist/main.js'),
    args: ['--config', config],
    stateDir: setup.stateDir ?? join(here, 'state'),
    ...(setup.path === undefined ? {} : { env: { PATH: setup.path } }),
  })
  running.add(sluice)
  return sluice
}

/** Stops it as a service manager would. */
const stopped = async (sluice: RunningSluice): Promise<void> => {
  const { code, signal, ms } = await sluice.stop()
  running.delete(sluice)
  expect({ code, signal, left: sluice.children() }).toEqual({ code: 0, signal: null, left: [] })
  expect(ms).toBeLessThan(STOP_MS)
}

const send = (format: 'mpegts' | 'flv', url: string): Peer => {
  const peer = sendLive(material, format, url)
  peers.add(peer)
  return peer
}

const expected = (seconds: number): Expected => ({ frameTicks: 3_600, seconds })

const captureOf = (sluice: RunningSluice) => sluice.capture(join(folder, `${++count}.ts`))

/** Where it went, and why, since it was first on the air. */
const moves = (sluice: RunningSluice): string[] =>
  sluice
    .eventsOf('switched')
    .filter(({ cause }) => cause !== 'start')
    .map(({ from, to, cause }) => `${cause}: ${from} > ${to}`)

describe('the source on the air fails, and a hot backup is there: no frame is missing', () => {
  it.each([
    ['of its own format', B],
    ['that is transcoded', UNLIKE_A],
  ])('its process is killed, the backup is one %s', async (_, b) => {
    const sluice = await start({ sources: { a: A, b } })
    await sluice.ready('a', 'b')
    const capture = await captureOf(sluice)
    await sleep(1_000)
    process.kill(await sluice.readerOf('a'), 'SIGKILL')
    await sluice.onAir('b')
    // Restarted, healthy for long enough, and returned to.
    await sluice.onAir('a')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(5))).toEqual(FLAWLESS)
    expect(moves(sluice)).toEqual(['failover: a > b', 'revert: b > a'])
    await stopped(sluice)
  })

  it('its process hangs, is ended by the watchdog, and comes back', async () => {
    const sluice = await start({ sources: { a: A, b: B } })
    await sluice.ready('a', 'b')
    const hung = await sluice.readerOf('a')
    const capture = await captureOf(sluice)
    process.kill(hung, 'SIGSTOP')
    await sluice.onAir('b', 3_000)
    await sluice.onAir('a', 30_000)
    await sleep(1_500)
    await capture.stop()
    expect(isAlive(hung)).toBe(false)
    expect(await verdictOf(capture.path, expected(10))).toEqual(FLAWLESS)
    expect(moves(sluice)).toEqual(['failover: a > b', 'revert: b > a'])
    await stopped(sluice)
  })

  it('its process hangs for some seconds and goes on', async () => {
    const sluice = await start({ sources: { a: A, b: B } })
    await sluice.ready('a', 'b')
    const hung = await sluice.readerOf('a')
    const capture = await captureOf(sluice)
    process.kill(hung, 'SIGSTOP')
    await sluice.onAir('b', 3_000)
    await sleep(1_000)
    process.kill(hung, 'SIGCONT')
    await sluice.onAir('a')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(4))).toEqual(FLAWLESS)
    expect(moves(sluice)).toEqual(['failover: a > b', 'revert: b > a'])
    await stopped(sluice)
  })

  it('its process hangs for less than the latency: nobody notices', async () => {
    const sluice = await start({ sources: { a: A, b: B } })
    await sluice.ready('a', 'b')
    const hung = await sluice.readerOf('a')
    const capture = await captureOf(sluice)
    await sleep(500)
    process.kill(hung, 'SIGSTOP')
    await sleep(400)
    process.kill(hung, 'SIGCONT')
    await sleep(2_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(3))).toEqual(FLAWLESS)
    expect(moves(sluice)).toEqual([])
    await stopped(sluice)
  })

  it('its network falls silent', async () => {
    const url = `udp://127.0.0.1:${await freeTcpPort()}`
    const sender = send('mpegts', `${url}?pkt_size=1316`)
    const sluice = await start({ sources: { a: url, b: B } })
    await sluice.ready('a', 'b')
    const capture = await captureOf(sluice)
    await sleep(1_000)
    sender.signal('SIGSTOP')
    await sluice.onAir('b', 3_000)
    await sleep(1_000)
    sender.signal('SIGCONT')
    await sluice.onAir('a')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(5))).toEqual(FLAWLESS)
    expect(moves(sluice)).toEqual(['failover: a > b', 'revert: b > a'])
    await stopped(sluice)
  })
})

describe('an encoder on the air begins again with time zero', () => {
  it('over UDP, faster than the latency', async () => {
    const url = `udp://127.0.0.1:${await freeTcpPort()}`
    const first = send('mpegts', `${url}?pkt_size=1316`)
    const sluice = await start({ sources: { a: url, b: B } })
    await sluice.ready('a', 'b')
    const capture = await captureOf(sluice)
    await sleep(1_000)
    await first.end()
    send('mpegts', `${url}?pkt_size=1316`)
    await sleep(1_500)
    await sluice.onAir('a')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(4))).toEqual(FLAWLESS)
    await stopped(sluice)
  })

  it('over RTMP, as a new connection', async () => {
    const port = await freeTcpPort()
    const publish = `rtmp://127.0.0.1:${port}/live/key`
    const sluice = await start({
      sources: { a: `rtmp-listen://127.0.0.1:${port}/live/key`, b: B },
    })
    await sluice.until(({ sources }) => sources[0]?.state === 'starting')
    const first = await published(publish, sluice)
    await sluice.ready('a', 'b')
    const capture = await captureOf(sluice)
    await sleep(1_000)
    await first.end()
    await sluice.onAir('b')
    await published(publish, sluice)
    await sluice.onAir('a')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(4))).toEqual(FLAWLESS)
    expect(moves(sluice).slice(-2)).toEqual(['failover: a > b', 'revert: b > a'])
    await stopped(sluice)
  })
})

/** A publisher tries again until somebody listens. */
const published = async (url: string, sluice: RunningSluice): Promise<Peer> => {
  for (let attempt = 0; attempt < 20; attempt++) {
    const peer = send('flv', url)
    const lasts = async () => {
      const { state } = await sluice.source('a')
      return state === 'running'
    }
    for (let look = 0; look < 40 && isAlive(peer.pid); look++) {
      if (await lasts()) return peer
      await sleep(100)
    }
    await peer.end()
    peers.delete(peer)
    await sleep(200)
  }
  throw new Error(`nobody listens at ${url}`)
}

describe('what the operator decided about failover', () => {
  it('revert manual: it stays with the backup until somebody takes', async () => {
    const sluice = await start({ sources: { a: A, b: B }, failover: 'revert = "manual"' })
    await sluice.ready('a', 'b')
    process.kill(await sluice.readerOf('a'), 'SIGKILL')
    await sluice.onAir('b')
    await sluice.until(({ sources }) => sources[0]!.healthy)
    await sleep(RETURN_MS + 1_000)
    expect((await sluice.status()).program).toMatchObject({ onAir: 'b', wanted: 'a' })
    expect(await sluice.take('a')).toMatchObject({ ok: true, from: 'b' })
    await stopped(sluice)
  })

  it.each(['observe', 'off'] as const)(
    'failover %s: the slate covers for it, the backup does not',
    async (mode) => {
      const sluice = await start({ sources: { a: A, b: B }, failover: `mode = "${mode}"` })
      await sluice.ready('a', 'b')
      const capture = await captureOf(sluice)
      await sleep(500)
      process.kill(await sluice.readerOf('a'), 'SIGSTOP')
      await sluice.onAir('slate')
      await sleep(2_500)
      process.kill(await sluice.readerOf('a'), 'SIGKILL')
      await sluice.onAir('a')
      await sleep(1_000)
      await capture.stop()
      expect(await verdictOf(capture.path, expected(4))).toEqual(FLAWLESS)
      expect(moves(sluice)).toEqual(['failover: a > slate', 'revert: slate > a'])
      const observed = sluice.eventsOf('failover_observed').map(({ to }) => to)
      expect(new Set(observed)).toEqual(new Set(mode === 'observe' ? ['b'] : []))
      await stopped(sluice)
    },
  )
})

describe('no hot backup is left', () => {
  it('the slate plays, and yields to the first source that is there again', async () => {
    const sluice = await start({ sources: { a: A, b: B } })
    await sluice.ready('a', 'b')
    const [a, b] = [await sluice.readerOf('a'), await sluice.readerOf('b')]
    const capture = await captureOf(sluice)
    process.kill(b, 'SIGSTOP')
    await sluice.until(({ sources }) => sources[1]?.healthy === false)
    process.kill(a, 'SIGSTOP')
    await sluice.onAir('slate')
    process.kill(b, 'SIGCONT')
    await sluice.onAir('b')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(4))).toEqual(FLAWLESS)
    expect(moves(sluice).slice(-1)).toEqual(['failover: slate > b'])
    await stopped(sluice)
  })

  it('a standby backup is started', async () => {
    const sluice = await start({ sources: { a: A, b: B }, standby: 'b' })
    await sluice.ready('a')
    expect((await sluice.source('b')).state).toBe('stopped')
    const capture = await captureOf(sluice)
    await sleep(500)
    process.kill(await sluice.readerOf('a'), 'SIGSTOP')
    await sluice.onAir('b')
    await sleep(1_500)
    await capture.stop()
    expect(await verdictOf(capture.path, expected(3))).toEqual(FLAWLESS)
    await stopped(sluice)
  })
})

describe('Sluice itself is killed', () => {
  it('leaves no process', async () => {
    const sluice = await start({ sources: { a: A, b: B } })
    await sluice.ready('a', 'b')
    expect(sluice.children().length).toBeGreaterThanOrEqual(2)
    await sluice.kill()
    expect(await until(() => sluice.children().length === 0)).toBe(true)
  })

  it('ends at the next start what survived where there is no setpriv', async () => {
    const path = join(folder, 'bin')
    mkdirSync(path)
    for (const name of ['ffmpeg', 'ffprobe']) symlinkSync(findExecutable(name)!, join(path, name))
    const stateDir = join(folder, 'orphans')
    // Silent: one that wrote would end by itself, its pipe being broken.
    const silent = `udp://127.0.0.1:${await freeTcpPort()}?reader=ffmpeg`
    const setup = { sources: { a: silent }, path, stateDir }
    const first = await start(setup)
    await first.until(({ sources }) => sources[0]?.pid !== undefined)
    const orphan = await first.readerOf('a')
    await first.kill()
    expect(isAlive(orphan)).toBe(true)
    const second = await start(setup)
    expect(isAlive(orphan)).toBe(false)
    await stopped(second)
    expect(first.children()).toEqual([])
  })
})

it('ends in time with a reader that hangs and a viewer that takes nothing', async () => {
  const sluice = await start({ sources: { a: A, b: B } })
  await sluice.ready('a', 'b')
  const capture = await captureOf(sluice)
  process.kill(await sluice.readerOf('b'), 'SIGSTOP')
  await stopped(sluice)
  await capture.stop()
})
