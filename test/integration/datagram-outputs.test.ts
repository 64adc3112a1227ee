import { execFile } from 'node:child_process'
import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outputId } from '../../src/contract/ids.ts'
import { millis, ticksOfMs } from '../../src/contract/time.ts'
import { realClock } from '../../src/lib/clock.ts'
import { DatagramOutput } from '../../src/media/outputs/datagram/datagram-output.ts'
import { FileOutput } from '../../src/media/outputs/file/file.ts'
import type { Output } from '../../src/media/outputs/interface/output.ts'
import { Ring } from '../../src/media/ring/ring.ts'
import type { ProgramChunk } from '../helpers/program-chunks.ts'
import {
  continuityErrors,
  cutProgram,
  encodeProgram,
  pidAt,
  PROGRAM_PIDS,
} from '../helpers/program-chunks.ts'

const run = promisify(execFile)
let chunks: readonly ProgramChunk[]
let folder: string

beforeAll(async () => {
  chunks = cutProgram(await encodeProgram({ seconds: 2, gop: 10 }))
  folder = await mkdtemp(join(tmpdir(), 'sluice-outputs-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newRing = (): Ring =>
  new Ring({ maxBytes: 32 << 20, minDuration: millis(20_000), pids: PROGRAM_PIDS })

/** Two seconds of program in real time; the output is stopped shortly after. */
const playLive = async (ring: Ring, output: Output): Promise<void> => {
  const stop = new AbortController()
  const ended = output.run(stop.signal)
  await until(() => output.status().state === 'running')
  const start = realClock.now()
  let next = 0
  await new Promise<void>((resolve) => {
    const timer = realClock.every(5, () => {
      for (; next < chunks.length && start + next * 40 <= realClock.now(); next++) {
        const { bytes, randomAccess } = chunks[next]!
        ring.append(bytes, ticksOfMs(next * 40), randomAccess)
      }
      if (next < chunks.length || realClock.now() < start + next * 40 + 100) return
      timer.cancel()
      resolve()
    })
  })
  stop.abort()
  await ended
}

const until = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 5_000
  while (!holds() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

const receiver = async (
  group?: string,
): Promise<{ socket: Socket; port: number; got: Buffer[] }> => {
  const socket = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 4 << 20 })
  const got: Buffer[] = []
  socket.on('message', (datagram) => got.push(datagram))
  socket.bind(0, group ?? '127.0.0.1')
  await once(socket, 'listening')
  if (group !== undefined) socket.addMembership(group, '127.0.0.1')
  return { socket, port: socket.address().port, got }
}

const program = (): Buffer => Buffer.concat(chunks.map((chunk) => chunk.bytes))

describe('UDP', () => {
  test.each([
    ['unicast', undefined, (port: number) => `udp://127.0.0.1:${port}`],
    [
      'multicast',
      '239.255.77.77',
      (port: number) => `udp://239.255.77.77:${port}?ttl=0&localaddr=127.0.0.1`,
    ],
  ])('%s delivers the program, seven packets in a datagram', async (_, group, url) => {
    const { socket, port, got } = await receiver(group)
    const ring = newRing()
    const output = new DatagramOutput({
      id: outputId('udp'),
      url: url(port),
      program: ring,
      clock: realClock,
      random: () => 0,
    })
    await playLive(ring, output)
    await until(() => Buffer.concat(got).length === program().length)
    socket.close()
    expect(Buffer.concat(got).equals(program())).toBe(true)
    expect(Math.max(...got.map((datagram) => datagram.length))).toBe(1_316)
    expect(output.status()).toMatchObject({
      kind: 'udp',
      errors: 0,
      skips: 0,
      bytes: program().length,
    })
  })

  test('a constant bitrate is read without complaint by ffprobe and tsreport', async () => {
    const { socket, port, got } = await receiver()
    const ring = newRing()
    const url = `udp://127.0.0.1:${port}?bitrate=2M`
    const output = new DatagramOutput({
      id: outputId('cbr'),
      url,
      program: ring,
      clock: realClock,
      random: () => 0,
    })
    await playLive(ring, output)
    await until(() => Buffer.concat(got).length === output.status().bytes)
    socket.close()
    const path = join(folder, 'cbr.ts')
    await writeFile(path, Buffer.concat(got))
    const { stdout, stderr } = await run('ffprobe', [
      '-v',
      'warning',
      '-count_frames',
      '-show_entries',
      'stream=codec_name,nb_read_frames',
      '-of',
      'csv=p=0',
      path,
    ])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/h264,4\d|h264,50/)
    const report = await run('tsreport', ['-buffering', '-q', path])
    expect(report.stdout.split('\n').filter((line) => /###|!!!/.test(line))).toEqual([])
    const received = Buffer.concat(got)
    expect(continuityErrors(received)).toEqual([])
    let nulls = 0
    for (let at = 0; at < received.length; at += 188) if (pidAt(received, at) === 0x1fff) nulls++
    expect(nulls).toBeGreaterThan(100)
    expect(output.status().errors).toBe(0)
  })

  test('a closed port is counted and stops nothing', async () => {
    const { socket, port } = await receiver()
    socket.close()
    await once(socket, 'close')
    const ring = newRing()
    const output = new DatagramOutput({
      id: outputId('udp'),
      url: `udp://127.0.0.1:${port}`,
      program: ring,
      clock: realClock,
      random: () => 0,
    })
    await playLive(ring, output)
    expect(output.status().errors).toBeGreaterThan(0)
    expect(output.status().lastError).toMatch(/ECONNREFUSED/)
    expect(output.status().bytes).toBe(program().length)
  })

  test('an address that is not ours is waited for, and says so', async () => {
    const output = new DatagramOutput({
      id: outputId('udp'),
      url: 'udp://127.0.0.1:9?localaddr=192.0.2.99',
      program: newRing(),
      clock: realClock,
      random: () => 0,
    })
    const stop = new AbortController()
    const ended = output.run(stop.signal)
    await until(() => output.status().state === 'waiting')
    expect(output.status().lastError).toMatch(/EADDRNOTAVAIL/)
    stop.abort()
    await ended
  })
})

test('RTP delivers the program with a sequence without gaps and a timestamp that follows the clock', async () => {
  const { socket, port, got } = await receiver()
  const ring = newRing()
  const output = new DatagramOutput({
    id: outputId('rtp'),
    url: `rtp://127.0.0.1:${port}`,
    program: ring,
    clock: realClock,
    random: () => 0,
  })
  await playLive(ring, output)
  await until(
    () => got.reduce((sum, datagram) => sum + datagram.length - 12, 0) === program().length,
  )
  socket.close()
  expect(Buffer.concat(got.map((datagram) => datagram.subarray(12))).equals(program())).toBe(true)
  for (const [index, datagram] of got.slice(1).entries()) {
    expect(datagram[1]).toBe(33)
    expect(datagram.readUInt16BE(2)).toBe((got[index]!.readUInt16BE(2) + 1) & 0xffff)
  }
  const span = (got.at(-1)!.readUInt32BE(4) - got[0]!.readUInt32BE(4) + 2 ** 32) % 2 ** 32
  expect(span / 90).toBeGreaterThan(1_800)
  expect(span / 90).toBeLessThan(2_300)
})

describe('a file', () => {
  test('holds the program, read back by ffprobe', async () => {
    const path = join(folder, 'program.ts')
    const ring = newRing()
    const output = new FileOutput({
      id: outputId('rec'),
      url: `file:${path}`,
      program: ring,
      clock: realClock,
      random: () => 0,
      stdout: new PassThrough(),
    })
    const ended = output.run(new AbortController().signal)
    for (const { bytes, time, randomAccess } of chunks) ring.append(bytes, time, randomAccess)
    ring.close()
    await ended
    expect((await readFile(path)).equals(program())).toBe(true)
    const { stdout } = await run('ffprobe', [
      '-v',
      'error',
      '-count_frames',
      '-select_streams',
      'v',
      '-show_entries',
      'stream=nb_read_frames',
      '-of',
      'csv=p=0',
      path,
    ])
    expect(new Set(stdout.trim().split(/\s+/))).toEqual(new Set(['50']))
  })

  test('that exists is left alone unless the URL says otherwise', async () => {
    const path = join(folder, 'precious.ts')
    await writeFile(path, 'precious')
    const ring = newRing()
    const outputs = ['', '?exists=append', '?exists=overwrite'].map(
      (option) =>
        new FileOutput({
          id: outputId('rec'),
          url: path + option,
          program: ring,
          clock: realClock,
          random: () => 0,
          stdout: new PassThrough(),
        }),
    )
    await outputs[0]!.run(new AbortController().signal)
    expect(outputs[0]!.status()).toMatchObject({
      state: 'failed',
      lastError: expect.stringMatching(/exists: name another/),
    })
    expect(await readFile(path, 'utf8')).toBe('precious')
    const [first] = chunks
    ring.append(first!.bytes, first!.time, 0)
    ring.close()
    await outputs[1]!.run(new AbortController().signal)
    expect((await readFile(path)).length).toBe(8 + first!.bytes.length)
    await outputs[2]!.run(new AbortController().signal)
    expect((await readFile(path)).equals(first!.bytes)).toBe(true)
  })

  test('on standard output ends with the abort even if nobody reads', async () => {
    const ring = newRing()
    for (const { bytes, time, randomAccess } of chunks) ring.append(bytes, time, randomAccess)
    const stop = new AbortController()
    const output = new FileOutput({
      id: outputId('out'),
      url: '-',
      program: ring,
      clock: realClock,
      random: () => 0,
      stdout: new PassThrough({ highWaterMark: 1 }),
    })
    const ended = output.run(stop.signal)
    stop.abort()
    await ended
    expect(output.status().state).toBe('running')
  })
})
