import { sameVideo, type VideoFormat } from '../../contract/format.ts'
import { millis, TICKS_PER_SECOND } from '../../contract/time.ts'
import { ladderPlan, type EncoderRung } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { OutputProgram, Program, ProgramReader } from '../outputs/interface/output.ts'
import { EncoderSession, type SessionEnd } from './encoder-session.ts'
import { pixelAspectOf } from './pixel-aspect-of.ts'
import { ProgramIntake } from './program-intake.ts'
import type { RungOutputs } from './rung-outputs.ts'

/** Further behind than this, it goes on at the newest random access point. */
const LAG_LIMIT = millis(5_000)
/** FFmpeg guesses when 33-bit times wrap, after 26.5 hours: another process takes over before. */
const LONGEST = 24 * 3_600 * TICKS_PER_SECOND
const WATCH_MS = 500
/** Nothing came out while the program went on for so long: it is stuck, and ended. */
const STUCK = 5 * TICKS_PER_SECOND
/** The program goes on by no more than this between two looks. */
const LEAP = TICKS_PER_SECOND
/** The first picture may take longer on a busy machine. */
const STUCK_AT_START = 15 * TICKS_PER_SECOND

export interface EncoderRunParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly ffmpeg: string
  readonly program: OutputProgram
  readonly rungs: readonly EncoderRung[]
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly outputs: RungOutputs
  readonly longestTicks?: number
}

/** From joining the program to a failure: one encoder process after the other, each of which takes over from the one before. */
export class EncoderRun {
  readonly #parts: EncoderRunParts
  readonly #stop = new AbortController()
  readonly #wantsVideo: boolean
  #session: EncoderSession | undefined
  #pid: number | undefined
  #last: Promise<SessionEnd> = Promise.resolve({ how: 'finished' })
  #reader: ProgramReader | undefined
  #format: VideoFormat | undefined
  /** How the next session follows on. */
  #next: 'continues' | 'anew' = 'anew'
  #failure: string | undefined
  /** Of the session on hand: what it had given when the program was there, and for how long it has given no more. */
  #watched = { given: -1, time: 0, silence: 0 }

  constructor(parts: EncoderRunParts) {
    this.#parts = parts
    const { tracks } = parts.program.frames
    this.#wantsVideo =
      tracks.video !== undefined && parts.rungs.some(({ video }) => video !== 'none')
  }

  /** Of the newest process, until it is gone. */
  get pid(): number | undefined {
    return this.#pid
  }

  get gives(): boolean {
    return (this.#session?.given ?? 0) > 0
  }

  get skips(): number {
    return this.#reader?.skips ?? 0
  }

  /** Resolves when all its processes are gone: with what failed, or undefined after an abort or the program's end. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const { clock, program } = this.#parts
    const over = AbortSignal.any([signal, this.#stop.signal])
    const watch = clock.every(WATCH_MS, () => this.#watch())
    const intake = new ProgramIntake({
      unit: (unit, track) => this.#unit(unit, track, over),
      format: (kind, format) => {
        if (kind === 'video') this.#changes(format as VideoFormat)
      },
      broke: (cause) => this.#broke(cause),
    })
    const reader = program.ring.join({ joinAge: millis(0), lagLimit: LAG_LIMIT })
    this.#reader = reader
    while (!over.aborted && !reader.ended) {
      const part = reader.next()
      if (part === undefined) await appended(program.ring, over)
      else intake.push(part)
      await this.#session?.room(over)
    }
    if (reader.ended) intake.end()
    this.#leave()
    await this.#last
    watch.cancel()
    return signal.aborted ? undefined : this.#failure
  }

  #unit(unit: AccessUnit, track: number, signal: AbortSignal): void {
    if (signal.aborted) return
    const begins = this.#wantsVideo ? unit.entry !== 'none' : unit.kind === 'audio'
    if (this.#session !== undefined && begins && this.#isDue(unit)) this.#leave()
    if (this.#session === undefined) {
      if (!begins) return
      this.#open(unit, signal)
    }
    this.#session?.feed(unit, track)
  }

  #open(first: AccessUnit, signal: AbortSignal): void {
    const { program, rungs, host, clock, ffmpeg, purpose, onLine, outputs } = this.#parts
    const { audio, languages } = program.frames.tracks
    const video = this.#format ?? program.frames.tracks.video
    const wantsAudio = audio !== undefined && rungs.some((rung) => rung.audio !== 'none')
    const aspect = video === undefined ? undefined : pixelAspectOf(video, first.data)
    const session = new EncoderSession(
      {
        ...{ host, clock, ffmpeg, purpose, onLine, outputs },
        plan: ladderPlan({
          program: {
            video: program.frames.tracks.video,
            audio,
            audioTracks: languages.length,
            ...(aspect === undefined ? {} : { pixelAspect: aspect }),
          },
          rungs,
        }),
        input: {
          video: this.#wantsVideo ? video?.codec : undefined,
          audio: wantsAudio ? audio.codec : undefined,
          languages,
        },
        start: first.dts,
        timeline: this.#next,
      },
      signal,
    )
    this.#session = session
    this.#pid = session.pid
    this.#next = 'continues'
    this.#watched = { given: -1, time: program.frames.time, silence: 0 }
    const over = session.run(this.#last)
    this.#last = over
    void over.then((end) => {
      if (this.#pid === session.pid) this.#pid = undefined
      if (this.#session === session) this.#fail(end.how === 'failed' ? end.why : 'it ended')
    })
  }

  /** The session on hand gets no more, and gives what it still holds. */
  #leave(): void {
    this.#session?.finish()
    this.#session = undefined
  }

  #fail(why: string): void {
    this.#failure ??= why
    this.#session?.stop()
    this.#session = undefined
    this.#stop.abort()
  }

  #broke(cause: 'skipped' | 'hole'): void {
    // One that is too slow would only hold up the next one with what is late already.
    if (cause === 'skipped') this.#session?.stop()
    this.#leave()
    this.#next = 'anew'
  }

  /** Does another process have to take over at this random access point? */
  #isDue(unit: AccessUnit): boolean {
    return this.#session!.lengthAt(unit.dts) > (this.#parts.longestTicks ?? LONGEST)
  }

  #changes(format: VideoFormat): void {
    const before = this.#format
    this.#format = format
    // FFmpeg's decoder of MPEG-2 loses a picture when the size changes, and its deinterlacer when anything does.
    const loses =
      format.codec === 'mpeg2video' ||
      this.#parts.program.frames.tracks.video?.scan === 'interlaced'
    if (before !== undefined && loses && !sameVideo(before, format)) this.#leave()
  }

  #watch(): void {
    const session = this.#session
    if (session === undefined) return
    const { time } = this.#parts.program.frames
    const silent = session.given === this.#watched.given
    // The program leaps when the host stood still: the encoder had no chance to work meanwhile.
    const went = Math.min(time - this.#watched.time, LEAP)
    this.#watched = {
      given: session.given,
      time,
      silence: silent ? this.#watched.silence + went : 0,
    }
    if (this.#watched.silence < (session.given === 0 ? STUCK_AT_START : STUCK)) return
    this.#fail(`it gave nothing for ${Math.round(this.#watched.silence / TICKS_PER_SECOND)} s`)
  }
}

const appended = (program: Program, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const go = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', go)
      resolve()
    }
    const unsubscribe = program.subscribe(go)
    signal.addEventListener('abort', go)
  })
