import type { OutputId } from '../../../contract/ids.ts'
import type { IcecastSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { AUDIO_ENCODERS } from '../../../ffmpeg/audio-encode-arguments.ts'
import { DEFAULT_BACKOFF } from '../../../lib/backoff.ts'
import { pause } from '../../../lib/clock.ts'
import {
  keepRunning,
  type AttemptContext,
  type AttemptEnd,
  type RunState,
} from '../../../lib/keep-running.ts'
import { redactText, redactUrl } from '../../../lib/redact.ts'
import { AudioEncoder } from '../audio/audio-encoder.ts'
import { ProgramAudio } from '../audio/program-audio.ts'
import { OutputCondition } from '../interface/output-condition.ts'
import type { OutputParts } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import { resolveSecret } from '../interface/secret-reference.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import type { IcecastTarget } from './icecast-target.ts'
import { dialIcecast, SourceConnection, type Dial } from './source-connection.ts'
import { sourceHead } from './source-request.ts'
import { setIcecastTitle, TitleUpdates } from './title-updates.ts'
import { UnitQueue } from './unit-queue.ts'

export interface IcecastSourceOptions {
  readonly id: OutputId
  readonly url: string
  readonly target: IcecastTarget
  readonly spec: IcecastSpec
  readonly parts: OutputParts
  readonly dial?: Dial
}

/** Longest queue of a slow connection: more is dropped. */
const MAX_QUEUE_MS = 5_000
/** Icecast's own source-timeout. */
const STALL_TIMEOUT_MS = 10_000
const KEPT_AUDIO_MS = 10_000
const RETRY = { backoff: DEFAULT_BACKOFF, healthyMs: 10_000 }
/** Long delays: a wrong password is not corrected within seconds, and each attempt is a line in Icecast's log. */
const RETRY_DENIED = {
  backoff: { firstMs: 15_000, maxMs: 300_000, factor: 2, jitter: 0.3 },
  healthyMs: 10_000,
}
/** Delay before a title is retried. */
const TITLE_RETRY_INTERVAL_MS = 2_000

/** The program's audio as the single source of an Icecast mount, while the channel runs. */
export class IcecastSource implements Output {
  readonly id: OutputId
  readonly kind = 'icecast'
  readonly #options: IcecastSourceOptions
  readonly #queue = new UnitQueue(MAX_QUEUE_MS)
  readonly #meter: RateMeter
  readonly #titles: TitleUpdates
  #encoder: AudioEncoder | undefined
  readonly #condition = new OutputCondition((text) =>
    redactText(text, this.#password === '' ? [] : [this.#password]),
  )
  #connections = 0
  #reportedRefusal: string | undefined
  #password = ''
  #signal: AbortSignal = new AbortController().signal

  constructor(options: IcecastSourceOptions) {
    this.id = options.id
    this.#options = options
    this.#meter = new RateMeter(options.parts.clock.now())
    this.#titles = new TitleUpdates({
      set: (title) =>
        setIcecastTitle({
          target: options.target,
          password: this.#password,
          title,
          signal: this.#signal,
        }),
      onProblem: (why) => this.#condition.countError(`the title could not be set: ${why}`),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const { parts, spec, id } = this.#options
    const { frames } = parts.program
    const program = frames.tracks.audio
    this.#signal = signal
    if (program === undefined) return this.#failForGood('the channel has no audio')
    const needed = AUDIO_ENCODERS[spec.format]
    if (!parts.ffmpeg.encoders.has(needed)) {
      return this.#failForGood(`icecast.format ${spec.format}: this FFmpeg has no ${needed}`)
    }
    const audio = new ProgramAudio({
      frames,
      keepMs: KEPT_AUDIO_MS,
      onFault: (error) => this.#condition.countError(`its audio input failed: ${String(error)}`),
    })
    const encoder = new AudioEncoder({
      ...parts,
      audio,
      program,
      ffmpeg: parts.ffmpeg.ffmpeg,
      wanted: { format: spec.format, bitrate: spec.bitrate },
      burstMs: 0,
      purpose: `audio for ${id}`,
      onUnit: (unit) => {
        if (this.#condition.state === 'running') this.#queue.push(unit)
      },
      onLine: (line) => parts.onLine(id, line),
      warn: (message) => parts.warn(id, message),
    })
    this.#encoder = encoder
    const detach = [audio.attach(), this.#followTitles()]
    const encoding = encoder.run(signal)
    await audio.untilFrame(0, signal)
    const { clock, random } = parts
    await keepRunning(
      (attempt) => this.#connect(encoder, attempt),
      { ...RETRY, clock, random, onState: (state) => this.#onState(state) },
      signal,
    )
    for (const leave of detach) leave()
    await Promise.all([encoding, this.#titles.settled()])
  }

  status(): OutputStatus {
    const { parts, url, spec } = this.#options
    const encoder = this.#encoder?.figures()
    return {
      id: this.id,
      kind: this.kind,
      url: redactUrl(url),
      ...this.#condition.status(),
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(parts.clock.now()),
      lagMs: Math.round(this.#queue.ms),
      skips: this.#queue.skips,
      reconnects: Math.max(0, this.#connections - 1),
      details: {
        format: spec.format,
        encoder: encoder?.mode ?? 'starting',
        ...(encoder?.pid !== undefined && { encoderPid: encoder.pid }),
        encoderRestarts: encoder?.restarts ?? 0,
        encoderStuck: encoder?.stuck ?? 0,
        lostMs: (encoder?.lostMs ?? 0) + Math.round(this.#queue.droppedMs),
        ...(spec.format === 'opus'
          ? { titles: 'not possible: Icecast cannot set titles of Ogg streams' }
          : { titles: this.#titles.count, titleErrors: this.#titles.errors }),
        ...(this.#titles.lastTitle !== undefined && { title: this.#titles.lastTitle }),
      },
    }
  }

  async #connect(
    encoder: AudioEncoder,
    { signal, onRunning }: AttemptContext,
  ): Promise<AttemptEnd> {
    const { target, spec, parts, dial = dialIcecast, id } = this.#options
    const { clock, env, channel, program } = parts
    const preamble = await this.#preamble(encoder, signal)
    const field = `output ${id}, icecast.password`
    const written = target.password ?? spec.password ?? ''
    this.#password = await resolveSecret(written, field, { env })
    if (signal.aborted || preamble === undefined) return { kind: 'ended' }
    const connection = new SourceConnection({
      target,
      preamble,
      head: sourceHead({
        target,
        password: this.#password,
        coded: encoder.coded,
        spec: { ...spec, name: spec.name ?? channel.name },
      }),
      queue: this.#queue,
      clock,
      dial,
      stallMs: STALL_TIMEOUT_MS,
      onAccepted: () => {
        onRunning()
        this.#connections++
        this.#reportedRefusal = undefined
        if (spec.format !== 'opus') this.#titles.restart(program.frames.onAir.label)
      },
      onSent: (bytes) => this.#meter.addBytes(bytes, clock.now()),
    })
    const end = await connection.run(signal)
    if (end.kind === 'stopped') return { kind: 'ended' }
    if (end.kind === 'lost') return { kind: 'lost', reason: end.why }
    const reason = `Icecast refused it: ${end.why}`
    this.#alertRefusal(reason)
    const denied = end.status === 401 || end.status === 0
    return { kind: 'lost', reason, ...(denied && { policy: RETRY_DENIED }) }
  }

  /** Available when the encoder has started. */
  async #preamble(encoder: AudioEncoder, signal: AbortSignal): Promise<Uint8Array | undefined> {
    while (encoder.head === undefined && !signal.aborted) {
      await pause(this.#options.parts.clock, 50, signal)
    }
    return encoder.head
  }

  #followTitles(): () => void {
    const { parts, spec } = this.#options
    if (spec.format === 'opus') return () => {}
    const { frames } = parts.program
    const want = (label: string): void => {
      if (this.#condition.state === 'running') this.#titles.requestTitle(label)
    }
    const detach = frames.attach({ cut: ({ label }) => want(label) }, (error) =>
      this.#condition.countError(`titles cannot be followed: ${String(error)}`),
    )
    const again = parts.clock.every(TITLE_RETRY_INTERVAL_MS, () => want(frames.onAir.label))
    return () => {
      detach()
      again.cancel()
    }
  }

  #onState(state: RunState): void {
    this.#condition.follow(state)
    const { lastError } = this.#condition
    if (state.kind === 'waiting' && lastError !== undefined) {
      this.#options.parts.warn(this.id, lastError)
    }
  }

  /** Once for each reason, until it is accepted. */
  #alertRefusal(reason: string): void {
    if (this.#reportedRefusal === reason) return
    this.#reportedRefusal = reason
    const text = this.#condition.redact(`output ${this.id}: ${reason}`)
    this.#options.parts.alert('refused', text)
  }

  /** Ends without retry: nothing later can correct it. */
  #failForGood(reason: string): void {
    this.#condition.follow({ kind: 'failed', reason })
    this.#options.parts.alert('refused', `output ${this.id}: ${reason}`)
  }
}
