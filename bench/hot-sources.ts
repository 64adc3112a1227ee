/**
 * Many hot sources, one of them on the air: Sluice's own CPU share of a core. Natively received UDP; with
 * --pipes n also n of them received by FFmpeg, which copies them into our pipes. The peer is one ffmpeg that receives one such
 * stream and discards it.
 *
 * Run: bin/bench hot-sources [--sources 20] [--pipes 0] [--bitrate 5000000] [--seconds 10] [--profile folder]
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpuSecondsOf } from '../test/helpers/running-sluice.ts'
import { type SenderOptions, sendToAll } from './hot-sources/sender.ts'
import { pause, round } from './support/figures.ts'
import { withSluice } from './support/sluice.ts'

/** Time until every source runs and the start is over. */
const SETTLE_MS = 8_000
const GOAL_CORES = 0.25

const makeMaterial = (path: string, bitrate: number, seconds: number): void => {
  const video = Math.round(bitrate * 0.9)
  const encode =
    `-v error -f lavfi -i testsrc2=s=640x360:r=25,noise=alls=60:allf=t -f lavfi -i sine=r=48000 -t ${seconds} ` +
    `-c:v libx264 -preset ultrafast -g 50 -b:v ${video} -minrate ${video} -maxrate ${video} -bufsize ${video} ` +
    `-c:a aac -b:a 128k -f mpegts -muxrate ${bitrate}`
  execFileSync('ffmpeg', [...encode.split(' '), path])
}

/** UDP ports that were free a moment ago. */
const freeUdpPorts = async (count: number): Promise<number[]> => {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket('udp4')
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      return socket
    }),
  )
  const ports = sockets.map((socket) => socket.address().port)
  await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))))
  return ports
}

const startSender = (options: SenderOptions): ChildProcess =>
  fork(fileURLToPath(import.meta.url), ['--send', JSON.stringify(options)])

const coresOf = async (pid: number, seconds: number): Promise<number> => {
  const [cpu, begun] = [cpuSecondsOf(pid), performance.now()]
  await pause(seconds * 1_000)
  return (cpuSecondsOf(pid) - cpu) / ((performance.now() - begun) / 1_000)
}

interface Run {
  readonly material: string
  readonly bitrate: number
  readonly seconds: number
  readonly nodeArgs: readonly string[]
}

const measure = async (urls: readonly string[], run: Run) => {
  const args = urls.flatMap((url, index) => ['-s', `s${index}=${url}`])
  return withSluice(
    args,
    async (sluice) => {
      await pause(SETTLE_MS)
      const cores = await coresOf(sluice.pid, run.seconds)
      const { sources, program } = await sluice.status()
      return {
        sources: urls.length,
        'Mbit/s': round(sources.reduce((sum, source) => sum + source.bitrate, 0) / 1e6),
        healthy: sources.filter((source) => source.healthy).length,
        'on air': program.onAir,
        'continuity errors': sources.reduce(
          (sum, { continuityErrors }) => sum + (continuityErrors ?? 0),
          0,
        ),
        cores: round(cores, 3),
        goal: `≤ ${GOAL_CORES} for 20`,
      }
    },
    run.nodeArgs,
  )
}

/** Measures `count` sources with `query` in each URL. */
const received = async (count: number, query: string, run: Run) => {
  const ports = await freeUdpPorts(count)
  const sender = startSender({ path: run.material, bitrate: run.bitrate, ports })
  try {
    const urls = ports.map((port) => `udp://127.0.0.1:${port}${query}`)
    return await measure(urls, run)
  } finally {
    sender.kill()
  }
}

/** The peer with one stream only: twenty would be twenty processes. */
const peer = async (run: Run) => {
  const [port] = await freeUdpPorts(1)
  const sender = startSender({ path: run.material, bitrate: run.bitrate, ports: [port!] })
  const input = `-nostdin -v error -i udp://127.0.0.1:${port} -c copy -f mpegts -y /dev/null`
  const ffmpeg = spawn('ffmpeg', input.split(' '), { stdio: 'ignore' })
  try {
    await pause(SETTLE_MS / 2)
    const cores = await coresOf(ffmpeg.pid!, run.seconds)
    return { sources: 1, 'Mbit/s': run.bitrate / 1e6, cores: round(cores, 3) }
  } finally {
    sender.kill()
    ffmpeg.kill('SIGKILL')
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      sources: { type: 'string', default: '20' },
      pipes: { type: 'string', default: '0' },
      bitrate: { type: 'string', default: '5000000' },
      seconds: { type: 'string', default: '10' },
      profile: { type: 'string' },
      send: { type: 'string' },
    },
  })
  if (values.send !== undefined) {
    sendToAll(JSON.parse(values.send) as SenderOptions)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'hot-sources-'))
  const [bitrate, seconds] = [Number(values.bitrate), Number(values.seconds)]
  const material = join(folder, 'material.ts')
  try {
    makeMaterial(material, bitrate, seconds + SETTLE_MS / 1_000 + 12)
    const nodeArgs =
      values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
    const run: Run = { material, bitrate, seconds, nodeArgs }
    const rows: Record<string, object> = {
      'native UDP': await received(Number(values.sources), '', run),
    }
    const pipes = Number(values.pipes)
    if (pipes > 0) rows['pipes from ffmpeg'] = await received(pipes, '?reader=ffmpeg', run)
    rows['ffmpeg -c copy, UDP in'] = await peer(run)
    console.table(rows)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
