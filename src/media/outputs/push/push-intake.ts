import { ticks, ticksOfMs } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { RungSink } from '../../encode/program-encoder.ts'
import type { ProgramFrames } from '../interface/program-frames.ts'
import { DtsMerge } from './dts-merge.ts'
import type { PushFrame } from './push-frame.ts'
import type { PushPlan } from './push-recipe.ts'
import { silentFrame, SILENT_TICKS } from './silent-aac.ts'

/** The program gives both tracks nearly together; an encoder's sound or pictures may be seconds behind the others. */
const COPY_PATIENCE = ticksOfMs(500)
const ENCODE_PATIENCE = ticksOfMs(4_000)
/** A longer hole in the pictures is not filled with silence. */
const LONGEST_SILENCE = ticksOfMs(2_000)

/** Frames from the program, from its encoder, or some from each, in order of DTS; with silence where there is no sound. */
export class PushIntake {
  readonly #plan: PushPlan
  readonly #emit: (frame: PushFrame) => void
  readonly #merge: DtsMerge | undefined
  readonly #silent = silentFrame()
  #silenceAt: number | undefined

  constructor(plan: PushPlan, emit: (frame: PushFrame) => void) {
    this.#plan = plan
    this.#emit = emit
    const isPair = plan.video !== 'none' && plan.audio !== 'silence'
    const isCopied = plan.video !== 'encode' && plan.audio !== 'encode'
    const patience = isCopied ? COPY_PATIENCE : ENCODE_PATIENCE
    this.#merge = isPair ? new DtsMerge(patience, emit) : undefined
  }

  /** Until the returned function is called. */
  attach(frames: ProgramFrames, onFault: (error: unknown) => void): () => void {
    const { video, audio } = this.#plan
    return frames.attach(
      {
        advance: (clock) => this.#merge?.advance(clock),
        video: (unit, times) => {
          if (video === 'copy') this.#video(unit, times)
        },
        audio: (track, unit, pts) => {
          if (audio === 'copy' && track === 0) this.#sound(unit, pts)
        },
      },
      onFault,
    )
  }

  /** What the encoder writes; of one rung. */
  readonly encoded: RungSink = {
    video: (_, unit, times) => {
      if (this.#plan.video === 'encode') this.#video(unit, times)
    },
    audio: (_, track, unit, pts) => {
      if (this.#plan.audio === 'encode' && track === 0) this.#sound(unit, pts)
    },
    // Times are the program's: what comes next begins at a key frame, and a hole is a hole.
    restarted: () => {},
  }

  #video(unit: AccessUnit, { pts, dts }: Parameters<RungSink['video']>[2]): void {
    if (this.#plan.audio === 'silence') this.#silence(dts)
    const entry = unit.entry === 'none' ? 'other' : 'key'
    this.#give({ kind: 'video', pts, dts, entry, bytes: unit.data })
  }

  #sound(unit: AccessUnit, pts: number): void {
    this.#give({ kind: 'audio', dts: ticks(pts), bytes: unit.data })
  }

  #give(frame: PushFrame): void {
    if (this.#merge === undefined) this.#emit(frame)
    else this.#merge.push(frame)
  }

  /** Up to this picture, on a grid of its own that begins at the first one. */
  #silence(until: number): void {
    this.#silenceAt ??= until
    const behind = until - this.#silenceAt
    if (behind > LONGEST_SILENCE) {
      this.#silenceAt += Math.floor(behind / SILENT_TICKS) * SILENT_TICKS
    }
    for (; this.#silenceAt < until; this.#silenceAt += SILENT_TICKS) {
      this.#emit({ kind: 'audio', dts: ticks(this.#silenceAt), bytes: this.#silent })
    }
  }
}
