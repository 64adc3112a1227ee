import { createServer as createTcpServer } from 'node:net'
import { once } from 'node:events'
import type { TestContext } from 'vitest'
import { SourceSpec, type SourceSpecInput } from '../../src/contract/spec.ts'
import { findFfmpeg, type FfmpegCapabilities } from '../../src/ffmpeg/capabilities.ts'
import { DEFAULT_AUDIO, DEFAULT_VIDEO } from '../../src/ffmpeg/generated-source.ts'
import { realClock } from '../../src/lib/clock.ts'
import { DEFAULT_HOST_LIMITS, HostBudget } from '../../src/net/host-budget.ts'
import { hostOf } from '../../src/ffmpeg/source-url.ts'
import { readerFactory, type SourceEnvironment } from '../../src/media/sources/open-reader.ts'
import { SupervisedSource } from '../../src/media/sources/supervised-source.ts'
import {
  DEFAULT_SUPERVISION,
  type SourceTransition,
  type SupervisionLimits,
  type Wanted,
} from '../../src/media/sources/supervision.ts'
import { spawnChild } from '../../src/process/spawn.ts'
import { CollectingSink } from './collecting-sink.ts'
import { testHost, type TestHost } from './process-host.ts'

export interface RunningSource {
  readonly source: SupervisedSource
  readonly sink: CollectingSink
  readonly transitions: SourceTransition[]
  readonly warnings: string[]
  /** Resolves when such a transition was or is reported. */
  reached(holds: (transition: SourceTransition) => boolean): Promise<SourceTransition>
  stop(): Promise<void>
}

export interface RunOptions {
  readonly limits?: Partial<SupervisionLimits>
  readonly wanted?: Wanted
  readonly sink?: CollectingSink
}

/** Real sources with real processes; everything started here ends with `close`. */
export class SourceBench {
  readonly #test: TestHost
  readonly #ffmpeg: FfmpegCapabilities
  readonly #stops: (() => Promise<unknown>)[] = []

  private constructor(test: TestHost, ffmpeg: FfmpegCapabilities) {
    this.#test = test
    this.#ffmpeg = ffmpeg
  }

  static async create(): Promise<SourceBench> {
    const test = testHost()
    return new SourceBench(test, await findFfmpeg(test.host, {}, new AbortController().signal))
  }

  /** The same, for one of the tests that run at once: what it starts ends with it. */
  forTest({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): SourceBench {
    const own = new SourceBench(this.#test, this.#ffmpeg)
    onTestFinished(() => own.clear())
    return own
  }

  get folder(): string {
    return this.#test.folder
  }

  get host(): TestHost['host'] {
    return this.#test.host
  }

  environment(warn: (message: string) => void = () => {}): SourceEnvironment {
    return {
      host: this.#test.host,
      clock: realClock,
      ffmpeg: this.#ffmpeg,
      encoded: {
        video: { ...DEFAULT_VIDEO, format: { ...DEFAULT_VIDEO.format, width: 320, height: 180 } },
        audio: DEFAULT_AUDIO,
      },
      onLine: () => {},
      warn,
    }
  }

  runSource(spec: Omit<SourceSpecInput, 'id'>, options: RunOptions = {}): RunningSource {
    const sink = options.sink ?? new CollectingSink()
    const transitions: SourceTransition[] = []
    const warnings: string[] = []
    const waiting: {
      holds: (t: SourceTransition) => boolean
      met: (t: SourceTransition) => void
    }[] = []
    const parsed = SourceSpec.parse({ id: 's', ...spec })
    const source = new SupervisedSource({
      openReader: readerFactory(
        parsed,
        this.environment((message) => warnings.push(message)),
      ),
      sink,
      clock: realClock,
      random: Math.random,
      limits: { ...DEFAULT_SUPERVISION, ...options.limits },
      budget: new HostBudget(DEFAULT_HOST_LIMITS, realClock),
      host: hostOf(parsed.url),
      wanted: options.wanted ?? 'run',
      onChange: (transition) => {
        transitions.push(transition)
        for (const { holds, met } of waiting) if (holds(transition)) met(transition)
      },
    })
    const abort = new AbortController()
    const run = source.run(abort.signal)
    const stop = async (): Promise<void> => {
      abort.abort()
      await run
    }
    this.#stops.push(stop)
    return {
      source,
      sink,
      transitions,
      warnings,
      stop,
      reached: (holds) => {
        const before = transitions.find(holds)
        if (before !== undefined) return Promise.resolve(before)
        return new Promise((met) => waiting.push({ holds, met }))
      },
    }
  }

  /** Runs a program until `close`, or until the returned function is called. */
  runProgram(command: string, args: readonly string[]): { pid: number; stop: () => Promise<void> } {
    const abort = new AbortController()
    const child = spawnChild(
      this.#test.host,
      { command, args, stdin: 'none', purpose: 'test peer', onStderrLine: () => {} },
      abort.signal,
    )
    void (async () => {
      for await (const _ of child.stdout);
    })()
    const stop = async (): Promise<void> => {
      abort.abort()
      await child.ended
    }
    this.#stops.push(stop)
    return { pid: child.pid!, stop }
  }

  /** Runs `end` before the folder is removed. */
  onClose(end: () => Promise<unknown>): void {
    this.#stops.push(end)
  }

  /** Ends everything started since the last call. */
  async clear(): Promise<void> {
    await Promise.all(this.#stops.splice(0).map((end) => end()))
  }

  async close(): Promise<void> {
    await this.clear()
    this.#test.close()
  }
}

export const freeTcpPort = async (): Promise<number> => {
  const server = createTcpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
