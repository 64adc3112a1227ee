import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { verdictOf, type Verdict } from './capture-verdict.ts'
import { RunningSluice } from './running-sluice.ts'
import { buildSluice, type SluiceBuild } from './sluice-build.ts'

/** A built Sluice, a folder, and the programs of one test file; `close` ends and removes all of it. */
export class E2eBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
  readonly build: SluiceBuild = buildSluice()
  readonly #programs: ChildProcess[] = []
  #sluice: RunningSluice | undefined
  #captures = 0

  get main(): string {
    return join(this.build.folder, 'dist/main.js')
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Starts Sluice; stops the one before. */
  async sluice(...args: readonly string[]): Promise<RunningSluice> {
    await this.#sluice?.stop()
    const stateDir = mkdtempSync(join(this.folder, 'state-'))
    this.#sluice = await RunningSluice.start({ main: this.main, args, stateDir })
    return this.#sluice
  }

  /** A program that is ended with the bench, or before. */
  program(command: string, args: readonly string[]): Program {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null))
      child.once('close', (code) => resolve(code))
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => (said = (said + text.toString('utf8')).slice(-20_000)))
    }
    this.#programs.push(child)
    return {
      ended,
      pid: child.pid,
      output: () => said,
      end: async () => {
        endOf(child)
        await ended
      },
    }
  }

  /** A live encoder outside Sluice. */
  encoder(options: { readonly tone: number }, ...output: readonly string[]): Program {
    const videoInput = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25']
    const audioInput = ['-f', 'lavfi', '-i', `sine=frequency=${options.tone}:sample_rate=48000`]
    const coded =
      '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -bf 2 -c:a aac -ac 2 -b:a 96k'
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error']
    return this.program('ffmpeg', [
      ...quiet,
      ...videoInput,
      ...audioInput,
      ...coded.split(' '),
      ...output,
    ])
  }

  /** Verdict on a viewer's capture while `during` runs. */
  async watch(
    sluice: RunningSluice,
    expected: { readonly seconds: number; readonly route?: string },
    during: () => Promise<unknown>,
  ): Promise<Verdict> {
    const path = this.path(`capture-${this.#captures++}.ts`)
    const capture = await sluice.capture(path, expected.route)
    try {
      await during()
    } finally {
      await capture.stop()
    }
    return verdictOf(path, { frameTicks: 3_600, seconds: expected.seconds })
  }

  async close(): Promise<void> {
    await this.#sluice?.stop()
    for (const child of this.#programs) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue
      const ended = once(child, 'exit')
      endOf(child)
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export interface Program {
  readonly pid: number | undefined
  /** Exit code; null when a signal ended it or it never started. */
  readonly ended: Promise<number | null>
  output(): string
  end(): Promise<void>
}

/** Waits for media time to pass. */
export const seconds = (count: number): Promise<void> => sleep(count * 1_000)

const endOf = (child: ChildProcess): void => {
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 1_500)
  child.once('exit', () => clearTimeout(hard))
}
