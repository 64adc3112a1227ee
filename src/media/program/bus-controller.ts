import type { MemoryKind } from '../../contract/host-status.ts'
import type { ChannelEvent } from '../../contract/events.ts'
import {
  type BusId,
  type OutputId,
  PROGRAM,
  SLATE,
  type SourceId,
  type Ticket,
} from '../../contract/ids.ts'
import { shortPathOf } from '../../contract/paths.ts'
import type { ChannelSpec } from '../../contract/spec.ts'
import type { Account } from '../../lib/account.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProgramSources } from './program-sources.ts'
import { PlayOut } from './play-out.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { ExecutedCut, PlanRefusal } from '../switch/bus-parts.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import type { Bus } from '../switch/bus.ts'
import { SlateLoop } from '../switch/slate-loop.ts'
import { HttpTs, httpLimits } from '../viewers/http-ts.ts'
import type { ViewerLog } from '../viewers/viewer-log.ts'
import { Takes, type AutomaticTake, type Refusal } from './takes.ts'

/** While nothing plays, one more standby substitute is started at this interval. */
const SUBSTITUTE_START_INTERVAL_MS = 1_500

export interface BusControllerOptions {
  readonly name: BusId
  readonly slate: SlateMaterial
  readonly format: ProgramFormat
  readonly spec: ChannelSpec
  readonly clock: Clock
  readonly wallTime: () => number
  readonly nextTicket: () => Ticket
  readonly inputs: ProgramSources
  readonly viewerLog: ViewerLog
  readonly memory: Account<MemoryKind>
  readonly emit: (event: ChannelEvent) => void
  /** The wanted source changed: the standing order must be updated. */
  readonly onWantedChanged: () => void
}

/** A bus as the channel works it: its wanted source, its takes under way, the reports of its cuts. */
export class BusController {
  readonly bus: Bus
  readonly playOut: PlayOut
  readonly viewers: HttpTs
  readonly takes: Takes
  readonly #options: BusControllerOptions
  readonly #stop = new AbortController()
  readonly #viewersEnded: Promise<void>
  readonly #releaseRing: () => void
  #wanted: SourceId = SLATE
  /** False until a source was taken or could be wanted. */
  #hasWanted = false
  #counts = { takes: 0, failovers: 0 }
  readonly #cutWaiters: (() => void)[] = []

  constructor(options: BusControllerOptions) {
    const { name, spec, clock } = options
    this.#options = options
    const { viewers } = spec
    this.playOut = new PlayOut({
      name,
      serviceName: name === PROGRAM ? spec.name : `${spec.name} (${name})`,
      format: options.format,
      slate: this.#createSlateLoop(options.slate),
      silence: options.slate.silence,
      latencyMs: spec.latencyMs,
      stallMs: spec.failover.thresholds.stallMs,
      keepMs: viewers.lagMs + viewers.joinMs,
      now: clock.now(),
      sources: options.inputs,
      labelOf: (id) => options.inputs.get(id)?.spec.label ?? id,
      report: {
        cut: (cut) => this.#onCut(cut),
        executed: (ticket, cut) => this.#onPlanExecuted(ticket, cut),
        refused: (ticket, refusal) => this.#onPlanRefused(ticket, refusal),
        displaced: (ticket, by) => this.takes.onDisplaced(ticket, by),
      },
    })
    this.bus = this.playOut.bus
    this.#releaseRing = options.memory.addHolder('ring', () => this.playOut.ring.bytes)
    this.viewers = new HttpTs({
      id: name as string as OutputId,
      path: shortPathOf({ kind: 'bus', bus: name }),
      program: this.playOut.ring,
      clock,
      limits: httpLimits(viewers),
      log: options.viewerLog,
    })
    this.takes = new Takes({
      bus: this.bus,
      name,
      clock,
      wallTime: options.wallTime,
      nextTicket: options.nextTicket,
      onDisplaced: (take, by) => options.emit({ type: 'take_displaced', bus: name, ...take, by }),
    })
    for (const { id } of options.inputs.all()) this.addReaderOf(id)
    this.#viewersEnded = this.viewers.run(this.#stop.signal)
  }

  get counts(): { readonly takes: number; readonly failovers: number } {
    return this.#counts
  }

  get wanted(): SourceId {
    return this.#wanted
  }

  setWanted(source: SourceId): void {
    this.#hasWanted = true
    this.#wanted = source
  }

