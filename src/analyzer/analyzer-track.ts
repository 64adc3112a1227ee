/** PES packets of one video or audio track: time stamps against each other and against the PCR. */
import { isVideoCodec, type Codec } from '../contract/format.ts'
import { measured, type TrackReport } from './analysis-report.ts'
import { AudioTimeline } from './analyzer-audio.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { Extent, rounded, scaled, wrappedStep } from './analyzer-numbers.ts'
import type { PcrWatch } from './analyzer-pcr.ts'
import { MIN_DTS_STEP_MS, MAX_PTS_INTERVAL_MS, type ViolationCode } from './analyzer-rules.ts'
import { VideoTimeline, type Picture } from './analyzer-video.ts'
import {
  parsePesHeader,
  PES_FIXED_BYTES,
  MIN_PES_HEADER_BYTES,
  pesLengthAt,
  startsPes,
} from '../mpegts/pes.ts'
import type { PesHeader } from '../mpegts/pes.ts'

const TICKS_PER_MS = 90
/** Buffer per PES packet: all checked bytes of a picture come first; audio is passed on whenever it is full. */
const BUFFER_BYTES = 32_768
const EMPTY = new Uint8Array(0)
/** A step back of more than this is another time line, not a picture out of order. */
const JUMP_BACK_TICKS = 90_000
/** Steps longer than this do not count as duration. */
const MAX_DURATION_STEP_TICKS = 10 * 90_000

/** State shared by the tracks of one program. */
export interface TrackContext {
  readonly ledger: ViolationLedger
  readonly clock: () => PcrWatch | undefined
  readonly muxDelayMs: number
  /** True if both PAT and PMT came behind this position. */
  readonly hasTablesSince: (position: number) => boolean
  /** The newest unwrapped DTS of any track, to unwrap the first one of another by. */
  readonly reference: { ticks: number | undefined }
  readonly onDts: (kind: 'video' | 'audio', dts: number) => void
}

export interface TrackIdentity {
  readonly pid: number
  readonly streamType: number
  readonly codec: Codec
  readonly language: string | undefined
}

/** One PES packet under way. */
interface Unit {
  readonly position: number
  readonly timeMs: number | undefined
  readonly afterTables: boolean
  header: PesHeader | undefined
  picture: Picture | undefined
  /** Bytes of the PES packet so far, its header included. */
  received: number
  damaged: 'no' | 'yes'
}

export class TrackWatch {
  readonly identity: TrackIdentity
  readonly #context: TrackContext
  readonly #video: VideoTimeline | undefined
  readonly #audio: AudioTimeline | undefined
  /** Allocated with the first packet: a table may announce more tracks than there are. */
  #buffer = EMPTY
  #fill = 0
  /** 0: unbounded, or not yet read. Read with the header, since the buffer is reused. */
  #pesLength = 0
  #payloadFrom = 0
  #unit: Unit | undefined
  #lastUnitAt = -1
  #timeline: 'runs' | 'breaks_next' = 'runs'
  #breaks = 0
  #pesPackets = 0
  #firstPts: number | undefined
  #firstPtsTicks: number | undefined
  #lastDts: number | undefined
  #lastPtsMs: number | undefined
  #maxPtsInterval: number | undefined
  #duration = 0
  readonly #dtsSteps = new Extent()
  readonly #dtsMargin = new Extent()
  readonly #ptsMargin = new Extent()
  readonly #arrivalMargin = new Extent()

  constructor(identity: TrackIdentity, context: TrackContext) {
    this.identity = identity
    this.#context = context
    const { codec, pid } = identity
    if (isVideoCodec(codec)) this.#video = new VideoTimeline(pid, codec, context.ledger)
    else this.#audio = new AudioTimeline(pid, codec, context.ledger)
  }

  get kind(): 'video' | 'audio' {
    return this.#video === undefined ? 'audio' : 'video'
  }

  /** First unwrapped PTS in presentation order. */
  get firstPts(): number | undefined {
    return this.#video === undefined ? this.#firstPts : this.#video.firstPts
  }

  /** Payload [from, to) of one packet at `position`. */
  start(bytes: Uint8Array, range: { from: number; to: number; position: number }): void {
    this.#endUnit('next')
    const { position } = range
    this.#unit = {
      position,
      timeMs: this.#context.clock()?.timeMs,
      afterTables: this.#context.hasTablesSince(this.#lastUnitAt),
      header: undefined,
      picture: undefined,
      received: 0,
      damaged: 'no',
    }
    this.#lastUnitAt = position
    this.#fill = 0
    if (this.#buffer === EMPTY) this.#buffer = new Uint8Array(BUFFER_BYTES)
    this.continue(bytes, range)
  }

