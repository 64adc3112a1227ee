/**
 * Fan-out: one process, many viewers of one stream, beside Icecast with the same stream and as many listeners.
 *
 *     npx tsc -p tsconfig.json --outDir "$DIR" && node "$DIR/bench/fanout.js" [--viewers 200] [--seconds 10]
 *         [--bitrate 4000000] [--stalled 0] [--slow 0] [--loaders 2] [--no-icecast]
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startIcecast } from './fanout/icecast.ts'
import type { LoadOptions, Pace } from './fanout/load.ts'
import { load } from './fanout/load.ts'
import { serve } from './fanout/server.ts'
import { makeStream, readPieces } from './fanout/stream.ts'

const CLOCK_TICKS_PER_SECOND = 100
/** Time for join bursts and buffer growth, outside the measurement. */
const SETTLE_MS = 3_000

interface Counted {
  readonly pace: Pace
  readonly bytes: number
  readonly firstByteMs: number
  readonly closed: boolean
}
interface Figures {
  readonly lags: readonly number[]
  readonly skips: number
  readonly errors: number
  readonly loopDelay: number
}
type Message =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'connected' }
  | { readonly kind: 'counts'; readonly clients: readonly Counted[] }
  | ({ readonly kind: 'figures' } & Figures)

interface Run {
  readonly viewers: number
  readonly seconds: number
  readonly bitrate: number
  readonly stalled: number
  readonly slow: number
  readonly loaders: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const message = <Kind extends Message['kind']>(child: ChildProcess, kind: Kind) =>
  new Promise<Extract<Message, { kind: Kind }>>((resolve) => {
    const onMessage = (received: unknown): void => {
      const found = received as Message
      if (found.kind !== kind) return
      child.off('message', onMessage)
      resolve(found as Extract<Message, { kind: Kind }>)
    }
    child.on('message', onMessage)
  })

const role = (name: string, options: object): ChildProcess =>
  fork(fileURLToPath(import.meta.url), ['--role', name, '--options', JSON.stringify(options)])

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

const rssBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

const counts = async (loaders: readonly ChildProcess[]): Promise<readonly Counted[]> => {
  const answers = loaders.map((loader) => message(loader, 'counts'))
  for (const loader of loaders) loader.send('count')
  return (await Promise.all(answers)).flatMap((answer) => answer.clients)
}

const share = (run: Run, index: number): Omit<LoadOptions, 'port' | 'path'> => {
  const part = (whole: number): number =>
    Math.floor((whole * (index + 1)) / run.loaders) - Math.floor((whole * index) / run.loaders)
  return { viewers: part(run.viewers), stalled: part(run.stalled), slow: part(run.slow) }
}

interface Target {
  readonly pid: number
  readonly port: number
  /** The measurement begins. */
  readonly settled?: () => void
}

const measure = async (name: string, target: Target, run: Run) => {
  const idle = rssBytes(target.pid)
  const loaders = Array.from({ length: run.loaders }, (_, index) =>
    role('load', { port: target.port, path: '/stream.ts', ...share(run, index) }),
  )
  await Promise.all(loaders.map((loader) => message(loader, 'connected')))
  await pause(SETTLE_MS)
  target.settled?.()
  const [cpuBefore, before, begun] = [
    cpuSeconds(target.pid),
    await counts(loaders),
    performance.now(),
  ]
  await pause(run.seconds * 1_000)
  const [cpuAfter, after, ended] = [
    cpuSeconds(target.pid),
    await counts(loaders),
    performance.now(),
  ]
  const rss = rssBytes(target.pid)
  for (const loader of loaders) loader.disconnect()
  const seconds = (ended - begun) / 1_000
  const got = after.map((client, index) => client.bytes - before[index]!.bytes)
  const bytes = got.reduce((sum, count) => sum + count, 0)
  const full = got.filter((_, index) => after[index]!.pace === 'full')
  const cpu = cpuAfter - cpuBefore
  return {
    '': name,
    viewers: run.viewers,
    'Gbit/s': round((bytes * 8) / seconds / 1e9),
    cores: round(cpu / seconds),
    'CPU-s/GB': round(cpu / (bytes / 1e9)),
    'RSS/viewer KiB': round((rss - idle) / run.viewers / 1_024),
    'slowest %': round((Math.min(...full) * 8 * 100) / (run.bitrate * seconds)),
    'first byte ms (max)': round(Math.max(...after.map((client) => client.firstByteMs))),
    closed: after.filter((client) => client.closed).length,
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

const benchSluice = async (path: string, run: Run) => {
  const server = role('serve', { path, bitrate: run.bitrate })
  const { port } = await message(server, 'ready')
  let figures: Figures = { lags: [], skips: 0, errors: 0, loopDelay: 0 }
  let [worstLag, loopDelay] = [0, 0]
  server.on('message', (received: Message) => {
    if (received.kind !== 'figures') return
    figures = received.lags.length > 0 ? received : figures
    // Counts viewers that read at full speed, even if every stalled and slow one is still there.
    worstLag = Math.max(worstLag, received.lags.at(-1 - run.stalled - run.slow) ?? 0)
    loopDelay = Math.max(loopDelay, received.loopDelay)
  })
  const settled = (): void => {
    worstLag = 0
    loopDelay = 0
  }
  const row = await measure('sluice', { pid: server.pid!, port, settled }, run)
  server.disconnect()
  const { skips, errors } = figures
  return {
    ...row,
    'worst lag ms': worstLag,
    'loop delay ms': round(loopDelay),
    skips,
    disconnected: errors,
  }
}

const benchIcecast = async (path: string, scratch: string, run: Run) => {
  const icecast = await startIcecast(scratch, readPieces(path, run.bitrate))
  try {
    return await measure('icecast', { pid: icecast.process.pid!, port: icecast.port }, run)
  } finally {
    icecast.stop()
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      viewers: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '10' },
      bitrate: { type: 'string', default: '4000000' },
      stalled: { type: 'string', default: '0' },
      slow: { type: 'string', default: '0' },
      loaders: { type: 'string', default: '2' },
      'no-icecast': { type: 'boolean', default: false },
      role: { type: 'string' },
      options: { type: 'string', default: '{}' },
    },
  })
  const options: unknown = JSON.parse(values.options)
  if (values.role === 'serve') {
    const { path, bitrate } = options as { path: string; bitrate: number }
    serve(path, bitrate)
    return
  }
  if (values.role === 'load') {
    load(options as LoadOptions)
    return
  }
  const run: Run = {
    viewers: Number(values.viewers),
    seconds: Number(values.seconds),
    bitrate: Number(values.bitrate),
    stalled: Number(values.stalled),
    slow: Number(values.slow),
    loaders: Number(values.loaders),
  }
  const scratch = mkdtempSync(join(tmpdir(), 'fanout-'))
  try {
    const path = join(scratch, 'stream.ts')
    makeStream(path, run.bitrate)
    const rows: object[] = [await benchSluice(path, run)]
    if (!values['no-icecast']) rows.push(await benchIcecast(path, scratch, run))
    console.table(rows)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

await main()
