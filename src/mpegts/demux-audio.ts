/** PES packets of an audio track to frames with exact times. */
import { frameTicks, type AudioCodec, type AudioFormat } from '../contract/format.ts'
import { ticks } from '../contract/time.ts'
import { createFrameSplitter, type FrameSplitter, type OnFrame } from '../codec/audio-frames.ts'
import type { AccessUnit, Pid } from './access-unit.ts'
import type { TrackContext } from './demux-video.ts'
import type { Pes, PesListener } from './pes-assembler.ts'

export interface AudioSink {
  unit(unit: AccessUnit): void
  format(pid: Pid, format: AudioFormat): void
}

/** More PES packets than one frame can span in any stream that plays. */
const MAX_ANCHORS = 64

/** The PTS of a PES packet belongs to the first frame that begins at or after this place (2.4.3.7). */
interface Anchor {
  readonly at: number
  readonly pts: number
}

export class AudioTrack implements PesListener {
  readonly #context: TrackContext<AudioSink>
  readonly #splitter: FrameSplitter
  readonly #onFrame: OnFrame
  #format: AudioFormat | undefined
  /** Bytes of the track before the current PES. */
  #position = 0
  readonly #anchors: Anchor[] = []
  /** Start of the next frame in ticks, fractions kept; undefined before the first PTS. */
  #nextPts: number | undefined

  constructor(codec: AudioCodec, context: TrackContext<AudioSink>) {
    this.#context = context
    this.#splitter = createFrameSplitter(codec)
    this.#onFrame = (frame, format, offset) =>
      this.#emitFrame(frame, format, this.#position + offset)
  }

  pes(pes: Pes): void {
    if (pes.header.pts !== undefined) {
      const pts = this.#context.clock.unwrap(pes.header.pts)
      if (this.#anchors.length >= MAX_ANCHORS) this.#anchors.shift()
      this.#anchors.push({ at: this.#position, pts })
    }
    this.#splitter.push(pes.payload, this.#onFrame)
    this.#position += pes.payload.length
  }

  lost(): void {
    this.#splitter.reset()
    this.#anchors.length = 0
    this.#nextPts = undefined
  }

  flush(): void {
    this.#splitter.reset()
  }

  #emitFrame(frame: Uint8Array, format: AudioFormat, at: number): void {
    while (this.#anchors.length > 0 && this.#anchors[0]!.at <= at) {
      this.#nextPts = this.#anchors.shift()!.pts
    }
    const { pid, sink, tally } = this.#context
    if (this.#nextPts === undefined) {
      tally.damagedUnits++
      return
    }
    if (this.#format === undefined || !sameFormat(this.#format, format)) {
      this.#format = format
      sink.format(pid, format)
    }
    const duration = frameTicks(format)
    const pts = ticks(Math.round(this.#nextPts))
    this.#nextPts += duration
    const rap = 'none'
    sink.unit({
      pid,
      kind: 'audio',
      pts,
      dts: pts,
      rap: rap,
      leading: false,
      duration,
      data: frame,
    })
  }
}

const sameFormat = (a: AudioFormat, b: AudioFormat): boolean =>
  a === b ||
  (a.codec === b.codec &&
    a.profile === b.profile &&
    a.sampleRate === b.sampleRate &&
    a.channels === b.channels &&
    a.frameSamples === b.frameSamples)
