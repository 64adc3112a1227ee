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
  it('its process is killed; the backup is transcoded', async () => {
    const sluice = await start({ sources: { a: A, b: UNLIKE_A } })
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
    // On a loaded machine it may fall silent for a moment more than once: how often it moved is no matter.
    expect(moves(sluice)[0]).toBe('failover: a > b')
    await stopped(sluice)
  })
})

it('an unhealthy source is left though a take is pending whose source never comes', async () => {
  const never = `udp://127.0.0.1:${await freeTcpPort()}`
  const sluice = await start({ sources: { a: A, b: B, never } })
  await sluice.ready('a', 'b')
  const capture = await captureOf(sluice)
  // Long enough for a bit rate to be judged.
  await sleep(6_000)
  const take = sluice.take('never', 'graceful')
  await sluice.until(({ program }) => program.pending === 'never')
  await sluice.send('PATCH', '/sources/a', { thresholds: { bitrateFloor: 100_000_000 } })
  await sluice.onAir('b', 4_000)
  expect((await sluice.status()).program).toMatchObject({ wanted: 'a', pending: 'never' })
  expect(await take).toMatchObject({ ok: false, why: 'start_timeout' })
  await sluice.send('PATCH', '/sources/a', { thresholds: { bitrateFloor: 0 } })
  await sluice.onAir('a')
  await sleep(1_500)
  await capture.stop()
  expect(await verdictOf(capture.path, expected(20))).toEqual(FLAWLESS)
  expect(moves(sluice)).toEqual(['failover: a > b', 'revert: b > a'])
  await stopped(sluice)
})

describe('no hot backup is left', () => {
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
