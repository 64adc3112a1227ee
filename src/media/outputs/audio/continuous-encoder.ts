import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../../lib/clock.ts'
import {
  keepRunning,
  type AttemptContext,
  type AttemptEnd,
  type RunState,
} from '../../../lib/keep-running.ts'
import type { ProcessHost } from '../../../process/host.ts'
import { frameSeconds, type CodedAudio } from './coded-audio.ts'
import { planEncode } from './encode-plan.ts'
import { EncodeSession } from './encode-session.ts'
import {
  segmentFrameSeconds,
  type ProgramAudio,
  type AudioTimelineSegment,
} from './program-audio.ts'

/** A healthy encoder is restarted without delay. */
const RETRY = {
  backoff: { firstMs: 200, maxMs: 5_000, factor: 2, jitter: 0.5 },
  healthyMs: 10_000,
  quickMs: 0,
}
const CHECK_INTERVAL_MS = 250
/** Time without a frame while there was audio to encode: listeners' buffers hold as much. */
const STALL_TIMEOUT_MS = 1_500
/** The same before the first frame: a process starts slowly on a busy machine. */
const START_TIMEOUT_MS = 5_000
/** An encoder holds a few frames back; a longer delay is not its own. */
const MAX_ENCODER_DELAY_SECONDS = 0.5

export interface ContinuousEncoderParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly audio: ProgramAudio
  readonly coded: CodedAudio
  readonly purpose: string
  readonly onFrame: (frame: Uint8Array) => void
  readonly onIdentification: (packet: Uint8Array) => void
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

export interface ContinuousEncoderFigures {
  readonly pid?: number
  /** Encoders that died or stalled. */
  readonly restarts: number
  /** Restarts of encoders that accepted or wrote nothing. */
  readonly stuck: number
  readonly lostFrames: number
  readonly lastError?: string
}

/** Encodes one timeline segment after the other, each with one or more encoder processes. */
export class ContinuousEncoder {
  readonly #parts: ContinuousEncoderParts
  #session: EncodeSession | undefined
  /** Next coded frame of the current timeline segment. */
  #next = 0
  /** Index of the program's frame behind the timeline segment, once all of it was given. */
  #finishedAt: number | undefined
  /** Start of the time in which frames are overdue for the audio it was given; pauses of the host are not counted. */
  #behindSince: number | undefined
  #output: 'nothing' | 'frames' = 'nothing'
  #restarts = 0
  #stuck = 0
  #lostFrames = 0
  #lastError: string | undefined

  constructor(parts: ContinuousEncoderParts) {
    this.#parts = parts
  }

  /** Encodes from coded frame `from` to the end of the segment; resolves with the index of the program's frame after it. */
  async run(segment: AudioTimelineSegment, from: number, signal: AbortSignal): Promise<number> {
    const { clock, random, audio } = this.#parts
    this.#next = from
    this.#finishedAt = undefined
    await keepRunning(
      (attempt) => this.#runSession(segment, attempt),
      { ...RETRY, clock, random, onState: (state) => this.#onState(state) },
      signal,
    )
    return this.#finishedAt ?? audio.end
  }

  figures(): ContinuousEncoderFigures {
    const pid = this.#session?.pid
    return {
      ...(pid === undefined ? {} : { pid }),
      restarts: this.#restarts,
      stuck: this.#stuck,
      lostFrames: this.#lostFrames,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  async #runSession(
    segment: AudioTimelineSegment,
    { signal, onRunning }: AttemptContext,
  ): Promise<AttemptEnd> {
    const { audio, coded, clock } = this.#parts
    const plan = planEncode({ coded, segment, oldest: audio.oldest, from: this.#next })
    this.#lostFrames += plan.from - this.#next
    this.#next = plan.from
    this.#behindSince = undefined
    this.#output = 'nothing'
    const stop = new AbortController()
    const session = new EncodeSession({
      ...this.#parts,
      segment,
      plan,
      onFrame: (frame) => {
        onRunning()
        this.#emitFrame(frame)
      },
    })
    this.#session = session
    const unsubscribe = audio.subscribe(() => session.pump())
    let hung: string | undefined
    const check = clock.every(CHECK_INTERVAL_MS, () => {
      hung ??= this.#stallReason(session, segment)
      if (hung !== undefined) stop.abort()
    })
    const end = await session.run(AbortSignal.any([signal, stop.signal]))
    check.cancel()
    unsubscribe()
    this.#session = undefined
    if (hung !== undefined) this.#stuck++
    if (session.state !== 'finished') return { kind: 'lost', reason: hung ?? end.sentence }
    this.#finishedAt = session.nextFrame
    return { kind: 'ended' }
  }

  #onState(state: RunState): void {
    if (state.kind !== 'waiting') return
    this.#restarts++
    this.#lastError = state.reason
    const { reason, retryInMs } = state
    this.#parts.warn(`the sound's encoder ended (${reason}); again in ${retryInMs} ms`)
  }

  #emitFrame(frame: Uint8Array): void {
    this.#next++
    this.#output = 'frames'
    this.#behindSince = undefined
    this.#parts.onFrame(frame)
  }

  /** Reason to abandon the session, or undefined. */
  #stallReason(session: EncodeSession, segment: AudioTimelineSegment): string | undefined {
    const { clock, audio, coded } = this.#parts
    if (session.state === 'lost') return 'too slow'
    const last = session.state === 'finished' ? session.nextFrame : audio.end
    const due = (last - segment.first) * segmentFrameSeconds(segment)
    const behind = due - this.#next * frameSeconds(coded)
    // At the end of a timeline segment its input ends, and it must exit.
    if (behind < MAX_ENCODER_DELAY_SECONDS && session.state !== 'finished') {
      this.#behindSince = undefined
      return undefined
    }
    this.#behindSince ??= clock.now()
    const quietMs = clock.now() - this.#behindSince
    if (quietMs < (this.#output === 'nothing' ? START_TIMEOUT_MS : STALL_TIMEOUT_MS))
      return undefined
    return `it gave nothing for ${Math.round(quietMs)} ms`
  }
}
