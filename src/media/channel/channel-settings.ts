import type { ChannelChange } from '../../contract/commands.ts'
import type { ChannelSpec, ConformMode, SourceSpec, Thresholds } from '../../contract/spec.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import type { InputSettings } from '../input/input-parts.ts'
import type { ProgramFormat } from '../format/program-format.ts'

export type SettingsOnAir = Pick<
  ChannelStatus,
  'mode' | 'conform' | 'ingest' | 'failover' | 'revert'
>

/** Settings that may change while the channel runs, and the format that is fixed once. Read at each use. */
export class ChannelSettings implements InputSettings {
  readonly #spec: ChannelSpec
  #maxGopTicks: number | undefined
  #current: SettingsOnAir
  #format: ProgramFormat | undefined

  constructor(spec: ChannelSpec) {
    this.#spec = spec
    const { mode, conform, ingest, failover } = spec
    this.#current = { mode, conform, ingest, failover: failover.mode, revert: failover.revert }
  }

  get current(): SettingsOnAir {
    return this.#current
  }

  get format(): ProgramFormat | undefined {
    return this.#format
  }

  get maxGopTicks(): number | undefined {
    return this.#maxGopTicks
  }

  /** Longest GOP that the packaging outputs fit, ticks; undefined: no such output. */
  setMaxGop(ticks: number | undefined): void {
    this.#maxGopTicks = ticks
  }

  setFormat(format: ProgramFormat): void {
    this.#format = format
  }

  /** Absent fields stay. */
  applyChange(change: ChannelChange): void {
    const { mode, conform, ingest, failover, revert } = this.#current
    this.#current = {
      mode: change.mode ?? mode,
      conform: change.conform ?? conform,
      ingest: change.ingest ?? ingest,
      failover: change.failover ?? failover,
      revert: change.revert ?? revert,
    }
  }

  conformOf(spec: SourceSpec): ConformMode {
    return spec.conform ?? this.#current.conform
  }

  /** The channel's, with overrides of the source. */
  thresholdsOf(spec: SourceSpec): Thresholds {
    const own = Object.entries(spec.thresholds ?? {}).filter(([, value]) => value !== undefined)
    return { ...this.#spec.failover.thresholds, ...Object.fromEntries(own) }
  }
}
