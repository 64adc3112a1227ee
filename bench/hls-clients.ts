/**
 * HLS clients (playlist and segments), beside nginx with the same files in the same run.
 *
 *     bin/bench hls-clients [--clients 1000] [--seconds 20] [--size 640x360] [--segment 2]
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '../test/helpers/ffmpeg-tools.ts'
import { cpuSecondsOf, type RunningSluice } from '../test/helpers/running-sluice.ts'
import { HlsLoad, type LoadCounts, type LoadOptions } from './hls-clients/load.ts'
import { pause, percentile, round } from './support/figures.ts'
import { withSluice } from './support/sluice.ts'

const SETTLE_MS = 5_000
const PLAYLIST = '/live/stream.m3u8'

interface Run {
  readonly clients: number
  readonly seconds: number
  readonly segment: number
}

const cpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)

const loader = (options: LoadOptions): ChildProcess =>
  fork(fileURLToPath(import.meta.url), ['--load', JSON.stringify(options)])

const countsOf = (child: ChildProcess): Promise<LoadCounts> =>
  new Promise((resolve) => {
    child.once('message', (counts) => resolve(counts as LoadCounts))
    child.send('take')
  })

interface Target {
  readonly name: string
  readonly pids: readonly number[]
  readonly url: string
}

const measure = async ({ name, pids, url }: Target, run: Run, idleCores: number) => {
  const load = loader({ clients: run.clients, url, pollMs: (run.segment * 1_000) / 2 })
  try {
    await pause(SETTLE_MS + run.segment * 1_000)
    await countsOf(load)
    const [cpu, begun] = [cpuSeconds(pids), performance.now()]
    await pause(run.seconds * 1_000)
    const counts = await countsOf(load)
    const seconds = (performance.now() - begun) / 1_000
    const used = cpuSeconds(pids) - cpu - idleCores * seconds
    return {
      '': name,
      clients: run.clients,
      'requests/s': Math.round(counts.requests / seconds),
      'Mbit/s': Math.round((counts.bytes * 8) / seconds / 1e6),
      'ms CPU / request': round((used * 1_000) / counts.requests, 3),
      'CPU s / GB': round(used / (counts.bytes / 1e9), 2),
      cores: round(used / seconds, 2),
      'segment ms p50': round(percentile(counts.segmentMs, 0.5)),
      p99: round(percentile(counts.segmentMs, 0.99)),
      segments: counts.segments,
      failures: counts.failures,
    }
  } finally {
    load.disconnect()
  }
}

/** CPU of the channel itself, in cores. */
const idleCoresOf = async (pid: number, seconds: number): Promise<number> => {
  const [cpu, begun] = [cpuSeconds([pid]), performance.now()]
  await pause(seconds * 1_000)
  return (cpuSeconds([pid]) - cpu) / ((performance.now() - begun) / 1_000)
}

/** The same playlist and segments as files. */
const mirror = (sluice: RunningSluice, folder: string): (() => void) => {
  const known = new Set<string>()
  const copy = async (): Promise<void> => {
    const url = sluice.address + PLAYLIST
    const playlist = await (await fetch(url)).text()
    for (const file of playlist
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))) {
      if (known.has(file)) continue
      known.add(file)
      const bytes = await (await fetch(new URL(file, url))).arrayBuffer()
      writeFileSync(join(folder, file), new Uint8Array(bytes))
    }
    writeFileSync(join(folder, 'next'), playlist)
    renameSync(join(folder, 'next'), join(folder, 'stream.m3u8'))
  }
  void copy()
  const timer = setInterval(() => void copy(), 250)
  return () => clearInterval(timer)
}

const startNginx = async (folder: string): Promise<{ process: ChildProcess; port: number }> => {
  const port = await freePort()
  mkdirSync(join(folder, 'live'), { recursive: true })
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; gzip on; gzip_types application/vnd.apple.mpegurl;
  open_file_cache max=1000; open_file_cache_valid 1s; types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: 'ignore',
  })
  await pause(500)
  return { process: child, port }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '20' },
      segment: { type: 'string', default: '2' },
      size: { type: 'string', default: '640x360' },
      load: { type: 'string' },
    },
  })
  if (values.load !== undefined) {
    const load = new HlsLoad(JSON.parse(values.load) as LoadOptions)
    process.on('message', () => process.send!(load.take()))
    process.on('disconnect', () => process.exit())
    return
  }
  const run: Run = {
    clients: Number(values.clients),
    seconds: Number(values.seconds),
    segment: Number(values.segment),
  }
  const args = [
    ...['-s', `one=test:?size=${values.size}&rate=25`],
    ...['-o', 'hls:', '--hls-segment-time', values.segment],
  ]
  await withSluice(args, async (sluice, folder) => {
    await sluice.ready('one')
    await pause(run.segment * 6_000)
    const idle = await idleCoresOf(sluice.pid, 10)
    const own = await measure(
      { name: 'sluice', pids: [sluice.pid], url: sluice.address + PLAYLIST },
      run,
      idle,
    )
    const root = join(folder, 'nginx')
    mkdirSync(root, { recursive: true })
    const nginx = await startNginx(root)
    const stop = mirror(sluice, join(root, 'live'))
    try {
      await pause(2_000)
      const pids = childrenOf(nginx.process.pid!)
      const url = `http://127.0.0.1:${nginx.port}/live/stream.m3u8`
      console.table([own, await measure({ name: 'nginx', pids, url }, run, 0)])
      console.info(`the channel itself, without clients: ${round(idle, 2)} cores`)
    } finally {
      stop()
      nginx.process.kill('SIGQUIT')
    }
  })
}

await main()
