import { redactor, secretsOfUrl } from '../lib/redact.ts'
import { decodeAmf } from './amf0-reader.ts'
import { AmfEcmaArray, encodeAmf, textIn, type AmfObject, type AmfValue } from './amf0.ts'
import { ChunkLink } from './chunk-link.ts'
import { ClientHandshake, clientHello } from './handshake.ts'
import { AMF0_COMMAND, AMF0_DATA, AMF3_COMMAND, AUDIO, VIDEO, type RtmpMessage } from './message.ts'

/** Larger than most audio frames and non-RAP pictures: few headers; FFmpeg uses nearly the same. */
const CHUNK_BYTES = 65_536

/** A server sends a publisher little. */
const ANSWER_LIMITS = { maxMessageBytes: 65_536, maxChunkStreams: 32, maxHeldBytes: 262_144 }

const COMMAND_CHUNK_STREAM = 3
const DATA_CHUNK_STREAM = 4
const AUDIO_CHUNK_STREAM = 5
const VIDEO_CHUNK_STREAM = 6

/**
 * A server may hold the name for a lost connection of ours until it notices the loss ("Already publishing" of nginx-rtmp):
 * this is no verdict on the key.
 */
const NAME_IN_USE = /\balready\b|\bin use\b|\bbusy\b/i

/** Transaction ids, 7.1.1: they match answers to commands. */
const CONNECT = 1
const RELEASE = 2
const FC_PUBLISH = 3
const CREATE = 4
const PUBLISH = 5

export interface PublishTarget {
  /** "rtmp://host:port/app", as sent to the server. */
  readonly tcUrl: string
  readonly app: string
  /** The stream key. Never in a report or an error. */
  readonly streamName: string
}

/** `code`: the server's own ("NetStream.Publish.BadName"), or 'protocol'. `reason` is a sentence without secrets. */
export interface PublishFault {
  readonly code: string
  readonly reason: string
  /** 'refused': by the server (the key, the app); 'broken': any other end. */
  readonly kind: 'refused' | 'broken'
}

export type PublisherState =
  | { readonly kind: 'handshake' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'creating' }
  | { readonly kind: 'publishing'; readonly stream: number }
  | { readonly kind: 'live'; readonly stream: number }
  | { readonly kind: 'failed'; readonly fault: PublishFault }
  | { readonly kind: 'closed' }

export interface PublisherOptions {
  readonly target: PublishTarget
  /** Bytes for the server. */
  readonly out: (bytes: Uint8Array) => void
  readonly random: () => number
}

/**
 * The publishing side of one connection ("Adobe's Real Time Messaging Protocol" 1.0, section 7; releaseStream and
 * FCPublish as encoders send them, which some platforms wait for). Bytes in by `receive`, bytes out by `out`; the
 * outcome is `state`. No sockets, no clock.
 */
export class RtmpPublisher {
  readonly #options: PublisherOptions
  readonly #redact: (text: string) => string
  readonly #handshake = new ClientHandshake()
  readonly #link: ChunkLink
  #state: PublisherState = { kind: 'handshake' }

