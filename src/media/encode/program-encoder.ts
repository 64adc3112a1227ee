import type { EncoderRung } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import { backoffDelay, type BackoffLimits } from '../../lib/backoff.ts'
import { pause, untilAborted, type Clock } from '../../lib/clock.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { OutputProgram } from '../outputs/interface/output.ts'
import { EncoderRun } from './encoder-run.ts'
import { RungOutputs, type RungSink } from './rung-outputs.ts'

export type { RungSink } from './rung-outputs.ts'

const BACKOFF: BackoffLimits = { firstMs: 200, maxMs: 10_000, factor: 2, jitter: 0.3 }
/** An encoder that ran this long was healthy: the next failure counts as the first. */
const HEALTHY_MS = 10_000

/** One encoding of the program, with all its audio tracks. */
export interface Rung extends EncoderRung {
  readonly name: string
}

export interface ProgramEncoderOptions {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly program: OutputProgram
  readonly rungs: readonly Rung[]
  /** Name of the process in the ledger: "ladder". */
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
  /** Ticks after which another process takes over. Default: well before 33-bit times wrap. */
  readonly maxSessionTicks?: number
}

export interface ProgramEncoderFigures {
  readonly state: 'starting' | 'running' | 'waiting'
  readonly restarts: number
  readonly pid?: number
  /** Lag of the slowest track behind the program, milliseconds; null before the first output. */
  readonly behindMs: number | null
  /** Number of skips to a newer random access point because it was too slow. */
  readonly skips: number
  readonly lastError?: string
}

/** The program in other sizes and bitrates: one FFmpeg process for all rungs, restarted after a failure. */
export class ProgramEncoder {
  readonly #options: ProgramEncoderOptions
  #run: EncoderRun | undefined
  #outputs: RungOutputs | undefined
  #state: 'starting' | 'running' | 'waiting' = 'starting'
  #restarts = 0
  #skipsBefore = 0
  #lastError: string | undefined

  constructor(options: ProgramEncoderOptions) {
    this.#options = options
  }

  /** Resolves after an abort, when the process has ended. */
  async run(sink: RungSink, signal: AbortSignal): Promise<void> {
    const { clock, random, warn } = this.#options
    const outputs = new RungOutputs(sink)
    this.#outputs = outputs
    let attempt = 1
    while (!signal.aborted) {
      const startedAt = clock.now()
      this.#state = 'starting'
      this.#run = new EncoderRun({ ...this.#options, outputs })
      const failure = await this.#run.run(signal)
      this.#skipsBefore += this.#run.skips
      this.#run = undefined
      if (failure === undefined) break
      this.#lastError = failure
      this.#restarts++
      warn(`the encoder is restarted: ${failure}`)
      if (clock.now() - startedAt >= HEALTHY_MS) attempt = 1
      this.#state = 'waiting'
      await pause(clock, backoffDelay(attempt++, BACKOFF, random), signal)
    }
    await untilAborted(signal)
  }

  figures(): ProgramEncoderFigures {
    const pid = this.#run?.pid
    const reached = this.#outputs?.reached
    const { time } = this.#options.program.frames
    return {
      state: this.#state === 'starting' && this.#run?.hasOutput === true ? 'running' : this.#state,
      restarts: this.#restarts,
      ...(pid === undefined ? {} : { pid }),
      behindMs: reached === undefined ? null : Math.max(0, (time - reached) / 90),
      skips: this.#skipsBefore + (this.#run?.skips ?? 0),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }
}
