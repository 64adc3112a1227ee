import type { OutputId } from '../../../contract/ids.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import type { Millis } from '../../../contract/time.ts'
import type { Clock } from '../../../lib/clock.ts'
import { untilAborted } from '../../../lib/clock.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import { redactUrl } from '../../../lib/redact.ts'
import { ConstantBitrate } from './constant-bitrate.ts'
import type { DatagramTarget } from './datagram-target.ts'
import { parseDatagramTarget } from './datagram-target.ts'
import { OutputCondition } from '../interface/output-condition.ts'
import type { OutputKind } from '../interface/output-kind.ts'
import type { Output, Program, ProgramReader } from '../interface/output.ts'
import { Pacer } from './pacer.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { randomRtpStart, rtpFraming, type Framing } from './rtp.ts'
import type { Shaper } from './shaper.ts'
import type { DatagramSink } from './udp.ts'
import { openUdpSink } from './udp.ts'

export interface DatagramOutputOptions {
  readonly id: OutputId
  readonly url: string
  readonly program: Program
  readonly clock: Clock
  readonly lagLimit?: Millis
  readonly openSink?: (
    target: DatagramTarget,
    onError: (error: Error) => void,
  ) => Promise<DatagramSink>
  /** For SSRC and first sequence number. */
  readonly random: () => number
}

const TICK_INTERVAL_MS = 5
const RETRY = {
  backoff: { firstMs: 2_000, maxMs: 2_000, factor: 1, jitter: 0 },
  healthyMs: 0,
}
const MAX_LAG_MS = 5_000 as Millis
/** Time for which a failed send is shown in the state. */
const ERROR_SHOWN_MS = 2_000

/** The program as UDP or RTP datagrams, paced by the program clock. Errors are counted, never fatal. */
export class DatagramOutput implements Output {
  readonly id: OutputId
  readonly kind: 'udp' | 'rtp'
  readonly #options: DatagramOutputOptions
  readonly #target: DatagramTarget
  readonly #meter: RateMeter
  readonly #condition = new OutputCondition(redactUrl)
  #lastErrorAt = Number.NEGATIVE_INFINITY
  #reader: ProgramReader | undefined
  #shaper: Shaper | undefined

  /** Throws SluiceError for a URL that cannot be sent to. */
  constructor(options: DatagramOutputOptions) {
    this.#options = options
    this.#target = parseDatagramTarget(options.url)
    this.id = options.id
    this.kind = this.#target.scheme
    this.#meter = new RateMeter(options.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    await keepRunning(
      (attempt) => this.#openAndSend(attempt),
      { ...RETRY, clock, random, onState: this.#condition.follow },
      signal,
    )
  }

  status(): OutputStatus {
    const now = this.#options.clock.now()
    const overruns = this.#shaper?.overruns ?? 0
    const overrun =
      overruns === 0
        ? undefined
        : `the program exceeded ${this.#target.bitrate} bit/s ${overruns} times`
    const { state, errors, lastError = overrun } = this.#condition.status()
    return {
      id: this.id,
      kind: this.kind,
      url: redactUrl(this.#options.url),
      state: state === 'running' && now - this.#lastErrorAt < ERROR_SHOWN_MS ? 'failed' : state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(now),
      lagMs: Math.round(this.#reader?.lag ?? 0),
      skips: this.#reader?.skips ?? 0,
      errors: errors + overruns,
      reconnects: 0,
      ...(lastError !== undefined && { lastError }),
    }
  }

  async #openAndSend({ signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    const { clock, openSink = openUdpSink } = this.#options
    const sink = await openSink(this.#target, (error) => {
      this.#condition.countError(error)
      this.#lastErrorAt = clock.now()
    })
    onRunning()
    await this.#send(sink, signal)
    await sink.close()
    return { kind: 'ended' }
  }

  async #send(sink: DatagramSink, signal: AbortSignal): Promise<void> {
    const { program, clock, lagLimit = MAX_LAG_MS, random } = this.#options
    const { packets, bitrate, scheme } = this.#target
    // No viewer waits for a random access point here: it starts at the live edge, without a burst.
    const reader = program.join({ joinAge: 'next', lagLimit })
    const shaper =
      bitrate === undefined ? new Pacer(packets) : new ConstantBitrate({ packets, bitrate })
    const frame: Framing =
      scheme === 'rtp' ? rtpFraming(randomRtpStart(random)) : (payload) => payload
    this.#reader = reader
    this.#shaper = shaper
    const fill = (): void => {
      while (shaper.hasRoom()) {
        const part = reader.next()
        if (part === undefined) return
        shaper.addPart(part, clock.now())
      }
    }
    const tick = (): void => {
      fill()
      const now = clock.now()
      for (let due = shaper.takeDue(now); due !== undefined; due = shaper.takeDue(now)) {
        this.#meter.addBytes(due.bytes.length, now)
        sink.send(frame(due.bytes, due.time))
        fill()
      }
    }
    const timer = clock.every(TICK_INTERVAL_MS, tick)
    const unsubscribe = program.subscribe(fill)
    await untilAborted(signal)
    timer.cancel()
    unsubscribe()
  }
}

export const DATAGRAM_KIND: OutputKind = {
  grammar: 'udp://host:port, rtp://host:port',
  matchesUrl: (url) => /^(?:udp|rtp):/i.test(url),
  checkSpec: ({ url }) => void parseDatagramTarget(url),
  createOutput: ({ id, url }, { program, clock, random }) =>
    new DatagramOutput({ id, url, program: program.ring, clock, random }),
}
