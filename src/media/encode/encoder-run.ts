import { sameVideo, type VideoFormat } from '../../contract/format.ts'
import { millis, TICKS_PER_SECOND } from '../../contract/time.ts'
import { ladderPlan, type EncoderRung } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import { untilCalled, type Clock } from '../../lib/clock.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { OutputProgram, ProgramReader } from '../outputs/interface/output.ts'
import { EncoderSession, type SessionEnd } from './encoder-session.ts'
import { pixelAspectOf } from './pixel-aspect-of.ts'
import { EncoderInput } from './encoder-input.ts'
import type { RungOutputs } from './rung-outputs.ts'

/** A longer lag is skipped to the newest random access point. */
const MAX_LAG_MS = millis(5_000)
/** FFmpeg guesses when 33-bit times wrap, after 26.5 hours: another process takes over before. */
const MAX_SESSION_TICKS = 24 * 3_600 * TICKS_PER_SECOND
const CHECK_INTERVAL_MS = 500
/** Program time without output after which the encoder is stuck and ended. */
const STALL_TIMEOUT_TICKS = 5 * TICKS_PER_SECOND
/** Longest step of the program between two checks. */
const MAX_STEP_TICKS = TICKS_PER_SECOND
/** Wait for the first picture, which takes longer on a busy machine. */
const START_TIMEOUT_TICKS = 15 * TICKS_PER_SECOND

export interface EncoderRunParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly ffmpeg: string
  readonly program: OutputProgram
  readonly rungs: readonly EncoderRung[]
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly outputs: RungOutputs
  /** Called for each unit that came out. */
  readonly onOutput: () => void
  readonly maxSessionTicks?: number
}

/** From joining the program to a failure: consecutive encoder processes, each taking over from the one before. */
export class EncoderRun {
  readonly #parts: EncoderRunParts
  readonly #stop = new AbortController()
  readonly #encodesVideo: boolean
  #session: EncoderSession | undefined
  #pid: number | undefined
  #lastSession: Promise<SessionEnd> = Promise.resolve({ how: 'finished' })
  #reader: ProgramReader | undefined
  #format: VideoFormat | undefined
  /** Continuity of the next session. */
  #nextTimeline: 'continues' | 'anew' = 'anew'
  #failure: string | undefined
  /** Current session: units it had written, the program time of the check, and the time without new units. */
  #progress = { given: -1, time: 0, silence: 0 }

  constructor(parts: EncoderRunParts) {
    this.#parts = parts
    const { tracks } = parts.program.frames
    this.#encodesVideo =
      tracks.video !== undefined && parts.rungs.some(({ video }) => video !== 'none')
  }

  /** Of the newest process, until it has ended. */
  get pid(): number | undefined {
    return this.#pid
  }

  get skips(): number {
    return this.#reader?.skips ?? 0
  }

