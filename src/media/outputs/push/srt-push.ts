import { join } from 'node:path'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import { PushSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { millis } from '../../../contract/time.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import { redactUrl } from '../../../lib/redact.ts'
import { OutputCondition } from '../interface/output-condition.ts'
import type { OutputKind, OutputParts } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { checkReference, resolveSecret } from '../interface/secret-reference.ts'
import { SrtSession, type SrtSecrets, type SrtSessionEnd } from './srt-push-session.ts'
import {
  checkPassphrase,
  checkStreamId,
  parseSrtTarget,
  type SrtTarget,
} from './srt-push-target.ts'

export type SrtPushParts = Pick<
  OutputParts,
  'host' | 'ffmpeg' | 'clock' | 'random' | 'stateFolder' | 'env' | 'onLine' | 'alert' | 'program'
>

const RETRY = {
  backoff: { firstMs: 500, maxMs: 15_000, factor: 2, jitter: 0.5 },
  healthyMs: 5_000,
}

/** The program over SRT, byte for byte; one connection, reconnected when it is lost. */
export class SrtPush implements Output {
  readonly id: OutputSpec['id']
  readonly kind = 'srt'
  readonly #spec: OutputSpec
  readonly #push: PushSpec
  readonly #parts: SrtPushParts
  readonly #target: SrtTarget
  readonly #meter: RateMeter
  readonly #condition = new OutputCondition()
  #session: SrtSession | undefined
  #connections = 0
  #closedSkips = 0
  #stalls = 0
  #isRefusalReported = false

  /** Throws SluiceError for an address that cannot be pushed to. */
  constructor(spec: OutputSpec, parts: SrtPushParts) {
    this.id = spec.id
    this.#spec = spec
    this.#parts = parts
    this.#target = parseSrtTarget(spec)
    this.#push = PushSpec.parse(spec.push ?? {})
    this.#meter = new RateMeter(parts.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts
    await keepRunning(
      (attempt) => this.#connect(attempt),
      { ...RETRY, clock, random, onState: this.#condition.follow },
      signal,
    )
  }

  status(): OutputStatus {
    const { mode } = this.#target
    const condition = this.#condition.status()
    return {
      id: this.id,
      kind: this.kind,
      url: redactUrl(this.#spec.url),
      ...condition,
      // A listener cannot send until a caller connects.
      ...(mode === 'listener' && condition.state === 'starting' && { state: 'waiting' }),
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#parts.clock.now()),
      lagMs: Math.round(this.#session?.reader?.lag ?? 0),
      skips: this.#closedSkips + (this.#session?.reader?.skips ?? 0),
      reconnects: Math.max(0, this.#connections - 1),
      details: { mode, stalls: this.#stalls },
    }
  }

  async #connect({ signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    const { clock, host, ffmpeg, program, stateFolder, onLine } = this.#parts
    const before = this.#connections
    try {
      const session = new SrtSession({
        id: this.id,
        target: this.#target,
        secrets: await this.#secrets(),
        program: program.ring,
        host,
        clock,
        ffmpeg: ffmpeg.ffmpeg,
        folder: join(stateFolder, 'push'),
        lagLimit: millis(this.#push.lagMs),
        stallMs: this.#push.stallMs,
        onConnected: () => {
          this.#connections++
          this.#isRefusalReported = false
          onRunning()
        },
        onBytes: (bytes) => this.#meter.addBytes(bytes, clock.now()),
        onLine: (line) => onLine(this.id, line),
      })
      this.#session = session
      const end = await session.run(signal)
      return { kind: 'lost', reason: this.#reasonOf(end, this.#connections > before) }
    } finally {
      this.#closedSkips += this.#session?.reader?.skips ?? 0
      this.#session = undefined
    }
  }

  async #secrets(): Promise<SrtSecrets> {
    const { passphrase, streamId } = this.#target
    return {
      passphrase: await this.#resolved(passphrase, 'passphrase', checkPassphrase),
      streamId: await this.#resolved(streamId, 'streamid', checkStreamId),
    }
  }

  async #resolved(
    text: string | undefined,
    option: string,
    check: (value: string, field: string) => void,
  ): Promise<string | undefined> {
    if (text === undefined) return undefined
    const field = `output ${this.id}, ${option}`
    const { env } = this.#parts
    const value = await resolveSecret(text, field, { env })
    check(value, field)
    return value
  }

  #reasonOf({ end, stalled, refused }: SrtSessionEnd, connected: boolean): string {
    const { host, port } = this.#target
    if (stalled) {
      this.#stalls++
      return `${host}:${port} took nothing for ${this.#push.stallMs} ms; reconnected`
    }
    if (!refused) {
      const what = connected ? 'the connection to' : 'no connection to'
      return `${what} ${host}:${port}${connected ? ' was lost' : ''}: ${end.sentence}`
    }
    const why = `${host}:${port} refused: the passphrases differ`
    if (!this.#isRefusalReported) this.#parts.alert('refused', why)
    this.#isRefusalReported = true
    return why
  }
}

export const SRT_PUSH_KIND: OutputKind = {
  grammar: 'srt://host:port',
  matchesUrl: (url) => /^srt:/i.test(url),
  checkSpec: (spec, { env }) => {
    const { passphrase, streamId } = parseSrtTarget(spec)
    checkReference(passphrase, `output ${spec.id}, passphrase`, env)
    checkReference(streamId, `output ${spec.id}, streamid`, env)
  },
  createOutput: (spec, parts) => new SrtPush(spec, parts),
}
