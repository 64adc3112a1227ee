import type { EncoderRung } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import { untilAborted, type Clock } from '../../lib/clock.ts'
import {
  keepRunning,
  type AttemptContext,
  type AttemptEnd,
  type RunState,
} from '../../lib/keep-running.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { OutputProgram } from '../outputs/interface/output.ts'
import { EncoderRun } from './encoder-run.ts'
import { RungOutputs, type RungSink } from './rung-outputs.ts'

export type { RungSink } from './rung-outputs.ts'

const RETRY = {
  backoff: { firstMs: 200, maxMs: 10_000, factor: 2, jitter: 0.3 },
  healthyMs: 10_000,
}

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
  #state: ProgramEncoderFigures['state'] = 'starting'
  #restarts = 0
  #skipsBefore = 0
  #lastError: string | undefined

  constructor(options: ProgramEncoderOptions) {
    this.#options = options
  }

  /** Resolves after an abort, when the process has ended. */
  async run(sink: RungSink, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    const outputs = new RungOutputs(sink)
    this.#outputs = outputs
    await keepRunning(
      (attempt) => this.#attempt(outputs, attempt),
      { ...RETRY, clock, random, onState: (state) => this.#onState(state) },
      signal,
    )
    await untilAborted(signal)
  }

  figures(): ProgramEncoderFigures {
    const pid = this.#run?.pid
    const reached = this.#outputs?.reached
    const { time } = this.#options.program.frames
    return {
      state: this.#state,
      restarts: this.#restarts,
      ...(pid === undefined ? {} : { pid }),
      behindMs: reached === undefined ? null : Math.max(0, (time - reached) / 90),
      skips: this.#skipsBefore + (this.#run?.skips ?? 0),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  async #attempt(outputs: RungOutputs, { signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    const run = new EncoderRun({ ...this.#options, outputs, onOutput: onRunning })
    this.#run = run
    const failure = await run.run(signal)
    this.#skipsBefore += run.skips
    this.#run = undefined
    return failure === undefined ? { kind: 'ended' } : { kind: 'lost', reason: failure }
  }

  #onState(state: RunState): void {
    if (state.kind === 'failed' || state.kind === 'stopped') return
    this.#state = state.kind
    if (state.kind !== 'waiting') return
    this.#lastError = state.reason
    this.#restarts++
    this.#options.warn(`the encoder is started anew: ${state.reason}`)
  }
}
