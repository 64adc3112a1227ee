/** One program of the PAT: its PMT, its PCR, its tracks. */
import type { Codec } from '../contract/format.ts'
import { measured, type ProgramReport, type TrackReport } from './analysis-report.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { Extent, rounded } from './analyzer-numbers.ts'
import { PcrWatch, type PcrSample } from './analyzer-pcr.ts'
import {
  MAX_PID_INTERVAL_MS,
  MAX_TABLE_INTERVAL_MS,
  MAX_TABLE_INTERVAL_PROGRAM_MS,
  type ViolationCode,
} from './analyzer-rules.ts'
import { TableWatch } from './analyzer-table.ts'
import { TrackWatch, type TrackContext } from './analyzer-track.ts'
import { PID_NULL } from '../mpegts/packet.ts'
import { languageOf, parsePmt, type Pmt, type PmtStream } from '../mpegts/psi.ts'
import { codecOf } from '../mpegts/stream-types.ts'

const TICKS_PER_MS = 90
const MAX_TRACKS = 64

export interface ProgramWatchOptions {
  readonly number: number
  readonly pmtPid: number
  readonly ledger: ViolationLedger
  readonly muxDelayMs: number
  readonly lastPatAt: () => number
  /** Packets of a PID so far. */
  readonly packetsOf: (pid: number) => number
}

interface Presence {
  packets: number
  lastMs: number
  state: 'here' | 'missing'
}

export class ProgramWatch {
  readonly number: number
  readonly pmtPid: number
  readonly pmt: TableWatch
  readonly #options: ProgramWatchOptions
  readonly #context: TrackContext
  readonly #tracks = new Map<number, TrackWatch>()
  #streams: readonly PmtStream[] = []
  readonly #presence = new Map<number, Presence>()
  #clock: PcrWatch | undefined
  #lastVideoDts: number | undefined
  readonly #skew = new Extent()
  serviceName: string | undefined

