/** Pictures of one video track: presentation order, random access. */
import type { VideoCodec, VideoFormat } from '../contract/format.ts'
import { createVideoInspector } from '../codec/video-inspector.ts'
import type { VideoInspector } from '../codec/video-inspection.ts'
import { measured, type VideoReport } from './analysis-report.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { Extent, rounded } from './analyzer-numbers.ts'
import { pictureFront } from './analyzer-picture.ts'
import { PresentationCheck, type PicturePlace } from './analyzer-presentation.ts'

const TICKS_PER_MS = 90

export interface Picture extends PicturePlace {
  readonly dts: number
  /** PAT and PMT came since the picture before. */
  readonly afterTables: boolean
}

export class VideoTimeline {
  readonly #pid: number
  readonly #codec: VideoCodec
  readonly #ledger: ViolationLedger
  readonly #inspector: VideoInspector
  readonly #order: PresentationCheck
  readonly #rapIntervals = new Extent()
  #format: VideoFormat | undefined
  #pictures = 0
  #rapCount = 0
  #withoutTables = 0
  #withoutSets = 0
  #lastRap: number | undefined

  constructor(pid: number, codec: VideoCodec, ledger: ViolationLedger) {
    this.#pid = pid
    this.#codec = codec
    this.#ledger = ledger
    this.#inspector = createVideoInspector(codec)
    this.#order = new PresentationCheck({
      gap: (step, usual, at) => {
        const detail = `${ms(step)} ms where ${ms(usual)} ms are usual, up to PTS ${at.pts}`
        ledger.addViolation('presentation_gap', { ...place(at), pid, detail })
      },
      late: (at) =>
        ledger.addViolation('pts_order', { ...place(at), pid, detail: `PTS ${at.pts}` }),
    })
  }

  get firstPts(): number | undefined {
    return this.#order.firstPts
  }

  addPicture(picture: Picture): void {
    this.#pictures++
    this.#order.push(picture, picture.dts)
  }

  /** Checks the first bytes of the same picture, once they are complete. */
  inspectFront(bytes: Uint8Array, picture: Picture): void {
    this.#format = this.#inspector.inspect(bytes).format ?? this.#format
    const { rap, parameterSets } = pictureFront(this.#codec, bytes)
    if (!rap) return
    this.#rapCount++
    const finding = { ...place(picture), pid: this.#pid, detail: `PTS ${picture.pts}` }
    if (!picture.afterTables) {
      this.#withoutTables++
      this.#ledger.addViolation('random_access_without_tables', finding)
    }
    if (!parameterSets) {
      this.#withoutSets++
      this.#ledger.addViolation('random_access_without_parameter_sets', finding)
    }
    if (this.#lastRap !== undefined && picture.pts > this.#lastRap) {
      this.#rapIntervals.addValue(picture.pts - this.#lastRap)
    }
    this.#lastRap = picture.pts
  }

  /** Starts a new timeline: later pictures are not compared with earlier ones. */
  breakTimeline(): void {
    this.#order.breakTimeline()
    this.#lastRap = undefined
  }

  finish(position: number, timeMs: number | undefined): void {
    this.#order.finish()
    if (this.#pictures === 0 || this.#rapCount > 0) return
    const detail = `${this.#pictures} pictures`
    this.#ledger.addViolation('random_access_missing', { position, timeMs, pid: this.#pid, detail })
  }

  report(): VideoReport {
    return {
      pictures: this.#pictures,
      format: measured(this.#format),
      medianFrameMs: measured(this.#order.medianMs),
      gaps: this.#order.gaps,
      longestStep: measured(this.#order.longest),
      randomAccessPoints: this.#rapCount,
      randomAccessIntervalMs: measured(this.#rapIntervals.range(TICKS_PER_MS)),
      randomAccessWithoutTables: this.#withoutTables,
      randomAccessWithoutParameterSets: this.#withoutSets,
    }
  }
}

const ms = (ticks: number): number => rounded(ticks / TICKS_PER_MS)

const place = (at: PicturePlace): { position: number; timeMs: number | undefined } => ({
  position: at.position,
  timeMs: at.timeMs,
})
