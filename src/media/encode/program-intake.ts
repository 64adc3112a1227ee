import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import { ticks, TICKS_PER_SECOND, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'
import { WRAP_33 } from '../../mpegts/timestamps.ts'
import type { TimedBytes } from '../outputs/interface/output.ts'

/** A step of the program by more than this is a hole that was left on purpose. */
const HOLE = TICKS_PER_SECOND

export interface IntakeSink {
  /** `track`: of the sound, counted from 0; of the picture 0. Times are program time. */
  unit(unit: AccessUnit, track: number): void
  format(kind: 'video' | 'audio', format: VideoFormat | AudioFormat): void
  /** What follows is not continuous: the reader was too slow, or the program left a hole. */
  broke(cause: 'skipped' | 'hole'): void
}

/** A reader's part of the program as access units, on the program's own time scale. */
export class ProgramIntake {
  readonly #sink: IntakeSink
  #demuxer: TsDemuxer
  #tracks = new Map<Pid, number>()
  #time: Ticks90k | undefined
  /** Program time minus the demuxer's, which knows 33 bits: whole turns. */
  #turns: number | undefined

  constructor(sink: IntakeSink) {
    this.#sink = sink
    this.#demuxer = this.#open()
  }

  push({ bytes, time, skipped }: TimedBytes): void {
    const hole = this.#time !== undefined && time - this.#time > HOLE
    if (skipped || hole) {
      this.#demuxer = this.#open()
      this.#sink.broke(skipped ? 'skipped' : 'hole')
    }
    this.#time = time
    // The preamble of a skip says that there was one.
    if (!skipped) this.#demuxer.push(bytes)
  }

  /** The program ended: what is held back comes out. */
  end(): void {
    this.#demuxer.flush()
  }

  #open(): TsDemuxer {
    this.#turns = undefined
    return new TsDemuxer({
      program: ({ tracks }) => {
        const sound = tracks.filter(({ kind }) => kind === 'audio')
        this.#tracks = new Map(sound.map(({ pid }, track) => [pid, track]))
      },
      format: (_pid, format) => this.#sink.format('width' in format ? 'video' : 'audio', format),
      unit: (unit) => this.#unit(unit),
    })
  }

  #unit(unit: AccessUnit): void {
    this.#turns ??= WRAP_33 * Math.round((this.#time! - unit.dts) / WRAP_33)
    const { pts, dts } = unit
    this.#sink.unit(
      { ...unit, pts: ticks(pts + this.#turns), dts: ticks(dts + this.#turns) },
      this.#tracks.get(unit.pid) ?? 0,
    )
  }
}
