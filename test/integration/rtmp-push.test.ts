/** The running program pushes to nginx-rtmp as the platform: what it recorded, what a puller got, and what may be seen of the key. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import type { OutputStatus } from '../../src/contract/status.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { audioOf, judgeFlv, readFlv, videoOf } from '../helpers/flv-file.ts'
import { decoderErrors } from '../helpers/ffmpeg-tools.ts'
import { missingNginxRtmp, startNginxRtmp, type NginxRtmp } from '../helpers/nginx-rtmp.ts'
import { skipNote, missingTool } from '../helpers/oracles.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'
import { buildSluice, type SluiceBuild } from '../helpers/sluice-build.ts'
import { until } from '../helpers/until.ts'

const missing = missingNginxRtmp() ?? missingTool('ffmpeg', 'ffprobe')
const KEY = 'live_4242_sEcReT'
const LOOK = 'size=320x180&rate=25&gop=25&preset=ultrafast&bframes=2'
const TIMES = { pictureMs: 40, soundMs: 1024 / 48 }

let build: SluiceBuild
let folder: string
let count = 0

beforeAll(() => {
  if (missing !== undefined) return
  build = buildSluice()
  folder = mkdtempSync(join(tmpdir(), 'sluice-push-'))
})

afterAll(() => {
  if (missing !== undefined) return
  rmSync(folder, { recursive: true, force: true })
})

interface Setup {
  /** Of the push; "PORT" is nginx's. */
  readonly url: string
  /** A server that is there already. */
  readonly peer?: NginxRtmp
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: readonly string[]
}

const newFolder = (): string => {
  const here = join(folder, String(++count))
  mkdirSync(here)
  return here
}

const startNginx = async ({ onTestFinished }: TestContext, here: string): Promise<NginxRtmp> => {
  const nginx = await startNginxRtmp({ folder: join(here, 'nginx') })
  onTestFinished(() => nginx.stop())
  return nginx
}

const start = async (context: TestContext, { url, env = {}, flags = [], peer }: Setup) => {
  const here = newFolder()
  const nginx = peer ?? (await startNginx(context, here))
  const sluice = await RunningSluice.start({
    main: join(build.folder, 'dist/main.js'),
    args: [
      ...['-s', `a=test:?${LOOK}`, '-s', `b=bars:?${LOOK}`],
      ...['-o', `platform=${url.replace('PORT', String(nginx.port))}`],
      ...flags,
    ],
    stateDir: join(here, 'state'),
    env,
  })
  context.onTestFinished(async () => void (await sluice.kill()))
  await sluice.ready('a', 'b')
  const push = async (): Promise<OutputStatus> => (await sluice.status()).outputs[0]!
  await sluice.until(({ outputs }) => outputs[0]?.state === 'running')
  return { nginx, sluice, push, here }
}

