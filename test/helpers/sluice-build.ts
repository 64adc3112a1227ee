import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Sluice as it is installed, built from the sources as they are now. */
export interface SluiceBuild {
  readonly folder: string
  /** The launcher. */
  readonly bin: string
  remove(): void
}

/** Inside the work tree, because the packages are looked for from there upwards. */
export const buildSluice = (): SluiceBuild => {
  const folder = mkdtempSync(join(ROOT, 'node_modules', '.sluice-test-'))
  copyLauncher(folder)
  symlinkSync(join(ROOT, 'web'), join(folder, 'web'))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]
  const built = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  if (!existsSync(join(folder, 'dist/main.js'))) throw new Error(`not built: ${built.stdout}`)
  return {
    folder,
    bin: join(folder, 'bin/sluice'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

export const copyLauncher = (folder: string): void => {
  mkdirSync(join(folder, 'bin'))
  copyFileSync(join(ROOT, 'bin/sluice'), join(folder, 'bin/sluice'))
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunRequest {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  readonly signal?: { readonly name: NodeJS.Signals; readonly when: string }
}

const LIMIT_MS = 30_000

/** Runs a command to its end (killed after half a minute) without anything of our own environment that it reads. */
export const runCommand = (request: RunRequest): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const { PATH, HOME, TMPDIR } = process.env
    const child = spawn(request.command, request.args, {
      env: { PATH, HOME, TMPDIR, ...request.env },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    })
    const texts = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.out += text
      if (request.signal && texts.out.includes(request.signal.when)) child.kill(request.signal.name)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
    // A command that does not read its input is no fault of the test.
    child.stdin.on('error', () => undefined)
    child.stdin.end(request.input ?? '')
  })
