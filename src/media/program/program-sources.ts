import type { SourceId } from '../../contract/ids.ts'
import type { HealthProblem, SourceState } from '../../contract/status.ts'
import type { SwitchSource } from '../switch/switch-source.ts'

/** A source as a bus sees it. */
export interface ProgramSource extends SwitchSource {
  readonly spec: { readonly label?: string | undefined }
  readonly verdict: { readonly healthy: boolean; readonly problems: readonly HealthProblem[] }
  readonly supervised: {
    readonly state: { readonly state: SourceState; readonly reason?: string | undefined }
  }
  /** Reports an underrun on the air. `now`: monotonic milliseconds. */
  reportUnderrun(now: number): void
}

export interface ProgramSources {
  get(id: SourceId): ProgramSource | undefined
  all(): readonly ProgramSource[]
}
