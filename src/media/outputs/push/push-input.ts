import { ticks, ticksOfMs } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { RungSink } from '../../encode/program-encoder.ts'
import type { ProgramFrames } from '../interface/program-frames.ts'
import { DtsMerge } from './dts-merge.ts'
import type { PushFrame } from './push-frame.ts'
import type { PushPlan } from './push-recipe.ts'
import { silentFrame, SILENT_TICKS } from './silent-aac.ts'

/** The program yields both tracks nearly together; a track of an encoder may be seconds behind the other. */
const MAX_COPY_WAIT_TICKS = ticksOfMs(500)
const MAX_ENCODE_WAIT_TICKS = ticksOfMs(4_000)
/** A longer hole in the video is not filled with silence. */
const MAX_SILENCE_TICKS = ticksOfMs(2_000)

/** Frames from the program, from its encoder, or a track from each, in order of DTS; with silence when there is no audio. */
export class PushInput {
  readonly #plan: PushPlan
  readonly #emit: (frame: PushFrame) => void
  readonly #merge: DtsMerge | undefined
  readonly #silentFrame = silentFrame()
  #silenceAt: number | undefined

  constructor(plan: PushPlan, emit: (frame: PushFrame) => void) {
    this.#plan = plan
    this.#emit = emit
    const isPair = plan.video !== 'none' && plan.audio !== 'silence'
    const isCopied = plan.video !== 'encode' && plan.audio !== 'encode'
    const maxWaitTicks = isCopied ? MAX_COPY_WAIT_TICKS : MAX_ENCODE_WAIT_TICKS
    this.#merge = isPair ? new DtsMerge(maxWaitTicks, emit) : undefined
  }

  /** Until the returned function is called. */
  attach(frames: ProgramFrames, onFault: (error: unknown) => void): () => void {
    const { video, audio } = this.#plan
    return frames.attach(
      {
        advance: (clock) => this.#merge?.advance(clock),
        video: (unit, times) => {
          if (video === 'copy') this.#addVideo(unit, times)
        },
        audio: (track, unit, pts) => {
          if (audio === 'copy' && track === 0) this.#addAudio(unit, pts)
        },
      },
      onFault,
    )
  }

  /** Sink of the encoder's one rung. */
  readonly encoded: RungSink = {
    video: (_, unit, times) => {
      if (this.#plan.video === 'encode') this.#addVideo(unit, times)
    },
    audio: (_, track, unit, pts) => {
      if (this.#plan.audio === 'encode' && track === 0) this.#addAudio(unit, pts)
    },
    // Times are the program's: the next frame is a random access point, and a hole stays a hole.
    restarted: () => {},
  }

  #addVideo(unit: AccessUnit, { pts, dts }: Parameters<RungSink['video']>[2]): void {
    if (this.#plan.audio === 'silence') this.#fillSilence(dts)
    const rap = unit.rap === 'none' ? 'other' : 'key'
    this.#addFrame({ kind: 'video', pts, dts, rap, bytes: unit.data })
  }

  #addAudio(unit: AccessUnit, pts: number): void {
    this.#addFrame({ kind: 'audio', dts: ticks(pts), bytes: unit.data })
  }

  #addFrame(frame: PushFrame): void {
    if (this.#merge === undefined) this.#emit(frame)
    else this.#merge.push(frame)
  }

  /** Up to this picture, on a separate grid that starts at the first one. */
  #fillSilence(until: number): void {
    this.#silenceAt ??= until
    const behind = until - this.#silenceAt
    if (behind > MAX_SILENCE_TICKS) {
      this.#silenceAt += Math.floor(behind / SILENT_TICKS) * SILENT_TICKS
    }
    for (; this.#silenceAt < until; this.#silenceAt += SILENT_TICKS) {
      this.#emit({ kind: 'audio', dts: ticks(this.#silenceAt), bytes: this.#silentFrame })
    }
  }
}
