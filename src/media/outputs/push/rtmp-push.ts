import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputId } from '../../../contract/ids.ts'
import { PushSpec, type OutputSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { untilAborted, untilCalled } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import { redactor } from '../../../lib/redact.ts'
import { ProgramEncoder } from '../../encode/program-encoder.ts'
import { OutputCondition } from '../interface/output-condition.ts'
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

const RETRY = {
  backoff: { firstMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.5 },
  healthyMs: 60_000,
}
/** A platform that refuses a key repeatedly may block the address. After an accepted key the count restarts. */
const RETRY_REFUSED = {
  backoff: { firstMs: 10_000, maxMs: 300_000, factor: 2, jitter: 0.5 },
  healthyMs: 1,
}
const TICKS_PER_MS = 90

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
  readonly #condition = new OutputCondition()
  #connection: PushConnection | undefined
  #stream: FlvStream | undefined
  #encoder: ProgramEncoder | undefined
  #videoFormat: VideoFormat | undefined
  #connections = 0
  #isRefusalReported = false
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
      this.#condition.follow({ kind: 'failed', reason: this.#planned.why })
      await untilAborted(signal)
      return
    }
    const { plan } = this.#planned
    const { frames } = this.#parts.program
    const input = new PushInput(plan, (frame) => this.#addFrame(frame))
    const detach = input.attach(frames, this.#condition.countError)
    this.#encoder = this.#createEncoder(plan)
    const encoding = this.#encoder?.run(input.encoded, signal).catch(this.#condition.countError)
    const { clock, random } = this.#parts
    try {
      await keepRunning(
        (attempt) => this.#connect(plan, attempt),
        { ...RETRY, clock, random, onState: this.#condition.follow },
        signal,
      )
    } finally {
      detach()
      await encoding
    }
  }

  status(): OutputStatus {
    const { clock } = this.#parts
    return {
      id: this.id,
      kind: this.kind,
      url: this.#target.displayUrl,
      ...this.#condition.status(),
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(clock.now()),
      lagMs: this.#lagMs(),
      skips: this.#queue.skips,
      reconnects: Math.max(0, this.#connections - 1),
      details: this.#details(),
    }
  }

  formatRefusal(video: VideoFormat): string | undefined {
    if (!this.#planned.ok || this.#planned.plan.video !== 'copy') return undefined
    const now = this.#videoFormat ?? this.#parts.program.frames.tracks.video
    return now === undefined ? undefined : videoChangeRefusal(this.id, now, video)
  }

  async #connect(plan: PushPlan, { signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    const { clock, random, env } = this.#parts
    const { key, keyField, query } = this.#target
    // A platform disconnects a silent publisher: the connection waits for the first frame.
    if (this.#queue.length === 0) await untilCalled((call) => this.#subscribe(call), signal)
    if (signal.aborted) return { kind: 'ended' }
    const secret = await resolveSecret(key, keyField, { env })
    const connection = new PushConnection({
      target: this.#target,
      streamName: `${secret}${query}`,
      clock,
      random,
      stallMs: this.#spec.stallMs,
      onLive: () => {
        onRunning()
        this.#onLive(connection, plan)
      },
      onRoom: () => this.#pump(),
      onWritten: (bytes) => this.#meter.addBytes(bytes, clock.now()),
    })
    this.#connection = connection
    const end = await connection.run(signal).catch((error: unknown) => lost(messageOf(error)))
    this.#connection = undefined
    this.#stream = undefined
    if (end.kind === 'stopped') return { kind: 'ended' }
    const reason = redactor([secret])(end.reason)
    if (end.kind === 'lost') return { kind: 'lost', reason }
    this.#alertRefusal(reason)
    return { kind: 'lost', reason, policy: RETRY_REFUSED }
  }

  #subscribe(onFrame: () => void): () => void {
    this.#onFrame = onFrame
    return () => (this.#onFrame = undefined)
  }

  /** Once, until it is accepted. */
  #alertRefusal(reason: string): void {
    if (this.#isRefusalReported) return
    this.#isRefusalReported = true
    this.#parts.alert('refused', `output ${this.id}: ${this.#target.displayUrl}: ${reason}`)
  }

  #onLive(connection: PushConnection, plan: PushPlan): void {
    const { frames } = this.#parts.program
    this.#connections++
    this.#isRefusalReported = false
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
