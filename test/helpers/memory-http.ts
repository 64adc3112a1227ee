/** Real HTTP over pairs of streams in memory: no port, no socket. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { duplexPair } from 'node:stream'

export interface MemoryAnswer {
  readonly status: number
  /** What came so far. */
  readonly body: () => Buffer
}

export interface MemoryRequest {
  readonly answer: Promise<MemoryAnswer>
  /** The client goes away. */
  readonly leave: () => void
}

export const memoryHttp = (
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): { readonly get: (path: string) => MemoryRequest } => {
  const server = createServer(handle)
  return {
    get: (path) => {
      const [client, accepted] = duplexPair()
      server.emit('connection', accepted)
      const call = request({ path, createConnection: () => client })
      const answer = new Promise<MemoryAnswer>((resolve, reject) => {
        call.on('response', (response) => {
          const pieces: Buffer[] = []
          response.on('data', (piece: Buffer) => pieces.push(piece))
          response.on('error', () => {})
          resolve({ status: response.statusCode ?? 0, body: () => Buffer.concat(pieces) })
        })
        call.on('error', reject)
      })
      answer.catch(() => {})
      call.end()
      return {
        answer,
        leave: () => {
          client.destroy()
          accepted.destroy()
        },
      }
    },
  }
}
