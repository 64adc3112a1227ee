import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { get, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ffmpeg-tools.ts'

const NOBODY = 65_534
const START_MS = 5_000
const WEB_FOLDERS = ['/usr/share/icecast2', '/usr/share/icecast']

export const SOURCE_PASSWORD = 'correct horse'
const ADMIN_PASSWORD = 'battery staple'

const config = (folder: string, port: number): string => {
  const installed = WEB_FOLDERS.find((each) => existsSync(each)) ?? WEB_FOLDERS[0]
  const asRoot = process.getuid?.() === 0
  return `<icecast>
  <limits><clients>100</clients><sources>10</sources><queue-size>2097152</queue-size>
    <source-timeout>10</source-timeout><burst-on-connect>1</burst-on-connect><burst-size>16384</burst-size></limits>
  <authentication><source-password>${SOURCE_PASSWORD}</source-password>
    <admin-user>admin</admin-user><admin-password>${ADMIN_PASSWORD}</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><logdir>${folder}</logdir><basedir>${folder}</basedir>
    <webroot>${installed}/web</webroot><adminroot>${installed}/admin</adminroot></paths>
  <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>3</loglevel></logging>
  <security><chroot>0</chroot>${
    asRoot ? '<changeowner><user>nobody</user><group>nogroup</group></changeowner>' : ''
  }</security>
</icecast>`
}

interface MountStatus {
  readonly listenurl: string
  readonly title?: string
  readonly server_name?: string
  readonly server_type?: string
  readonly genre?: string
  readonly bitrate?: number
  readonly listeners?: number
}

/** Bytes received by one listener so far. */
export interface Listening {
  readonly bytes: () => Buffer
  readonly headers: IncomingHttpHeaders
  /** Arrival of each piece, milliseconds of the monotonic clock. */
  readonly arrivals: readonly { readonly at: number; readonly bytes: number }[]
  /** 'closed' once the server ended it. */
  readonly ended: () => 'open' | 'closed'
  leave(): void
}

/** A listener of any HTTP stream. */
export const listen = (
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Listening> =>
  new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      const arrivals: { at: number; bytes: number }[] = []
      let state: 'open' | 'closed' = 'open'
      response.on('data', (part: Buffer) => {
        parts.push(part)
        arrivals.push({ at: performance.now(), bytes: part.length })
      })
      response.on('error', () => (state = 'closed'))
      response.on('close', () => (state = 'closed'))
      resolve({
        bytes: () => Buffer.concat(parts),
        headers: response.headers,
        arrivals,
        ended: () => state,
        leave: () => request.destroy(),
      })
    })
    request.on('error', reject)
  })

/** A real Icecast on loopback, with a folder of its own. */
export class IcecastServer {
  readonly port: number
  readonly #folder: string
  #process: ChildProcess

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.port = port
    this.#folder = folder
    this.#process = child
  }

  static async start(): Promise<IcecastServer> {
    const port = await freePort()
    const scratch = mkdtempSync(join(tmpdir(), 'sluice-icecast-'))
    const folder = join(scratch, 'd')
    mkdirSync(folder)
    writeFileSync(join(folder, 'icecast.xml'), config(folder, port))
    if (process.getuid?.() === 0) {
      // Icecast drops root, and must still reach its folder.
      chmodSync(scratch, 0o755)
      chownSync(folder, NOBODY, NOBODY)
    }
    const server = new IcecastServer(port, folder, launch(folder))
    await server.#ready()
    return server
  }

  get pid(): number {
    return this.#process.pid!
  }

  url(mount: string): string {
    return `http://127.0.0.1:${this.port}${mount}`
  }

  /** URL for an output. */
  sourceUrl(mount: string, password = encodeURIComponent(SOURCE_PASSWORD)): string {
    return `icecast://source:${password}@127.0.0.1:${this.port}${mount}`
  }

  async mount(path: string): Promise<MountStatus | undefined> {
    const answer = await fetch(this.url('/status-json.xsl'))
    const mounts = mountsIn(await answer.text())
    return mounts.find(({ listenurl }) => listenurl.endsWith(path))
  }

  /** Source logins of a mount so far, by Icecast's own log. */
  logins(mount: string): number {
    const log = readFileSync(join(this.#folder, 'error.log'), 'utf8')
    return log
      .split('\n')
      .filter((line) => line.includes(`Source logging in at mountpoint "${mount}"`)).length
  }

  get log(): string {
    return readFileSync(join(this.#folder, 'error.log'), 'utf8')
  }

  async killSource(mount: string): Promise<void> {
    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
    const answer = await fetch(this.url(`/admin/killsource?mount=${mount}`), {
      headers: { authorization },
    })
    if (!answer.ok) throw new Error(`killsource: ${answer.status}`)
  }

  /** Restarts it on the same port. */
  async restart(downMs: number): Promise<void> {
    await this.#end()
    await sleep(downMs)
    this.#process = launch(this.#folder)
    await this.#ready()
  }

  async stop(): Promise<void> {
    await this.#end()
    rmSync(join(this.#folder, '..'), { recursive: true, force: true })
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), 3_000)
    await ended
    clearTimeout(killer)
  }

  async #ready(): Promise<void> {
    const until = performance.now() + START_MS
    while (performance.now() < until) {
      const answer = await fetch(this.url('/status-json.xsl')).catch(() => undefined)
      await answer?.arrayBuffer()
      if (answer?.ok === true) return
      await sleep(50)
    }
    throw new Error(`icecast2 was not ready within ${START_MS} ms`)
  }
}

const launch = (folder: string): ChildProcess =>
  spawn('icecast2', ['-c', join(folder, 'icecast.xml')], { stdio: 'ignore' })

/** Icecast's template writes what is not JSON with few or no sources, and for a mount without a title. */
const mountsIn = (text: string): readonly MountStatus[] => {
  try {
    const { icestats } = JSON.parse(text.replaceAll('"title": - ', '"title": null')) as {
      icestats: { source?: MountStatus | MountStatus[] }
    }
    return [icestats.source ?? []].flat()
  } catch {
    return []
  }
}
