import { Counter, Gauge, type Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>
export interface Sample {
  /** Null is not measurable: no sample is shown, never 0. */
  readonly value: number | null
  readonly labels?: Labels
}

export interface MetricSet {
  gauge(name: string, help: string, samples: readonly Sample[]): void
  /** Shows a count that is kept elsewhere. */
  counter(name: string, help: string, samples: readonly Sample[]): void
}

/** The current samples, after a reset: a removed source leaves no figures. */
export class Registered implements MetricSet {
  readonly #registry: Registry
  readonly #gauges = new Map<string, Gauge>()
  readonly #counters = new Map<string, Counter>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  reset(): void {
    for (const metric of [...this.#gauges.values(), ...this.#counters.values()]) metric.reset()
  }

  /** All samples have these labels. */
  of(labels: Labels): MetricSet {
    const bearing = (samples: readonly Sample[]): Sample[] =>
      samples.map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }))
    return {
      gauge: (name, help, samples) => this.gauge(name, help, bearing(samples)),
      counter: (name, help, samples) => this.counter(name, help, bearing(samples)),
    }
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    const gauge = this.#gauges.get(name) ?? this.#newGauge(name, help, samples)
    for (const { value, labels } of samples) if (value !== null) gauge?.set({ ...labels }, value)
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    const counter = this.#counters.get(name) ?? this.#newCounter(name, help, samples)
    for (const { value, labels } of samples) if (value !== null) counter?.inc({ ...labels }, value)
  }

  #newGauge(name: string, help: string, samples: readonly Sample[]): Gauge | undefined {
    const labelNames = labelNamesOf(samples)
    if (labelNames === undefined) return undefined
    const gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] })
    this.#gauges.set(name, gauge)
    return gauge
  }

  #newCounter(name: string, help: string, samples: readonly Sample[]): Counter | undefined {
    const labelNames = labelNamesOf(samples)
    if (labelNames === undefined) return undefined
    const counter = new Counter({ name, help, labelNames, registers: [this.#registry] })
    this.#counters.set(name, counter)
    return counter
  }
}

/** Undefined without samples: the labels are unknown, and a metric without labels would show 0. */
const labelNamesOf = (samples: readonly Sample[]): string[] | undefined => {
  const measured = samples.find((sample) => sample.value !== null)
  return measured === undefined ? undefined : Object.keys(measured.labels ?? {})
}
