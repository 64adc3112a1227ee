/**
 * An independent analyzer of transport stream bytes: the measurable part of ETSI TR 101 290 priorities 1 and 2, and the
 * invariants of Sluice's own program. Shares the byte accessors with the demuxer, none of its state.
 */
import type { Millis } from '../contract/time.ts'
import { measured, type AnalysisReport, type Measured } from './analysis-report.ts'
import { ViolationLedger } from './analyzer-ledger.ts'
import type { PcrWatch } from './analyzer-pcr.ts'
import { PidWatch } from './analyzer-pid.ts'
import { MAX_MUX_DELAY_MS, type RuleSet, type ViolationCode } from './analyzer-rules.ts'
import { SyncWatch } from './analyzer-sync.ts'
import { TablesWatch } from './analyzer-tables.ts'
import {
  adaptationFlags,
  DISCONTINUITY,
  hasPayload,
  hasPcr,
  hasTransportError,
  isScrambled,
  PACKET_SIZE,
  payloadAt,
  pcrAt,
  PID_CAT,
  PID_COUNT,
  PID_NULL,
  PID_PAT,
  PID_SDT,
  pidAt,
  startsUnit,
} from '../mpegts/packet.ts'

const DEFAULT_MAX_EXAMPLES = 5
const BITS_PER_BYTE = 8

export interface AnalyzerOptions {
  /** Default 'standard'. */
  readonly rules?: RuleSet
  /** Data may be at most this far ahead of their DTS; default 1000. */
  readonly muxDelayMs?: number
  /** Positions kept per kind of violation, and per PID; default 5. */
  readonly examples?: number
}

/**
 * `push` bytes in any chunking, then `finish`, then read the report; it may be read at any time.
 * Memory is bounded; nothing in the bytes makes it throw.
 */
export class Analyzer {
  readonly #rules: RuleSet
  readonly #maxExamples: number
  readonly #ledger: ViolationLedger
  readonly #sync: SyncWatch
  readonly #pids: (PidWatch | undefined)[] = Array.from({ length: PID_COUNT })
  readonly #tables: TablesWatch
  #bytes = 0
  #packets = 0
  #position = 0
  #arrivalMs: number | undefined
  #syncLosses = 0
  #syncByteErrors = 0
  #state: 'open' | 'finished' = 'open'

