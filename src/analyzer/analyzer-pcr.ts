/** The clock of one program, and the judgement of its PCR: ISO/IEC 13818-1, 2.4.2.2 and 2.7.2. */
import { measured, type PcrReport } from './analysis-report.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { rounded, scaled, wrappedStep } from './analyzer-numbers.ts'
import { PcrAccuracy } from './analyzer-pcr-accuracy.ts'
import {
  MAX_PCR_INTERVAL_MS,
  MAX_PCR_INTERVAL_PROGRAM_MS,
  type ViolationCode,
} from './analyzer-rules.ts'

const PCR_WRAP = 2 ** 33 * 300
const TICKS_PER_MS = 27_000
/** Weight of the newest step in the rate that converts positions to times. */
const RATE_WEIGHT = 1 / 16
/** A step this many times longer than its bytes (or its arrival) suggest is a jump, not a pause between two PCR. */
const JUMP_FACTOR = 3
/** Positions that wait for the PCR behind them; more than that between two PCR are not timed. */
const MAX_PENDING_POSITIONS = 256

export interface PcrSample {
  readonly pcr27: number
  readonly position: number
  readonly arrivalMs: number | undefined
  /** discontinuity_indicator. */
  readonly signalled: boolean
}

/** Time interpolated 'between' two consecutive PCR, or 'estimated'. */
export type OnLocated = (timeMs: number, how: 'between' | 'estimated') => void

type StepKind = 'first' | 'steady' | 'signalled' | 'jump' | 'backwards'

/**
 * Clock of one program. Program time runs from the first PCR; over a jump it advances by what the bytes (or the arrival)
 * suggest.
 */
export class PcrWatch {
  readonly pid: number
  readonly #ledger: ViolationLedger
  readonly #accuracy: PcrAccuracy
  #last: PcrSample | undefined
  #elapsed = 0
  /** Continuous 27 MHz time for the accuracy window. */
  #unwrapped = 0
  /** Averages of the newest steps: a rate by bytes, not by pictures, whose sizes vary. */
  #stepTicks = 0
  #stepBytes = 0
  #count = 0
  #discontinuities = 0
  #maxStep: number | undefined
  #pending: { readonly position: number; readonly located: OnLocated }[] = []

