import type { TakeAnswer, TakeDone, TakeRefusal, TakeRefused } from '../../contract/commands.ts'
import type { SourceId, Ticket } from '../../contract/ids.ts'
import type { BusId } from '../../contract/ids.ts'
import type { HealthProblem } from '../../contract/status.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Bus } from '../switch/bus.ts'
import type { ExecutedCut } from '../switch/bus-parts.ts'
import type { TakePlan } from '../switch/take-planner.ts'

/** Limit of the wait for a take's audio, which follows the video within its reordering. */
const MAX_SETTLE_MS = 600
const SETTLE_INTERVAL_MS = 10

export interface Refusal {
  readonly why: TakeRefusal
  readonly message: string
  readonly by?: { readonly ticket: Ticket; readonly source: SourceId }
}

/** A take made by failover: the wanted source does not change. */
export interface AutomaticTake {
  readonly plan: TakePlan
  readonly cause: 'failover' | 'revert'
  /** Problems of the source that is left, with measurements. */
  readonly problems: readonly HealthProblem[]
  readonly reason: string
}

export type AutomaticAnswer = { readonly ok: true } | ({ readonly ok: false } & Refusal)

interface Requested {
  readonly kind: 'requested'
  readonly ticket: Ticket
  readonly plan: TakePlan
  readonly requestedAt: number
  readonly silence: number
  readonly dropped: number
  readonly answer: (answer: TakeAnswer) => void
}

interface Automatic {
  readonly kind: 'automatic'
  readonly ticket: Ticket
  readonly plan: TakePlan
  readonly take: AutomaticTake
  readonly answer: (answer: AutomaticAnswer) => void
}

/** A cut that was made and is answered when its audio has settled. */
interface Settling {
  readonly timer: Timer
  readonly answer: () => void
}

export interface TakesOptions {
  readonly bus: Bus
  readonly name: BusId
  readonly clock: Clock
  readonly wallTime: () => number
  readonly nextTicket: () => Ticket
  /** Called when a failover displaces a requested take, which goes on waiting. */
  readonly onDisplaced: (take: { ticket: Ticket; source: SourceId }, by: SourceId) => void
}

/**
 * Changes of a bus under way, each with a ticket, and their answers. At most one is planned on the bus. A newer take
 * supersedes all that wait. A failover displaces a requested take: it keeps its ticket and is planned again when the
 * failover has been answered, until its own deadline.
 */
export class Takes {
  readonly #options: TakesOptions
  readonly #pending = new Map<Ticket, Requested | Automatic>()
  readonly #settling = new Set<Settling>()

  constructor(options: TakesOptions) {
    this.#options = options
  }

  /** Source of the requested take that has not been answered. */
  get requested(): SourceId | undefined {
    return this.#requested()?.plan.source
  }

  /** As `requested`; undefined also while its time (`at`) has not come. */
  due(now: number): SourceId | undefined {
    const plan = this.#requested()?.plan
    return plan !== undefined && plan.notBefore <= now ? plan.source : undefined
  }