  constructor(options: AnalyzerOptions = {}) {
    this.#rules = options.rules ?? 'standard'
    this.#maxExamples = options.examples ?? DEFAULT_MAX_EXAMPLES
    this.#ledger = new ViolationLedger(this.#rules, this.#maxExamples)
    this.#tables = new TablesWatch({
      ledger: this.#ledger,
      muxDelayMs: options.muxDelayMs ?? MAX_MUX_DELAY_MS,
      watchOf: (pid) => this.#pidWatch(pid),
    })
    this.#sync = new SyncWatch({
      packet: (bytes, at, position) => this.#onPacket(bytes, at, position),
      syncByteError: (position) => {
        this.#syncByteErrors++
        this.#addViolation('sync_byte', position, 'another byte in its place')
      },
      syncLoss: (position) => {
        this.#syncLosses++
        this.#tables.breakPositions()
        this.#addViolation('ts_sync_loss', position, 'two sync bytes in a row are wrong')
      },
    })
  }

  /** `arrival`: monotonic time at which the chunk came; given with each push or never. The bytes are not kept. */
  push(chunk: Uint8Array, arrival?: Millis): void {
    if (this.#state === 'finished') throw new Error('push after finish: make another Analyzer')
    this.#arrivalMs = arrival
    this.#bytes += chunk.length
    // Views of a Buffer cost several times what those of its bytes do, and there is one per packet.
    this.#sync.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }

  /** Applies the rules that need the end of the stream. */
  finish(): void {
    if (this.#state === 'finished') return
    this.#state = 'finished'
    this.#sync.finish()
    if (this.#packets === 0 && this.#bytes > 0) {
      this.#syncLosses++
      this.#addViolation('ts_sync_loss', 0, 'no packets were found')
    }
    if (this.#packets === 0) return
    this.#tables.finish(this.#position)
    const scrambled = this.#sum((pid) => pid.scrambled)
    if (scrambled > 0 && this.#tables.catSections === 0) {
      this.#addViolation('cat_missing', this.#position, `${scrambled} scrambled packets`)
    }
  }

  report(): AnalysisReport {
    const durationMs = this.#durationMs()
    const violations = this.#ledger.violations()
    const countOf = (severity: 'error' | 'warning'): number =>
      violations.reduce((sum, v) => sum + (v.severity === severity ? v.count : 0), 0)
    return {
      rules: this.#rules,
      bytes: this.#bytes,
      packets: this.#packets,
      skippedBytes: this.#sync.skippedBytes,
      syncLosses: this.#syncLosses,
      syncByteErrors: this.#syncByteErrors,
      transportErrors: this.#sum((pid) => pid.transportErrors),
      continuityErrors: this.#sum((pid) => pid.continuityErrors),
      duplicates: this.#sum((pid) => pid.duplicates),
      scrambledPackets: this.#sum((pid) => pid.scrambled),
      nullPackets: this.#pids[PID_NULL]?.packets ?? 0,
      crcErrors: this.#ledger.count('crc'),
      signalledDiscontinuities: this.#sum((pid) => pid.discontinuities),
      durationMs: measured(durationMs),
      bitrate: bitrateOf(this.#packets, durationMs),
      pat: this.#tables.pat.report(),
      sdt: this.#tables.sdt.report(),
      programs: this.#tables.programs.map((program) => program.report()),
      pids: this.#pids.flatMap((pid) =>
        pid === undefined || pid.packets === 0
          ? []
          : [pid.report(this.#describePid(pid.pid), bitrateOf(pid.packets, durationMs))],
      ),
      errors: countOf('error'),
      warnings: countOf('warning'),
      violations,
    }
  }

  #onPacket(bytes: Uint8Array, at: number, position: number): void {
    this.#packets++
    this.#position = position
    const id = pidAt(bytes, at)
    const pid = this.#pidWatch(id)
    pid.packets++
    if (hasTransportError(bytes, at)) {
      this.#onDamagedPacket(pid, position)
      return
    }
    if (id === PID_NULL) return
    const signalled = (adaptationFlags(bytes, at) & DISCONTINUITY) !== 0
    const before = pid.counter
    const continuity = pid.checkContinuity(bytes, at, signalled)
    if (continuity === 'duplicate') return
    const program = this.#tables.programOf(id)
    const track = program?.track(id)
    if (continuity === 'error') {
      pid.addError(position)
      pid.sections?.reset()
      track?.markDamaged()
      this.#tables.breakPositions()
      this.#addViolation('continuity', position, `after ${before} came ${pid.counter}`, id)
    }
    if (signalled) {
      pid.discontinuities++
      pid.sections?.reset()
      track?.breakTimeline()
    }
    if (hasPcr(bytes, at)) this.#onPcr(bytes, at, { id, signalled })
    if (isScrambled(bytes, at)) {
      pid.scrambled++
      this.#tables.onScrambledPacket(id, position)
      return
    }
    if (!hasPayload(bytes, at)) return
    const from = payloadAt(bytes, at)
    const to = at + PACKET_SIZE
    const starts = startsUnit(bytes, at)
    if (pid.sections !== undefined) {
      this.#tables.position = position
      pid.sections.push(bytes, { from, to, startsSection: starts })
    } else if (track !== undefined) {
      if (starts) track.start(bytes, { from, to, position })
      else track.continue(bytes, { from, to })
    }
  }

  /** Reports the packet (TR 101 290 2.1); nothing else is derived from it. */
  #onDamagedPacket(pid: PidWatch, position: number): void {
    pid.transportErrors++
    pid.resetCounter()
    pid.sections?.reset()
    this.#tables.programOf(pid.pid)?.track(pid.pid)?.markDamaged()
    this.#addViolation('transport_error', position, 'the rest of it is not judged', pid.pid)
  }

  #onPcr(bytes: Uint8Array, at: number, of: { id: number; signalled: boolean }): void {
    const pcr27 = pcrAt(bytes, at)
    const { signalled } = of
    for (const program of this.#tables.programs) {
      if (program.clock?.pid !== of.id) continue
      program.onPcr({ pcr27, position: this.#position, arrivalMs: this.#arrivalMs, signalled })
    }
  }

  #pidWatch(id: number): PidWatch {
    return (this.#pids[id] ??= new PidWatch(id, this.#maxExamples))
  }

  #sum(of: (pid: PidWatch) => number): number {
    return this.#pids.reduce((sum, pid) => sum + (pid === undefined ? 0 : of(pid)), 0)
  }

  #clock(): PcrWatch | undefined {
    return this.#tables.clock()
  }

  /** Duration by the first program that has a clock; else by the longest track. */
  #durationMs(): number | undefined {
    const byClock = this.#clock()?.timeMs
    if (byClock !== undefined && byClock > 0) return Math.round(byClock * 1000) / 1000
    const lengths = this.#tables.programs
      .flatMap((program) => program.report().tracks)
      .flatMap(({ durationMs }) => (typeof durationMs === 'number' ? [durationMs] : []))
    return lengths.length === 0 ? undefined : Math.max(...lengths)
  }

  #describePid(id: number): string {
    if (id === PID_PAT) return 'PAT'
    if (id === PID_CAT) return 'CAT'
    if (id === PID_SDT) return 'SDT'
    if (id === PID_NULL) return 'null'
    return this.#tables.describePid(id)
  }

  #addViolation(code: ViolationCode, position: number, detail: string, pid?: number): void {
    const timeMs = this.#clock()?.timeMs
    this.#ledger.addViolation(code, {
      position,
      timeMs,
      detail,
      ...(pid === undefined ? {} : { pid }),
    })
  }
}

const bitrateOf = (packets: number, durationMs: number | undefined): Measured =>
  durationMs === undefined
    ? measured<number>(undefined)
    : Math.round((packets * PACKET_SIZE * BITS_PER_BYTE * 1000) / durationMs)
