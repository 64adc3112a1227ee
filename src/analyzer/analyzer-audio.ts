/** Frames of one audio track on the time line: holes and overlaps between the end of one and the start of the next. */
import type { AudioCodec, AudioFormat } from '../contract/format.ts'
import { frameTicks } from '../contract/format.ts'
import { createFrameSplitter, type FrameSplitter } from '../codec/audio-frames.ts'
import { measured, type AudioReport, type WorstStep } from './analysis-report.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { rounded, scaled } from './analyzer-numbers.ts'
import { AUDIO_TOLERANCE_FRAMES } from './analyzer-rules.ts'

const TICKS_PER_MS = 90
/** PES packets whose first frame has not come out of the splitter yet. */
const MAX_ANCHORS = 16

/** A PTS and the start of its PES packet; it belongs to the first frame that commences there (2.4.3.7). */
interface Anchor {
  /** Bytes of the elementary stream before it. */
  readonly offset: number
  /** Unwrapped ticks. */
  readonly pts: number
  readonly position: number
  readonly timeMs: number | undefined
}

export class AudioTimeline {
  readonly #pid: number
  readonly #ledger: ViolationLedger
  readonly #splitter: FrameSplitter
  #anchors: Anchor[] = []
  /** Bytes of the elementary stream that were pushed. */
  #offset = 0
  #frames = 0
  #format: AudioFormat | undefined
  #endTicks: number | undefined
  #holes = 0
  #overlaps = 0
  #longestHole: WorstStep | undefined
  #longestOverlap: WorstStep | undefined

  constructor(pid: number, codec: AudioCodec, ledger: ViolationLedger) {
    this.#pid = pid
    this.#ledger = ledger
    this.#splitter = createFrameSplitter(codec)
  }

  /** The PTS of the PES packet whose payload comes next. */
  addAnchor(pts: number, position: number, timeMs: number | undefined): void {
    this.#anchors.push({ offset: this.#offset, pts, position, timeMs })
    if (this.#anchors.length > MAX_ANCHORS) this.#anchors.shift()
  }

  pushPayload(bytes: Uint8Array): void {
    const start = this.#offset
    this.#offset += bytes.length
    this.#splitter.push(bytes, (_frame, format, offset) => this.#addFrame(format, start + offset))
  }

  /** Starts a new timeline: later frames are not compared with earlier ones. */
  breakTimeline(): void {
    this.#splitter.reset()
    this.#anchors = []
    this.#endTicks = undefined
  }

  /** Codec read from the frames: the PMT does not distinguish the layers of MPEG audio. */
  get codec(): AudioCodec | undefined {
    return this.#format?.codec
  }

  report(): AudioReport {
    const format = this.#format
    return {
      frames: this.#frames,
      format: measured(format),
      frameMs: measured(format && scaled(frameTicks(format), TICKS_PER_MS)),
      holes: this.#holes,
      longestHole: measured(this.#longestHole),
      overlaps: this.#overlaps,
      longestOverlap: measured(this.#longestOverlap),
      strayBytes: this.#splitter.skippedBytes,
    }
  }

  #addFrame(format: AudioFormat, offset: number): void {
    const duration = frameTicks(format)
    this.#frames++
    this.#format = format
    const anchor = this.#takeAnchor(offset)
    if (anchor !== undefined) this.#judgeAnchor(anchor, duration)
    if (this.#endTicks !== undefined) this.#endTicks += duration
  }

  /** Of several PES packets in which no frame commenced, the last one counts. */
  #takeAnchor(offset: number): Anchor | undefined {
    let taken: Anchor | undefined
    while (this.#anchors[0] !== undefined && this.#anchors[0].offset <= offset) {
      taken = this.#anchors.shift()
    }
    return taken
  }

  #judgeAnchor(anchor: Anchor, duration: number): void {
    const end = this.#endTicks
    this.#endTicks = anchor.pts
    if (end === undefined) return
    const hole = anchor.pts - end
    if (Math.abs(hole) <= duration * AUDIO_TOLERANCE_FRAMES) return
    const { position, timeMs, pts } = anchor
    const ms = rounded(Math.abs(hole) / TICKS_PER_MS)
    const step = { ms, ptsTicks: pts, position, timeMs: measured(timeMs) }
    const finding = { position, timeMs, pid: this.#pid, detail: `${ms} ms at PTS ${pts}` }
    if (hole > 0) {
      this.#holes++
      this.#ledger.addViolation('audio_hole', finding)
      if (ms > (this.#longestHole?.ms ?? 0)) this.#longestHole = step
    } else {
      this.#overlaps++
      this.#ledger.addViolation('audio_overlap', finding)
      if (ms > (this.#longestOverlap?.ms ?? 0)) this.#longestOverlap = step
    }
  }
}
