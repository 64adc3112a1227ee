import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/error-message.ts'
import type { ProcessHost } from '../process/host.ts'
import { CLOSED_STDIN, type StdinWriter } from '../process/stdin-writer.ts'
import {
  startFfmpeg,
  type FfmpegEnd,
  type FfmpegProcess,
  type FfmpegRun,
} from './ffmpeg-process.ts'

export interface FedRun extends Omit<FfmpegRun, 'stdin'> {
  /** After `finish` it writes what it holds and ends; one that takes longer is stopped. Default: no limit. */
  readonly maxFinishMs?: number
}

export interface FedEnd extends FfmpegEnd {
  /** It ended by itself with exit code 0, and all that it held was read. */
  readonly isComplete: boolean
}

/** One FFmpeg that is fed on stdin and read on stdout. Starts by `run`; ends by itself, by `finish`, `stop` or the abort. */
export class FedProcess {
  readonly #host: ProcessHost
  readonly #clock: Clock
  readonly #run: FedRun
  readonly #stop = new AbortController()
  #child: FfmpegProcess | undefined
  #isFinishing = false

  constructor({ host, clock }: { readonly host: ProcessHost; readonly clock: Clock }, run: FedRun) {
    this.#host = host
    this.#clock = clock
    this.#run = run
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Closed before `run`. */
  get stdin(): StdinWriter {
    return this.#child?.stdin ?? CLOSED_STDIN
  }

  /** No more input. Idempotent. */
  finish(): void {
    const child = this.#child
    if (this.#isFinishing || child === undefined) return
    this.#isFinishing = true
    child.stdin.end()
    const { maxFinishMs } = this.#run
    if (maxFinishMs === undefined) return
    const overdue = this.#clock.after(maxFinishMs, () => this.stop())
    void child.ended.then(() => overdue.cancel())
  }

  /** Ends the process without waiting for what it holds. Idempotent. */
  stop(): void {
    this.#stop.abort()
  }

  /**
   * Starts it at once, and reads it after `before`. Resolves when the process is gone and all that it wrote was passed on.
   * Never rejects: what the consumer throws stops the process and is the reason of its end.
   */
  async run(
    onChunk: (chunk: Uint8Array) => void,
    signal: AbortSignal,
    before?: Promise<unknown>,
  ): Promise<FedEnd> {
    const run = this.#run
    const stopped = AbortSignal.any([signal, this.#stop.signal])
    // What it reports about being stopped is no fault.
    const onLine: FedRun['onLine'] = (line) => {
      if (!stopped.aborted) run.onLine(line)
    }
    const child = startFfmpeg(this.#host, { ...run, onLine, stdin: 'pipe' }, stopped)
    this.#child = child
    // An FFmpeg that waits for input notices that it is to stop when its input ends.
    const endInput = (): void => child.stdin.end()
    stopped.addEventListener('abort', endInput, { once: true })
    let fault: string | undefined
    try {
      await before
      for await (const chunk of child.stdout) {
        child.markPlaying()
        onChunk(chunk)
      }
    } catch (error) {
      fault = messageOf(error)
      this.stop()
    }
    const end = await child.ended
    stopped.removeEventListener('abort', endInput)
    const { cause } = end.facts
    if (fault !== undefined) return { ...end, sentence: fault, isComplete: false }
    return { ...end, isComplete: cause.kind === 'exited' && cause.code === 0 }
  }
}
