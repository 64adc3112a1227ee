import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { connect } from 'node:net'

export type Pace = 'full' | 'stalled' | 'slow'

export interface LoadOptions {
  readonly port: number
  readonly path: string
  readonly viewers: number
  /** Viewers that stall; they come first, then the slow ones (about 1 Mbit/s). */
  readonly stalled: number
  readonly slow: number
}

interface Client {
  readonly pace: Pace
  readonly socket: Socket
  bytes: number
  firstByteMs: number
  closed: boolean
}

const CONNECT_PER_TICK = 10
const SLOW_BYTES_PER_TICK = 12_500

/** Viewers as raw sockets that read into one shared buffer and count. */
export const load = (options: LoadOptions): void => {
  const clients: Client[] = []
  const scratch = Buffer.alloc(256 * 1024)
  const open = (pace: Pace): void => {
    const begun = performance.now()
    const socket = connect({
      port: options.port,
      host: '127.0.0.1',
      onread: {
        buffer: pace === 'slow' ? Buffer.alloc(SLOW_BYTES_PER_TICK) : scratch,
        callback: (count) => {
          if (client.bytes === 0) client.firstByteMs = performance.now() - begun
          client.bytes += count
          return pace === 'full'
        },
      },
    })
    const client: Client = { pace, socket, bytes: 0, firstByteMs: -1, closed: false }
    socket.on('error', () => {})
    socket.on('close', () => (client.closed = true))
    socket.write(`GET ${options.path} HTTP/1.0\r\nUser-Agent: load\r\n\r\n`)
    clients.push(client)
  }
  const paceOf = (index: number): Pace =>
    index < options.stalled ? 'stalled' : index < options.stalled + options.slow ? 'slow' : 'full'
  const opening = setInterval(() => {
    for (let i = 0; i < CONNECT_PER_TICK && clients.length < options.viewers; i++) {
      open(paceOf(clients.length))
    }
    if (clients.length < options.viewers) return
    clearInterval(opening)
    process.send?.({ kind: 'connected' })
  }, 10)
  setInterval(() => {
    for (const client of clients) if (client.pace === 'slow') client.socket.resume()
  }, 100)
  process.on('message', () => {
    process.send?.({
      kind: 'counts',
      clients: clients.map(({ pace, bytes, firstByteMs, closed }) => ({
        pace,
        bytes,
        firstByteMs,
        closed,
      })),
    })
  })
  process.on('disconnect', () => process.exit(0))
}
