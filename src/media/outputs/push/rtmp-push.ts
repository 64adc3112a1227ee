import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputId } from '../../../contract/ids.ts'
import { PushSpec, type OutputSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { backoffDelay, type BackoffLimits } from '../../../lib/backoff.ts'
import { pause, untilAborted } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { redactor } from '../../../lib/redact.ts'
import { ProgramEncoder } from '../../encode/program-encoder.ts'
import type { OutputKind, OutputParts } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { videoChangeRefusal } from './video-change.ts'
import { FlvStream, type PushAudioFormat } from './flv-stream.ts'
import { PushAdvice } from './push-advice.ts'
import { PushClock } from './push-clock.ts'
import { PushConnection, type ConnectionEnd } from './push-connection.ts'
import type { PushFrame } from './push-frame.ts'
import { PushInput } from './push-input.ts'
import { PushQueue } from './push-queue.ts'
import { planPush, rungOf, type Planned, type PushPlan } from './push-recipe.ts'
import { isPushUrl, parsePushTarget, type PushTarget } from './push-target.ts'
import { checkReference, resolveSecret } from '../interface/secret-reference.ts'

const RECONNECT_BACKOFF: BackoffLimits = { firstMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.5 }
/** A platform that refuses a key repeatedly may block the address. */
const REFUSED_BACKOFF: BackoffLimits = { firstMs: 10_000, maxMs: 300_000, factor: 2, jitter: 0.5 }
/** Connected this long, the next loss counts as the first. */
const HEALTHY_MS = 60_000
const TICKS_PER_MS = 90

type State =
  | { readonly kind: 'starting' }
  | { readonly kind: 'live'; readonly since: number }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'failed' }

/**
 * One persistent connection to a platform through takes, failures and slates; after a loss it reconnects at a random
 * access point, and timestamps continue. The program never waits for it.
 */
export class RtmpPush implements Output {
  readonly id: OutputId
  readonly kind: 'rtmp' | 'rtmps'
  readonly #parts: OutputParts
  readonly #spec: PushSpec
  readonly #target: PushTarget
  readonly #planned: Planned
  readonly #queue: PushQueue
  readonly #clock = new PushClock()
  readonly #meter: RateMeter
  readonly #advice: PushAdvice | undefined
  #state: State = { kind: 'starting' }
  #connection: PushConnection | undefined
  #stream: FlvStream | undefined
  #encoder: ProgramEncoder | undefined
  #videoFormat: VideoFormat | undefined
  #connections = 0
  #errors = 0
  #lastError: string | undefined
  #pumping: 'idle' | 'soon' = 'idle'
  #onFrame: (() => void) | undefined

