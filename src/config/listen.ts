import type { ListenAddress } from './config.ts'

export const LISTEN_GRAMMAR =
  'host:port, [ipv6]:port, :port (every address) or a port alone (loopback), port 0 to 65535'

const ADDRESS = /^(?:(?:\[([0-9a-fA-F:.%a-z]+)\]|([A-Za-z0-9_.-]*)):)?(\d{1,5})$/

/** `127.0.0.1:8099`, `[::1]:8099`, `:8099` (every address), `8099` (loopback). Undefined where it is none of these. */
export const parseListen = (text: string): ListenAddress | undefined => {
  const parts = ADDRESS.exec(text.trim())
  if (parts === null) return undefined
  const port = Number(parts[3])
  if (port > 65_535) return undefined
  const host = parts[1] ?? parts[2]
  if (host === undefined) return { host: '127.0.0.1', port }
  return { host: host === '' ? '::' : host, port }
}

/** True if only this machine can reach it: no token is needed. */
export const isLoopback = (host: string): boolean =>
  /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || host.toLowerCase() === 'localhost'
