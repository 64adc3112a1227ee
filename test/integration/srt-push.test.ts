import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import type { OutputAlert } from '../../src/contract/events.ts'
import { outputId } from '../../src/contract/ids.ts'
import { PushSpec, type OutputSpec } from '../../src/contract/output-spec.ts'
import type { OutputStatus } from '../../src/contract/status.ts'
import { findFfmpeg, type FfmpegCapabilities } from '../../src/ffmpeg/capabilities.ts'
import type { StderrLine } from '../../src/ffmpeg/stderr-lines.ts'
import { realClock } from '../../src/lib/clock.ts'
import { SrtPush } from '../../src/media/outputs/push/srt-push.ts'
import { rapsIn } from '../../src/media/outputs/record/ts-raps.ts'
import { FramesRig } from '../helpers/frames-rig.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import { analyze, violationCounts, skipNote, missingTool } from '../helpers/oracles.ts'
import { testHost, type TestHost } from '../helpers/process-host.ts'
import { recordMaterial, type RecordMaterial } from '../helpers/record-bench.ts'
import { RigSource } from '../helpers/rig-source.ts'

const PACKET = 188
const PASSPHRASE = 'correct-horse-battery'
const missing = missingTool('ffmpeg')
const noTransmit = missingCommand('srt-live-transmit')

let host: TestHost
let ffmpeg: FfmpegCapabilities
let material: RecordMaterial
let folders = 0

beforeAll(async () => {
  host = testHost()
  await writeFile(join(host.folder, 'pass'), `${PASSPHRASE}\n`)
  if (missing !== undefined) return
  ffmpeg = await findFfmpeg(host.host, {}, new AbortController().signal)
  material = await recordMaterial({ size: '640x360', videoBitrate: '3M' })
}, 60_000)
afterAll(() => host.close())

const kill = async (child: ChildProcess, how: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(how)
  await ended
}

const freePort = async (): Promise<number> => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}

interface Receiver {
  readonly child: ChildProcess
  bytes(): Buffer
  said(): string
}

/** FFmpeg at the far end, as a relay would stand there: what it receives, untouched. */
const receive = ({ onTestFinished }: TestContext, url: string): Receiver => {
  const args = ['-v', 'error', '-nostdin', '-f', 'data', '-i', url]
  const out = ['-map', '0', '-c', 'copy', '-f', 'data', '-flush_packets', '1', 'pipe:1']
  const child = spawn('ffmpeg', [...args, ...out], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => kill(child))
  const chunks: Buffer[] = []
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
  return { child, bytes: () => Buffer.concat(chunks), said: () => said }
}

class Push {
  readonly stateFolder = join(host.folder, `state-${++folders}`)
  readonly rig: FramesRig
  readonly output: SrtPush
  readonly alerts: { readonly what: OutputAlert; readonly message: string }[] = []
  readonly lines: StderrLine[] = []
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #seen: Uint8Array[] = []

  constructor(
    { onTestFinished }: TestContext,
    url: string,
    push: Partial<PushSpec> = {},
    env: Record<string, string> = {},
  ) {
    this.rig = new FramesRig({
      clock: realClock,
      sources: [
        new RigSource({ id: 'a', material: material.a }),
        new RigSource({ id: 'b', material: material.b, start: 5_000_000 }),
      ],
      material: material.a,
      slate: material.slate,
    })
    this.rig.setWanted('a')
    this.rig.run(3_000)
    const { ring } = this.rig.program
    const reader = ring.join({ joinAge: 0 as never, lagLimit: 1e9 as never })
    ring.subscribe(() => {
      for (let part = reader.next(); part; part = reader.next()) this.#seen.push(part.bytes)
    })
    const spec: OutputSpec = { id: outputId('srt'), url, push: PushSpec.parse(push) }
    this.output = new SrtPush(spec, {
      program: this.rig.program,
      host: host.host,
      ffmpeg,
      clock: realClock,
      random: () => 0.5,
      stateFolder: this.stateFolder,
      env,
      onLine: (_, line) => void this.lines.push(line),
      alert: (what, message) => void this.alerts.push({ what, message }),
    })
    this.rig.start()
    this.#ended = this.output.run(this.#stop.signal)
    onTestFinished(() => this.end())
  }