/** A viewer of the platform that stays over reconnects of the publisher. */
const pull = async ({ onTestFinished }: TestContext, from: NginxRtmp, here: string) => {
  const file = join(here, 'pulled.flv')
  const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y']
  const args = [...quiet, '-i', `${from.app}/${KEY}`, '-c', 'copy', '-flush_packets', '1', file]
  const child = spawn('ffmpeg', args, { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  await until(() => existsSync(file) && statSync(file).size > 0, { what: 'the viewer has a frame' })
  return { file, ended }
}

describe.skipIf(missing !== undefined)(`a push to nginx-rtmp${skipNote(missing)}`, () => {
  it('has a take refused before it is made, where the platform would get another size', async (context) => {
    const { sluice, push } = await start(context, {
      url: `rtmp://127.0.0.1:PORT/live/${KEY}`,
      flags: ['--conform', 'copy', '-s', 'large=test:?size=640x360&rate=25&gop=25'],
    })
    const wide = (await sluice.status()).sources.find(({ id }) => id === 'large')
    expect(wide?.conform).toBe('as_is')
    expect(await sluice.take('large')).toMatchObject({
      ok: false,
      why: 'formats_differ',
      message: expect.stringMatching(/platform.*640x360/s),
    })
    expect(await sluice.take('b')).toMatchObject({ ok: true })
    expect(await push()).toMatchObject({ state: 'running', reconnects: 0 })
  })

  it('connects once, whatever happens to the sources: takes, kills, the slate', async (context) => {
    const { nginx, sluice, push, here } = await start(context, {
      url: `rtmp://127.0.0.1:PORT/live/${KEY}`,
    })
    const pulled = await pull(context, nginx, here)
    for (const mode of ['cutover', 'graceful', 'cutover', 'graceful']) {
      const { program } = await sluice.status()
      const answer = await sluice.take(program.onAir === 'a' ? 'b' : 'a', mode)
      expect(answer).toMatchObject({ ok: true })
      await sleep(400)
    }
    process.kill(await sluice.readerOf('a'), 'SIGKILL')
    await sluice.onAir('b')
    await sluice.take('slate')
    await sleep(1_000)
    await sluice.take('b')
    await sleep(1_500)
    expect(await push()).toMatchObject({ kind: 'rtmp', state: 'running', reconnects: 0, skips: 0 })
    expect(nginx.publishes.length).toBe(1)
    await sluice.stop()
    await nginx.stop()
    await pulled.ended
    const [recording] = nginx.recordings(KEY)
    const verdict = judgeFlv(readFlv(recording!), TIMES)
    expect(verdict).toMatchObject({ backward: 0, gaps: [], holes: [] })
    expect(verdict.videoTags).toBeGreaterThan(150)
    expect(await decoderErrors(recording!)).toBe('')
    expect(judgeFlv(readFlv(pulled.file), TIMES)).toMatchObject({ backward: 0, gaps: [] })
  })

  it('comes back after the platform dropped it: at a key frame, and time goes on for those who stayed', async (context) => {
    const { nginx, sluice, push, here } = await start(context, {
      url: `rtmp://127.0.0.1:PORT/live/${KEY}`,
    })
    const pulled = await pull(context, nginx, here)
    for (const drops of [1, 2]) {
      await sleep(1_500)
      const droppedAt = performance.now()
      await nginx.drop(KEY)
      await sluice.until(({ outputs }) => outputs[0]?.reconnects === drops)
      // Backoff of the first loss (1 s), then of the second (2 s), and a slow machine.
      expect(nginx.publishes.at(-1)!.at - droppedAt).toBeLessThan(10_000)
    }
    await sleep(2_000)
    expect(nginx.publishes.length).toBe(3)
    expect(await push()).toMatchObject({ state: 'running', errors: 2, details: { connections: 3 } })
    await sluice.stop()
    await nginx.stop()
    await pulled.ended
    const recordings = nginx.recordings(KEY).map((file) => ({ file, tags: readFlv(file) }))
    expect(recordings.length).toBe(3)
    for (const { file, tags } of recordings) {
      expect(videoOf(tags)[0]?.kind).toBe('key')
      expect(judgeFlv(tags, TIMES)).toMatchObject({ backward: 0, gaps: [], holes: [] })
      expect(await decoderErrors(file)).toBe('')
    }
    const tags = readFlv(pulled.file)
    const verdict = judgeFlv(tags, TIMES)
    expect(verdict.backward).toBe(0)
    // The two interruptions are holes of their real length; a picture before each may lack its B pictures.
    expect(verdict.gaps.filter((gap) => Number.parseInt(gap, 10) > 200).length).toBe(2)
    const video = videoOf(tags)
    const span = video.at(-1)!.dts - video[0]!.dts
    expect(span).toBeGreaterThan(5_000)
    expect(audioOf(tags).at(-1)!.dts).toBeGreaterThan(video.at(-1)!.dts - 500)
  })

  it('shows its key nowhere: status, log, events, process list, state folder', async (context) => {
    const { nginx, sluice, here } = await start(context, {
      url: 'rtmp://127.0.0.1:PORT/live/{env:PUSH_KEY}',
      env: { PUSH_KEY: KEY },
    })
    expect(nginx.publishes[0]!.name).toBe(KEY)
    await nginx.drop(KEY)
    await sluice.until(({ outputs }) => outputs[0]?.reconnects === 1)
    const commands = [sluice.pid, ...sluice.children()].map((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1'),
    )
    const kept = readdirSync(join(here, 'state'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    const seen = [
      JSON.stringify(await sluice.status()),
      JSON.stringify(sluice.events),
      sluice.output,
      ...commands,
      ...kept,
    ]
    expect(seen.filter((text) => text.includes(KEY))).toEqual([])
    expect((await sluice.status()).outputs[0]!.url).toMatch(/\/live\/\{env:PUSH_KEY\}$/)
  })

  it('goes over TLS to a server whose certificate is vouched for', async (context) => {
    const here = newFolder()
    const tls = selfSigned(here)
    const nginx = await startNginx(context, here)
    const { port } = nginx
    const proxy = createTlsServer(tls, (socket: TLSSocket) => {
      const inner = connect(port, '127.0.0.1')
      for (const each of [socket, inner]) each.on('error', () => undefined)
      socket.pipe(inner).pipe(socket)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port: tlsPort } = proxy.address() as AddressInfo
    const { push, sluice } = await start(context, {
      peer: nginx,
      url: `rtmps://localhost:${tlsPort}/live/${KEY}`,
      env: { NODE_EXTRA_CA_CERTS: tls.certFile },
    })
    await sleep(2_000)
    expect(await push()).toMatchObject({ kind: 'rtmps', state: 'running', errors: 0 })
    await sluice.stop()
    await nginx.stop()
    proxy.close()
    const [recording] = readdirSync(join(here, 'nginx/recordings'))
    const file = join(here, 'nginx/recordings', recording!)
    expect(judgeFlv(readFlv(file), TIMES)).toMatchObject({ backward: 0, gaps: [], holes: [] })
    expect(await decoderErrors(file)).toBe('')
  })

  it('lets its name go when it is stopped', async (context) => {
    const { nginx, sluice, here } = await start(context, {
      url: `rtmp://127.0.0.1:PORT/live/${KEY}`,
    })
    const { code, ms } = await sluice.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5_000)
    const log = readFileSync(join(here, 'nginx/error.log'), 'utf8')
    expect(log).toMatch(/deleteStream/)
    expect(nginx.publishes.length).toBe(1)
  })
})
