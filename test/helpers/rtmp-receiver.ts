/** An RTMP server for publishers only: records every message, misbehaves on request. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { decodeAmf } from '../../src/rtmp/amf0-reader.ts'
import { encodeAmf, type AmfValue } from '../../src/rtmp/amf0.ts'
import { ChunkLink } from '../../src/rtmp/chunk-link.ts'
import { AMF0_COMMAND, type RtmpMessage } from '../../src/rtmp/message.ts'

const PART = 1536

export interface ReceivedMessage extends RtmpMessage {
  /** performance.now(). */
  readonly at: number
}

export interface RtmpReceiverOptions {
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Code of the refusal; undefined admits it. */
  readonly refuse?: (name: string) => string | undefined
}

/** One publisher's connection, from its first byte. */
export class ReceivedPublish {
  readonly messages: ReceivedMessage[] = []
  readonly at = performance.now()
  name = ''
  bytes = 0
  readonly socket: Socket
  readonly #link: ChunkLink
  readonly #refuse: RtmpReceiverOptions['refuse']
  #hello = Buffer.alloc(0)
  #part: 'C0C1' | 'C2' | 'chunks' = 'C0C1'

  constructor(socket: Socket, refuse: RtmpReceiverOptions['refuse']) {
    this.socket = socket
    this.#refuse = refuse
    this.#link = new ChunkLink((bytes) => void socket.write(bytes))
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => this.#receive(bytes))
  }

  /** Stops reading; the kernel's buffers fill up. */
  stall(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  messagesOf(type: number): ReceivedMessage[] {
    return this.messages.filter((message) => message.type === type)
  }

  #receive(bytes: Buffer): void {
    this.bytes += bytes.length
    if (this.#part === 'chunks') {
      this.#readChunks(bytes)
      return
    }
    this.#hello = Buffer.concat([this.#hello, bytes])
    if (this.#part === 'C0C1' && this.#hello.length >= 1 + PART) {
      // S2 echoes nothing: clients must accept that.
      const s0s1s2 = Buffer.concat([Buffer.of(3), Buffer.alloc(PART, 5), Buffer.alloc(PART, 6)])
      this.socket.write(s0s1s2)
      this.#part = 'C2'
    }
    if (this.#hello.length < 1 + 2 * PART) return
    this.#part = 'chunks'
    this.#readChunks(this.#hello.subarray(1 + 2 * PART))
  }

  #readChunks(bytes: Uint8Array): void {
    const fault = this.#link.receive(bytes, (message) => {
      this.messages.push({ ...message, at: performance.now() })
      if (message.type === AMF0_COMMAND) this.#answer(decodeAmf(message.payload).values)
    })
    if (fault !== undefined) throw new Error(fault)
  }

  #answer([command, transaction, , name]: readonly AmfValue[]): void {
    if (command === 'connect') {
      this.#sendCommand('_result', transaction, {}, { code: 'NetConnection.Connect.Success' })
    } else if (command === 'createStream') this.#sendCommand('_result', transaction, null, 1)
    else if (command === 'publish') {
      this.name = String(name)
      const refusal = this.#refuse?.(this.name)
      const level = refusal === undefined ? 'status' : 'error'
      const code = refusal ?? 'NetStream.Publish.Start'
      this.#sendCommand('onStatus', 0, null, { level, code, description: `${this.name} asked` })
    }
  }

  #sendCommand(...values: AmfValue[]): void {
    this.#link.send(3, { type: AMF0_COMMAND, stream: 0, time: 0, payload: encodeAmf(...values) })
  }
}

export class RtmpReceiver {
  readonly publishes: ReceivedPublish[] = []
  readonly port: number
  readonly #server: Server

  private constructor(server: Server, publishes: ReceivedPublish[]) {
    this.#server = server
    this.publishes = publishes
    this.port = (server.address() as AddressInfo).port
  }

  static async start(options: RtmpReceiverOptions = {}): Promise<RtmpReceiver> {
    const publishes: ReceivedPublish[] = []
    const accept = (socket: Socket): void =>
      void publishes.push(new ReceivedPublish(socket, options.refuse))
    const server =
      options.tls === undefined
        ? createServer({ allowHalfOpen: true }, accept)
        : createTlsServer({ ...options.tls }, accept)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RtmpReceiver(server, publishes)
  }

  async stop(): Promise<void> {
    for (const { socket } of this.publishes) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