  /** Resolves when all processes have ended: with the failure, or undefined after an abort or the program's end. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const { clock, program } = this.#parts
    const over = AbortSignal.any([signal, this.#stop.signal])
    const watch = clock.every(CHECK_INTERVAL_MS, () => this.#checkProgress())
    const input = new EncoderInput({
      unit: (unit, track) => this.#addUnit(unit, track, over),
      format: (kind, format) => {
        if (kind === 'video') this.#onVideoFormat(format as VideoFormat)
      },
      onBreak: (cause) => this.#onBreak(cause),
    })
    const reader = program.ring.join({ joinAge: millis(0), lagLimit: MAX_LAG_MS })
    this.#reader = reader
    while (!over.aborted && !reader.ended) {
      const part = reader.next()
      if (part === undefined)
        await untilCalled((onAppend) => program.ring.subscribe(onAppend), over)
      else input.push(part)
      await this.#session?.untilDrained(over)
    }
    if (reader.ended) input.flush()
    this.#finishSession()
    await this.#lastSession
    watch.cancel()
    return signal.aborted ? undefined : this.#failure
  }

  #addUnit(unit: AccessUnit, track: number, signal: AbortSignal): void {
    if (signal.aborted) return
    const begins = this.#encodesVideo ? unit.rap !== 'none' : unit.kind === 'audio'
    if (this.#session !== undefined && begins && this.#isSessionOver(unit)) this.#finishSession()
    if (this.#session === undefined) {
      if (!begins) return
      this.#startSession(unit, signal)
    }
    this.#session?.addUnit(unit, track)
  }

  #startSession(first: AccessUnit, signal: AbortSignal): void {
    const { program, rungs } = this.#parts
    const { audio, languages } = program.frames.tracks
    const video = this.#format ?? program.frames.tracks.video
    const encodesAudio = audio !== undefined && rungs.some((rung) => rung.audio !== 'none')
    const aspect = video === undefined ? undefined : pixelAspectOf(video, first.data)
    const session = new EncoderSession({
      ...this.#parts,
      plan: ladderPlan({
        program: {
          video: program.frames.tracks.video,
          audio,
          audioTracks: languages.length,
          ...(aspect === undefined ? {} : { pixelAspect: aspect }),
        },
        rungs,
      }),
      tracks: {
        video: this.#encodesVideo ? video?.codec : undefined,
        audio: encodesAudio ? audio.codec : undefined,
        languages,
      },
      start: first.dts,
      timeline: this.#nextTimeline,
    })
    const over = session.run(this.#lastSession, signal)
    this.#session = session
    this.#pid = session.pid
    this.#nextTimeline = 'continues'
    this.#progress = { given: -1, time: program.frames.time, silence: 0 }
    this.#lastSession = over
    void over.then((end) => {
      if (this.#pid === session.pid) this.#pid = undefined
      if (this.#session === session) this.#fail(end.how === 'failed' ? end.why : 'it ended')
    })
  }

  /** Ends the input of the current session, which flushes what it holds. */
  #finishSession(): void {
    this.#session?.finish()
    this.#session = undefined
  }

  #fail(why: string): void {
    this.#failure ??= why
    this.#session?.stop()
    this.#session = undefined
    this.#stop.abort()
  }

  #onBreak(cause: 'skipped' | 'hole'): void {
    // A session that is too slow would only delay the next one with late output.
    if (cause === 'skipped') this.#session?.stop()
    this.#finishSession()
    this.#nextTimeline = 'anew'
  }

  /** True when another process must take over at this random access point. */
  #isSessionOver(unit: AccessUnit): boolean {
    return this.#session!.lengthAt(unit.dts) > (this.#parts.maxSessionTicks ?? MAX_SESSION_TICKS)
  }

  #onVideoFormat(format: VideoFormat): void {
    const before = this.#format
    this.#format = format
    // FFmpeg's decoder of MPEG-2 loses a picture when the size changes, and its deinterlacer at any change.
    const loses =
      format.codec === 'mpeg2video' ||
      this.#parts.program.frames.tracks.video?.scan === 'interlaced'
    if (before !== undefined && loses && !sameVideo(before, format)) this.#finishSession()
  }

  #checkProgress(): void {
    const session = this.#session
    if (session === undefined) return
    const { time } = this.#parts.program.frames
    const silent = session.outputUnits === this.#progress.given
    // The program jumps after a pause of the host: the encoder had no time to work.
    const went = Math.min(time - this.#progress.time, MAX_STEP_TICKS)
    this.#progress = {
      given: session.outputUnits,
      time,
      silence: silent ? this.#progress.silence + went : 0,
    }
    if (
      this.#progress.silence <
      (session.outputUnits === 0 ? START_TIMEOUT_TICKS : STALL_TIMEOUT_TICKS)
    )
      return
    this.#fail(`it gave nothing for ${Math.round(this.#progress.silence / TICKS_PER_SECOND)} s`)
  }
}
