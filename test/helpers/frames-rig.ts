/**
 * A program of real coded media as an output reads it: the real buffers, bus, mux, ring and frame tap (an OutputProgram),
 * fed by real encodes and paced by the given clock: realClock for outputs with processes or sockets, a FakeClock for the
 * rest, or faster than real time with `hurry`.
 */
import { PROGRAM, SLATE, sourceId, type SourceId, type Ticket } from '../../src/contract/ids.ts'
import type { TakeMode } from '../../src/contract/spec.ts'
import { millis, ticks, type Ticks90k } from '../../src/contract/time.ts'
import { pause, type Clock, type Timer } from '../../src/lib/clock.ts'
import type { OutputProgram } from '../../src/media/outputs/interface/output.ts'
import type { ProgramCut } from '../../src/media/outputs/interface/program-frames.ts'
import { formatOfSource } from '../../src/media/format/program-format.ts'
import { PlayOut } from '../../src/media/program/play-out.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import type { LoopMaterial } from './looped-stream.ts'
import type { RigSlate } from './program-rig.ts'
import type { RigSource } from './rig-source.ts'

const TICK_MS = 5
const TRIM_MS = 100
/** Maximum delay of a real timer that is made up for. */
const MAX_CATCH_UP_MS = 1_000

export interface FramesRigOptions {
  readonly clock: Clock
  readonly sources: readonly RigSource[]
  /** The program has the format of this. */
  readonly material: LoopMaterial
  readonly slate: RigSlate
  readonly latencyMs?: number
  /** Program time at the start. */
  readonly start?: number
  /** One per audio track; those after the first are silent. Default: one track without a language. */
  readonly languages?: readonly string[]
}

export interface RigVideoFrame {
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  /** A random access point. */
  readonly rap: boolean
}

/** The program's frames as they were emitted. */
export interface RigLog {
  readonly videoFrames: RigVideoFrame[]
  readonly audioFrames: {
    readonly track: number
    readonly pts: number
    readonly duration: number
  }[]
  readonly cuts: ProgramCut[]
}

export class FramesRig {
  readonly program: OutputProgram
  readonly log: RigLog = { videoFrames: [], audioFrames: [], cuts: [] }
  readonly faults: unknown[] = []
  readonly #playOut: PlayOut
  readonly #clock: Clock
  readonly #sources = new Map<SourceId, RigSource>()
  #tickets = 0
  #timer: Timer | undefined
  /** Wall time of the rig's own; sources count from 0. */
  #now = 0

  constructor(options: FramesRigOptions) {
    const { material } = options
    this.#clock = options.clock
    for (const source of options.sources) this.#sources.set(source.id, source)
    const audio = material.audioFormat
    const languages = options.languages ?? ['']
    const format = formatOfSource(
      {
        video: material.videoFormat,
        frameTicks: material.video.length === 0 ? 0 : material.videoTicks / material.video.length,
        audio:
          audio === undefined ? [] : languages.map((language) => ({ format: audio, language })),
      },
      undefined,
    )
    this.#playOut = new PlayOut({
      name: PROGRAM,
      serviceName: 'rig',
      format: audio === undefined ? { ...format, audio: undefined, languages: [] } : format,
      slate: options.slate.loop,
      silence: options.slate.silence,
      latencyMs: options.latencyMs ?? 800,
      stallMs: 500,
      keepMs: 6_000,
      now: 0,
      sources: this.#sources,
      labelOf: (source) => `label of ${source}`,
      report: {
        cut: () => {},
        executed: () => {},
        refused: () => {},
        displaced: () => {},
      },
      ...(options.start === undefined ? {} : { start: ticks(options.start) }),
    })
    this.program = { ring: this.#playOut.ring, frames: this.#playOut.frames }
    for (const source of options.sources) {
      source.buffer.addReader((stretch) => this.#playOut.bus.positionIn(stretch))
    }
    this.program.frames.attach(this.#logger(), (error) => void this.faults.push(error))
  }

  setWanted(id: string, ...substitutes: string[]): void {
    this.#playOut.bus.setStandingOrder({
      wanted: named(id),
      substitutes: substitutes.map(sourceId),
    })
  }

  /** Executed while the program runs; cuts are in the log. */
  take(id: string, mode: TakeMode = 'cutover'): void {
    const plan = { source: named(id), mode, notBefore: this.#now, deadline: this.#now + 15_000 }
    this.#playOut.bus.schedulePlan({ ticket: ++this.#tickets as Ticket, plan, cause: 'take' })
  }

  /** Runs with the clock until `stop`. A fake clock drives it when advanced. */
  start(): void {
    let last = this.#clock.now()
    this.#timer ??= this.#clock.every(TICK_MS, () => {
      const now = this.#clock.now()
      this.run(Math.min(MAX_CATCH_UP_MS, Math.floor((now - last) / TICK_MS) * TICK_MS))
      last = millis(last + Math.floor((now - last) / TICK_MS) * TICK_MS)
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Plays `ms` at once. */
  run(ms: number): void {
    for (const until = this.#now + ms; this.#now < until;) {
      this.#now += TICK_MS
      for (const source of this.#sources.values()) source.arrive(this.#now)
      this.#playOut.tick(this.#now)
      if (this.#now % TRIM_MS === 0) {
        for (const source of this.#sources.values()) source.buffer.trim(this.#now)
      }
    }
  }

  /** Pauses the host for `ms`: the program has a hole. */
  skipTime(ms: number): void {
    this.#now += ms
  }

  /** Plays `ms` as fast as `keepsUp` allows: checked every 20 ms of program. */
  async runFast(ms: number, keepsUp: () => boolean, signal: AbortSignal): Promise<void> {
    for (let played = 0; played < ms && !signal.aborted; played += 20) {
      while (!keepsUp() && !signal.aborted) await pause(this.#clock, 5, signal)
      this.run(20)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Ends the program for its readers. */
  close(): void {
    this.stop()
    this.#playOut.ring.close()
  }

  #logger() {
    return {
      video: (unit: AccessUnit, { pts, dts }: { pts: Ticks90k; dts: Ticks90k }): void =>
        void this.log.videoFrames.push({ pts, dts, rap: unit.rap !== 'none' }),
      audio: (track: number, unit: AccessUnit, pts: Ticks90k): void =>
        void this.log.audioFrames.push({ track, pts, duration: unit.duration }),
      cut: (cut: ProgramCut): void => void this.log.cuts.push(cut),
    }
  }
}

const named = (id: string): SourceId => (id === 'slate' ? SLATE : sourceId(id))
