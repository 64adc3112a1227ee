import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { OutputId } from '../../../contract/ids.ts'
import { shortPathOf, type ListenFormat, type MediaPath } from '../../../contract/paths.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { AUDIO_ENCODERS, type AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'
import { untilAborted, type Timer } from '../../../lib/clock.ts'
import type { OutputContext } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import type { ProgramFrames } from '../interface/program-frames.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { clampBitrate } from './coded-audio.ts'
import type { ViewerLog } from '../../viewers/viewer-log.ts'
import { IcyFraming } from './icy.ts'
import {
  answerPreflight,
  refuseListener,
  streamHead,
  titleMode,
  type Station,
} from './listener-answer.ts'
import { ListenerGroup } from './listener-group.ts'
import { Listener } from './listener.ts'
import { ProgramAudio } from './program-audio.ts'

export interface ListenerTimes {
  /** Newest audio that a listener starts with, to fill its start-up buffer, milliseconds. */
  readonly burstMs: number
  /** A listener with a longer lag skips to the newest frame, milliseconds. */
  readonly lagMs: number
  /** Time without accepting a byte until disconnection, milliseconds. */
  readonly graceMs: number
  /** Time from the last listener's end to the encoder's, milliseconds. */
  readonly idleMs: number
}

const TIMES: ListenerTimes = { burstMs: 2_000, lagMs: 10_000, graceMs: 15_000, idleMs: 30_000 }

export interface ListenersOptions {
  readonly id: OutputId
  readonly context: Pick<
    OutputContext,
    'channel' | 'host' | 'ffmpeg' | 'clock' | 'random' | 'onLine' | 'warn'
  >
  readonly frames: ProgramFrames
  /** Default: only the channel's name. */
  readonly station?: Station
  readonly times?: Partial<ListenerTimes>
  /** Receives who joined and left. */
  readonly log?: Pick<ViewerLog, 'joined' | 'left'>
}

const FORMATS: readonly ListenFormat[] = ['mp3', 'aac', 'opus']
const MAX_AGENT_CHARS = 200
const STALL_CHECK_INTERVAL_MS = 1_000
/** Past that a restarted encoder may need: longer than the burst. */
const KEPT_AUDIO_MS = 10_000
const KEPT_CODED_MARGIN_MS = 2_000

/**
 * The program's audio as `/listen.mp3`, `.aac`, `.opus`, without an Icecast server. One endless response each, without
 * chunked encoding; Node parses the request; head and frames go to the socket directly.
 */
export class Listeners implements Output {
  readonly id: OutputId
  readonly kind = 'listeners'
  readonly #options: ListenersOptions
  readonly #times: ListenerTimes
  readonly #audio: ProgramAudio
  readonly #groups: ReadonlyMap<AudioEncoding, ListenerGroup>
  readonly #meter: RateMeter
  #state: OutputStatus['state'] = 'starting'
  #count = 0
  #refused = 0
  #stalled = 0
  #closedBytes = 0
  #closedSkips = 0

