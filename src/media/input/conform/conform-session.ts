import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { ticks } from '../../../contract/time.ts'
import { FedProcess, type FedEnd } from '../../../ffmpeg/fed-process.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../../mpegts/access-unit.ts'
import { TsDemuxer, type ElementaryProgram } from '../../../mpegts/demuxer.ts'
import { SubsetMuxer } from '../../../mpegts/subset-muxer.ts'
import type { ProcessHost } from '../../../process/host.ts'
import { ConformAlignment } from './conform-alignment.ts'
import type { ConformPlan } from './conform-plan.ts'
import { ConformStart } from './conform-start.ts'

/** Limit of the queue for a slow transcoder; beyond it whole groups of pictures are dropped. */
const MAX_QUEUE_BYTES = 4 * 1024 * 1024
/** Queue above which a finite source waits. */
const BACKPRESSURE_QUEUE_BYTES = 256 * 1024
/** Time in which a finished transcoder must write what it holds; then it is stopped. */
const MAX_FINISH_MS = 2_000
/** Approximate first timestamp of the transcoder's input, so that the encoder's priming does not fall below zero. */
const TIME_LEAD_TICKS = 10 * 90_000

export interface ConformOutput {
  unit(unit: AccessUnit): void
  format(pid: Pid, format: VideoFormat | AudioFormat): void
}

export interface ConformSessionParts {
  readonly host: ProcessHost
  readonly clock: Clock
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly args: readonly string[]
  readonly purpose: string
  readonly plan: ConformPlan
  readonly output: ConformOutput
  readonly onLine: (line: StderrLine) => void
}

export interface ConformSessionFigures {
  readonly pid?: number
  readonly droppedUnits: number
  /** From the first unit fed to the first transcoded picture (audio-only: frame); null before. */
  readonly startMs: number | null
  /** Lag of the output behind the input, media milliseconds; null before the first output. */
  readonly behindMs: number | null
}

/** One transcoder process, from one random access point to a jump in time, a crash, or the end. */
export class ConformSession {
  /** `new`: its first unit is unrelated to those of the session before. */
  timeline: 'same' | 'new' = 'same'
  /** Resolves when it must finish: a jump in time, or no input. */
  readonly finishRequested: Promise<'left'>
  #signalFinish: () => void = () => {}
  readonly #parts: ConformSessionParts
  readonly #child: FedProcess
  #start: ConformStart
  readonly #alignment: ConformAlignment
  /** PIDs of the tracks to transcode, in the order of the transcoder's arguments. */
  readonly #pids: readonly Pid[]
  #mux: SubsetMuxer | undefined
  /** Input time minus fed time, ticks. Whole, and a whole number of frames from the first: times are restored exactly. */
  #timeOffset = 0
  #state: 'starting' | 'feeding' | 'dropping' | 'finished' = 'starting'
  #dropped = 0
  #fedAt: number | undefined
  #firstOutAt: number | undefined
  #newestIn = 0
  readonly #newestOut = new Map<Pid, number>()
  /** No output, bypass included, while the session before still writes. */
  #outputTurn: 'waited_for' | 'mine' = 'waited_for'
  readonly #heldBypass: AccessUnit[] = []

