import { createSocket } from 'node:dgram'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { SluiceError } from '../contract/errors.ts'
import { redactUrl } from '../lib/redact.ts'
import type { CliIo } from './io.ts'

export interface ByteInput {
  /** `live` bytes have an arrival time; those of a file do not. */
  readonly kind: 'stored' | 'live'
  readonly bytes: AsyncIterable<Uint8Array>
  /** Datagrams dropped because they were not read in time. */
  readonly dropped: () => number
}

/** The bytes of `-`, `udp://`, `http(s)://`, `file:` or a path. Ends with the input, or when the signal is aborted. */
export const openBytes = async (
  target: string,
  io: CliIo,
  signal: AbortSignal,
): Promise<ByteInput> => {
  if (target === '-') return openStandardInput(io)
  if (/^udp:\/\//i.test(target)) return openDatagrams(target, signal)
  if (/^https?:\/\//i.test(target)) return openResponse(target, io, signal)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'file') {
    throw new SluiceError(
      'unsupported_url',
      `${JSON.stringify(redactUrl(target))}: ${scheme} is not read here; expected a file, http(s)://, udp:// or - (standard input, as in "ffmpeg … -f mpegts - | sluice analyze -")`,
    )
  }
  return openFile(scheme === 'file' ? new URL(target) : target)
}

const noDrops = (): number => 0

const openStandardInput = (io: CliIo): ByteInput => {
  if (io.stdin.isTTY) {
    throw new SluiceError(
      'bad_request',
      '"-" reads standard input, which is this terminal; pipe a stream into it',
    )
  }
  return { kind: 'live', bytes: io.stdin, dropped: noDrops }
}

const openFile = async (path: string | URL): Promise<ByteInput> => {
  const name = JSON.stringify(typeof path === 'string' ? path : path.href)
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'no such file' : (cause.code ?? cause.message)
    throw new SluiceError('file_missing', `${name}: ${why}`, { cause })
  })
  if (found.isDirectory())
    throw new SluiceError('file_missing', `${name} is a folder; expected a file`)
  return {
    kind: 'stored',
    bytes: createReadStream(path, { highWaterMark: 1 << 18 }),
    dropped: noDrops,
  }
}

const openResponse = async (url: string, io: CliIo, signal: AbortSignal): Promise<ByteInput> => {
  const shown = redactUrl(url)
  if (!URL.canParse(url))
    throw new SluiceError('bad_request', `${JSON.stringify(shown)} is not a URL`)
  const answer = await io.fetch(url, { signal }).catch((cause: unknown) => {
    const inner = (cause as { cause?: { code?: string; message?: string } }).cause
    const why = inner?.code ?? inner?.message ?? String(cause)
    throw new SluiceError('not_reachable', `${shown} does not answer (${why})`, { cause })
  })
  if (!answer.ok || answer.body === null) {
    throw new SluiceError(
      'not_reachable',
      `${shown} answered ${answer.status} ${answer.statusText}`,
    )
  }
  return { kind: 'live', bytes: answer.body, dropped: noDrops }
}

const MAX_QUEUED_DATAGRAMS = 4_096
const RECEIVE_BUFFER_BYTES = 4 << 20

const openDatagrams = async (url: string, signal: AbortSignal): Promise<ByteInput> => {
  const { host, port } = udpAddress(url)
  const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', reuseAddr: true })
  const queued: Uint8Array[] = []
  let dropped = 0
  let wake: () => void = () => undefined
  let ended = false
  const end = (): void => {
    if (!ended) socket.close()
    ended = true
    wake()
  }
  socket.on('message', (message) => {
    if (queued.length >= MAX_QUEUED_DATAGRAMS) dropped++
    else queued.push(message)
    wake()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'not_reachable'
      reject(
        new SluiceError(code, `${url}: cannot listen (${cause.code ?? cause.message})`, { cause }),
      )
    })
    socket.bind(port, isMulticast(host) ? undefined : host, () => {
      if (isMulticast(host)) socket.addMembership(host)
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
      resolve()
    })
  })
  socket.on('error', end)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  async function* received(): AsyncGenerator<Uint8Array, void> {
    try {
      while (!ended) {
        yield* queued.splice(0)
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queued.length > 0 || ended) resolve()
        })
      }
    } finally {
      end()
    }
  }
  return { kind: 'live', bytes: received(), dropped: () => dropped }
}

/** `udp://@239.1.1.1:1234`, `udp://127.0.0.1:1234`, `udp://:1234`; query options are FFmpeg's and are ignored. */
const udpAddress = (url: string): { host: string; port: number } => {
  const parts = /^udp:\/\/@?(?:\[([^\]]+)\]|([^:/?]*)):(\d{1,5})(?:[/?].*)?$/i.exec(url)
  const port = Number(parts?.[3])
  if (parts === null || port > 65_535) {
    throw new SluiceError(
      'bad_request',
      `${JSON.stringify(url)} is not a UDP address; expected udp://host:port`,
    )
  }
  return { host: parts[1] ?? (parts[2] || '0.0.0.0'), port }
}

const isMulticast = (host: string): boolean =>
  /^(22[4-9]|23\d)\./.test(host) || /^ff[0-9a-f]{2}:/i.test(host)
