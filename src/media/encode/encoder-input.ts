import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import { ticks, TICKS_PER_SECOND, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'
import { WRAP_33 } from '../../mpegts/timestamps.ts'
import type { TimedBytes } from '../outputs/interface/output.ts'

/** A larger step of the program is an intended hole. */
const MAX_STEP_TICKS = TICKS_PER_SECOND

export interface EncoderInputSink {
  /** `track`: index of the audio track, or 0 for video. Times are program time. */
  unit(unit: AccessUnit, track: number): void
  format(kind: 'video' | 'audio', format: VideoFormat | AudioFormat): void
  /** The next unit is not continuous: the reader was too slow, or the program left a hole. */
  onBreak(cause: 'skipped' | 'hole'): void
}

/** A reader's part of the program as access units, in program time. */
export class EncoderInput {
  readonly #sink: EncoderInputSink
  #demuxer: TsDemuxer
  #tracks = new Map<Pid, number>()
  #time: Ticks90k | undefined
  /** Program time minus the demuxer's 33-bit time: whole wraps. */
  #wrapOffset: number | undefined

  constructor(sink: EncoderInputSink) {
    this.#sink = sink
    this.#demuxer = this.#createDemuxer()
  }

  push({ bytes, time, skipped }: TimedBytes): void {
    const hole = this.#time !== undefined && time - this.#time > MAX_STEP_TICKS
    if (skipped || hole) {
      this.#demuxer = this.#createDemuxer()
      this.#sink.onBreak(skipped ? 'skipped' : 'hole')
    }
    this.#time = time
    // A preamble marks a skip.
    if (!skipped) this.#demuxer.push(bytes)
  }

  /** The program ended: flushes the units held back. */
  flush(): void {
    this.#demuxer.flush()
  }

  #createDemuxer(): TsDemuxer {
    this.#wrapOffset = undefined
    return new TsDemuxer({
      program: ({ tracks }) => {
        const audio = tracks.filter(({ kind }) => kind === 'audio')
        this.#tracks = new Map(audio.map(({ pid }, track) => [pid, track]))
      },
      format: (_pid, format) => this.#sink.format('width' in format ? 'video' : 'audio', format),
      unit: (unit) => this.#emitUnit(unit),
    })
  }

  #emitUnit(unit: AccessUnit): void {
    this.#wrapOffset ??= WRAP_33 * Math.round((this.#time! - unit.dts) / WRAP_33)
    const { pts, dts } = unit
    this.#sink.unit(
      { ...unit, pts: ticks(pts + this.#wrapOffset), dts: ticks(dts + this.#wrapOffset) },
      this.#tracks.get(unit.pid) ?? 0,
    )
  }
}
