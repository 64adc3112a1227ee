/** Small running statistics of the analyzer: bounded whatever the length of the stream. */
import type { Range } from './analysis-report.ts'

const WRAP_33 = 2 ** 33

/** `to - from` of two counters that wrap at `wrap`, taken the short way round. */
export const wrappedStep = (from: number, to: number, wrap = WRAP_33): number => {
  const step = (to - from) % wrap
  if (step >= wrap / 2) return step - wrap
  return step < -wrap / 2 ? step + wrap : step
}

export const median = (values: readonly number[]): number | undefined => {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]!
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
}

/** Smallest and largest value so far. */
export class Extent {
  #min = Infinity
  #max = -Infinity

  addValue(value: number): void {
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  get max(): number | undefined {
    return this.#max === -Infinity ? undefined : this.#max
  }

  get min(): number | undefined {
    return this.#min === Infinity ? undefined : this.#min
  }

  /** Range divided by `unit`, rounded to three decimals; undefined: nothing was added. */
  range(unit: number): Range | undefined {
    if (this.#max === -Infinity) return undefined
    return { min: rounded(this.#min / unit), max: rounded(this.#max / unit) }
  }
}

/** Rounds to three decimals: enough for milliseconds in a report. */
export const rounded = (value: number): number => Math.round(value * 1000) / 1000

export const scaled = (value: number | undefined, unit: number): number | undefined =>
  value === undefined ? undefined : rounded(value / unit)

export interface Line {
  readonly slope: number
  /** y − line(x) of each point. */
  readonly residuals: readonly number[]
}

/** Least squares through the points that `use` accepts; undefined where they span no interval. */
export const fitLine = (
  x: readonly number[],
  y: readonly number[],
  use: (index: number) => boolean = () => true,
): Line | undefined => {
  let count = 0
  let sumX = 0
  let sumY = 0
  for (let i = 0; i < x.length; i++) {
    if (!use(i)) continue
    count++
    sumX += x[i]!
    sumY += y[i]!
  }
  const meanX = sumX / count
  const meanY = sumY / count
  let xx = 0
  let xy = 0
  for (let i = 0; i < x.length; i++) {
    if (!use(i)) continue
    xx += (x[i]! - meanX) ** 2
    xy += (x[i]! - meanX) * (y[i]! - meanY)
  }
  if (count < 3 || xx === 0) return undefined
  const slope = xy / xx
  return { slope, residuals: x.map((value, i) => y[i]! - meanY - slope * (value - meanX)) }
}