  constructor(options: ProgramWatchOptions) {
    this.#options = options
    this.number = options.number
    this.pmtPid = options.pmtPid
    this.pmt = new TableWatch({
      name: `PMT of program ${options.number}`,
      pid: options.pmtPid,
      limits: [
        { ms: MAX_TABLE_INTERVAL_MS, code: 'pmt_interval' },
        { ms: MAX_TABLE_INTERVAL_PROGRAM_MS, code: 'pmt_interval_program' },
      ],
      ledger: options.ledger,
    })
    this.#context = {
      ledger: options.ledger,
      clock: () => this.#clock,
      muxDelayMs: options.muxDelayMs,
      hasTablesSince: (position) =>
        options.lastPatAt() > position && this.pmt.lastPosition > position,
      reference: { ticks: undefined },
      onDts: (kind, dts) => this.#addSkew(kind, dts),
    }
  }

  get clock(): PcrWatch | undefined {
    return this.#clock
  }

  get tracks(): Iterable<TrackWatch> {
    return this.#tracks.values()
  }

  track(pid: number): TrackWatch | undefined {
    return this.#tracks.get(pid)
  }

  streamOf(pid: number): PmtStream | undefined {
    return this.#streams.find((stream) => stream.pid === pid)
  }

  /** A whole section with this program's number. `clock`: the clock for table intervals. */
  onPmt(section: Uint8Array, position: number, clock: PcrWatch | undefined): void {
    const pmt = parsePmt(section)
    if (pmt === undefined) {
      this.#addViolation('pmt_content', position, 'its inner lengths do not fit')
      return
    }
    if (this.pmt.addSection(section, position, clock) === 'new') this.#applyPmt(pmt, position)
  }

  /** A PCR on this program's PCR PID. */
  onPcr(sample: PcrSample): void {
    const clock = this.#clock
    if (clock === undefined) return
    if (clock.push(sample) === 'break' && sample.signalled) {
      this.#context.reference.ticks = undefined
      for (const track of this.#tracks.values()) track.breakTimeline()
    }
    this.#checkPresence(sample.position, clock.timeMs ?? 0)
  }

  finish(position: number): void {
    for (const track of this.#tracks.values()) track.finish(position)
    if (this.pmt.sections === 0)
      this.#addViolation('pmt_missing', position, `program ${this.number}`)
    const clock = this.#clock
    if (clock !== undefined && clock.timeMs === undefined && clock.pid !== PID_NULL) {
      this.#addViolation('pcr_missing', position, `program ${this.number}, PID ${clock.pid}`)
    }
  }

  report(): ProgramReport {
    return {
      number: this.number,
      ...(this.serviceName === undefined ? {} : { serviceName: this.serviceName }),
      pmtPid: this.pmtPid,
      pmt: this.pmt.report(),
      pcr: (this.#clock ?? new PcrWatch(PID_NULL, this.#options.ledger)).report(),
      tracks: this.#streams.map((stream) => this.#trackReport(stream)),
      audioOffsetMs: measured(this.#audioOffset()),
      interleaveSkewMs: measured(this.#skew.range(TICKS_PER_MS)),
    }
  }

  #applyPmt(pmt: Pmt, position: number): void {
    const before = this.#streams
    const clockPid = this.#clock?.pid
    if (clockPid !== pmt.pcrPid) this.#clock = new PcrWatch(pmt.pcrPid, this.#options.ledger)
    this.#streams = pmt.streams.slice(0, MAX_TRACKS)
    for (const [pid, track] of this.#tracks) {
      const stream = this.streamOf(pid)
      if (stream?.streamType === track.identity.streamType) continue
      track.finish(position)
      this.#tracks.delete(pid)
      this.#presence.delete(pid)
    }
    for (const stream of this.#streams) this.#addTrack(stream)
    if (clockPid === undefined) return
    if (clockPid === pmt.pcrPid && pidsOf(before) === pidsOf(this.#streams)) return
    this.#addViolation(
      'pids_changed',
      position,
      `${pidsOf(before)} became ${pidsOf(this.#streams)}`,
    )
  }

  #addTrack(stream: PmtStream): void {
    const { pid, streamType } = stream
    const codec: Codec | undefined = codecOf(streamType, stream.descriptors)
    if (codec === undefined || this.#tracks.has(pid)) return
    const language = languageOf(stream.descriptors)
    this.#tracks.set(pid, new TrackWatch({ pid, streamType, codec, language }, this.#context))
  }

  #trackReport(stream: PmtStream): TrackReport {
    const track = this.#tracks.get(stream.pid)
    if (track !== undefined) return track.report()
    const language = languageOf(stream.descriptors)
    return {
      pid: stream.pid,
      streamType: stream.streamType,
      kind: 'other',
      codec: 'unknown',
      ...(language === undefined ? {} : { language }),
      pesPackets: 0,
      firstPtsTicks: measured<number>(undefined),
      durationMs: measured<number>(undefined),
      minDtsStepMs: measured<number>(undefined),
      maxPtsIntervalMs: measured<number>(undefined),
      dtsMinusPcrMs: measured<never>(undefined),
      ptsMinusPcrMs: measured<never>(undefined),
      dtsMinusArrivalMs: measured<never>(undefined),
      timelineBreaks: 0,
    }
  }

  /** TR 101 290 1.6, for continuous tracks; subtitles and data are sporadic. */
  #checkPresence(position: number, nowMs: number): void {
    for (const pid of this.#tracks.keys()) {
      const packets = this.#options.packetsOf(pid)
      const known = this.#presence.get(pid)
      if (known === undefined) {
        this.#presence.set(pid, { packets, lastMs: nowMs, state: 'here' })
      } else if (known.packets !== packets) {
        known.packets = packets
        known.lastMs = nowMs
        known.state = 'here'
      } else if (known.state === 'here' && nowMs - known.lastMs > MAX_PID_INTERVAL_MS) {
        known.state = 'missing'
        this.#addViolation('pid_missing', position, `PID ${pid}`)
      }
    }
  }

  #addSkew(kind: 'video' | 'audio', dts: number): void {
    if (kind === 'video') this.#lastVideoDts = dts
    else if (this.#lastVideoDts !== undefined) this.#skew.addValue(dts - this.#lastVideoDts)
  }

  #audioOffset(): number | undefined {
    const tracks = [...this.#tracks.values()]
    const video = tracks.find((track) => track.kind === 'video')?.firstPts
    const audio = tracks.find((track) => track.kind === 'audio')?.firstPts
    if (video === undefined || audio === undefined) return undefined
    return rounded((audio - video) / TICKS_PER_MS)
  }

  #addViolation(code: ViolationCode, position: number, detail: string): void {
    const timeMs = this.#clock?.timeMs
    this.#options.ledger.addViolation(code, { position, timeMs, pid: this.pmtPid, detail })
  }
}

const pidsOf = (streams: readonly PmtStream[]): string =>
  streams.map((stream) => `${stream.pid}:${stream.streamType.toString(16)}`).join(' ')