  /** Throws SluiceError for a spec that can never be opened. */
  constructor(spec: OutputSpec, parts: OutputParts) {
    this.id = spec.id
    this.#parts = parts
    this.#spec = spec.push ?? PushSpec.parse({})
    this.#target = parsePushTarget(spec)
    this.kind = this.#target.kind
    const { tracks } = parts.program.frames
    this.#planned = planPush(tracks, this.#spec)
    this.#queue = new PushQueue({
      lagMs: this.#spec.lagMs,
      entryKind: tracks.video === undefined ? 'audio' : 'video',
    })
    this.#meter = new RateMeter(parts.clock.now())
    const { platform } = this.#target
    const warn = (message: string): void => parts.warn(spec.id, message)
    this.#advice = platform === undefined ? undefined : new PushAdvice(platform, warn)
  }

  async run(signal: AbortSignal): Promise<void> {
    if (!this.#planned.ok) {
      this.#countError(this.#planned.why)
      this.#state = { kind: 'failed' }
      await untilAborted(signal)
      return
    }
    const { plan } = this.#planned
    const { frames } = this.#parts.program
    const input = new PushInput(plan, (frame) => this.#addFrame(frame))
    const detach = input.attach(frames, (error) => this.#countError(messageOf(error)))
    this.#encoder = this.#createEncoder(plan)
    const encoding = this.#encoder
      ?.run(input.encoded, signal)
      .catch((error: unknown) => this.#countError(messageOf(error)))
    try {
      await this.#keepConnected(plan, signal)
    } finally {
      detach()
      await encoding
    }
  }

  status(): OutputStatus {
    const { clock } = this.#parts
    const state = this.#state.kind === 'live' ? 'running' : this.#state.kind
    return {
      id: this.id,
      kind: this.kind,
      url: this.#target.displayUrl,
      state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(clock.now()),
      lagMs: this.#lagMs(),
      skips: this.#queue.skips,
      errors: this.#errors,
      reconnects: Math.max(0, this.#connections - 1),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      details: this.#details(),
    }
  }

  formatRefusal(video: VideoFormat): string | undefined {
    if (!this.#planned.ok || this.#planned.plan.video !== 'copy') return undefined
    const now = this.#videoFormat ?? this.#parts.program.frames.tracks.video
    return now === undefined ? undefined : videoChangeRefusal(this.id, now, video)
  }

  async #keepConnected(plan: PushPlan, signal: AbortSignal): Promise<void> {
    let losses = 0
    let refusals = 0
    while (!signal.aborted) {
      await this.#untilFirstFrame(signal)
      if (signal.aborted) return
      const { end, liveMs } = await this.#connect(plan, signal)
      if (end.kind === 'stopped') return
      if (liveMs >= HEALTHY_MS) losses = 0
      if (liveMs > 0) refusals = 0
      this.#countError(end.reason)
      this.#state = { kind: 'waiting' }
      if (end.kind === 'refused' && ++refusals === 1) {
        this.#parts.alert('refused', `output ${this.id}: ${this.#target.displayUrl}: ${end.reason}`)
      }
      const delay =
        end.kind === 'refused'
          ? backoffDelay(refusals, REFUSED_BACKOFF, this.#parts.random)
          : backoffDelay(++losses, RECONNECT_BACKOFF, this.#parts.random)
      await pause(this.#parts.clock, delay, signal)
    }
  }

  /** A platform disconnects a silent publisher: the connection waits for the first frame. */
  #untilFirstFrame(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#queue.length > 0) return Promise.resolve()
    return new Promise((resolve) => {
      const go = (): void => {
        this.#onFrame = undefined
        signal.removeEventListener('abort', go)
        resolve()
      }
      this.#onFrame = go
      signal.addEventListener('abort', go, { once: true })
    })
  }

  async #connect(
    plan: PushPlan,
    signal: AbortSignal,
  ): Promise<{ end: ConnectionEnd; liveMs: number }> {
    const { clock, random, env } = this.#parts
    const { key, keyField, query } = this.#target
    let secret: string
    try {
      secret = await resolveSecret(key, keyField, { env })
    } catch (error) {
      return { end: lost(messageOf(error)), liveMs: 0 }
    }
    const connection = new PushConnection({
      target: this.#target,
      streamName: `${secret}${query}`,
      clock,
      random,
      stallMs: this.#spec.stallMs,
      onLive: () => this.#onLive(connection, plan),
      onRoom: () => this.#pump(),
      onWritten: (bytes) => this.#meter.addBytes(bytes, clock.now()),
    })
    this.#connection = connection
    const end = await connection.run(signal).catch((error: unknown) => lost(messageOf(error)))
    const liveMs = this.#state.kind === 'live' ? clock.now() - this.#state.since : 0
    this.#connection = undefined
    this.#stream = undefined
    if (end.kind === 'stopped') return { end, liveMs }
    return { end: { ...end, reason: redactor([secret])(end.reason) }, liveMs }
  }

  #onLive(connection: PushConnection, plan: PushPlan): void {
    const { frames } = this.#parts.program
    this.#connections++
    this.#state = { kind: 'live', since: this.#parts.clock.now() }
    const audio = audioFormatOf(plan, frames.tracks.audio)
    if (audio !== 'silent') this.#advice?.checkAudio(audio)
    this.#stream = new FlvStream({
      sink: connection,
      video: frames.tracks.video,
      audio,
      onVideoFormat: (format) => (this.#videoFormat = format),
    })
    this.#queue.restart()
    this.#pump()
  }

  /** Called within play-out: queues the frame, sends later. */
  #addFrame(frame: PushFrame): void {
    this.#queue.push(frame)
    if (this.#queue.length > 0) this.#onFrame?.()
    if (this.#pumping === 'soon' || this.#connection === undefined) return
    this.#pumping = 'soon'
    setImmediate(() => {
      this.#pumping = 'idle'
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#connection?.hasRoom === true && this.#stream !== undefined) {
      const frame = this.#queue.take()
      if (frame === undefined) return
      const times = this.#clock.timesOf(frame)
      if (times === undefined) continue
      this.#connection.setFrameTime(frame.dts)
      try {
        this.#stream.write(frame, times)
      } catch (error) {
        this.#connection.abandon(`a frame could not be sent: ${messageOf(error)}`)
        return
      }
      this.#advice?.checkFrame(frame)
    }
  }

  #createEncoder(plan: PushPlan): ProgramEncoder | undefined {
    const { host, clock, random, ffmpeg, program, onLine, warn } = this.#parts
    const rung = rungOf(plan, program.frames.tracks, this.#spec)
    if (rung === undefined) return undefined
    return new ProgramEncoder({
      host,
      clock,
      random,
      ffmpeg: ffmpeg.ffmpeg,
      program,
      rungs: [{ name: 'push', ...rung }],
      purpose: `push ${this.id}`,
      onLine: (line) => onLine(this.id, line),
      warn: (message) => warn(this.id, message),
    })
  }

  /** Program time between the newest frame and the oldest unsent one. */
  #lagMs(): number {
    const oldest = this.#connection?.oldestUnsent ?? this.#queue.oldest
    if (oldest === undefined) return 0
    return Math.max(0, Math.round((this.#queue.newest - oldest) / TICKS_PER_MS))
  }

  #details(): Record<string, string | number | boolean> {
    const { warnings } = this.#advice ?? {}
    const encoder = this.#encoder?.figures()
    const plan = this.#planned.ok ? this.#planned.plan : undefined
    return {
      connections: this.#connections,
      recipe: this.#spec.recipe,
      ...(plan !== undefined && { video: plan.video, audio: plan.audio }),
      ...(this.#target.platform !== undefined && { platform: this.#target.platform.name }),
      ...(warnings !== undefined && { warnings }),
      ...(encoder !== undefined && {
        encoderRestarts: encoder.restarts,
        encoderSkips: encoder.skips,
        ...(encoder.behindMs !== null && { encoderBehindMs: Math.round(encoder.behindMs) }),
        ...(encoder.lastError !== undefined && { encoderError: encoder.lastError }),
      }),
    }
  }

  #countError(reason: string): void {
    this.#errors++
    this.#lastError = reason
  }
}

/** The encoder's audio is AAC LC with the program's rate and channels. */
const audioFormatOf = (
  plan: PushPlan,
  audio: OutputParts['program']['frames']['tracks']['audio'],
): PushAudioFormat => {
  if (plan.audio === 'silence' || audio === undefined) return 'silent'
  if (plan.audio === 'copy') return audio
  return { ...audio, codec: 'aac', profile: 'lc', frameSamples: 1024 }
}

const lost = (reason: string): ConnectionEnd => ({ kind: 'lost', reason })

export const RTMP_KIND: OutputKind = {
  grammar: 'rtmp://host/app/key, rtmps://host/app/key, twitch:key, kick:key, youtube:key',
  matchesUrl: isPushUrl,
  checkSpec: (spec, { env }) => {
    const { key, keyField } = parsePushTarget(spec)
    checkReference(key, keyField, env)
  },
  createOutput: (spec, parts) => new RtmpPush(spec, parts),
}
