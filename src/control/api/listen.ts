import { SluiceError } from '../../contract/errors.ts'
import type { Api } from './api.ts'

export interface ListenAddress {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

/** Opens the API. Resolves with its URL, in which the port is the real one. */
export const listen = async (api: Api, address: ListenAddress): Promise<string> => {
  try {
    await api.fastify.listen({ host: address.host, port: address.port })
  } catch (error) {
    throw listenFault(error, address)
  }
  const bound = api.fastify.server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  return `http://${urlHost(address.host)}:${port}/`
}

/** An address that means all of them can't be typed into a browser; the local one can. */
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
