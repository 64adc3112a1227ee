import { join } from 'node:path'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import { PushSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { millis } from '../../../contract/time.ts'
import { backoffDelay, type BackoffLimits } from '../../../lib/backoff.ts'
import { pause } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { redactUrl } from '../../../lib/redact.ts'
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

const BACKOFF: BackoffLimits = { firstMs: 500, maxMs: 15_000, factor: 2, jitter: 0.5 }
/** A connection that stood for this long was a good one: the next attempt is a first one. */
const HEALTHY_MS = 5_000

/** The program over SRT, byte for byte; one connection, made anew when it is lost. */
export class SrtPush implements Output {
  readonly id: OutputSpec['id']
  readonly kind = 'srt'
  readonly #spec: OutputSpec
  readonly #push: PushSpec
  readonly #parts: SrtPushParts
  readonly #target: SrtTarget
  readonly #meter: RateMeter
  #state: OutputStatus['state'] = 'starting'
  #session: SrtSession | undefined
  #connections = 0
  #closedSkips = 0
  #errors = 0
  #stalls = 0
  #lastError: string | undefined
  #isRefusalReported = false

  /** Throws SluiceError for an address that it cannot push to. */
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
    let attempt = 0
    while (!signal.aborted) {
      const connectedMs = await this.#connect(signal)
      if (signal.aborted) return
      attempt = connectedMs >= HEALTHY_MS ? 1 : attempt + 1
      this.#state = 'waiting'
      await pause(clock, backoffDelay(attempt, BACKOFF, random), signal)
    }
  }

  status(): OutputStatus {
    const { mode } = this.#target
    return {
      id: this.id,
      kind: this.kind,
      url: redactUrl(this.#spec.url),
      state: this.#state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#parts.clock.now()),
      lagMs: Math.round(this.#session?.reader?.lag ?? 0),
      skips: this.#closedSkips + (this.#session?.reader?.skips ?? 0),
      errors: this.#errors,
      reconnects: Math.max(0, this.#connections - 1),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      details: { mode, stalls: this.#stalls },
    }
  }

  /** For how long it was connected, milliseconds. */
  async #connect(signal: AbortSignal): Promise<number> {
    const { clock, host, ffmpeg, program, stateFolder, onLine } = this.#parts
    let connectedAt: number | undefined
    // A listener has nobody to send to until somebody calls.
    this.#state = this.#target.mode === 'listener' ? 'waiting' : this.#state
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
          connectedAt = clock.now()
          this.#connections++
          this.#isRefusalReported = false
          this.#state = 'running'
        },
        onBytes: (bytes) => this.#meter.addBytes(bytes, clock.now()),
        onLine: (line) => onLine(this.id, line),
      })
      this.#session = session
      const end = await session.run(signal)
      if (!signal.aborted) this.#reportEnd(end, connectedAt !== undefined)
    } catch (error) {
      this.#countError(messageOf(error))
    } finally {
      this.#closedSkips += this.#session?.reader?.skips ?? 0
      this.#session = undefined
    }
    return connectedAt === undefined ? 0 : clock.now() - connectedAt
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

  #reportEnd({ end, stalled, refused }: SrtSessionEnd, connected: boolean): void {
    const { host, port } = this.#target
    const { alert } = this.#parts
    if (stalled) {
      this.#stalls++
      this.#countError(`${host}:${port} took nothing for ${this.#push.stallMs} ms; connected anew`)
    } else if (refused) {
      const why = `${host}:${port} refused: the passphrases differ`
      this.#countError(why)
      if (!this.#isRefusalReported) alert('refused', why)
      this.#isRefusalReported = true
    } else if (connected)
      this.#countError(`the connection to ${host}:${port} was lost: ${end.sentence}`)
    else this.#countError(`no connection to ${host}:${port}: ${end.sentence}`)
  }

  #countError(why: string): void {
    this.#errors++
    this.#lastError = why
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
