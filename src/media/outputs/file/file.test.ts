import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import { plainPacket } from '../../../../test/helpers/program-chunks.ts'
import { outputId } from '../../../contract/ids.ts'
import { millis } from '../../../contract/time.ts'
import { FileOutput, parseFileTarget } from './file.ts'
import type { Program } from '../interface/output.ts'

describe('a file URL', () => {
  test.each([
    ['-', { path: '-', ifExists: 'append' }],
    ['out.ts', { path: 'out.ts', ifExists: 'refuse' }],
    ['file:/a/b.ts', { path: '/a/b.ts', ifExists: 'refuse' }],
    ['file:///a/b%20c.ts?exists=overwrite', { path: '/a/b c.ts', ifExists: 'overwrite' }],
    ['/a/b.ts?exists=append', { path: '/a/b.ts', ifExists: 'append' }],
  ])('%s is understood', (url, target) => {
    expect(parseFileTarget(url)).toEqual(target)
  })

  test.each([
    ['file:', 'unsupported_url'],
    ['file://elsewhere/b.ts', 'unsupported_url'],
    ['a.ts?exists=maybe', 'option_refused'],
  ])('%s is refused as %s', (url, code) => {
    expect(() => parseFileTarget(url)).toThrow(expect.objectContaining({ code }))
  })
})

/** A program that ends after the given parts. */
const programOf = (parts: Uint8Array[]): Program => ({
  join: () => ({
    read: () => parts.shift(),
    next: () => undefined,
    lag: millis(0),
    skips: 0,
    get ended() {
      return parts.length === 0
    },
  }),
  subscribe: () => () => {},
})

test('a full disk is waited out, and the file stays whole packets', async () => {
  const clock = new FakeClock()
  const content: number[] = []
  const flags: string[] = []
  let room = 188 + 100
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  const output = new FileOutput({
    id: outputId('rec'),
    url: '/disk/out.ts',
    program: programOf([
      Buffer.concat([plainPacket({ pid: 1, counter: 0 }), plainPacket({ pid: 1, counter: 1 })]),
      plainPacket({ pid: 1, counter: 2 }),
    ]),
    clock,
    random: () => 0,
    stdout: new PassThrough(),
    openFile: async (_path, flag) => {
      flags.push(flag)
      return {
        write: async (bytes: Uint8Array, from: number, length: number) => {
          const bytesWritten = Math.min(room, length)
          if (bytesWritten === 0) throw full
          room -= bytesWritten
          content.push(...bytes.subarray(from, from + bytesWritten))
          return { bytesWritten, buffer: bytes }
        },
        stat: async () => ({ size: content.length }),
        truncate: async (size: number) => void content.splice(size),
        close: async () => {},
      } as never
    },
  })
  const done = output.run(new AbortController().signal)
  await clock.advanceAsync(1_000)
  expect(output.status()).toMatchObject({
    state: 'waiting',
    errors: 1,
    lastError: expect.stringMatching(/ENOSPC/),
  })
  expect(content.length).toBe(188)
  room = 10_000
  await clock.advanceAsync(6_000)
  await done
  expect(flags).toEqual(['wx', 'a'])
  expect(content.length).toBe(2 * 188)
  expect(clock.pendingTimers).toBe(0)
})

test('standard output whose reader left makes the output failed, and no more', async () => {
  const stdout = new PassThrough()
  stdout.on('error', () => {})
  stdout.destroy(new Error('EPIPE'))
  const output = new FileOutput({
    id: outputId('out'),
    url: '-',
    program: programOf([plainPacket({ pid: 1, counter: 0 })]),
    clock: new FakeClock(),
    random: () => 0,
    stdout,
  })
  await output.run(new AbortController().signal)
  expect(output.status()).toMatchObject({ state: 'failed', errors: 1 })
})
