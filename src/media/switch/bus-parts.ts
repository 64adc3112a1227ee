import type { SwitchCause } from '../../contract/events.ts'
import type { BusId, SourceId, Ticket } from '../../contract/ids.ts'
import type { TakeMode } from '../../contract/spec.ts'
import type { Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { SilentAudio, SlateLoop } from './slate-loop.ts'
import type { SourceLookup } from './switch-source.ts'
import type { PlanStep, TakePlan } from './take-planner.ts'

/** Output of a bus: the program's clock and units. */
export interface BusSink {
  advance(clock: Ticks90k): void
  video(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void
  audio(track: number, unit: AccessUnit, pts: Ticks90k): void
  /** A hole was left in the timeline on purpose. */
  hole(): void
}

/** A splice that was made. */
export interface ExecutedCut {
  readonly from: SourceId
  readonly to: SourceId
  readonly cause: SwitchCause
  readonly at: Ticks90k
  readonly wallMs: number
  /** Presentation step beyond one frame, ticks. */
  readonly gap: number
  readonly addedDelayMs: number
  readonly executed: TakeMode
  /** The take behind it; undefined where the bus cut by itself. */
  readonly ticket: Ticket | undefined
}

export type PlanRefusal = Extract<PlanStep, { kind: 'refuse' }>

/** A take and its plan. The bus answers by ticket, once: executed, refused or displaced. */
export interface PlannedTake {
  readonly ticket: Ticket
  readonly plan: TakePlan
  readonly cause: SwitchCause
}

export interface BusReport {
  /** Before `executed`. */
  cut(cut: ExecutedCut): void
  executed(ticket: Ticket, cut: ExecutedCut): void
  refused(ticket: Ticket, refusal: PlanRefusal): void
  /** Another plan took its place. */
  displaced(ticket: Ticket, by: Ticket): void
}

export interface BusOptions {
  readonly name: BusId
  readonly now: number
  readonly start: Ticks90k
  readonly hasVideo: boolean
  readonly audioTracks: number
  readonly slate: SlateLoop
  readonly silence: SilentAudio | undefined
  readonly latencyMs: number
  /** With latency 0 a source without units counts as an underrun after this, milliseconds. */
  readonly stallMs: number
  readonly sources: SourceLookup
  readonly sink: BusSink
  readonly report: BusReport
}
