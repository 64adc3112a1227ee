/**
 * PCR accuracy against a steady clock: by position in the stream (only at a constant bitrate), and by arrival. Both
 * are judged over windows of PCR, each against its own straight line, as the low-pass side of TR 101 290 Annex I does:
 * drift is not jitter.
 */
import { fitLine, median } from './analyzer-numbers.ts'
import { MAX_PCR_ERROR_NS } from './analyzer-rules.ts'

const WINDOW_SAMPLES = 256
const MIN_WINDOW_SAMPLES = 16
/** The bitrate is constant where nine steps of ten are within this share of the middle rate. */
const MAX_RATE_DEVIATION = 0.01
const MIN_CONSTANT_SHARE = 0.9
const TICKS_PER_MS = 27_000
const NS_PER_TICK = 1000 / 27
const REFITS = 3

export interface InaccuratePcr {
  readonly position: number
  readonly timeMs: number
  readonly ns: number
}

export class PcrAccuracy {
  #positions: number[] = []
  #pcrs: number[] = []
  #times: number[] = []
  #arrivals: number[] = []
  #maxErrorNs: number | undefined
  #maxArrivalErrorMs: number | undefined
  #driftPpm: number | undefined
  readonly #onInaccurate: (pcr: InaccuratePcr) => void

  constructor(onInaccurate: (pcr: InaccuratePcr) => void) {
    this.#onInaccurate = onInaccurate
  }

  /** `pcr27` continuous since the last flush. */
  addSample(sample: {
    pcr27: number
    position: number
    timeMs: number
    arrivalMs: number | undefined
  }): void {
    this.#pcrs.push(sample.pcr27)
    this.#positions.push(sample.position)
    this.#times.push(sample.timeMs)
    if (sample.arrivalMs !== undefined) this.#arrivals.push(sample.arrivalMs)
    if (this.#pcrs.length >= WINDOW_SAMPLES) this.flush()
  }

  /** Judges the current window and begins a new one; also called at a jump of the PCR. */
  flush(): void {
    if (this.#pcrs.length >= MIN_WINDOW_SAMPLES) {
      this.#judgePosition()
      if (this.#arrivals.length === this.#pcrs.length) this.#judgeArrival()
    }
    this.#positions = []
    this.#pcrs = []
    this.#times = []
    this.#arrivals = []
  }

  get maxErrorNs(): number | undefined {
    return this.#maxErrorNs
  }

  get maxArrivalErrorMs(): number | undefined {
    return this.#maxArrivalErrorMs
  }

  get driftPpm(): number | undefined {
    return this.#driftPpm
  }

  #judgePosition(): void {
    if (!this.#isConstantRate()) return
    const residuals = this.#robustResiduals()
    for (const [i, residual] of residuals.entries()) {
      const ns = Math.abs(residual) * NS_PER_TICK
      this.#maxErrorNs = Math.max(this.#maxErrorNs ?? 0, ns)
      // The PCR itself is rounded to one tick, and so is the one it is compared with.
      if (ns > MAX_PCR_ERROR_NS + 2 * NS_PER_TICK) {
        this.#onInaccurate({ position: this.#positions[i]!, timeMs: this.#times[i]!, ns })
      }
    }
  }

  #isConstantRate(): boolean {
    const steps = this.#pcrs.slice(1).map((pcr, i) => pcr - this.#pcrs[i]!)
    const rates = steps.map((step, i) => (this.#positions[i + 1]! - this.#positions[i]!) / step)
    const middle = median(rates) ?? 0
    if (!(middle > 0)) return false
    const even = rates.filter((rate) => Math.abs(rate / middle - 1) <= MAX_RATE_DEVIATION)
    return even.length >= MIN_CONSTANT_SHARE * rates.length
  }

  /** Residuals from a line fitted without outliers: a single bad PCR must not bend the line. */
  #robustResiduals(): readonly number[] {
    let line = fitLine(this.#positions, this.#pcrs)
    for (let refit = 0; refit < REFITS && line !== undefined; refit++) {
      const distances = line.residuals.map(Math.abs)
      const limit = 4 * (median(distances) ?? 0) + 1
      line = fitLine(this.#positions, this.#pcrs, (i) => distances[i]! <= limit) ?? line
    }
    return line?.residuals ?? []
  }

  #judgeArrival(): void {
    const line = fitLine(this.#arrivals, this.#pcrs)
    if (line === undefined) return
    for (const residual of line.residuals) {
      const ms = Math.abs(residual) / TICKS_PER_MS
      this.#maxArrivalErrorMs = Math.max(this.#maxArrivalErrorMs ?? 0, ms)
    }
    this.#driftPpm = (line.slope / TICKS_PER_MS - 1) * 1e6
  }
}
