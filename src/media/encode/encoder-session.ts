import type { Codec } from '../../contract/format.ts'
import { ticks, TICKS_PER_SECOND } from '../../contract/time.ts'
import { FedProcess, type FedEnd } from '../../ffmpeg/fed-process.ts'
import type { LadderPlan } from '../../ffmpeg/ladder-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'
import { SubsetMuxer, type SubsetTrack } from '../../mpegts/subset-muxer.ts'
import type { ProcessHost } from '../../process/host.ts'
import type { RungOutputs } from './rung-outputs.ts'

/** Start of the encoder's timestamps, so that priming and reordering do not fall below zero. */
const LEAD_TICKS = 10 * TICKS_PER_SECOND
/** Time in which an encoder flushes and exits after the end of its input, before it is stopped. */
const MAX_FINISH_MS = 4_000
/** On an overloaded machine the rungs suffer, not the program: a tenth of the CPU time that play-out gets. */
const NICENESS = 10

export interface EncoderTracks {
  /** Undefined: no rung has video. */
  readonly video: Codec | undefined
  /** Undefined: no rung has audio. */
  readonly audio: Codec | undefined
  /** One per audio track. */
  readonly languages: readonly string[]
}

export interface EncoderSessionParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly ffmpeg: string
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly plan: LadderPlan
  readonly tracks: EncoderTracks
  readonly outputs: RungOutputs
  readonly onOutput: () => void
  /** Program time of the first unit, DTS. */
  readonly start: number
  /** Continuity with the session before. */
  readonly timeline: 'continues' | 'anew'
}

/** End of a session: requested, or a failure. */
export type SessionEnd =
  | { readonly how: 'finished' }
  | { readonly how: 'failed'; readonly why: string }

/** One encoder process: from a random access point of the program to the end of its input. */
export class EncoderSession {
  readonly #parts: EncoderSessionParts
  readonly #child: FedProcess
  readonly #mux: SubsetMuxer
  readonly #base: number
  #state: 'fed' | 'finished' | 'stopped' = 'fed'
  /** Leading pictures of its first random access point refer to pictures it never got. */
  #leading: 'left_out' | 'fed' = 'left_out'
  #outputUnits = 0

  constructor(parts: EncoderSessionParts) {
    this.#parts = parts
    this.#base = Math.round(parts.start) - LEAD_TICKS
    this.#mux = new SubsetMuxer('encoder', tracksOf(parts.tracks), this.#base)
    const { ffmpeg, purpose, onLine, plan } = parts
    this.#child = new FedProcess(parts, {
      ...{ ffmpeg, purpose, onLine, args: plan.args },
      niceness: NICENESS,
      secrets: [],
      maxFinishMs: MAX_FINISH_MS,
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Units written so far. */
  get outputUnits(): number {
    return this.#outputUnits
  }

  /** Length of its timeline at this time, ticks. */
  lengthAt(time: number): number {
    return time - this.#base - LEAD_TICKS
  }

  addUnit(unit: AccessUnit, track: number): void {
    if (this.#isLeftOut(unit)) return
    const { video, audio, languages } = this.#parts.tracks
    if (unit.kind === 'video' && video !== undefined) {
      this.#child.stdin.write(this.#mux.write(unit, 0))
    } else if (unit.kind === 'audio' && audio !== undefined && track < languages.length) {
      const index = video === undefined ? track : track + 1
      this.#child.stdin.write(this.#mux.write(unit, index))
    }
  }

  /** Undefined while the encoder keeps up; else resolves when it has caught up or ended. */
  untilDrained(signal: AbortSignal): Promise<void> | undefined {
    const { stdin } = this.#child
    return stdin.queuedBytes > 0 ? stdin.drained(signal) : undefined
  }

  /** Ends the input: the encoder flushes, then `run` resolves. */
  finish(): void {
    if (this.#state !== 'fed') return
    this.#state = 'finished'
    this.#child.finish()
  }

  /** Ends the process; no more output. */
  stop(): void {
    this.#state = 'stopped'
    this.#child.stop()
  }

  /** Passes the output on after the session `before` has ended. Never rejects; resolves when the process has ended. */
  async run(before: Promise<SessionEnd>, signal: AbortSignal): Promise<SessionEnd> {
    const { outputs, timeline } = this.#parts
    const demuxer = this.#createDemuxer()
    const turn = before.then(({ how }) => {
      if (timeline === 'anew' || how === 'failed') outputs.markBreak()
    })
    const end = await this.#child.run((chunk) => demuxer.push(chunk), signal, turn)
    if (end.isComplete) demuxer.flush()
    return this.#endOf(end)
  }

  #endOf({ isComplete, sentence }: FedEnd): SessionEnd {
    if (this.#state === 'finished' && isComplete) return { how: 'finished' }
    return { how: 'failed', why: sentence }
  }

  #isLeftOut(unit: AccessUnit): boolean {
    if (unit.kind !== 'video' || this.#leading === 'fed') return false
    if (unit.leading) return true
    // The first random access point, and the pictures after its leading ones.
    if (unit.rap !== 'none' && unit.dts - LEAD_TICKS > this.#base) this.#leading = 'fed'
    return false
  }

  #createDemuxer(): TsDemuxer {
    const { plan, outputs, onOutput } = this.#parts
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
        onOutput()
        const [pts, dts] = [ticks(unit.pts + this.#base), ticks(unit.dts + this.#base)]
        outputs.addUnit(index, track, { ...unit, pts, dts })
      },
    })
  }
}

const tracksOf = ({ video, audio, languages }: EncoderTracks): readonly SubsetTrack[] => [
  ...(video === undefined ? [] : [{ codec: video }]),
  ...(audio === undefined ? [] : languages.map((language) => ({ codec: audio, language }))),
]