  continue(bytes: Uint8Array, range: { from: number; to: number }): void {
    const unit = this.#unit
    if (unit === undefined) return
    unit.received += range.to - range.from
    let from = range.from
    while (from < range.to) {
      const room = BUFFER_BYTES - this.#fill
      const size = Math.min(room, range.to - from)
      this.#copy(bytes, from, size)
      from += size
      if (unit.header === undefined && !this.#readHeader(unit)) return
      if (this.#fill < BUFFER_BYTES) break
      if (this.#audio === undefined) break
      this.#forwardAudio(this.#audio)
    }
    const length = this.#pesLength
    if (length > 0 && unit.received >= length + PES_FIXED_BYTES) this.#endUnit('complete')
  }

  /** A continuity error: the current PES packet lacks bytes. */
  markDamaged(): void {
    if (this.#unit !== undefined) this.#unit.damaged = 'yes'
  }

  /** A signalled discontinuity: the next time stamp is not compared with earlier ones. */
  breakTimeline(): void {
    this.#timeline = 'breaks_next'
  }

  finish(position: number): void {
    this.#endUnit('stream_end')
    this.#video?.finish(position, this.#context.clock()?.timeMs)
  }

  report(): TrackReport {
    const { pid, streamType, codec, language } = this.identity
    return {
      pid,
      streamType,
      kind: this.kind,
      codec: this.#audio?.codec ?? codec,
      ...(language === undefined ? {} : { language }),
      pesPackets: this.#pesPackets,
      firstPtsTicks: measured(this.#firstPtsTicks),
      durationMs: measured(
        this.#duration === 0 ? undefined : rounded(this.#duration / TICKS_PER_MS),
      ),
      minDtsStepMs: measured(scaled(this.#dtsSteps.min, TICKS_PER_MS)),
      maxPtsIntervalMs: measured(scaled(this.#maxPtsInterval, 1)),
      dtsMinusPcrMs: measured(this.#dtsMargin.range(TICKS_PER_MS)),
      ptsMinusPcrMs: measured(this.#ptsMargin.range(TICKS_PER_MS)),
      dtsMinusArrivalMs: measured(this.#arrivalMargin.range(TICKS_PER_MS)),
      timelineBreaks: this.#breaks,
      ...(this.#video === undefined ? {} : { video: this.#video.report() }),
      ...(this.#audio === undefined ? {} : { audio: this.#audio.report() }),
    }
  }

  #copy(bytes: Uint8Array, from: number, size: number): void {
    if (size <= 0) return
    this.#buffer.set(bytes.subarray(from, from + size), this.#fill)
    this.#fill += size
  }

  /** Returns false while the header is incomplete, or when there is none. */
  #readHeader(unit: Unit): boolean {
    const buffer = this.#buffer
    if (this.#fill < MIN_PES_HEADER_BYTES) return false
    if (startsPes(buffer, 0) && this.#fill < MIN_PES_HEADER_BYTES + buffer[8]!) return false
    const header = parsePesHeader(buffer, 0, this.#fill)
    if (header === undefined) {
      this.#addViolation('pes_header', unit, 'no PES header, or one without coded frames')
      this.#unit = undefined
      return false
    }
    this.#pesPackets++
    unit.header = header
    this.#pesLength = pesLengthAt(buffer, 0)
    this.#payloadFrom = header.size
    if (header.pts !== undefined) this.#judgeTimestamps(unit, header.pts, header.dts ?? header.pts)
    return true
  }

  #forwardAudio(audio: AudioTimeline): void {
    audio.pushPayload(this.#buffer.subarray(this.#payloadFrom, this.#fill))
    this.#payloadFrom = 0
    this.#fill = 0
  }

  #endUnit(how: 'next' | 'complete' | 'stream_end'): void {
    const unit = this.#unit
    this.#unit = undefined
    if (unit?.header === undefined) return
    if (this.#audio !== undefined) this.#forwardAudio(this.#audio)
    else if (unit.picture !== undefined) {
      this.#video?.inspectFront(this.#buffer.subarray(this.#payloadFrom, this.#fill), unit.picture)
    }
    const missing = this.#pesLength + PES_FIXED_BYTES - unit.received
    if (this.#pesLength > 0 && missing > 0 && how === 'next' && unit.damaged === 'no') {
      this.#addViolation('pes_incomplete', unit, `${missing} bytes are missing`)
    }
  }

  #judgeTimestamps(unit: Unit, rawPts: number, rawDts: number): void {
    if (this.#timeline === 'breaks_next') this.#restartTimeline()
    const reference = this.#lastDts ?? this.#context.reference.ticks ?? rawDts
    const dts = reference + wrappedStep(reference, rawDts)
    const pts = dts + wrappedStep(rawDts, rawPts)
    if (pts < dts) {
      this.#addViolation('pts_before_dts', unit, `PTS ${rawPts}, DTS ${rawDts}`)
    }
    this.#judgeStep(unit, dts)
    this.#judgeMargin(unit, rawPts, rawDts)
    this.#judgeInterval(unit)
    this.#firstPts ??= pts
    this.#firstPtsTicks ??= rawPts
    this.#lastDts = dts
    this.#context.reference.ticks = dts
    this.#context.onDts(this.kind, dts)
    const { position, timeMs, afterTables } = unit
    this.#audio?.addAnchor(pts, position, timeMs)
    if (this.#video === undefined) return
    unit.picture = { pts, dts, position, timeMs, afterTables }
    this.#video.addPicture(unit.picture)
  }

  #restartTimeline(): void {
    this.#timeline = 'runs'
    this.#breaks++
    this.#lastDts = undefined
    this.#lastPtsMs = undefined
    this.#video?.breakTimeline()
    this.#audio?.breakTimeline()
  }

  #judgeStep(unit: Unit, dts: number): void {
    if (this.#lastDts === undefined) return
    const step = dts - this.#lastDts
    const ms = rounded(step / TICKS_PER_MS)
    this.#dtsSteps.addValue(step)
    if (step > 0 && step <= MAX_DURATION_STEP_TICKS) this.#duration += step
    if (step <= 0) this.#addViolation('dts_order', unit, `a step of ${ms} ms`)
    else if (ms < MIN_DTS_STEP_MS) this.#addViolation('dts_step', unit, `${ms} ms`)
    if (step >= -JUMP_BACK_TICKS) return
    this.#video?.breakTimeline()
    this.#audio?.breakTimeline()
  }

  #judgeMargin(unit: Unit, rawPts: number, rawDts: number): void {
    const clock = this.#context.clock()
    const base = clock?.base
    if (clock === undefined || base === undefined) return
    const margin = wrappedStep(base, rawDts)
    const ms = rounded(margin / TICKS_PER_MS)
    this.#dtsMargin.addValue(margin)
    this.#ptsMargin.addValue(wrappedStep(base, rawPts))
    if (margin < 0) this.#addViolation('dts_before_pcr', unit, `by ${-ms} ms`)
    clock.locate(unit.position, (timeMs, how) => {
      if (how === 'between')
        this.#judgeArrival(unit, margin - (timeMs - unit.timeMs!) * TICKS_PER_MS)
    })
    if (ms > this.#context.muxDelayMs) this.#addViolation('mux_delay', unit, `${ms} ms ahead`)
  }

  /** 2.4.2.2: between two PCR the bytes come at an even rate. */
  #judgeArrival(unit: Unit, margin: number): void {
    this.#arrivalMargin.addValue(margin)
    if (margin >= 0) return
    this.#addViolation('dts_before_arrival', unit, `by ${rounded(-margin / TICKS_PER_MS)} ms`)
  }

  #judgeInterval(unit: Unit): void {
    const now = unit.timeMs
    if (now !== undefined && this.#lastPtsMs !== undefined) {
      const interval = now - this.#lastPtsMs
      this.#maxPtsInterval = Math.max(this.#maxPtsInterval ?? 0, interval)
      if (interval > MAX_PTS_INTERVAL_MS) {
        this.#addViolation('pts_repetition', unit, `${rounded(interval)} ms`)
      }
    }
    this.#lastPtsMs = now
  }

  #addViolation(code: ViolationCode, unit: Unit, detail: string): void {
    const { position, timeMs } = unit
    this.#context.ledger.addViolation(code, { position, timeMs, pid: this.identity.pid, detail })
  }
}
