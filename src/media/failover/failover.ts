import type { ChannelEvent } from '../../contract/events.ts'
import type { SourceId } from '../../contract/ids.ts'
import {
  decide,
  NO_MEMORY,
  type FailoverFacts,
  type FailoverMemory,
  type SwitchPlan,
} from './decide.ts'

export type SwitchAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly why: string; readonly message: string }

export interface FailoverPort {
  /** Undefined before the program has started. */
  facts(): Omit<FailoverFacts, 'ordered'> | undefined
  /** Puts a source on the air; the wanted one does not change. Resolves when made or refused. */
  switchTo(plan: SwitchPlan): Promise<SwitchAnswer>
  emit(event: ChannelEvent): void
}

/** The failover director of one channel: checks, decides, orders. Without a timer: its parent calls `check`. */
export class Failover {
  readonly #port: FailoverPort
  readonly #orders = new Set<Promise<void>>()
  #memory: FailoverMemory = NO_MEMORY
  #ordered: SourceId | null = null

  constructor(port: FailoverPort) {
    this.#port = port
  }

  /** `now`: monotonic milliseconds. */
  check(now: number): void {
    const facts = this.#port.facts()
    if (facts === undefined) return
    const { decision, memory } = decide({ ...facts, ordered: this.#ordered }, now, this.#memory)
    this.#memory = memory
    switch (decision.kind) {
      case 'stay':
        return
      case 'observe': {
        const { from, to, problems } = decision
        this.#port.emit({ type: 'failover_observed', from, to, problems })
        return
      }
      case 'hold':
        this.#hold(decision.source, decision.reason)
        return
      case 'switch':
        this.#order(decision)
    }
  }

  /** Resolves when the last order has been answered. */
  async close(): Promise<void> {
    await Promise.all(this.#orders)
  }

  #order(plan: SwitchPlan): void {
    this.#ordered = plan.to
    const order = this.#port.switchTo(plan).then((answer) => {
      this.#orders.delete(order)
      if (this.#ordered === plan.to) this.#ordered = null
      // A refused order is tried again; one that a newer change superseded is decided again.
      if (answer.ok || answer.why === 'superseded' || answer.why === 'channel_stopped') return
      this.#hold(plan.from, `${plan.to} could not be put on the air: ${answer.message}`)
    })
    this.#orders.add(order)
  }

  #hold(source: SourceId, reason: string): void {
    this.#port.emit({ type: 'failover_held', source, reason })
  }
}
