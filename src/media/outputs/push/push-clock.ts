import type { PushFrame } from './push-frame.ts'

const TICKS_PER_MS = 90
const NEVER = { dts: Number.NEGATIVE_INFINITY, ms: -1 }

export interface PushTimes {
  /** Milliseconds since the first pushed frame. */
  readonly dtsMs: number
  /** From decoding to presentation, milliseconds. */
  readonly compositionMs: number
}

/**
 * Program time to the milliseconds of RTMP. One origin for the whole run: time continues over reconnects, and each value
 * is rounded from the program's own, so that nothing drifts. Per track, DTS rises by at least one.
 */
export class PushClock {
  #origin: number | undefined
  readonly #last = { video: NEVER, audio: NEVER }

  /** undefined: the frame is older than the last sent one of its track, or than the origin. */
  timesOf(frame: PushFrame): PushTimes | undefined {
    this.#origin ??= frame.dts
    const last = this.#last[frame.kind]
    if (frame.dts < this.#origin || frame.dts <= last.dts) return undefined
    const dtsMs = Math.max(last.ms + 1, toMs(frame.dts - this.#origin))
    this.#last[frame.kind] = { dts: frame.dts, ms: dtsMs }
    const ptsMs = frame.kind === 'video' ? toMs(frame.pts - this.#origin) : dtsMs
    return { dtsMs, compositionMs: Math.max(0, ptsMs - dtsMs) }
  }
}

const toMs = (ticks: number): number => Math.round(ticks / TICKS_PER_MS)
