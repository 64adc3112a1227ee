import { describe, expect, test } from 'vitest'
import { decodeAmf } from './amf0-reader.ts'
import { AmfEcmaArray, encodeAmf, entriesOf, type AmfValue } from './amf0.ts'
import { ChunkLink } from './chunk-link.ts'
import {
  AMF0_COMMAND,
  controlMessage,
  PING_REQUEST,
  PING_RESPONSE,
  SET_PEER_BANDWIDTH,
  USER_CONTROL,
  userControl,
  WINDOW_ACKNOWLEDGEMENT_SIZE,
  type RtmpMessage,
} from './message.ts'
import { RtmpPublisher } from './publisher.ts'

const KEY = 'live_12345_secret'

/** RTMP server in memory with scripted answers. */
class ScriptedServer {
  readonly received: AmfValue[][] = []
  readonly messages: RtmpMessage[] = []
  readonly publisher: RtmpPublisher
  readonly #link = new ChunkLink((bytes) => this.publisher.receive(bytes))
  #raw = new Uint8Array(0) as Uint8Array
  #isHandshakeDone = false

  constructor(
    answers: Readonly<Record<string, (transaction: number) => readonly AmfValue[][]>>,
    streamName: string,
  ) {
    this.publisher = new RtmpPublisher({
      target: { tcUrl: 'rtmp://127.0.0.1/live', app: 'live', streamName },
      random: () => 0,
      out: (bytes) => this.#receive(bytes),
    })
    this.#answers = answers
  }

  readonly #answers

  sendCommand(...values: AmfValue[]): void {
    this.#link.send(3, { type: AMF0_COMMAND, stream: 0, time: 0, payload: encodeAmf(...values) })
  }

