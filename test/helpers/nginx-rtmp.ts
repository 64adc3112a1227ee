/** nginx with its RTMP module, as the platform of a push: it records, reports publishers, and can drop them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ffmpeg-tools.ts'
import { missingCommand } from './missing-command.ts'

const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so'
const START_MS = 10_000
const POLL_MS = 20

/** Note on the missing program or module, for a skipped title; undefined when both are installed. */
export const missingNginxRtmp = (): string | undefined => {
  if (missingCommand('nginx')) return 'not installed: nginx'
  return existsSync(MODULE) ? undefined : `not installed: ${MODULE} (libnginx-mod-rtmp)`
}

/** A publisher that requests admission. */
export interface Publish {
  readonly app: string
  readonly name: string
  /** performance.now(). */
  readonly at: number
  /** All fields, arguments of the stream name too. */
  readonly fields: ReadonlyMap<string, string>
}

export interface NginxRtmpOptions {
  /** Folder of all files; it is created. */
  readonly folder: string
  /** HTTP status for a publisher; 403 refuses it. Default: all are admitted. */
  readonly admit?: (publish: Publish) => number
  /** Further applications, in nginx.conf syntax. */
  readonly applications?: string
}

export interface NginxRtmp {
  readonly port: number
  /** Pid of the master process. */
  readonly pid: number
  readonly publishes: readonly Publish[]
  /** "rtmp://127.0.0.1:port/live". */
  readonly app: string
  workers(): number[]
  /** Ends the publisher's connection, as a platform does. */
  drop(name: string): Promise<void>
  /** Files of one stream name, oldest first. */
  recordings(name: string): string[]
  stop(): Promise<void>
}

export const startNginxRtmp = async (options: NginxRtmpOptions): Promise<NginxRtmp> => {
  const { folder, admit = () => 200, applications = '' } = options
  const recordings = join(folder, 'recordings')
  mkdirSync(recordings, { recursive: true })
  const publishes: Publish[] = []
  const hooks = createServer((request, response) => {
    void fieldsOf(request).then((fields) => {
      const [app, name] = [fields.get('app') ?? '', fields.get('name') ?? '']
      const publish = { app, name, at: performance.now(), fields }
      publishes.push(publish)
      response.writeHead(admit(publish)).end()
    })
  })
  hooks.listen(0, '127.0.0.1')
  await once(hooks, 'listening')
  const hookPort = (hooks.address() as AddressInfo).port
  const [port, httpPort] = [await freePort(), await freePort()]
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    configuration({ folder, port, httpPort, hookPort, recordings, applications }),
  )
  const child = spawn('nginx', ['-c', config, '-p', folder], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const http = `http://127.0.0.1:${httpPort}`
  await untilAnswered(`${http}/stat`)
  return {
    port,
    pid: child.pid!,
    publishes,
    app: `rtmp://127.0.0.1:${port}/live`,
    workers: () => childrenOf(child.pid!),
    drop: async (name) => {
      await (await fetch(`${http}/control/drop/publisher?app=live&name=${name}`)).text()
    },
    recordings: (name) =>
      readdirSync(recordings)
        .filter((file) => file.startsWith(`${name}-`))
        .sort()
        .map((file) => join(recordings, file)),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      for (const pid of childrenOf(child.pid!)) process.kill(pid, 'SIGCONT')
      child.kill('SIGTERM')
      await ended
      hooks.closeAllConnections()
      hooks.close()
    },
  }
}

interface ServerPlaces {
  readonly folder: string
  readonly port: number
  readonly httpPort: number
  readonly hookPort: number
  readonly recordings: string
  readonly applications: string
}

const configuration = (at: ServerPlaces): string => `load_module ${MODULE};
daemon off;
user root;
worker_processes 1;
error_log ${at.folder}/error.log info;
pid ${at.folder}/nginx.pid;
events { worker_connections 256; }
rtmp {
  server {
    listen 127.0.0.1:${at.port};
    chunk_size 4096;
    max_message 8M;
    application live {
      live on;
      record all;
      record_path ${at.recordings};
      record_unique on;
      on_publish http://127.0.0.1:${at.hookPort}/publish;
    }
${at.applications}
  }
}
http {
  access_log off;
  client_body_temp_path ${at.folder}/body;
  proxy_temp_path ${at.folder}/proxy;
  fastcgi_temp_path ${at.folder}/fastcgi;
  uwsgi_temp_path ${at.folder}/uwsgi;
  scgi_temp_path ${at.folder}/scgi;
  server {
    listen 127.0.0.1:${at.httpPort};
    location /stat { rtmp_stat all; }
    location /control { rtmp_control all; }
  }
}
`

const fieldsOf = async (request: IncomingMessage): Promise<ReadonlyMap<string, string>> => {
  const body: Buffer[] = []
  for await (const piece of request) body.push(piece as Buffer)
  return new Map(new URLSearchParams(Buffer.concat(body).toString()))
}

const untilAnswered = async (url: string): Promise<void> => {
  for (const end = performance.now() + START_MS; ; await sleep(POLL_MS)) {
    try {
      await (await fetch(url)).text()
      return
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

const childrenOf = (pid: number): number[] => {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