  /** Wants the best source until one is taken. */
  setWantedIfUnset(source: SourceId): void {
    if (this.#hasWanted) return
    this.#hasWanted = true
    this.#wanted = source
  }

  setSubstitutes(substitutes: readonly SourceId[]): void {
    this.bus.setStandingOrder({
      wanted: this.#wanted,
      substitutes: substitutes.filter((id) => id !== this.#wanted),
    })
  }

  /** A source was added or replaced: its buffer must keep what this bus still reads. */
  addReaderOf(id: SourceId): void {
    const buffer = this.#options.inputs.get(id)?.buffer
    buffer?.addReader((segment) => this.bus.positionIn(segment))
  }

  setSlate(slate: SlateMaterial): void {
    this.bus.setSlate(this.#createSlateLoop(slate))
  }

  /** Sources that must run for what is on this bus, or that may be put on it while nothing plays. */
  neededSources(): SourceId[] {
    const { onAir, standingOrder } = this.bus
    const needed = [
      onAir,
      standingOrder.wanted,
      ...this.takes.sources,
      ...this.#substitutesToStart(),
    ]
    return needed.filter((id) => id !== SLATE)
  }

  onSourceRemoved(id: SourceId, next: SourceId): void {
    this.takes.refuse({ why: 'source_removed', message: `source "${id}" was removed` }, id)
    if (this.#wanted !== id) return
    this.#wanted = next
    this.#hasWanted = next !== SLATE
  }

  async close(): Promise<void> {
    this.takes.refuse({ why: 'channel_stopped', message: 'the channel stops' })
    this.takes.close()
    for (const resolve of this.#cutWaiters.splice(0)) resolve()
    this.playOut.ring.close()
    this.#stop.abort()
    await this.#viewersEnded
    this.#releaseRing()
  }

  /** Resolves at the next cut. */
  nextCut(): Promise<void> {
    return new Promise((resolve) => this.#cutWaiters.push(resolve))
  }

  /** Standby substitutes to start, one after the other: all at once would starve the machine, and the first may do. */
  #substitutesToStart(): readonly SourceId[] {
    const { onAir, standingOrder, figures } = this.bus
    if (onAir !== SLATE || standingOrder.wanted === SLATE) return []
    const slateMs = this.#options.clock.now() - figures.onAirSince
    const steps = Math.floor(slateMs / SUBSTITUTE_START_INTERVAL_MS)
    // At the start the wanted source has its time first; a lost one is substituted at once.
    return standingOrder.substitutes.slice(0, this.#counts.failovers > 0 ? steps + 1 : steps)
  }

  #createSlateLoop(slate: SlateMaterial): SlateLoop {
    const { audio, languages } = this.#options.format
    return new SlateLoop({ ...slate, audioTracks: audio === undefined ? 0 : languages.length })
  }

  #onCut(cut: ExecutedCut): void {
    for (const resolve of this.#cutWaiters.splice(0)) resolve()
    if (cut.cause === 'failover') {
      this.#counts.failovers++
      this.#options.inputs.get(cut.from)?.reportUnderrun(cut.wallMs)
    }
    const decision = this.takes.automaticOf(cut.ticket)
    const left = this.#options.inputs.get(cut.from)?.verdict.problems ?? []
    this.#options.emit({
      type: 'switched',
      bus: this.#options.name,
      from: cut.from,
      to: cut.to,
      cause: cut.cause,
      programTime: Math.round(cut.at),
      ...(cut.cause === 'failover' ? { problems: decision?.problems ?? left } : {}),
      ...reasonOf(cut, decision),
    })
  }

  #onPlanExecuted(ticket: Ticket, cut: ExecutedCut): void {
    if (this.takes.onExecuted(ticket, cut) !== 'requested') return
    this.#counts.takes++
    this.setWanted(cut.to)
    this.#options.onWantedChanged()
  }

  #onPlanRefused(ticket: Ticket, refusal: PlanRefusal): void {
    this.takes.onRefused(ticket, this.#explainRefusal(ticket, refusal))
  }

  /** Refusal of a take that names a source that never came up rather than its missing random access point. */
  #explainRefusal(ticket: Ticket, { why, message }: PlanRefusal): Refusal {
    const source = this.takes.sourceOf(ticket)
    const input = source === undefined ? undefined : this.#options.inputs.get(source)
    const { state, reason } = input?.supervised.state ?? {}
    const lacksMedia = why === 'no_random_access_point' || why === 'not_conformed_yet'
    if (!lacksMedia || state === 'running') return { why, message }
    const { startTimeoutMs } = this.#options.spec
    return {
      why: 'start_timeout',
      message: `"${source}" brought nothing within ${startTimeoutMs} ms: ${reason ?? 'no media came'}`,
    }
  }
}

function reasonOf(cut: ExecutedCut, automatic: AutomaticTake | undefined): { reason?: string } {
  if (automatic !== undefined) return { reason: automatic.reason }
  if (cut.cause === 'failover') {
    return cut.from === SLATE
      ? { reason: `"${cut.to}" plays: the slate yields` }
      : { reason: `"${cut.from}" had nothing left to play` }
  }
  if (cut.cause === 'source_jump') return { reason: 'its timeline restarted' }
  return {}
}
