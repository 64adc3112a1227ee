/** The whole program against Icecast behind TLS: a certificate that is trusted, and one that is not. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench } from '../helpers/e2e-bench.ts'
import { ffmpeg } from '../helpers/ffmpeg-tools.ts'
import { IcecastServer, SOURCE_PASSWORD } from '../helpers/icecast-server.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'

const OPENSSL = 'openssl'
const missing = ['icecast2', 'ffmpeg', OPENSSL].filter(missingCommand)
const lacks = missing.length > 0 ? ` (not installed: ${missing.join(', ')})` : ''

describe.skipIf(missing.length > 0)(`Icecast over TLS${lacks}`, () => {
  let bench: E2eBench
  let icecast: IcecastServer
  let server: Server
  let certificate = ''
  const sockets = new Set<Socket>()

  beforeAll(async () => {
    bench = new E2eBench()
    icecast = await IcecastServer.start()
    certificate = bench.path('cert.pem')
    const key = bench.path('key.pem')
    const made = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
    ]
    const names = ['-addext', 'subjectAltName=DNS:localhost']
    execFileSync(OPENSSL, [...made, ...names, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    })
    server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (outer) => {
      const inner = connect(icecast.port, '127.0.0.1')
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        sockets.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
        one.pipe(other)
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=60', '-ac', '2', '-c:a', 'aac']
    ffmpeg(...sound, '-f', 'mpegts', bench.path('sound.ts'))
  })
  afterAll(async () => {
    await bench?.close()
    for (const socket of sockets) socket.destroy()
    server?.close()
    await icecast?.stop()
  })

  const start = (env: Readonly<Record<string, string>>): Promise<RunningSluice> => {
    const { port } = server.address() as AddressInfo
    const url = `icecasts://source:{env:RADIO_PASSWORD}@localhost:${port}/tls`
    return RunningSluice.start({
      main: join(bench.build.folder, 'dist/main.js'),
      args: ['-s', `a=${bench.path('sound.ts')}`, '-o', url],
      stateDir: bench.path(`state-${Object.keys(env).length}`),
      env: { RADIO_PASSWORD: SOURCE_PASSWORD, ...env },
    })
  }

  it('logs in, sets the title, and shows the password nowhere', async () => {
    const sluice = await start({ NODE_EXTRA_CA_CERTS: certificate })
    try {
      const { outputs } = await sluice.until(
        ({ outputs: [radio] }) => radio?.state === 'running' && radio.details?.['title'] === 'a',
      )
      expect(icecast.logins('/tls')).toBe(1)
      await expect.poll(async () => (await icecast.mount('/tls'))?.title).toBe('a')
      const shown = [sluice.output, JSON.stringify([outputs, sluice.events])]
      const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      for (const text of [...shown, processes]) expect(text).not.toContain(SOURCE_PASSWORD)
    } finally {
      await sluice.stop()
    }
  })

  it('does not send the password to whom it does not trust', async () => {
    const sluice = await start({})
    try {
      const { outputs } = await sluice.until(({ outputs: [radio] }) => radio?.state === 'waiting')
      expect(outputs[0]?.lastError).toMatch(/self-signed certificate/)
      expect(icecast.logins('/tls')).toBe(1)
    } finally {
      await sluice.stop()
    }
  })
})
