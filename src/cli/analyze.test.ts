import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testIo, type TestIo } from '../../test/helpers/cli-io.ts'
import type { StartAnalysis } from './analyze.ts'
import { runCli } from './program.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-analyze-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Counts bytes; the byte 0x47 is a packet, 0xff an error. */
const analyze = (args: readonly string[], io: TestIo = testIo()) => {
  const seen = { bytes: 0, packets: 0, errors: 0, arrivals: 0 }
  let onFirst: () => void = () => undefined
  const first = new Promise<void>((resolve) => (onFirst = resolve))
  const startAnalysis: StartAnalysis = (rules) => ({
    push: (bytes, arrivalMs) => {
      seen.bytes += bytes.length
      seen.packets += bytes.filter((byte) => byte === 0x47).length
      seen.errors += bytes.filter((byte) => byte === 0xff).length
      if (arrivalMs !== undefined) seen.arrivals++
      onFirst()
    },
    finish: () => ({ text: `rules ${rules}, bytes ${seen.bytes}\n`, report: seen, ...seen }),
  })
  const unused = () => Promise.reject(new Error('not part of this test'))
  const parts = { io: io.io, version: '0', startApp: unused, probeUrl: unused }
  const code = runCli(['analyze', ...args], { ...parts, startAnalysis: async () => startAnalysis })
  return { ...io, seen, first, code }
}

const file = (name: string, bytes: readonly number[]): string => {
  const path = join(folder, name)
  writeFileSync(path, Uint8Array.from(bytes))
  return path
}

test.each<[string, readonly number[], number]>([
  ['a clean file exits 0', [0x47, 1, 2], 0],
  ['violations exit 3', [0x47, 0xff], 3],
])('%s', async (_name, bytes, code) => {
  const run = analyze([file('some.ts', bytes), '--rules', 'program'])
  expect(await run.code).toBe(code)
  expect(run.out()).toBe(`rules program, bytes ${bytes.length}\n`)
  // Offsets in a file say nothing about arrival.
  expect(run.seen.arrivals).toBe(0)
})

test('a file that is not a transport stream is reported as such', async () => {
  const run = analyze([file('some.txt', [1, 2, 3])])
  expect(await run.code).toBe(1)
  expect(run.err()).toContain('no MPEG transport stream found')
})

test('standard input is read to its end, as live', async () => {
  const io = testIo()
  io.stdin.end(Buffer.from([0x47, 0x47]))
  const run = analyze(['-', '--json'], io)
  expect(await run.code).toBe(0)
  expect(JSON.parse(run.out())).toMatchObject({ bytes: 2, arrivals: 1 })
})

test('a signal ends an input that has fallen silent, with the report', async () => {
  const io = testIo()
  io.stdin.write(Buffer.from([0x47]))
  const run = analyze(['-'], io)
  await run.first
  io.signal('SIGINT')
  expect(await run.code).toBe(0)
  expect(run.out()).toBe('rules standard, bytes 1\n')
})

test('--seconds ends a silent input', async () => {
  const run = analyze(['-', '--seconds', '0.05'])
  expect(await run.code).toBe(1)
  expect(run.err()).toContain('no MPEG transport stream found')
})

test('a terminal as standard input is refused', async () => {
  const run = analyze(['-'], testIo({ terminal: { columns: 80, rows: 24 } }))
  expect(await run.code).toBe(2)
  expect(run.err()).toContain('pipe a stream into it')
})

test('datagrams are received until the signal', async () => {
  const probe = createSocket('udp4')
  await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise<void>((resolve) => probe.close(() => resolve()))
  const run = analyze([`udp://127.0.0.1:${port}`])
  const sender = createSocket('udp4')
  // Datagrams sent before the command listens are lost.
  const timer = setInterval(() => sender.send(Uint8Array.of(0x47), port, '127.0.0.1'), 5)
  await run.first
  clearInterval(timer)
  run.signal('SIGTERM')
  expect(await run.code).toBe(0)
  sender.close()
})

test.each<[string, number, string]>([
  ['udp://nowhere', 2, 'is not a UDP address; expected udp://host:port'],
  ['http://127.0.0.1:1/x?token=hush', 4, 'http://127.0.0.1:1/x?token=*** does not answer ('],
  ['/', 2, '"/" is a folder; expected a file'],
])('%s is refused with %i', async (target, code, message) => {
  const run = analyze([target])
  expect(await run.code).toBe(code)
  expect(run.err()).toContain(message)
})
