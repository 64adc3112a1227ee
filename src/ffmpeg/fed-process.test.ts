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
const fed = (script: string, change: Partial<FedRun> = {}): FedProcess =>
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
  )

const NEVER = new AbortController().signal

const started = (process: FedProcess, signal = NEVER, before?: Promise<unknown>) => {
  const chunks: Uint8Array[] = []
  const ended = process.run((chunk) => void chunks.push(chunk), signal, before)
  return { ended, text: () => Buffer.concat(chunks).toString() }
}

describe('an FFmpeg that is fed', () => {
  it('takes nothing before it runs', () => {
    const process = fed('cat')
    expect(process.stdin.write(Buffer.from('early'))).toBe('closed')
    expect(process.pid).toBeUndefined()
    process.finish()
  })

  it('writes out what it holds after its input has ended', async () => {
    const process = fed('cat; echo tail')
    const { ended, text } = started(process)
    process.stdin.write(Buffer.from('body '))
    process.finish()
    process.finish()
    expect((await ended).isComplete).toBe(true)
    expect(text()).toBe('body tail\n')
    expect(process.stdin.write(Buffer.from('late'))).toBe('closed')
  })

  it('is read only after the one before it has ended', async () => {
    let release = (): void => {}
    const process = fed('cat')
    const before = new Promise<void>((resolve) => (release = resolve))
    const { ended, text } = started(process, NEVER, before)
    process.stdin.write(Buffer.from('later'))
    process.finish()
    await process.stdin.drained()
    expect(text()).toBe('')
    release()
    await ended
    expect(text()).toBe('later')
  })

  it('that does not end is stopped after the limit', async () => {
    const process = fed('cat; sleep 60', { maxFinishMs: 50 })
    const { ended } = started(process)
    process.finish()
    expect(await ended).toMatchObject({
      isComplete: false,
      facts: { cause: { kind: 'stopped' } },
    })
  })

  it('is complete only where it ended by itself, without an error', async () => {
    const end = await started(fed('echo half; exit 3')).ended
    expect(end).toMatchObject({ isComplete: false, facts: { cause: { kind: 'exited', code: 3 } } })
  })

  it.each(['stop', 'abort'] as const)(
    'ends by %s, and what it reports then is no fault',
    async (how) => {
      const abort = new AbortController()
      const lines: string[] = []
      const onLine: FedRun['onLine'] = ({ text }) => void lines.push(text)
      const script =
        'trap "echo stopping >&2; exit 1" TERM; echo up; while read -r line; do :; done; exit 1'
      const process = fed(script, { onLine })
      const onChunk = (): void => (how === 'stop' ? process.stop() : abort.abort())
      const end = await process.run(onChunk, abort.signal)
      expect(end.isComplete).toBe(false)
      expect(lines).toEqual([])
    },
  )

  it('is stopped by a consumer that throws, with that as the reason', async () => {
    const end = await fed('echo one; sleep 60').run(() => {
      throw new Error('cannot be parsed')
    }, NEVER)
    expect(end).toMatchObject({ isComplete: false, sentence: 'cannot be parsed' })
  })
})
