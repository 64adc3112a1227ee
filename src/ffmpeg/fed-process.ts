import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/error-message.ts'
import type { ProcessHost } from '../process/host.ts'
import type { StdinWriter } from '../process/stdin-writer.ts'
import {
  startFfmpeg,
  type FfmpegEnd,
  type FfmpegProcess,
  type FfmpegRun,
} from './ffmpeg-process.ts'

export interface FedRun extends Omit<FfmpegRun, 'stdin'> {
  /** After `finish` it writes what it holds and ends; one that takes longer is stopped. */
  readonly maxFinishMs: number
}

export interface FedEnd extends FfmpegEnd {
  /** It ended by itself with exit code 0, and all that it held was read. */
  readonly isComplete: boolean
}

/** One FFmpeg that is fed on stdin and read on stdout. Starts at once; ends by itself, by `finish`, `stop` or the abort. */
export class FedProcess {
  readonly #child: FfmpegProcess
  readonly #clock: Clock
  readonly #maxFinishMs: number
  readonly #stop = new AbortController()
  #isFinishing = false

  constructor(
    { host, clock }: { readonly host: ProcessHost; readonly clock: Clock },
    { maxFinishMs, ...run }: FedRun,
    signal: AbortSignal,
  ) {
    this.#clock = clock
    this.#maxFinishMs = maxFinishMs
    const stopped = AbortSignal.any([signal, this.#stop.signal])
    // What it reports about being stopped is no fault.
    const onLine: FedRun['onLine'] = (line) => {
      if (!stopped.aborted) run.onLine(line)
    }
    this.#child = startFfmpeg(host, { ...run, onLine, stdin: 'pipe' }, stopped)
    // An FFmpeg that waits for input notices that it is to stop when its input ends.
    const endInput = (): void => this.#child.stdin.end()
    stopped.addEventListener('abort', endInput, { once: true })
    void this.#child.ended.then(() => stopped.removeEventListener('abort', endInput))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get stdin(): StdinWriter {
    return this.#child.stdin
  }

  /** No more input. Idempotent. */
  finish(): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    this.#child.stdin.end()
    const overdue = this.#clock.after(this.#maxFinishMs, () => this.stop())
    void this.#child.ended.then(() => overdue.cancel())
  }

  /** Ends the process without waiting for what it holds. Idempotent. */
  stop(): void {
    this.#stop.abort()
  }

  /**
   * Resolves when the process is gone and all that it wrote was passed on. Never rejects: what the consumer throws stops
   * the process and is the reason of its end.
   */
  async read(onChunk: (chunk: Uint8Array) => void): Promise<FedEnd> {
    let fault: string | undefined
    try {
      for await (const chunk of this.#child.stdout) {
        this.#child.markPlaying()
        onChunk(chunk)
      }
    } catch (error) {
      fault = messageOf(error)
      this.stop()
    }
    const end = await this.#child.ended
    const { cause } = end.facts
    if (fault !== undefined) return { ...end, sentence: fault, isComplete: false }
    return { ...end, isComplete: cause.kind === 'exited' && cause.code === 0 }
  }
}