  sendMessage(message: RtmpMessage): void {
    this.#link.send(2, message)
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isHandshakeDone) {
      this.#readChunks(bytes)
      return
    }
    this.#raw = Buffer.concat([this.#raw, bytes])
    if (this.#raw.length === 1537) {
      this.publisher.receive(Buffer.concat([this.#raw.subarray(0, 1537), Buffer.alloc(1536, 1)]))
      return
    }
    if (this.#raw.length < 3073) return
    this.#isHandshakeDone = true
    this.#readChunks(this.#raw.subarray(3073))
  }

  #readChunks(bytes: Uint8Array): void {
    const fault = this.#link.receive(bytes, (message) => {
      this.messages.push(message)
      if (message.type !== AMF0_COMMAND) return
      const { values } = decodeAmf(message.payload)
      this.received.push([...values])
      const [name, transaction] = values
      const answers = this.#answers[String(name)]?.(Number(transaction)) ?? []
      // Asynchronously, as a network would.
      queueMicrotask(() => {
        for (const answer of answers) this.sendCommand(...answer)
      })
    })
    expect(fault).toBeUndefined()
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const status = (level: string, code: string, description: string): AmfValue[] => [
  'onStatus',
  0,
  null,
  { level, code, description },
]
const welcome = {
  connect: (transaction: number) => [
    ['_result', transaction, {}, { code: 'NetConnection.Connect.Success' }],
  ],
  releaseStream: (transaction: number) => [
    ['_error', transaction, null, { code: 'NetConnection.Call.Failed' }],
  ],
  createStream: (transaction: number) => [['_result', transaction, null, 7]],
  publish: () => [status('status', 'NetStream.Publish.Start', 'go')],
}

const run = async (answers: ConstructorParameters<typeof ScriptedServer>[0], key = KEY) => {
  const server = new ScriptedServer(answers, key)
  server.publisher.start()
  for (let turn = 0; turn < 8; turn++) await settled()
  return server
}

describe('a publisher', () => {
  test('connects, frees the name, publishes, and then sends frames on its stream', async () => {
    const server = await run(welcome)
    expect(server.publisher.state).toEqual({ kind: 'live', stream: 7 })
    expect(server.received.map(([name]) => name)).toEqual([
      'connect',
      'releaseStream',
      'FCPublish',
      'createStream',
      'publish',
    ])
    expect(entriesOf(server.received[0]![2])).toMatchObject({
      app: 'live',
      tcUrl: 'rtmp://127.0.0.1/live',
    })
    expect(server.received[4]).toEqual(['publish', 5, null, KEY, 'live'])
    server.publisher.sendMetadata(5, { width: 320 })
    server.publisher.sendVideo(40, new Uint8Array(100_000).fill(1))
    server.publisher.sendAudio(41, Uint8Array.of(1, 2))
    const [metadata, video, audio] = server.messages.slice(-3)
    expect(decodeAmf(metadata!.payload).values).toEqual([
      '@setDataFrame',
      'onMetaData',
      new AmfEcmaArray({ width: 320 }),
    ])
    expect(video).toMatchObject({ type: 9, stream: 7, time: 40, payload: { length: 100_000 } })
    expect(audio).toMatchObject({ type: 8, stream: 7, time: 41 })
    server.publisher.close()
    expect(server.received.slice(-2).map(([name]) => name)).toEqual(['FCUnpublish', 'deleteStream'])
  })

  test.each([
    [
      'the app',
      {
        ...welcome,
        connect: (t: number) => [
          [
            '_error',
            t,
            null,
            {
              level: 'error',
              code: 'NetConnection.Connect.Rejected',
              description: `no app for ${KEY}`,
            },
          ],
        ],
      },
      'NetConnection.Connect.Rejected',
      'NetConnection.Connect.Rejected: no app for ***',
    ],
    [
      'the key',
      {
        ...welcome,
        publish: () => [status('error', 'NetStream.Publish.BadName', `${KEY} is taken`)],
      },
      'NetStream.Publish.BadName',
      'NetStream.Publish.BadName: *** is taken',
    ],
    [
      'without a reason',
      { ...welcome, createStream: (t: number) => [['_error', t]] },
      'protocol',
      'it refused the connection',
    ],
  ])('reports that it refuses %s, without the key', async (_, answers, code, reason) => {
    const { publisher } = await run(answers)
    expect(publisher.state).toEqual({ kind: 'failed', fault: { code, reason, kind: 'refused' } })
  })

  test.each([
    [
      'is ended by the server',
      (server: ScriptedServer) =>
        server.sendCommand(...status('status', 'NetStream.Unpublish.Success', '')),
      /Unpublish/,
    ],
    [
      'fails on the air',
      (server: ScriptedServer) => server.sendCommand(...status('error', 'NetStream.Failed', 'x')),
      /NetStream\.Failed: x/,
    ],
    [
      'gets bytes that are no RTMP',
      (server: ScriptedServer) => server.publisher.receive(Uint8Array.of(0xc9, 1)),
      /not RTMP/,
    ],
  ])('%s: the connection is broken, not refused', async (_, act, reason) => {
    const server = await run(welcome)
    act(server)
    expect(server.publisher.state).toMatchObject({
      kind: 'failed',
      fault: { kind: 'broken', reason: expect.stringMatching(reason) },
    })
  })

  test.each(['Already publishing', 'stream is busy', 'name in use'])(
    '%s: its own connection of before may still hold the name, and the key is not refused',
    async (description) => {
      const { publisher } = await run({
        ...welcome,
        publish: () => [status('error', 'NetStream.Publish.BadName', description)],
      })
      expect(publisher.state).toMatchObject({ kind: 'failed', fault: { kind: 'broken' } })
    },
  )

  test('does not report a secret of the query', async () => {
    const { publisher } = await run(
      {
        ...welcome,
        publish: () => [status('error', 'NetStream.Publish.Denied', 'tok%2Fen (tok/en) is old')],
      },
      'key?token=tok%2Fen',
    )
    expect(publisher.state).toMatchObject({
      fault: { reason: 'NetStream.Publish.Denied: *** (***) is old' },
    })
  })

  test('answers pings and window sizes, and acknowledges what it received', async () => {
    const seen: RtmpMessage[] = []
    const sent: Uint8Array[] = []
    const link = new ChunkLink((bytes) => void sent.push(bytes))
    const peer = new ChunkLink((bytes) => void link.receive(bytes, () => {}))
    peer.send(2, userControl(PING_REQUEST, 0xdeadbeef))
    peer.send(2, {
      ...controlMessage(SET_PEER_BANDWIDTH, 0),
      payload: Uint8Array.of(0, 0, 0x27, 0x10, 2),
    })
    peer.send(2, controlMessage(WINDOW_ACKNOWLEDGEMENT_SIZE, 10_000))
    for (let i = 0; i < 12; i++)
      peer.send(3, { type: 9, stream: 1, time: i, payload: new Uint8Array(1_000) })
    const reader = new ChunkLink(() => {})
    for (const bytes of sent) reader.receive(bytes, (message) => void seen.push(message))
    expect(seen).toEqual([
      {
        type: USER_CONTROL,
        stream: 0,
        time: 0,
        payload: userControl(PING_RESPONSE, 0xdeadbeef).payload,
      },
    ])
    expect(reader.peerAcknowledged).toBeGreaterThan(5_000)
  })

  test('reports that the other side is no RTMP server', async () => {
    const publisher = new RtmpPublisher({
      target: { tcUrl: '', app: '', streamName: KEY },
      random: () => 0,
      out: () => {},
    })
    publisher.start()
    publisher.receive(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))
    expect(publisher.state).toMatchObject({
      kind: 'failed',
      fault: { reason: expect.stringMatching(/does not speak RTMP/) },
    })
  })
})