  /** What the program had while it was watched. */
  get program(): Buffer {
    return Buffer.concat(this.#seen)
  }

  async until(holds: (status: OutputStatus) => boolean, withinMs = 20_000): Promise<OutputStatus> {
    const end = performance.now() + withinMs
    while (!holds(this.output.status()) && performance.now() < end) await sleep(20)
    if (!holds(this.output.status())) throw new Error(JSON.stringify(this.output.status()))
    return this.output.status()
  }

  async end(): Promise<void> {
    this.rig.stop()
    this.#stop.abort()
    await this.#ended
  }
}

/** Without the null packets that came before the connection stood. */
const withoutNulls = (bytes: Buffer): Buffer => {
  let at = 0
  while (at < bytes.length && (bytes.readUInt16BE(at + 1) & 0x1fff) === 0x1fff) at += PACKET
  return bytes.subarray(at)
}

const expectCleanStretch = async (push: Push, bytes: Buffer): Promise<void> => {
  const program = withoutNulls(bytes)
  expect(program.length).toBeGreaterThan(100_000)
  expect(push.program.indexOf(program)).toBeGreaterThanOrEqual(0)
  expect(rapsIn(program, 0)[0]?.offset).toBe(0)
  expect(
    violationCounts(await analyze(program.subarray(0, program.length - (program.length % PACKET)))),
  ).toEqual([])
}

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1')

/** The process that pushes to this port. */
const ffmpegOf = (port: number): number => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => {
    try {
      const command = commandOf(Number(pid))
      return command.includes(`:${port}?mode=`) && command.includes('pkt_size')
    } catch {
      return false
    }
  })
  return Number(found)
}

