/**
 * Transport stream in, access units, the switch's timeline, transport stream out: MB/s and CPU seconds per GB, beside
 * `ffmpeg -c copy` from pipe to pipe over the same bytes. Run: bin/bench throughput [MB]
 */
import { execFileSync, spawn } from 'node:child_process'
import { ticks, ticksOfMs } from '../src/contract/time.ts'
import type { AccessUnit } from '../src/mpegts/access-unit.ts'
import { TsDemuxer, type ElementaryProgram } from '../src/mpegts/demuxer.ts'
import { TsMuxer, type MuxTrack } from '../src/mpegts/muxer.ts'
import { allowHeapGrowth } from '../src/media/host/heap-growth.ts'
import { Switched } from './throughput/switched.ts'

const CHUNK = 65_536
const MEGABYTE = 1_000_000

interface Figures {
  readonly name: string
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
}

const makeSample = (): Buffer =>
  execFileSync(
    'ffmpeg',
    (
      '-v error -f lavfi -i testsrc2=s=1280x720:r=25 -f lavfi -i sine=r=48000 -t 20 ' +
      '-c:v libx264 -preset ultrafast -g 50 -b:v 5M -minrate 5M -maxrate 5M -bufsize 5M -nal-hrd cbr ' +
      '-c:a aac -b:a 128k -f mpegts pipe:1'
    ).split(' '),
    { maxBuffer: 1e9 },
  )

/** Chunks arrive in fresh memory, as from a pipe, but the copying is done before, outside the measurement. */
const chunksOf = (sample: Buffer): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < sample.length; at += CHUNK) {
    chunks.push(new Uint8Array(sample.subarray(at, at + CHUNK)))
  }
  return chunks
}

class Remux {
  #muxer: TsMuxer | undefined
  #index = new Map<number, number>()
  #now = -Infinity
  written = 0
  #mode: 'demux' | 'remux'
  readonly demuxer: TsDemuxer

  constructor(mode: 'demux' | 'remux') {
    this.#mode = mode
    this.demuxer = new TsDemuxer({
      program: (program) => this.#program(program),
      unit: (unit) => this.#unit(unit),
      format: () => {},
    })
  }

  push(chunk: Uint8Array): void {
    this.demuxer.push(chunk)
    if (this.#muxer !== undefined) this.written += this.#muxer.takeBatch().bytes.length
  }

  #program(program: ElementaryProgram): void {
    if (this.#mode === 'demux' || this.#muxer !== undefined) return
    const tracks: MuxTrack[] = []
    for (const { pid, codec } of program.tracks) if (codec) tracks.push({ pid, codec })
    this.#index = new Map(tracks.map(({ pid }, index) => [pid, index]))
    this.#muxer = new TsMuxer({ tracks, serviceName: 'bench', muxDelay: ticksOfMs(700) })
  }

  #unit(unit: AccessUnit): void {
    if (this.#muxer === undefined) return
    if (unit.dts > this.#now) {
      this.#now = unit.dts
      this.#muxer.advance(ticks(this.#now))
    }
    const { pts, dts, data } = unit
    const track = this.#index.get(unit.pid)!
    this.#muxer.write({ track, pts, dts, rap: unit.rap !== 'none', data })
  }
}

interface Flow {
  readonly demuxer: TsDemuxer
  /** Bytes that came out so far. */
  readonly written: number
  push(chunk: Uint8Array): void
}

const measure = (
  name: string,
  remux: Flow,
  work: { chunks: Uint8Array[]; rounds: number },
): Figures => {
  for (let i = 0; i < 3; i++) for (const chunk of work.chunks) remux.push(chunk)
  const before = remux.demuxer.counters.bytes
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < work.rounds; i++) for (const chunk of work.chunks) remux.push(chunk)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  const bytes = remux.demuxer.counters.bytes - before
  // A flow that lost bytes would be fast.
  if (remux.written > 0 && remux.written < 0.9 * remux.demuxer.counters.bytes) {
    throw new Error(
      `${name}: only ${remux.written} of ${remux.demuxer.counters.bytes} bytes came out`,
    )
  }
  return { name, bytes, seconds, cpuSeconds: (used.user + used.system) / 1e6 }
}

/** User and system time by ffmpeg's own `-benchmark`. */
const measureFfmpeg = async (chunks: Uint8Array[], rounds: number): Promise<Figures> => {
  const start = performance.now()
  const child = spawn(
    'ffmpeg',
    '-nostdin -hide_banner -nostats -v info -benchmark -f mpegts -i pipe:0 -map 0 -c copy -f mpegts pipe:1'.split(
      ' ',
    ),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let log = ''
  child.stderr.on('data', (text: Buffer) => (log = (log + text.toString()).slice(-10_000)))
  child.stdout.resume()
  const closed = new Promise((resolve) => child.once('close', resolve))
  let bytes = 0
  for (let i = 0; i < rounds; i++) {
    for (const chunk of chunks) {
      bytes += chunk.length
      if (!child.stdin.write(chunk))
        await new Promise((resolve) => child.stdin.once('drain', resolve))
    }
  }
  child.stdin.end()
  await closed
  const seconds = (performance.now() - start) / 1000
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(log) ?? []
  return { name: 'ffmpeg -c copy', bytes, seconds, cpuSeconds: Number(user) + Number(system) }
}

// As `sluice run` has it.
allowHeapGrowth()
const sample = makeSample()
const chunks = chunksOf(sample)
const rounds = Math.max(
  1,
  Math.round((Number(process.argv[2] ?? 3_000) * MEGABYTE) / sample.length),
)
const figures = [
  measure('demux', new Remux('demux'), { chunks, rounds }),
  measure('demux, mux', new Remux('remux'), { chunks, rounds }),
  measure('demux, switch, mux', new Switched(), { chunks, rounds }),
  await measureFfmpeg(chunks, rounds),
]
for (const { name, bytes, seconds, cpuSeconds } of figures) {
  const speed = (bytes / MEGABYTE / seconds).toFixed(0).padStart(6)
  const cost = (cpuSeconds / (bytes / 1e9)).toFixed(2).padStart(6)
  console.log(`${name.padEnd(18)} ${speed} MB/s ${cost} CPU s/GB`)
}
