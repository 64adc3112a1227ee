import { Buffer } from 'node:buffer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testHost, type TestHost } from '../../test/helpers/process-host.ts'
import { realClock } from '../lib/clock.ts'
import { FedProcess, type FedRun } from './fed-process.ts'

let test: TestHost
beforeEach(() => {
  test = testHost()
})
afterEach(() => test.close())

/** A stand-in for ffmpeg: a shell line, because arguments are all that is passed to it. */
const fed = (script: string, change: Partial<FedRun> = {}, signal?: AbortSignal): FedProcess =>
  new FedProcess(
    { host: test.host, clock: realClock },
    {
      ffmpeg: '/bin/sh',
      args: ['-c', script],
      purpose: 'test',
      secrets: [],
      onLine: () => {},
      maxFinishMs: 10_000,
      ...change,
    },
    signal ?? new AbortController().signal,
  )

const readAll = async (process: FedProcess) => {
  const chunks: Uint8Array[] = []
  const end = await process.read((chunk) => void chunks.push(chunk))
  return { text: Buffer.concat(chunks).toString(), end }
}

describe('an FFmpeg that is fed', () => {
  it('writes out what it holds after its input has ended', async () => {
    const process = fed('cat; echo tail')
    process.stdin.write(Buffer.from('body '))
    process.finish()
    process.finish()
    const { text, end } = await readAll(process)
    expect(text).toBe('body tail\n')
    expect(end.isComplete).toBe(true)
    expect(process.stdin.write(Buffer.from('late'))).toBe('closed')
  })

  it('that does not end is stopped after the limit', async () => {
    const process = fed('cat; sleep 60', { maxFinishMs: 50 })
    process.finish()
    const { end } = await readAll(process)
    expect(end).toMatchObject({ isComplete: false, facts: { cause: { kind: 'stopped' } } })
  })

  it('is complete only where it ended by itself, without an error', async () => {
    const { end } = await readAll(fed('echo half; exit 3'))
    expect(end).toMatchObject({ isComplete: false, facts: { cause: { kind: 'exited', code: 3 } } })
  })

  it.each(['stop', 'abort'] as const)('ends at once by %s', async (how) => {
    const abort = new AbortController()
    const lines: string[] = []
    const onLine: FedRun['onLine'] = ({ text }) => void lines.push(text)
    const script = 'trap "echo stopping >&2; exit 1" TERM; while read -r line; do :; done; exit 1'
    const process = fed(script, { onLine }, abort.signal)
    if (how === 'stop') process.stop()
    else abort.abort()
    const { end } = await readAll(process)
    expect(end.isComplete).toBe(false)
    // What it reports about being stopped is no fault.
    expect(lines).toEqual([])
  })

  it('is stopped by a consumer that throws, with that as the reason', async () => {
    const process = fed('echo one; sleep 60')
    const end = await process.read(() => {
      throw new Error('cannot be parsed')
    })
    expect(end).toMatchObject({ isComplete: false, sentence: 'cannot be parsed' })
  })
})