/** Each test has a program and a far end of its own, and mostly waits for media time. */
describe.skipIf(missing).concurrent(`SRT push${skipNote(missing)}`, () => {
  test('gives the far end the program byte for byte, across takes', async (context) => {
    const port = await freePort()
    const receiver = receive(context, `srt://127.0.0.1:${port}?mode=listener`)
    const push = new Push(context, `srt://127.0.0.1:${port}?latency=120000`)
    await push.until(({ bytes }) => bytes > 500_000)
    push.rig.take('b')
    await sleep(2_000)
    push.rig.take('a')
    await sleep(2_000)
    expect(push.output.status()).toMatchObject({ state: 'running', reconnects: 0, skips: 0 })
    await expectCleanStretch(push, receiver.bytes())
  })

  test.skipIf(noTransmit)(
    `sends messages of whole packets${noTransmit ? ' (not installed: srt-live-transmit)' : ''}`,
    async (context) => {
      const [port, socket] = [await freePort(), createSocket('udp4')]
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      const messages: Buffer[] = []
      socket.on('message', (message) => messages.push(message))
      const to = `udp://127.0.0.1:${socket.address().port}`
      const from = `srt://127.0.0.1:${port}?mode=listener`
      const relay = spawn('srt-live-transmit', ['-q', from, to], { stdio: 'ignore' })
      context.onTestFinished(() => kill(relay))
      const push = new Push(context, `srt://127.0.0.1:${port}`)
      await push.until(({ bytes }) => bytes > 1_000_000)
      await push.end()
      socket.close()
      const off = messages.filter((message) => message.length % PACKET !== 0 || message[0] !== 0x47)
      expect(messages.length).toBeGreaterThan(500)
      expect(off.length).toBe(0)
    },
  )

  test('connects anew when the far end restarts, at a random access point with tables', async (context) => {
    const port = await freePort()
    const url = `srt://127.0.0.1:${port}?mode=listener`
    const first = receive(context, url)
    const push = new Push(context, `srt://127.0.0.1:${port}`)
    await push.until(({ bytes }) => bytes > 500_000)
    await kill(first.child, 'SIGTERM')
    const lost = await push.until(({ state }) => state === 'waiting')
    expect(lost.lastError).toMatch(/^the connection to 127\.0\.0\.1:\d+ was lost/)
    const before = lost.bytes
    const second = receive(context, url)
    await push.until(({ state, bytes }) => state === 'running' && bytes > before + 500_000)
    await sleep(500)
    expect(push.output.status().reconnects).toBe(1)
    await expectCleanStretch(push, first.bytes())
    await expectCleanStretch(push, second.bytes())
  })

  test('listens for callers, one after the other', async (context) => {
    const port = await freePort()
    const push = new Push(context, `srt://127.0.0.1:${port}?mode=listener`)
    expect(push.output.status().state).toBe('waiting')
    for (const reconnects of [0, 1]) {
      await sleep(700)
      const before = push.output.status().bytes
      const receiver = receive(context, `srt://127.0.0.1:${port}?mode=caller`)
      await push.until(
        (status) => status.reconnects === reconnects && status.bytes > before + 500_000,
      )
      await sleep(500)
      await expectCleanStretch(push, receiver.bytes())
      await kill(receiver.child, 'SIGTERM')
      await push.until(({ state }) => state === 'waiting')
    }
  })

  test.for([
    { from: 'the address', passphrase: () => PASSPHRASE, env: {} },
    { from: 'the environment', passphrase: () => '{env:SRT_PASS}', env: { SRT_PASS: PASSPHRASE } },
    { from: 'a file', passphrase: () => `{file:${join(host.folder, 'pass')}}`, env: {} },
  ])(
    'encrypts with a passphrase from $from, which stands in no list of processes',
    async ({ passphrase, env }, context) => {
      const port = await freePort()
      const receiver = receive(
        context,
        `srt://127.0.0.1:${port}?mode=listener&passphrase=${PASSPHRASE}`,
      )
      const url = `srt://127.0.0.1:${port}?passphrase=${passphrase()}&streamid=#!::r=live,m=publish`
      const push = new Push(context, url, {}, env)
      await push.until(({ bytes }) => bytes > 300_000)
      await sleep(500)
      expect(commandOf(ffmpegOf(port))).not.toContain(PASSPHRASE)
      expect(readdirSync(join(push.stateFolder, 'push'))).toEqual([])
      expect(JSON.stringify([push.output.status(), push.lines])).not.toContain(PASSPHRASE)
      await expectCleanStretch(push, receiver.bytes())
    },
  )

  test('with another passphrase says so once, without either', async (context) => {
    const port = await freePort()
    receive(context, `srt://127.0.0.1:${port}?mode=listener&passphrase=somethingelse`)
    const push = new Push(
      context,
      `srt://127.0.0.1:${port}?passphrase={env:SRT_PASS}`,
      {},
      { SRT_PASS: PASSPHRASE },
    )
    const status = await push.until(({ errors }) => errors >= 2)
    expect(status.lastError).toMatch(/refused: the passphrases differ/)
    expect(push.alerts.map(({ what }) => what)).toEqual(['refused'])
    const told = JSON.stringify([status, push.alerts, push.lines])
    expect(told).not.toContain(PASSPHRASE)
    expect(told).not.toContain('somethingelse')
  })

  test('of a passphrase that is nowhere says where it was looked for', async (context) => {
    const push = new Push(context, 'srt://127.0.0.1:9?passphrase={env:NOT_SET}')
    const status = await push.until(({ state }) => state === 'waiting')
    expect(status.lastError).toBe(
      'output srt, passphrase: the environment variable NOT_SET is not set',
    )
  })

  test('without a receiver is skipped in the ring, then reconnected', async (context) => {
    const port = await freePort()
    const receiver = receive(context, `srt://127.0.0.1:${port}?mode=listener`)
    const push = new Push(context, `srt://127.0.0.1:${port}`, { lagMs: 500, stallMs: 3_000 })
    await push.until(({ bytes }) => bytes > 300_000)
    const pid = ffmpegOf(port)
    process.kill(pid, 'SIGSTOP')
    await push.until(({ lagMs }) => lagMs > 1_500)
    process.kill(pid, 'SIGCONT')
    await push.until(({ skips }) => skips === 1)
    process.kill(ffmpegOf(port), 'SIGSTOP')
    const stalled = await push.until(({ state }) => state === 'waiting')
    expect(stalled.lastError).toMatch(/took nothing for 3000 ms/)
    expect(stalled.details).toMatchObject({ stalls: 1 })
    await kill(receiver.child)
    receive(context, `srt://127.0.0.1:${port}?mode=listener`)
    await push.until(({ state, reconnects }) => state === 'running' && reconnects === 1)
  })
})
