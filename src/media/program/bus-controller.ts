import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProgramSources } from './program-sources.ts'
import { ProgramFeed } from './program-feed.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { ExecutedCut, PlanRefusal } from '../switch/bus-parts.ts'
import type { SilentAudio, SlateLoop } from '../switch/slate-loop.ts'
import { Takes, type AutomaticTake, type Refusal } from './takes.ts'

export interface BusControllerOptions {
  readonly name: BusName
  readonly slate: SlateLoop
  readonly silence: SilentAudio | undefined
  readonly format: ProgramFormat
  readonly spec: ChannelSpec
  /** With latency 0 a source counts as dry after this. */
  readonly stallMs: number
  readonly clock: Clock
  readonly wallTime: () => number
  readonly nextTicket: () => Ticket
  readonly inputs: ProgramSources
  readonly emit: (event: ChannelEvent) => void
  /** The wanted source changed: the standing order must be given anew. */
  readonly onWantedChanged: () => void
}

/** A bus as the channel works it: what is wanted on it, the takes under way, and what is told about its cuts. */
export class BusController {
  readonly feed: ProgramFeed
  readonly takes: Takes
  readonly #options: BusControllerOptions
  readonly #stop = new AbortController()
  readonly #viewers: Promise<void>
  #wanted: SourceId = SLATE
  /** False while nobody was taken and there was no source to want. */
  #hasWanted = false
  #counts = { takes: 0, failovers: 0 }
  readonly #cutWaiters: (() => void)[] = []

  constructor(options: BusControllerOptions) {
    const { name, spec, clock } = options
    this.#options = options
    this.feed = new ProgramFeed({
      name,
      path: name === 'program' ? '/stream.ts' : '/preview.ts',
      serviceName: name === 'program' ? spec.name : `${spec.name} (preview)`,
      format: options.format,
      slate: options.slate,
      silence: options.silence,
      latencyMs: spec.latencyMs,
      stallMs: options.stallMs,
      viewers: spec.viewers,
      clock,
      sources: options.inputs,
      labelOf: (id) => options.inputs.get(id)?.spec.label ?? id,
      report: {
        cut: (cut) => this.#onCut(cut),
        executed: (ticket, cut) => this.#onPlanExecuted(ticket, cut),
        refused: (ticket, refusal) => this.#onPlanRefused(ticket, refusal),
        displaced: (ticket, by) => this.takes.onDisplaced(ticket, by),
      },
    })
    this.takes = new Takes({
      bus: this.feed.bus,
      name,
      clock,
      wallTime: options.wallTime,
      nextTicket: options.nextTicket,
      onDisplaced: (take, by) => options.emit({ type: 'take_displaced', bus: name, ...take, by }),
    })
    this.#viewers = this.feed.viewers.run(this.#stop.signal)
  }

  get counts(): { readonly takes: number; readonly failovers: number } {
    return this.#counts
  }

  setWanted(source: SourceId): void {
    this.#hasWanted = true
    this.#wanted = source
  }

  /** Somebody must be wanted: the best source, until somebody is taken. */
  setWantedIfUnset(source: SourceId): void {
    if (this.#hasWanted) return
    this.#hasWanted = true
    this.#wanted = source
  }

  setSubstitutes(substitutes: readonly SourceId[]): void {
    this.feed.bus.setStandingOrder({
      wanted: this.#wanted,
      substitutes: substitutes.filter((id) => id !== this.#wanted),
    })
  }

  /** Sources that must run for this bus. */
  neededSources(): SourceId[] {
    const { bus } = this.feed
    return [bus.onAir, bus.standingOrder.wanted, ...this.takes.sources].filter((id) => id !== SLATE)
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
    this.feed.ring.close()
    this.#stop.abort()
    await this.#viewers
  }

  /** Resolves when something else is on the air. */
  nextCut(): Promise<void> {
    return new Promise((resolve) => this.#cutWaiters.push(resolve))
  }

  #onCut(cut: ExecutedCut): void {
    for (const resolve of this.#cutWaiters.splice(0)) resolve()
    this.feed.cut(cut)
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

  /** A source that never came up is told from one that runs without entry points. */
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
  if (cut.cause === 'source_jump') return { reason: 'its timeline began anew' }
  return {}
}