  /** Sources of all changes under way. */
  get sources(): readonly SourceId[] {
    return [...this.#pending.values()].map(({ plan }) => plan.source)
  }

  sourceOf(ticket: Ticket): SourceId | undefined {
    return this.#pending.get(ticket)?.plan.source
  }

  automaticOf(ticket: Ticket | undefined): AutomaticTake | undefined {
    const pending = ticket === undefined ? undefined : this.#pending.get(ticket)
    return pending?.kind === 'automatic' ? pending.take : undefined
  }

  /** Plans a take; resolves when the cut was made or refused. */
  request(ticket: Ticket, plan: TakePlan): Promise<TakeAnswer> {
    const { bus, clock } = this.#options
    this.#supersede({ ticket, source: plan.source }, [...this.#pending.values()])
    return new Promise((answer) => {
      const { silenceInserted: silence, audioDropped: dropped } = bus.figures
      const requestedAt = clock.now()
      const kind = 'requested'
      this.#pending.set(ticket, { kind, ticket, plan, requestedAt, silence, dropped, answer })
      bus.schedulePlan({ ticket, plan, cause: 'take' })
    })
  }

  automatic(take: AutomaticTake): Promise<AutomaticAnswer> {
    const { plan, cause } = take
    const ticket = this.#options.nextTicket()
    const older = [...this.#pending.values()].filter(({ kind }) => kind === 'automatic')
    this.#supersede({ ticket, source: plan.source }, older)
    return new Promise((answer) => {
      this.#pending.set(ticket, { kind: 'automatic', ticket, plan, take, answer })
      this.#options.bus.schedulePlan({ ticket, plan, cause })
    })
  }

  /** Refuses the takes of a source, or all. */
  refuse(refusal: Refusal, source?: SourceId): void {
    for (const { ticket, plan } of [...this.#pending.values()]) {
      if (source === undefined || plan.source === source) this.#refuse(ticket, refusal)
    }
    this.#resume()
  }

  /** Answers cuts whose audio has not settled at once. */
  close(): void {
    for (const { answer } of this.#settling) answer()
  }

  /** Called by the bus; returns the kind of the take. */
  onExecuted(ticket: Ticket, cut: ExecutedCut): 'requested' | 'automatic' | 'unknown' {
    const pending = this.#pending.get(ticket)
    if (pending === undefined) return 'unknown'
    this.#pending.delete(ticket)
    if (pending.kind === 'automatic') pending.answer({ ok: true })
    else this.#settle(pending, cut)
    this.#resume()
    return pending.kind
  }

  /** Called by the bus. */
  onRefused(ticket: Ticket, refusal: Refusal): void {
    this.#refuse(ticket, refusal)
    this.#resume()
  }

  /** Called by the bus: another plan displaced this one. */
  onDisplaced(ticket: Ticket, by: Ticket): void {
    const pending = this.#pending.get(ticket)
    const newer = this.#pending.get(by)
    if (pending === undefined || newer === undefined) return
    this.#options.onDisplaced({ ticket, source: pending.plan.source }, newer.plan.source)
  }

  #requested(): Requested | undefined {
    for (const pending of this.#pending.values()) if (pending.kind === 'requested') return pending
    return undefined
  }

  #supersede(
    by: { readonly ticket: Ticket; readonly source: SourceId },
    older: readonly (Requested | Automatic)[],
  ): void {
    const message = `a newer take (of "${by.source}") came before its splice point`
    for (const { ticket } of older) this.#refuse(ticket, { why: 'superseded', message, by })
  }

  #refuse(ticket: Ticket, refusal: Refusal): void {
    const pending = this.#pending.get(ticket)
    if (pending === undefined) return
    this.#pending.delete(ticket)
    this.#options.bus.cancel(ticket)
    if (pending.kind === 'automatic') pending.answer({ ok: false, ...refusal })
    else
      pending.answer(
        refusalAnswer({ ticket, bus: this.#options.name }, pending.plan.source, refusal),
      )
  }

  /** A displaced take is planned again when no failover is under way. */
  #resume(): void {
    const pending = this.#requested()
    if (pending === undefined || this.#pending.size > 1) return
    const { ticket, plan } = pending
    if (this.#options.bus.pending !== ticket)
      this.#options.bus.schedulePlan({ ticket, plan, cause: 'take' })
  }

  #settle(taken: Requested, cut: ExecutedCut): void {
    const { clock, bus } = this.#options
    const until = clock.now() + MAX_SETTLE_MS
    const timer = clock.every(SETTLE_INTERVAL_MS, () => {
      const audio = bus.audio[0]
      if (audio === undefined || audio.isSettled || clock.now() >= until) settling.answer()
    })
    const settling: Settling = {
      timer,
      answer: () => {
        timer.cancel()
        this.#settling.delete(settling)
        taken.answer(this.#answerOf(taken, cut))
      },
    }
    this.#settling.add(settling)
  }

  #answerOf(taken: Requested, cut: ExecutedCut): TakeDone {
    const { bus, name, clock, wallTime } = this.#options
    const { silenceInserted, audioDropped } = bus.figures
    const ago = clock.now() - cut.wallMs
    const note =
      cut.executed === taken.plan.mode
        ? undefined
        : `no random access point was buffered before the play-out point: cut at the next one`
    return {
      ok: true,
      ticket: taken.ticket,
      bus: name,
      source: cut.to,
      from: cut.from,
      mode: taken.plan.mode,
      executed: cut.executed,
      programTime: cut.at,
      wallTime: Math.round(wallTime() - ago),
      waitMs: round(cut.wallMs - taken.requestedAt),
      gapMs: round(cut.gap / 90),
      avOffsetMs: round((bus.audio[0]?.shift ?? 0) / 90),
      silenceInserted: silenceInserted - taken.silence,
      audioDropped: audioDropped - taken.dropped,
      addedDelayMs: round(cut.addedDelayMs),
      ...(note === undefined ? {} : { note }),
    }
  }
}

export const refusalAnswer = (
  take: { readonly ticket: Ticket; readonly bus: BusId },
  source: SourceId,
  refusal: Refusal,
): TakeRefused => ({ ok: false, ...take, source, ...refusal })

const round = (ms: number): number => Math.round(ms * 10) / 10
