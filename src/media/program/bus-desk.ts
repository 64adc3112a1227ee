import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProgramSources } from './program-sources.ts'
import { ProgramFeed } from './program-feed.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { CutMade, PlanRefusal } from '../switch/bus-parts.ts'
import type { SilentAudio, SlateLoop } from '../switch/slate-loop.ts'
import { Takes, type AutomaticTake, type Refusal } from './takes.ts'

export interface BusDeskOptions {
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
  readonly onChange: () => void
}

/** A bus as the channel works it: what is wanted on it, the takes under way, and what is told about its cuts. */
export class BusDesk {
  readonly feed: ProgramFeed
  readonly takes: Takes
  readonly #options: BusDeskOptions
  readonly #stop = new AbortController()
  readonly #viewers: Promise<void>
  #wanted: SourceId = SLATE
  /** False while nobody was taken and there was no source to want. */
  #chosen = false
  #done = { takes: 0, failovers: 0 }
  readonly #cutWaiters: (() => void)[] = []

  constructor(options: BusDeskOptions) {
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
        cut: (made) => this.#cut(made),
        executed: (ticket, made) => this.#executed(ticket, made),
        refused: (ticket, refusal) => this.#refused(ticket, refusal),
        displaced: (ticket, by) => this.takes.displaced(ticket, by),
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
    return this.#done
  }

  want(source: SourceId): void {
    this.#chosen = true
    this.#wanted = source
  }

  /** Somebody must be wanted: the best source, until somebody is taken. */
  wantFirst(source: SourceId): void {
    if (this.#chosen) return
    this.#chosen = true
    this.#wanted = source
  }

  order(substitutes: readonly SourceId[]): void {
    this.feed.bus.setOrder({
      wanted: this.#wanted,
      substitutes: substitutes.filter((id) => id !== this.#wanted),
    })
  }

  /** Sources that must run for this bus. */
  needs(): SourceId[] {
    const { bus } = this.feed
    return [bus.onAir, bus.order.wanted, ...this.takes.sources].filter((id) => id !== SLATE)
  }

  sourceRemoved(id: SourceId, next: SourceId): void {
    this.takes.refuse({ why: 'source_removed', message: `source "${id}" was removed` }, id)
    if (this.#wanted !== id) return
    this.#wanted = next
    this.#chosen = next !== SLATE
  }

  async close(): Promise<void> {
    this.takes.refuse({ why: 'channel_stopped', message: 'the channel stops' })
    this.takes.close()
    for (const tell of this.#cutWaiters.splice(0)) tell()
    this.feed.ring.close()
    this.#stop.abort()
    await this.#viewers
  }

  /** Resolves when something else is on the air. */
  nextCut(): Promise<void> {
    return new Promise((resolve) => this.#cutWaiters.push(resolve))
  }

  #cut(made: CutMade): void {
    for (const tell of this.#cutWaiters.splice(0)) tell()
    this.feed.cut(made)
    if (made.cause === 'failover') {
      this.#done.failovers++
      this.#options.inputs.get(made.from)?.ranDry(made.wallMs)
    }
    const behind = this.takes.automaticOf(made.ticket)
    const left = this.#options.inputs.get(made.from)?.verdict.problems ?? []
    this.#options.emit({
      type: 'switched',
      bus: this.#options.name,
      from: made.from,
      to: made.to,
      cause: made.cause,
      programTime: Math.round(made.at),
      ...(made.cause === 'failover' ? { problems: behind?.problems ?? left } : {}),
      ...reasonOf(made, behind),
    })
  }

  #executed(ticket: Ticket, made: CutMade): void {
    if (this.takes.executed(ticket, made) !== 'requested') return
    this.#done.takes++
    this.want(made.to)
    this.#options.onChange()
  }

  #refused(ticket: Ticket, refusal: PlanRefusal): void {
    this.takes.refusedByBus(ticket, this.#explained(ticket, refusal))
  }

  /** A source that never came up is told from one that runs without entry points. */
  #explained(ticket: Ticket, { why, message }: PlanRefusal): Refusal {
    const source = this.takes.sourceOf(ticket)
    const input = source === undefined ? undefined : this.#options.inputs.get(source)
    const { state, reason } = input?.supervised.state ?? {}
    const mute = why === 'no_random_access_point' || why === 'not_conformed_yet'
    if (!mute || state === 'running') return { why, message }
    const { startTimeoutMs } = this.#options.spec
    return {
      why: 'start_timeout',
      message: `"${source}" brought nothing within ${startTimeoutMs} ms: ${reason ?? 'no media came'}`,
    }
  }
}

function reasonOf(made: CutMade, automatic: AutomaticTake | undefined): { reason?: string } {
  if (automatic !== undefined) return { reason: automatic.reason }
  if (made.cause === 'failover') {
    return made.from === SLATE
      ? { reason: `"${made.to}" plays: the slate yields` }
      : { reason: `"${made.from}" had nothing left to play` }
  }
  if (made.cause === 'source_jump') return { reason: 'its timeline began anew' }
  return {}
}