  constructor(options: PublisherOptions) {
    this.#options = options
    const { streamName } = options.target
    this.#redact = redactor([
      ...[streamName, streamName.split('?')[0]!, encodeURIComponent(streamName)],
      ...secretsOfUrl(`rtmp://h/app/${streamName}`),
    ])
    this.#link = new ChunkLink(options.out, ANSWER_LIMITS)
  }

  get state(): PublisherState {
    return this.#state
  }

  /** Begins the handshake; call it when the socket is open. */
  start(): void {
    this.#options.out(clientHello(0, this.#options.random))
  }

  receive(bytes: Uint8Array): void {
    if (this.#state.kind === 'failed' || this.#state.kind === 'closed') return
    const rest = this.#state.kind === 'handshake' ? this.#continueHandshake(bytes) : bytes
    if (rest === undefined || rest.length === 0) return
    const fault = this.#link.receive(rest, (message) => this.#onMessage(message))
    if (fault !== undefined) this.#failBroken(`what it sent is not RTMP: ${fault}`)
  }

  /** Sends onMetaData; only while live. Times are milliseconds and continue over connections. */
  sendMetadata(time: number, fields: AmfObject): void {
    if (this.#state.kind !== 'live') return
    const payload = encodeAmf('@setDataFrame', 'onMetaData', new AmfEcmaArray(fields))
    this.#link.send(DATA_CHUNK_STREAM, {
      type: AMF0_DATA,
      stream: this.#state.stream,
      time,
      payload,
    })
  }

  /** Sends a tag body of flv-tags.ts. */
  sendVideo(time: number, payload: Uint8Array): void {
    if (this.#state.kind !== 'live') return
    this.#link.send(VIDEO_CHUNK_STREAM, { type: VIDEO, stream: this.#state.stream, time, payload })
  }

  sendAudio(time: number, payload: Uint8Array): void {
    if (this.#state.kind !== 'live') return
    this.#link.send(AUDIO_CHUNK_STREAM, { type: AUDIO, stream: this.#state.stream, time, payload })
  }

  /** Unpublishes, so that the server frees the name at once. */
  close(): void {
    if (this.#state.kind === 'live' || this.#state.kind === 'publishing') {
      const { stream } = this.#state
      this.#sendCommand(0, 'FCUnpublish', PUBLISH + 1, null, this.#options.target.streamName)
      this.#sendCommand(0, 'deleteStream', PUBLISH + 2, null, stream)
    }
    this.#state = { kind: 'closed' }
  }

  #continueHandshake(bytes: Uint8Array): Uint8Array | undefined {
    let step = this.#handshake.receive(bytes, 0)
    if (step.kind === 'reply') {
      this.#options.out(step.reply)
      step = this.#handshake.receive(new Uint8Array(0), 0)
    }
    if (step.kind === 'failed') this.#failBroken(`it does not speak RTMP: ${step.why}`)
    if (step.kind !== 'done') return undefined
    this.#connect()
    return step.rest
  }

  #connect(): void {
    const { app, tcUrl } = this.#options.target
    this.#state = { kind: 'connecting' }
    this.#link.setChunkBytes(CHUNK_BYTES)
    this.#sendCommand(0, 'connect', CONNECT, {
      app,
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; Sluice)',
      tcUrl,
    })
  }

  #onMessage({ type, payload }: RtmpMessage): void {
    if (type !== AMF0_COMMAND && type !== AMF3_COMMAND) return
    // An AMF 3 command is a zero and then AMF 0, as all servers write it.
    const { values } = decodeAmf(type === AMF3_COMMAND ? payload.subarray(1) : payload)
    const [name, transaction, ...rest] = values
    if (name === '_result') this.#onResult(transaction, rest)
    else if (name === '_error') this.#onErrorResult(transaction, rest)
    else if (name === 'onStatus') this.#onStatus(rest[1])
    else if (name === 'close') this.#failBroken('it closed the connection')
  }

  #onResult(transaction: AmfValue, rest: readonly AmfValue[]): void {
    if (transaction === CONNECT && this.#state.kind === 'connecting') {
      const { streamName } = this.#options.target
      this.#state = { kind: 'creating' }
      this.#sendCommand(0, 'releaseStream', RELEASE, null, streamName)
      this.#sendCommand(0, 'FCPublish', FC_PUBLISH, null, streamName)
      this.#sendCommand(0, 'createStream', CREATE, null)
    } else if (transaction === CREATE && this.#state.kind === 'creating') {
      const stream = rest[1]
      if (typeof stream !== 'number') {
        this.#failBroken('it answered createStream without a stream')
        return
      }
      this.#state = { kind: 'publishing', stream }
      this.#sendCommand(stream, 'publish', PUBLISH, null, this.#options.target.streamName, 'live')
    }
  }

  /** Fails for connect, createStream and publish; releaseStream and FCPublish may fail: many servers lack them. */
  #onErrorResult(transaction: AmfValue, rest: readonly AmfValue[]): void {
    if (transaction === RELEASE || transaction === FC_PUBLISH) return
    this.#failRefused(rest[1] ?? rest[0], 'it refused the connection')
  }

  #onStatus(what: AmfValue): void {
    const code = textIn(what, 'code') ?? ''
    const { kind } = this.#state
    if (code === 'NetStream.Publish.Start') {
      if (this.#state.kind === 'publishing') {
        this.#state = { kind: 'live', stream: this.#state.stream }
      }
    } else if (textIn(what, 'level') === 'error') this.#failRefused(what, 'it refused the stream')
    else if (
      /^NetStream\.Unpublish|^NetConnection\.Connect\.Closed/.test(code) &&
      kind === 'live'
    ) {
      this.#failBroken(`it ended the stream (${code})`)
    }
  }

  #failRefused(what: AmfValue, otherwise: string): void {
    const code = this.#redact(textIn(what, 'code') ?? '')
    const description = this.#redact(textIn(what, 'description') ?? '')
    const answer = [code, description].filter((text) => text !== '').join(': ')
    // While it is live, an error ends the stream but is no verdict on the key.
    const isOwnStaleConnection = NAME_IN_USE.test(description)
    const kind = this.#state.kind === 'live' || isOwnStaleConnection ? 'broken' : 'refused'
    this.#fail({ code: code || 'protocol', reason: answer.slice(0, 500) || otherwise, kind })
  }

  #failBroken(reason: string): void {
    this.#fail({ code: 'protocol', reason: this.#redact(reason), kind: 'broken' })
  }

  #fail(fault: PublishFault): void {
    if (this.#state.kind !== 'failed') this.#state = { kind: 'failed', fault }
  }

  #sendCommand(stream: number, ...values: readonly AmfValue[]): void {
    this.#link.send(COMMAND_CHUNK_STREAM, {
      type: AMF0_COMMAND,
      stream,
      time: 0,
      payload: encodeAmf(...values),
    })
  }
}
