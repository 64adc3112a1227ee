import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import type { SourceSink } from './source-reader.ts'

export interface WatchedSinkOptions {
  /** Units of an earlier attempt went the same way: the first of this one is announced as a restart. */
  readonly continues: boolean
  readonly onFirstUnit: () => void
}

/** Passes everything on and notes when media began, when it last came, and whether the feed is full. */
export class WatchedSink implements SourceSink {
  readonly #sink: SourceSink
  readonly #clock: Clock
  readonly #options: WatchedSinkOptions
  #first: number | undefined
  #last = 0
  #full = false
  readonly pcr?: (pcr27: number, pid: Pid) => void

  constructor(sink: SourceSink, clock: Clock, options: WatchedSinkOptions) {
    this.#sink = sink
    this.#clock = clock
    this.#options = options
    if (sink.pcr !== undefined) this.pcr = (pcr27, pid) => sink.pcr?.(pcr27, pid)
  }

  get hasStarted(): boolean {
    return this.#first !== undefined
  }

  get isFull(): boolean {
    return this.#full
  }

  /** From the first to the last unit, milliseconds of wall time. */
  get mediaMs(): number {
    return this.#first === undefined ? 0 : this.#last - this.#first
  }

  program(program: ElementaryProgram): void {
    this.#sink.program(program)
  }

  unit(unit: AccessUnit): void {
    this.#last = this.#clock.now()
    if (this.#first === undefined) {
      this.#first = this.#last
      if (this.#options.continues) this.#sink.restarted?.()
      this.#options.onFirstUnit()
    }
    this.#sink.unit(unit)
  }

  format(pid: Pid, format: VideoFormat | AudioFormat): void {
    this.#sink.format(pid, format)
  }

  restarted(): void {
    this.#sink.restarted?.()
  }

  room(): Promise<void> | undefined {
    const room = this.#sink.room()
    if (room === undefined) return undefined
    this.#full = true
    return room.finally(() => {
      this.#full = false
    })
  }
}
