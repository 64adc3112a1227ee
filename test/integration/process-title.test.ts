/** What others on the machine see of a real Sluice in the list of processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildSluice, type SluiceBuild } from '../helpers/sluice-build.ts'

let build: SluiceBuild
let folder: string

beforeAll(() => {
  build = buildSluice()
  folder = mkdtempSync(join(tmpdir(), 'sluice-title-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

test.runIf(existsSync('/proc/self/cmdline'))(
  'a key that was typed is not in the process list (read from /proc)',
  async () => {
    const key = 'live_0123456789_abcdefghijklmnopqrstuvwxyz'
    const state = join(folder, 'state')
    const nobody = 'rtmp://127.0.0.1:9/app'
    const args = ['run', '--no-tty', '--json', '--listen', '127.0.0.1:0', '--state-dir', state]
    const typed = [
      '-o',
      `${nobody}/${key}`,
      '-o',
      `two=icecast://source:${key}@127.0.0.1:9/live.mp3`,
      '--token',
      key,
    ]
    const child = spawn(build.bin, [...args, '-s', '/nowhere.ts', ...typed], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      let said = ''
      for await (const text of child.stdout.setEncoding('utf8')) {
        said += text
        if (said.includes('http://127.0.0.1:')) break
      }
      const seen = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
      expect(seen).not.toMatch(/live_0|xyz/)
      expect(seen.replaceAll('\0', '')).toBe(
        `sluice ${args.join(' ')} -s /nowhere.ts -o rtmp://127.0.0.1:9*** -o two=icecast://*** --token ***`,
      )
    } finally {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
  },
)
