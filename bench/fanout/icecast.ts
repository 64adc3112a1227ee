import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Piece } from './stream.ts'

const NOBODY = 65_534
const NOGROUP = 65_534

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const config = (folder: string, port: number): string => `<icecast>
  <limits><clients>5000</clients><sources>2</sources><queue-size>4194304</queue-size>
    <burst-on-connect>1</burst-on-connect><burst-size>500000</burst-size></limits>
  <authentication><source-password>bench</source-password><admin-user>admin</admin-user><admin-password>bench</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><logdir>${folder}</logdir><basedir>${folder}</basedir><webroot>${folder}</webroot><adminroot>${folder}</adminroot></paths>
  <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>1</loglevel></logging>
  <security><chroot>0</chroot>${process.getuid?.() === 0 ? '<changeowner><user>nobody</user><group>nogroup</group></changeowner>' : ''}</security>
</icecast>`

export interface Icecast {
  readonly process: ChildProcess
  readonly port: number
  stop(): void
}

const connected = async (port: number): Promise<Socket> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const trial = connect(port, '127.0.0.1', () => resolve(trial))
      trial.on('error', () => resolve(undefined))
    })
    if (socket !== undefined) return socket
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('icecast2 did not open its port within 5 s')
}

/** Icecast with the same pieces as a source, in real time, on the mount /stream.ts. */
export const startIcecast = async (scratch: string, pieces: readonly Piece[]): Promise<Icecast> => {
  const port = await freePort()
  const folder = join(scratch, 'icecast')
  mkdirSync(folder)
  writeFileSync(join(folder, 'icecast.xml'), config(folder, port))
  if (process.getuid?.() === 0) {
    // Icecast drops root, and must still reach its folder.
    chmodSync(scratch, 0o755)
    chownSync(folder, NOBODY, NOGROUP)
  }
  const child = spawn('icecast2', ['-c', join(folder, 'icecast.xml')], { stdio: 'ignore' })
  const source = await connected(port)
  source.on('error', () => {})
  source.resume()
  const authorization = Buffer.from('source:bench').toString('base64')
  source.write(
    `PUT /stream.ts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${authorization}\r\nContent-Type: video/mp2t\r\nIce-Public: 0\r\n\r\n`,
  )
  let fed = 0
  const start = performance.now()
  const timer = setInterval(() => {
    while (fed * 40 < performance.now() - start) source.write(pieces[fed++ % pieces.length]!.bytes)
  }, 10)
  await new Promise((resolve) => setTimeout(resolve, 500))
  return {
    process: child,
    port,
    stop: () => {
      clearInterval(timer)
      source.destroy()
      child.kill('SIGTERM')
    },
  }
}
