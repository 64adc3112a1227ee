import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, readdirSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TakeAnswer } from '../../src/contract/commands.ts'
import type { ChannelEvent } from '../../src/contract/events.ts'
import type { ChannelStatus, SourceStatus } from '../../src/contract/status.ts'
import { procStat, startMarkOf } from '../../src/process/proc.ts'

export interface SluiceOptions {
  /** The built `main.js`. */
  readonly main: string
  /** Arguments of `sluice run`; a free port is listened on. */
  readonly args: readonly string[]
  readonly stateDir: string
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** End of a stopped process. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly ms: number
}

/** A viewer that writes its stream to a file. */
export interface Capture {
  readonly path: string
  readonly bytes: number
  /** Disconnects; the file is then complete. */
  stop(): Promise<void>
}

const START_MS = 30_000
const POLL_MS = 25
/** Environment mark inherited by every process that Sluice starts, to find them all. */
const MARK = 'RUN_MARK_OF_SLUICE'

/** A built Sluice as a process of its own. */
export class RunningSluice {
  readonly address: string
  readonly events: readonly ChannelEvent[]
  readonly #process: ChildProcess
  readonly #mark: string
  readonly #output: readonly string[]

  private constructor(parts: {
    readonly process: ChildProcess
    readonly mark: string
    readonly address: string
    readonly events: readonly ChannelEvent[]
    readonly said: readonly string[]
  }) {
    this.#process = parts.process
    this.#mark = parts.mark
    this.#output = parts.said
    this.address = parts.address
    this.events = parts.events
  }

  /** Resolves when it listens; rejects with its output when it ends before. */
  static async start(options: SluiceOptions): Promise<RunningSluice> {
    const mark = randomUUID()
    const { PATH, HOME, TMPDIR } = process.env
    const run = [options.main, 'run', '--json', '--listen', '127.0.0.1:0']
    const child = spawn(
      process.execPath,
      [...(options.nodeArgs ?? []), ...run, '--state-dir', options.stateDir, ...options.args],
      {
        env: { PATH, HOME, TMPDIR, ...options.env, [MARK]: mark },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    const events: ChannelEvent[] = []
    const said: string[] = []
    const address = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready:\n${said.join('\n')}`)), START_MS)
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          said.push(line)
          if (said.length > 500) said.shift()
          const event = eventIn(line)
          if (event === undefined) return
          if (event.type !== 'listening') {
            events.push(event)
            return
          }
          clearTimeout(timer)
          resolve(event.address)
        })
      }
      child.once('exit', (code) => {
        clearTimeout(timer)
        reject(new Error(`ended with ${code}:\n${said.join('\n')}`))
      })
    })
    return new RunningSluice({ process: child, mark, address: await address, events, said })
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** The newest lines of its output, for the message of a failure. */
  get output(): string {
    return this.#output.join('\n')
  }

  async get<Answer>(path: string): Promise<Answer> {
    const answer = await fetch(this.address + path)
    return (await answer.json()) as Answer
  }

  async send<Answer>(method: 'POST' | 'PATCH', path: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(this.address + path, { method, headers, body: JSON.stringify(body) })
    return (await answer.json()) as Answer
  }

  status(): Promise<ChannelStatus> {
    return this.get('/status')
  }

  async source(id: string): Promise<SourceStatus> {
    const found = (await this.status()).sources.find((source) => source.id === id)
    if (found === undefined) throw new Error(`no source ${id}`)
    return found
  }

  take(source: string, mode?: string): Promise<TakeAnswer> {
    return this.send('POST', '/switch', { source, ...(mode === undefined ? {} : { mode }) })
  }

  /** Polls the status; rejects with the last one on timeout. */
  async until(
    holds: (status: ChannelStatus) => boolean,
    withinMs = 20_000,
  ): Promise<ChannelStatus> {
    const end = performance.now() + withinMs
    for (;;) {
      const status = await this.status()
      if (holds(status)) return status
      if (performance.now() > end) {
        throw new Error(`not within ${withinMs} ms: ${summary(status)}\n${this.output}`)
      }
      await sleep(POLL_MS)
    }
  }

  onAir(source: string, withinMs?: number): Promise<ChannelStatus> {
    return this.until(
      ({ program, state }) => state === 'running' && program.onAir === source,
      withinMs,
    )
  }

  /** Resolves when all of these run and can be taken, and `onAir` is on the air. */
  ready(onAir: string, ...others: readonly string[]): Promise<ChannelStatus> {
    return this.until(
      ({ program, sources }) =>
        program.onAir === onAir &&
        [onAir, ...others].every((id) =>
          sources.some((source) => source.id === id && source.healthy && source.bufferMs > 1_000),
        ),
    )
  }

  /** Pid of the process that reads a source. */
  async readerOf(id: string): Promise<number> {
    const { pid } = await this.source(id)
    if (pid === undefined) throw new Error(`${id} has no process`)
    return pid
  }

  /** Events of one type so far. */
  eventsOf<Type extends ChannelEvent['type']>(type: Type): Extract<ChannelEvent, { type: Type }>[] {
    return this.events.filter(
      (event): event is Extract<ChannelEvent, { type: Type }> => event.type === type,
    )
  }

  /** Starts a capture; resolves with its first bytes. */
  capture(path: string, route = '/stream.ts'): Promise<Capture> {
    return new Promise((resolve, reject) => {
      const request = get(this.address + route, (response) => {
        const file = createWriteStream(path)
        let bytes = 0
        const written = once(file, 'finish')
        response.on('error', () => undefined)
        response.on('close', () => file.end())
        response.on('data', (chunk: Buffer) => {
          file.write(chunk)
          const isFirst = bytes === 0
          bytes += chunk.length
          if (!isFirst) return
          resolve({
            path,
            get bytes() {
              return bytes
            },
            stop: async () => {
              request.destroy()
              await written
            },
          })
        })
      })
      request.on('error', reject)
    })
  }

  /** Pids of its descendants without zombies; also after its own end. */
  children(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== this.pid && this.#isMarked(pid))
  }

  /** Sends TERM; resolves with the end. */
  async stop(): Promise<Ended> {
    return this.#endWith('SIGTERM')
  }

  /** Sends KILL, like a crash without cleanup. */
  async kill(): Promise<Ended> {
    return this.#endWith('SIGKILL')
  }

  async #endWith(how: NodeJS.Signals): Promise<Ended> {
    const startedAt = performance.now()
    const child = this.#process
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill(how)
      await ended
    }
    return { code: child.exitCode, signal: child.signalCode, ms: performance.now() - startedAt }
  }

  #isMarked(pid: number): boolean {
    try {
      if (startMarkOf(pid) === undefined) return false
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${this.#mark}`)
    } catch {
      return false
    }
  }
}

/** User and system time of a process so far. */
export const cpuSecondsOf = (pid: number): number => procStat(pid)?.cpuSeconds ?? Number.NaN

type PrintedEvent = ChannelEvent | { readonly type: 'listening'; readonly address: string }

const eventIn = (line: string): PrintedEvent | undefined => {
  try {
    return (JSON.parse(line) as { event?: PrintedEvent }).event
  } catch {
    return undefined
  }
}

const summary = ({ program, sources, state }: ChannelStatus): string =>
  JSON.stringify({
    state,
    program,
    sources: sources.map((source) => ({ ...source, tracks: source.tracks.length })),
  })
