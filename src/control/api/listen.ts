import { createServer, type Socket } from 'node:net'
import { SluiceError } from '../../contract/errors.ts'
import type { Api } from './api.ts'

export interface ListenAddress {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** A bound address: connections wait until a server answers them. */
export interface ReservedAddress {
  /** With the bound port. */
  readonly url: string
  /** From now on the API answers, the waiting connections first. */
  serveApi(api: Api): Promise<void>
  /** Closes an address that was not handed over. Idempotent. */
  release(): void
}

/** Binds the address first: clients that connect while Sluice starts wait instead of being refused. */
export const reserveAddress = async (address: ListenAddress): Promise<ReservedAddress> => {
  const waiting = new Set<Socket>()
  const listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    waiting.add(socket)
    socket.on('error', () => waiting.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error) => reject(listenFault(error, address)))
    listener.listen(address.port, address.host, resolve)
  })
  const bound = listener.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  return {
    url: `http://${urlHost(address.host)}:${port}/`,
    serveApi: async ({ fastify }) => {
      const { server } = fastify
      // Fastify closes the servers that it opened; on this one it only answers.
      fastify.addHook('onClose', async () => {
        server.close()
        server.closeAllConnections()
      })
      await fastify.ready()
      await new Promise<void>((resolve) => server.listen(listener, resolve))
      for (const socket of waiting) {
        server.emit('connection', socket)
        socket.resume()
      }
      waiting.clear()
    },
    release: () => {
      for (const socket of waiting) socket.destroy()
      listener.close()
    },
  }
}

/** Opens the API. Resolves with its URL. */
export const listen = async (api: Api, address: ListenAddress): Promise<string> => {
  const reserved = await reserveAddress(address)
  await reserved.serveApi(api)
  return reserved.url
}

/** A wildcard address can't be typed into a browser; the local one can. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

const listenFault = (error: unknown, { host, port }: ListenAddress): unknown => {
  const code = (error as NodeJS.ErrnoException).code
  const where = `${host}:${port}`
  if (code === 'EADDRINUSE') {
    return new SluiceError(
      'address_in_use',
      `${where} is in use by another program: choose another port with --listen`,
      { cause: error },
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
    return new SluiceError('config_invalid', `cannot listen on ${where}: ${code}`, { cause: error })
  }
  return error
}