  constructor(pid: number, ledger: ViolationLedger) {
    this.pid = pid
    this.#ledger = ledger
    this.#accuracy = new PcrAccuracy(({ position, timeMs, ns }) =>
      ledger.addViolation('pcr_accuracy', {
        position,
        timeMs,
        pid,
        detail: `${Math.round(ns)} ns`,
      }),
    )
  }

  /** Program time at the newest PCR; undefined before the first. */
  get timeMs(): number | undefined {
    return this.#last === undefined ? undefined : this.#elapsed / TICKS_PER_MS
  }

  /** 90 kHz part of the newest PCR, within 33 bits; undefined before the first. */
  get base(): number | undefined {
    return this.#last === undefined ? undefined : this.#last.pcr27 / 300
  }

  /** Calls back with the program time of a position, once the next PCR has come. */
  locate(position: number, located: OnLocated): void {
    if (this.#pending.length < MAX_PENDING_POSITIONS) this.#pending.push({ position, located })
  }

  /** 'break' where this PCR does not continue the time before it. */
  push(sample: PcrSample): 'steady' | 'break' {
    const last = this.#last
    this.#count++
    if (last === undefined) {
      this.#last = sample
      this.#locatePending({
        from: sample.position,
        to: sample.position,
        advance: 0,
        how: 'estimated',
      })
      this.#sampleAccuracy(sample)
      return 'steady'
    }
    const step = wrappedStep(last.pcr27, sample.pcr27, PCR_WRAP)
    const kind = this.#kindOf(step, last, sample)
    const advance = kind === 'steady' ? step : (this.#estimateStep(last, sample) ?? 0)
    if (kind === 'steady') this.#judgeStep(step, sample)
    else this.#recordJump(kind, step, sample)
    const how = kind === 'steady' ? 'between' : 'estimated'
    this.#locatePending({ from: last.position, to: sample.position, advance, how })
    this.#elapsed += advance
    this.#unwrapped += advance
    this.#last = sample
    this.#sampleAccuracy(sample)
    return kind === 'steady' ? 'steady' : 'break'
  }

  /** Ends interpolation: bytes were lost or inserted, so that positions before and behind are not on one line. */
  breakPositions(): void {
    this.#accuracy.flush()
  }

  /** Locates the positions behind the last PCR, by the rate so far. */
  finish(endPosition: number): void {
    const last = this.#last
    if (last !== undefined && this.#ticksPerByte !== undefined) {
      const advance = Math.max(0, endPosition - last.position) * this.#ticksPerByte
      this.#locatePending({ from: last.position, to: endPosition, advance, how: 'estimated' })
    }
    this.#accuracy.flush()
  }

  report(): PcrReport {
    return {
      pid: this.pid,
      count: this.#count,
      maxIntervalMs: measured(scaled(this.#maxStep, TICKS_PER_MS)),
      discontinuities: this.#discontinuities,
      accuracyNs: measured(scaled(this.#accuracy.maxErrorNs, 1)),
      arrivalJitterMs: measured(scaled(this.#accuracy.maxArrivalErrorMs, 1)),
      arrivalDriftPpm: measured(scaled(this.#accuracy.driftPpm, 1)),
    }
  }

  #kindOf(step: number, last: PcrSample, sample: PcrSample): StepKind {
    if (sample.signalled) return 'signalled'
    if (step <= 0) return 'backwards'
    if (step <= MAX_PCR_INTERVAL_MS * TICKS_PER_MS) return 'steady'
    const estimate = this.#estimateStep(last, sample)
    if (estimate === undefined) return 'steady'
    return step > JUMP_FACTOR * estimate + MAX_PCR_INTERVAL_MS * TICKS_PER_MS ? 'jump' : 'steady'
  }

  get #ticksPerByte(): number | undefined {
    return this.#stepBytes === 0 ? undefined : this.#stepTicks / this.#stepBytes
  }

  #estimateStep(last: PcrSample, sample: PcrSample): number | undefined {
    const estimateByBytes =
      this.#ticksPerByte === undefined
        ? undefined
        : (sample.position - last.position) * this.#ticksPerByte
    if (last.arrivalMs === undefined || sample.arrivalMs === undefined) return estimateByBytes
    return Math.max(estimateByBytes ?? 0, (sample.arrivalMs - last.arrivalMs) * TICKS_PER_MS)
  }

  #judgeStep(step: number, sample: PcrSample): void {
    this.#maxStep = Math.max(this.#maxStep ?? 0, step)
    const ms = step / TICKS_PER_MS
    if (ms > MAX_PCR_INTERVAL_MS) this.#addViolation('pcr_repetition', sample, `${rounded(ms)} ms`)
    if (ms > MAX_PCR_INTERVAL_PROGRAM_MS) {
      this.#addViolation('pcr_interval_program', sample, `${rounded(ms)} ms`)
    }
    const bytes = sample.position - this.#last!.position
    const weight = this.#stepBytes === 0 ? 1 : RATE_WEIGHT
    this.#stepTicks += (step - this.#stepTicks) * weight
    this.#stepBytes += (bytes - this.#stepBytes) * weight
  }

  #recordJump(kind: StepKind, step: number, sample: PcrSample): void {
    this.#accuracy.flush()
    const ms = `${rounded(step / TICKS_PER_MS)} ms`
    if (kind === 'signalled') this.#discontinuities++
    else if (kind === 'jump') this.#addViolation('pcr_discontinuity', sample, `${ms} ahead`)
    else this.#addViolation('pcr_backwards', sample, `a step of ${ms}`)
  }

  #locatePending(range: {
    from: number
    to: number
    advance: number
    how: 'between' | 'estimated'
  }): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#pending = []
    const { from, to, advance, how } = range
    for (const { position, located } of pending) {
      const share = to > from ? Math.max(0, (position - from) / (to - from)) : 0
      located((this.#elapsed + advance * share) / TICKS_PER_MS, how)
    }
  }

  #sampleAccuracy(sample: PcrSample): void {
    this.#accuracy.addSample({
      pcr27: this.#unwrapped,
      position: sample.position,
      timeMs: this.#elapsed / TICKS_PER_MS,
      arrivalMs: sample.arrivalMs,
    })
  }

  #addViolation(code: ViolationCode, sample: PcrSample, detail: string): void {
    const { position } = sample
    this.#ledger.addViolation(code, { position, timeMs: this.timeMs, pid: this.pid, detail })
  }
}
