import type { TakeAnswer } from '../../contract/commands.ts'
import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { HealthProblem } from '../../contract/status.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ProgramSources } from './program-sources.ts'
import { ProgramFeed } from './program-feed.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { CutMade } from '../switch/bus-parts.ts'
import type { SilentAudio, SlateLoop } from '../switch/slate-loop.ts'
import type { PlanStep, TakePlan } from '../switch/take-planner.ts'
import { Takes } from './takes.ts'

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
  readonly inputs: ProgramSources
  readonly emit: (event: ChannelEvent) => void
  /** The wanted source changed: the standing order must be given anew. */
  readonly onChange: () => void
}

export interface AutomaticTake extends TakePlan {
  readonly cause: 'failover' | 'revert'
  readonly problems: readonly HealthProblem[]
  readonly reason: string
}

interface PendingAutomatic {
  readonly take: AutomaticTake
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
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
  #automatic: PendingAutomatic | undefined
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
        planExecuted: (plan, made) => this.#executed(plan, made),
        planRefused: (plan, refusal) => this.#refused(plan, refusal),
      },
    })
    this.takes = new Takes({ bus: this.feed.bus, name, clock, wallTime: options.wallTime })
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
    const ids = [bus.onAir, bus.order.wanted, bus.pending]
    return ids.filter((id): id is SourceId => id !== undefined && id !== SLATE)
  }

  /** Somebody's own take. An automatic one that still waits gives way, and must be told: its director waits for the answer. */
  take(plan: TakePlan): Promise<TakeAnswer> {
    this.#automatic?.reject(new Error('a take came first'))
    this.#automatic = undefined
    return this.takes.request(plan)
  }

  automatic(take: AutomaticTake): Promise<void> {
    this.#automatic?.reject(new Error('superseded'))
    return new Promise((resolve, reject) => {
      this.#automatic = { take, resolve, reject }
      this.feed.bus.plan(take, take.cause)
    })
  }

  sourceRemoved(id: SourceId, next: SourceId): void {
    if (this.takes.pending === id) this.takes.refuse('source_removed', `source "${id}" was removed`)
    if (this.#wanted !== id) return
    this.#wanted = next
    this.#chosen = next !== SLATE
  }

  async close(): Promise<void> {
    this.#automatic?.reject(new Error('the channel stops'))
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
    const automatic = this.#automatic?.take
    const behind =
      automatic?.source === made.to && automatic.cause === made.cause ? automatic : undefined
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

  #executed(plan: TakePlan, made: CutMade): void {
    const automatic = this.#automatic
    if (automatic?.take.source === plan.source && this.takes.pending === undefined) {
      this.#automatic = undefined
      automatic.resolve()
      return
    }
    this.#done.takes++
    this.want(plan.source)
    this.takes.executed(plan, made)
    this.#options.onChange()
  }

  #refused(plan: TakePlan, refusal: Extract<PlanStep, { kind: 'refuse' }>): void {
    const automatic = this.#automatic
    if (automatic?.take.source === plan.source && this.takes.pending === undefined) {
      this.#automatic = undefined
      automatic.reject(new Error(refusal.message))
      return
    }
    this.takes.refusedByBus(plan, this.#explained(plan, refusal))
  }

  /** A source that never came up is told from one that runs without entry points. */
  #explained(
    plan: TakePlan,
    refusal: Extract<PlanStep, { kind: 'refuse' }>,
  ): Extract<PlanStep, { kind: 'refuse' }> {
    const input = this.#options.inputs.get(plan.source)
    const { state, reason } = input?.supervised.state ?? {}
    const mute = refusal.why === 'no_random_access_point' || refusal.why === 'not_conformed_yet'
    if (!mute || state === 'running') return refusal
    const message = `"${plan.source}" brought nothing within ${this.#options.spec.startTimeoutMs} ms: ${reason ?? 'no media came'}`
    return { ...refusal, why: 'start_timeout', message }
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
