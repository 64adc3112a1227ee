import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { freePort } from '../helpers/ffmpeg-tools.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import { runCommand } from '../helpers/sluice-build.ts'

let bench: E2eBench
beforeAll(() => {
  bench = new E2eBench()
})
afterAll(() => bench.close())

/** A terminal of 100 columns by 30 rows with a person at it. */
class Terminal {
  readonly #tmux: readonly string[]

  constructor(command: string) {
    this.#tmux = ['-L', `sluice-${process.pid}`]
    this.#run('new-session', '-d', '-s', 't', '-x', '100', '-y', '30', command)
  }

  type(...keys: readonly string[]): void {
    this.#run('send-keys', '-t', 't', ...keys)
  }

  get screen(): string {
    return this.#run('capture-pane', '-p', '-t', 't')
  }

  /** Rejects with what is on the screen. */
  async shows(pattern: RegExp): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if (pattern.test(this.screen)) return
      await seconds(0.15)
    }
    throw new Error(`${pattern} is not on the screen:\n${this.screen}`)
  }

  /** Sluice outlives its terminal: it is told to stop first. */
  close(): void {
    const group = Number(this.#run('list-panes', '-F', '#{pane_pid}').trim())
    process.kill(-group, 'SIGTERM')
    // tmux ends with its last window.
  }

  #run(...args: readonly string[]): string {
    return execFileSync('tmux', [...this.#tmux, ...args], { encoding: 'utf8' })
  }
}

describe.skipIf(missingCommand('tmux'))('sluice run in a terminal (needs tmux)', () => {
  it('takes by key and by command, shows the status, and quits', async () => {
    const address = `http://127.0.0.1:${await freePort()}`
    const sources =
      '-s one=test:?size=320x180 -s two=bars:?size=320x180 -s three=text:Three?size=320x180'
    const quoted = sources.replaceAll(/(\S+\?\S+)/g, "'$1'")
    const run = `${process.execPath} ${bench.main} run ${quoted} --listen ${address.slice(7)}; echo ended with $?; sleep 30`
    const terminal = new Terminal(run)
    try {
      await terminal.shows(/one\b.*(?:on air|ON AIR)/i)
      await terminal.shows(/two\b.*healthy/i)
      terminal.type('1')
      await terminal.shows(/ON AIR +1 two/)
      const cli = (...args: readonly string[]) =>
        runCommand({ command: process.execPath, args: [bench.main, ...args, '--url', address] })
      const onAir = async (): Promise<string> =>
        (JSON.parse((await cli('status', '--json')).out) as { program: { onAir: string } }).program
          .onAir
      expect(await onAir()).toBe('two')
      terminal.type('take three graceful', 'Enter')
      await terminal.shows(/ON AIR +2 three/)
      await seconds(0.5)
      expect(await onAir()).toBe('three')
      terminal.type('take nobody', 'Enter')
      await terminal.shows(/no source "nobody"/)
      const taken = await cli('take', 'one')
      expect(taken).toMatchObject({ code: 0 })
      expect(await onAir()).toBe('one')
      const refused = await cli('take', 'one')
      expect(refused.code).not.toBe(0)
      expect(refused.out + refused.err).toMatch(/on air already/)
      const analysis = await runCommand({
        command: process.execPath,
        args: [
          bench.main,
          'analyze',
          `${address}/stream.ts`,
          '--seconds',
          '3',
          '--rules',
          'program',
        ],
      })
      expect(analysis).toMatchObject({ code: 0 })
      terminal.type('q')
      await terminal.shows(/ended with 0/)
      expect(terminal.screen).toMatch(/Sluice has stopped/)
    } finally {
      terminal.close()
    }
  })
})
