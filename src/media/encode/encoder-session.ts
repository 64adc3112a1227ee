import { ticks, TICKS_PER_SECOND } from '../../contract/time.ts'
import { startFfmpeg, type FfmpegEnd, type FfmpegProcess } from '../../ffmpeg/ffmpeg-process.ts'
import type { LadderPlan } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'
import type { ProcessHost } from '../../process/host.ts'
import { EncoderMux, type EncoderTracks } from './encoder-mux.ts'
import type { RungOutputs } from './rung-outputs.ts'

/** Times are fed from here on, so that an encoder's priming and reordering do not fall below zero. */
const LEAD_TICKS = 10 * TICKS_PER_SECOND
/** A finished encoder writes out what it holds and ends; one that does not is stopped. */
const FINISH_TIMEOUT_MS = 4_000
/** On a machine that is too busy the rungs suffer, not the program: a tenth of the CPU time that play-out gets. */
const NICENESS = 10

export interface EncoderSessionParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly ffmpeg: string
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly plan: LadderPlan
  readonly tracks: EncoderTracks
  readonly outputs: RungOutputs
  /** Program time of the first unit, DTS. */
  readonly start: number
  /** How it follows on from the session before. */
  readonly timeline: 'continues' | 'anew'
}

/** How a session ended: as it was told to, or not. */
export type SessionEnd =
  | { readonly how: 'finished' }
  | { readonly how: 'failed'; readonly why: string }

/** One encoder process: from a random access point of the program to the end of its input. */
export class EncoderSession {
  readonly #parts: EncoderSessionParts
  readonly #child: FfmpegProcess
  readonly #stop = new AbortController()
  readonly #mux: EncoderMux
  readonly #base: number
  #state: 'fed' | 'finished' | 'stopped' = 'fed'
  /** Leading pictures of the one it began with refer to what it never got. */
  #leading: 'left_out' | 'fed' = 'left_out'
  #outputUnits = 0

  constructor(parts: EncoderSessionParts, signal: AbortSignal) {
    this.#parts = parts
    this.#base = Math.round(parts.start) - LEAD_TICKS
    this.#mux = new EncoderMux(parts.tracks, this.#base)
    const stopped = AbortSignal.any([signal, this.#stop.signal])
    this.#child = startFfmpeg(
      parts.host,
      {
        ffmpeg: parts.ffmpeg,
        args: parts.plan.args,
        stdin: 'pipe',
        purpose: parts.purpose,
        niceness: NICENESS,
        secrets: [],
        // What it says about being stopped is no fault.
        onLine: (line) => {
          if (!stopped.aborted) parts.onLine(line)
        },
      },
      stopped,
    )
    // An encoder that waits for input notices that it is to stop when its input ends.
    const endInput = (): void => this.#child.stdin.end()
    signal.addEventListener('abort', endInput, { once: true })
    void this.#child.ended.then(() => signal.removeEventListener('abort', endInput))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Units that came out so far. */
  get outputUnits(): number {
    return this.#outputUnits
  }

  /** How long its timeline is already, ticks. */
  lengthAt(time: number): number {
    return time - this.#base - LEAD_TICKS
  }

  addUnit(unit: AccessUnit, track: number): void {
    if (this.#isLeftOut(unit)) return
    const bytes = this.#mux.write(unit, track)
    if (bytes !== undefined && bytes.length > 0) this.#child.stdin.write(bytes)
  }

  /** Undefined while the encoder keeps up; else a promise that it has, or is gone. */
  untilDrained(signal: AbortSignal): Promise<void> | undefined {
    const { stdin } = this.#child
    return stdin.queuedBytes > 0 ? stdin.drained(signal) : undefined
  }

  /** No more input: what it holds comes out, then `run` resolves. */
  finish(): void {
    if (this.#state !== 'fed') return
    this.#state = 'finished'
    this.#child.stdin.end()
    const overdue = this.#parts.clock.after(FINISH_TIMEOUT_MS, () => this.#stop.abort())
    void this.#child.ended.then(() => overdue.cancel())
  }

  /** Ends the process; nothing more comes out. */
  stop(): void {
    this.#state = 'stopped'
    this.#child.stdin.end()
    this.#stop.abort()
  }

  /** Passes on what comes out, after the session `before` has ended. Never rejects; resolves when the process is gone. */
  async run(before: Promise<SessionEnd>): Promise<SessionEnd> {
    const { how } = await before
    const { outputs, timeline } = this.#parts
    if (timeline === 'anew' || how === 'failed') outputs.markBreak()
    const demuxer = this.#createDemuxer()
    let fault: unknown
    try {
      for await (const chunk of this.#child.stdout) {
        this.#child.markPlaying()
        demuxer.push(chunk)
      }
    } catch (error) {
      fault = error
      this.stop()
    }
    const end = await this.#child.ended
    if (fault !== undefined) return { how: 'failed', why: sentenceOf(fault) }
    if (end.facts.cause.kind === 'exited' && end.facts.cause.code === 0) demuxer.flush()
    return this.#endOf(end)
  }

  #endOf({ facts, sentence }: FfmpegEnd): SessionEnd {
    const clean = facts.cause.kind === 'exited' && facts.cause.code === 0
    if (this.#state === 'finished' && clean) return { how: 'finished' }
    return { how: 'failed', why: sentence }
  }

  #isLeftOut(unit: AccessUnit): boolean {
    if (unit.kind !== 'video' || this.#leading === 'fed') return false
    if (unit.leading) return true
    // The one it began with, and those behind its leading pictures.
    if (unit.rap !== 'none' && unit.dts - LEAD_TICKS > this.#base) this.#leading = 'fed'
    return false
  }

  #createDemuxer(): TsDemuxer {
    const { plan, outputs } = this.#parts
    const indexOf = new Map<Pid, number>()
    return new TsDemuxer({
      // The encoder writes its tracks in the order of its arguments.
      program: ({ tracks }) => tracks.forEach(({ pid }, index) => indexOf.set(pid, index)),
      format: () => {},
      unit: (unit) => {
        const index = indexOf.get(unit.pid)
        const track = index === undefined ? undefined : plan.tracks[index]
        if (index === undefined || track === undefined) return
        this.#outputUnits++
        const [pts, dts] = [ticks(unit.pts + this.#base), ticks(unit.dts + this.#base)]
        outputs.addUnit(index, track, { ...unit, pts, dts })
      },
    })
  }
}

const sentenceOf = (fault: unknown): string =>
  fault instanceof Error ? fault.message : String(fault)