  constructor(options: ListenersOptions) {
    const { context, frames, id } = options
    this.id = id
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
    this.#meter = new RateMeter(context.clock.now())
    this.#audio = new ProgramAudio({
      frames,
      keepMs: KEPT_AUDIO_MS,
      onFault: (error) => context.warn(id, `its audio input failed: ${String(error)}`),
    })
    const { audio } = frames.tracks
    this.#groups = new Map(
      audio === undefined
        ? []
        : FORMATS.map((format) => [format, this.#createGroup(format, audio)] as const),
    )
  }

  /** Serves until the signal is aborted, then disconnects every listener. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.context
    const detach = this.#audio.attach()
    const check: Timer = clock.every(STALL_CHECK_INTERVAL_MS, () => this.#checkStalls())
    this.#state = 'running'
    await untilAborted(signal)
    this.#state = 'failed'
    check.cancel()
    detach()
    await Promise.all([...this.#groups.values()].map((group) => group.close()))
  }

  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    if (path.kind !== 'listen') return false
    this.#accept(request, response, path.format)
    return true
  }

  /** False: no such listener. */
  disconnect(path: string, id: number): boolean {
    const found = this.#listeners().find(
      ({ identity }) => identity.id === id && identity.path === path,
    )
    found?.disconnect('an operator ended it')
    return found !== undefined
  }

  /** `errors`: listeners refused or disconnected for stalling. `lagMs`: of the slowest listener. */
  status(): OutputStatus {
    this.#updateMeter()
    const listeners = this.#listeners()
    const groups = [...this.#groups].map(([format, group]) => ({ format, feed: group }))
    return {
      id: this.id,
      kind: this.kind,
      url: shortPathOf({ kind: 'listen', format: 'mp3' }),
      state: this.#state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#options.context.clock.now()),
      lagMs: Math.round(listeners.reduce((worst, { lag }) => Math.max(worst, lag), 0)),
      skips: listeners.reduce((sum, { skips }) => sum + skips, this.#closedSkips),
      errors: this.#refused + this.#stalled,
      reconnects: 0,
      ...(this.#stalled > 0 && {
        lastError: `${this.#stalled} listeners disconnected that took nothing for ${this.#times.graceMs} ms`,
      }),
      details: {
        listeners: listeners.length,
        encoderRestarts: groups.reduce(
          (sum, { feed: group }) => sum + (group.figures()?.restarts ?? 0),
          0,
        ),
        ...Object.fromEntries(
          groups.flatMap(({ format, feed: group }) => [
            [`${format}Listeners`, group.listeners.length],
            [`${format}Encoder`, group.figures()?.mode ?? 'off'],
            ...pidOf(format, group),
          ]),
        ),
      },
    }
  }

  #accept(request: IncomingMessage, response: ServerResponse, format: AudioEncoding): void {
    response.on('error', () => {})
    response.shouldKeepAlive = false
    // Without this Node adds "Transfer-Encoding: chunked", which old players and radios do not accept.
    response.useChunkedEncodingByDefault = false
    const group = this.#groups.get(format)
    const refusal = this.#refusal(request, format)
    if (request.method === 'OPTIONS') answerPreflight(response)
    else if (group === undefined || refusal !== undefined) {
      this.#refused++
      refuseListener(response, refusal ?? NO_AUDIO)
    } else {
      const { socket } = response
      // A request pipelined after an endless response cannot be answered.
      if (socket === null || socket.destroyed) response.destroy()
      else this.#addListener({ request, socket, feed: group })
    }
  }

  #refusal(request: IncomingMessage, format: AudioEncoding) {
    const { ffmpeg, channel } = this.#options.context
    const { maxListeners } = channel.listeners
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      const why = `method ${method} is not possible here: use GET or HEAD`
      return { status: 405, code: 'bad_request', why }
    }
    if (this.#state !== 'running') {
      return { status: 503, code: 'not_reachable', why: 'the program does not run' }
    }
    const encoder = AUDIO_ENCODERS[format]
    if (!ffmpeg.encoders.has(encoder)) {
      const why = `this FFmpeg has no ${encoder}: ${format} is not possible`
      return { status: 503, code: 'not_reachable', why }
    }
    if (method === 'GET' && this.#listeners().length >= maxListeners) {
      const why = `the limit of ${maxListeners} listeners is reached`
      return { status: 503, code: 'too_many_viewers', why }
    }
    return undefined
  }

  #addListener({
    request,
    socket,
    feed: group,
  }: {
    readonly request: IncomingMessage
    readonly socket: Socket
    readonly feed: ListenerGroup
  }): void {
    const { context, frames, station = { name: context.channel.name } } = this.#options
    const titles = titleMode(request, group.coded.format)
    const head = streamHead(station, group.coded, titles)
    if (request.method === 'HEAD') {
      socket.end(head)
      return
    }
    socket.write(head)
    // A request body is discarded, so that the end of the connection is noticed.
    request.resume()
    const listener = new Listener({
      identity: {
        id: ++this.#count,
        path: shortPathOf({ kind: 'listen', format: group.coded.format }),
        address: socket.remoteAddress ?? '',
        agent: (request.headers['user-agent'] ?? '').slice(0, MAX_AGENT_CHARS),
      },
      socket,
      clock: context.clock,
      audio: group.sharedAudio(),
      burstMs: this.#times.burstMs,
      lagMs: this.#times.lagMs,
      icy:
        titles === 'none'
          ? undefined
          : { framing: new IcyFraming(), title: () => frames.onAir.label },
    })
    socket.once('close', () => {
      group.removeListener(listener)
      this.#options.log?.left(listener.identity, listener.leaveReason)
      this.#closedBytes += listener.bytes
      this.#closedSkips += listener.skips
    })
    group.addListener(listener)
    this.#options.log?.joined(listener.identity)
  }

  #createGroup(format: AudioEncoding, program: NonNullable<ProgramFrames['tracks']['audio']>) {
    const { context, id } = this.#options
    return new ListenerGroup({
      ...context,
      format,
      program,
      bitrate: clampBitrate(format, context.channel.listeners.bitrate),
      audio: this.#audio,
      ffmpeg: context.ffmpeg.ffmpeg,
      burstMs: this.#times.burstMs,
      keepMs: this.#times.lagMs + KEPT_CODED_MARGIN_MS,
      idleMs: this.#times.idleMs,
      onLine: (line) => context.onLine(id, line),
      warn: (message) => context.warn(id, message),
    })
  }

  #listeners(): readonly Listener[] {
    return [...this.#groups.values()].flatMap((group) => group.listeners)
  }

  #checkStalls(): void {
    this.#updateMeter()
    const now = this.#options.context.clock.now()
    for (const listener of this.#listeners()) {
      if (listener.stalledFor(now) < this.#times.graceMs) continue
      this.#stalled++
      listener.disconnect(`it took nothing for ${this.#times.graceMs} ms`)
    }
  }

  #updateMeter(): void {
    const total = this.#listeners().reduce((sum, { bytes }) => sum + bytes, this.#closedBytes)
    this.#meter.addBytes(total - this.#meter.total, this.#options.context.clock.now())
  }
}

const pidOf = (
  format: AudioEncoding,
  group: ListenerGroup,
): readonly (readonly [string, number])[] => {
  const pid = group.figures()?.pid
  return pid === undefined ? [] : [[`${format}EncoderPid`, pid]]
}

const NO_AUDIO = { status: 404, code: 'not_reachable', why: 'the channel has no audio' } as const