  constructor(parts: ConformSessionParts) {
    this.#parts = parts
    this.finishRequested = new Promise((resolve) => (this.#signalFinish = () => resolve('left')))
    const { ffmpeg, args, purpose, onLine } = parts
    const run = { ffmpeg, args, purpose, onLine, secrets: [], maxFinishMs: MAX_FINISH_MS }
    this.#child = new FedProcess(parts, run)
    this.#start = new ConformStart(parts.plan)
    this.#alignment = new ConformAlignment((unit) => parts.output.unit(unit))
    const { video, audio } = parts.plan
    this.#pids = [...(video === undefined ? [] : [video.pid]), ...audio.map(({ pid }) => pid)]
  }

  /** Never waits: units that a slow transcoder can't take are dropped up to the next random access point, and counted. */
  unit(unit: AccessUnit): void {
    this.#newestIn = Math.max(this.#newestIn, unit.dts)
    if (this.#parts.plan.bypass.has(unit.pid)) {
      if (this.#state === 'feeding' || this.#state === 'dropping') this.#bypass(unit)
    } else if (this.#state === 'starting') this.#tryStart(unit)
    else if (this.#state === 'dropping') this.#tryResume(unit)
    else if (this.#state === 'feeding') this.#feed(unit)
  }

  /** For finite sources: undefined while the transcoder keeps up, else resolves when it has caught up (or ended). */
  room(): Promise<void> | undefined {
    const { stdin } = this.#child
    return stdin.queuedBytes > BACKPRESSURE_QUEUE_BYTES ? stdin.drained() : undefined
  }

  /** True when nothing was fed yet: then this session also serves the units after a jump in time. */
  tryReuse(timeline: 'same' | 'new'): boolean {
    if (this.#state !== 'starting') return false
    this.#start = new ConformStart(this.#parts.plan)
    this.timeline = timeline
    return true
  }

  /** Ends the input; `run` resolves when the transcoder has written what it holds. */
  finish(): void {
    if (this.#state === 'finished') return
    this.#state = 'finished'
    this.#signalFinish()
    this.#child.finish()
  }

  /** Passes on the output after `before` (the session whose time precedes this one's) has ended. */
  async run(before: Promise<unknown>, signal: AbortSignal): Promise<FedEnd> {
    const demuxer = new TsDemuxer(this.#createSink())
    const turn = before.then(() => this.#takeTurn())
    const end = await this.#child.run((chunk) => demuxer.push(chunk), signal, turn)
    if (end.isComplete) demuxer.flush()
    if (end.facts.cause.kind !== 'stopped') this.#alignment.release(Number.POSITIVE_INFINITY)
    this.#state = 'finished'
    return end
  }

  figures(): ConformSessionFigures {
    const started = this.#fedAt !== undefined && this.#firstOutAt !== undefined
    const { pid } = this.#child
    return {
      ...(pid === undefined ? {} : { pid }),
      droppedUnits: this.#dropped,
      startMs: started ? this.#firstOutAt! - this.#fedAt! : null,
      behindMs: started ? Math.max(0, (this.#newestIn - this.#slowestOutputDts()) / 90) : null,
    }
  }

  #takeTurn(): void {
    this.#outputTurn = 'mine'
    for (const unit of this.#heldBypass.splice(0)) this.#alignment.hold(unit)
  }

  #bypass(unit: AccessUnit): void {
    if (this.#outputTurn === 'mine') this.#alignment.hold(unit)
    else this.#heldBypass.push(unit)
  }

  #tryStart(unit: AccessUnit): void {
    const first = this.#start.push(unit)
    if (first === undefined) return
    this.#timeOffset = timeOffsetFor(first, this.#parts.plan)
    const { video, audio } = this.#parts.plan
    const tracks = [...(video === undefined ? [] : [video]), ...audio]
    const codecs = tracks.map(({ format }) => ({ codec: format.codec }))
    this.#mux = new SubsetMuxer('conform', codecs, this.#timeOffset)
    this.#fedAt = this.#parts.clock.now()
    this.#state = 'feeding'
    for (const each of first) this.#feed(each)
  }

  #feed(unit: AccessUnit): void {
    if (this.#child.stdin.queuedBytes > MAX_QUEUE_BYTES) {
      this.#state = 'dropping'
      this.#dropped++
      return
    }
    const track = this.#pids.indexOf(unit.pid)
    if (track >= 0) this.#child.stdin.write(this.#mux!.write(unit, track))
  }

  #tryResume(unit: AccessUnit): void {
    const canResume = unit.rap !== 'none' || this.#parts.plan.video === undefined
    if (canResume && this.#child.stdin.queuedBytes < MAX_QUEUE_BYTES / 4) {
      this.#state = 'feeding'
      this.#feed(unit)
    } else this.#dropped++
  }

  #createSink(): {
    program(program: ElementaryProgram): void
    unit(unit: AccessUnit): void
    format(pid: Pid, format: VideoFormat | AudioFormat): void
  } {
    const { output, clock } = this.#parts
    const inputPid = new Map<Pid, Pid>()
    return {
      // The transcoder writes its tracks in the order of its input.
      program: ({ tracks }) => {
        tracks.forEach(({ pid }, index) => inputPid.set(pid, this.#pids[index] ?? pid))
      },
      format: (pid, format) => output.format(inputPid.get(pid) ?? pid, format),
      unit: (unit) => {
        const pid = inputPid.get(unit.pid) ?? unit.pid
        if (this.#firstOutAt === undefined && (unit.kind === 'video' || !this.#parts.plan.video)) {
          this.#firstOutAt = clock.now()
        }
        const dts = ticks(unit.dts + this.#timeOffset)
        this.#newestOut.set(pid, dts)
        this.#alignment.release(this.#slowestOutputDts())
        output.unit({ ...unit, pid, pts: ticks(unit.pts + this.#timeOffset), dts })
      },
    }
  }

  /** Time that the slowest transcoded track has reached. */
  #slowestOutputDts(): number {
    let reached = Number.POSITIVE_INFINITY
    for (const pid of this.#pids) {
      const newest = this.#newestOut.get(pid)
      if (newest !== undefined) reached = Math.min(reached, newest)
    }
    return Number.isFinite(reached) ? reached : Number.NEGATIVE_INFINITY
  }
}

/**
 * The frame rate filter puts pictures on multiples of their duration from zero: the first one is fed at such a multiple,
 * so that an unchanged frame rate leaves every time as it was.
 */
const timeOffsetFor = (units: readonly AccessUnit[], plan: ConformPlan): number => {
  const first = units.find((unit) => unit.kind === 'video') ?? units[0]!
  const rate = plan.video?.target.format.frameRate
  const pictureTicks = rate === undefined ? 1 : (90_000 * rate.den) / rate.num
  return Math.round(first.pts - Math.ceil(TIME_LEAD_TICKS / pictureTicks) * pictureTicks)
}
