import type { SourceId } from '../../contract/ids.ts'
import type { ChannelStatus, HealthProblem } from '../../contract/status.ts'
import { pause, type Clock } from '../../lib/clock.ts'
import { decide, NO_MEMORY, type FailoverMemory, type SwitchPlan } from './failover.ts'
import { factsOf, recordHealth, type FailoverLimits, type HealthRecords } from './failover-facts.ts'

/** What failover asks of the channel. The data plane keeps the standing order; this is how it is given. */
export interface StandingOrderPort {
  status(): ChannelStatus
  /** Puts a source on the air without making it the wanted one. Rejects when it could not. */
  automatic(
    to: SourceId,
    cause: 'failover' | 'revert',
    problems: readonly HealthProblem[],
    reason: string,
  ): Promise<void>
  /** For the record: what would have been done. */
  observed(from: SourceId, to: SourceId, problems: readonly HealthProblem[]): void
  /** For the record: what could not be done. */
  held(source: SourceId, reason: string): void
}

export interface FailoverLoopOptions {
  readonly port: StandingOrderPort
  /** Read at each look: thresholds may change on the air. */
  readonly limits: () => FailoverLimits
  readonly clock: Clock
}

const LOOK_EVERY_MS = 100

/** Looks, decides and orders, ten times a second, until the signal is aborted and the last order has been answered. */
export const runFailoverLoop = async (
  options: FailoverLoopOptions,
  signal: AbortSignal,
): Promise<void> => {
  const { port, clock } = options
  let memory: FailoverMemory = NO_MEMORY
  let records: HealthRecords = new Map()
  let ordered: SourceId | null = null
  const orders = new Set<Promise<void>>()

  const look = (): void => {
    const now = clock.now()
    const status = port.status()
    if (status.state !== 'running') return
    records = recordHealth(status.sources, now, records)
    const facts = factsOf(status, records, options.limits())
    const decided = decide({ ...facts, ordered }, now, memory)
    memory = decided.memory
    const { decision } = decided
    if (decision.kind === 'observe') port.observed(decision.from, decision.to, decision.problems)
    if (decision.kind === 'hold') port.held(decision.source, decision.reason)
    if (decision.kind === 'switch') {
      ordered = decision.to
      const order = give(port, decision).finally(() => {
        orders.delete(order)
        if (ordered === decision.to) ordered = null
      })
      orders.add(order)
    }
  }

  while (!signal.aborted) {
    look()
    await pause(clock, LOOK_EVERY_MS, signal)
  }
  await Promise.all(orders)
}

/** A refused order is told and tried again by the director; it never ends the loop. */
const give = async (port: StandingOrderPort, plan: SwitchPlan): Promise<void> => {
  try {
    await port.automatic(plan.to, plan.cause, plan.problems, plan.reason)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    port.held(plan.from, `${plan.to} could not be put on the air: ${why}`)
  }
}
