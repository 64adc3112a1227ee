import { constrainedMemory } from 'node:process'
import { totalmem } from 'node:os'
import type { HostStatus, MemoryKind } from '../../contract/host-status.ts'
import type { Account } from '../../lib/account.ts'
import { untilAborted, type Clock } from '../../lib/clock.ts'
import { DEFAULT_HOST_LIMITS, HostBudget, type HostLimits } from '../../net/host-budget.ts'

export interface BudgetLimits {
  /** Sum of all counted memory, bytes. */
  readonly memoryBytes: number
  readonly hosts: HostLimits
}

export interface BudgetsOptions {
  readonly limits: BudgetLimits
  readonly clock: Clock
  readonly warn: (message: string) => void
}

const CHECK_INTERVAL_MS = 1_000
/** Share of the limit below which an excess is over: the next one is reported as new. */
const RECOVERED_SHARE = 0.9
/** The rest is for other processes, and for memory that is not counted. */
const DEFAULT_MEMORY_SHARE = 0.5
const MEGABYTE = 1_000_000

/** Half of the memory of the machine or the container. */
export const defaultBudgetLimits = (): BudgetLimits => {
  const contained = constrainedMemory()
  const available = contained > 0 ? Math.min(contained, totalmem()) : totalmem()
  return { memoryBytes: available * DEFAULT_MEMORY_SHARE, hosts: DEFAULT_HOST_LIMITS }
}

interface Holder {
  readonly kind: MemoryKind
  readonly bytes: () => number
}

/**
 * Budgets shared by all channels of a process: memory that grows with the streams, and attempts to connect to one host.
 * An excess of memory is counted and reported; each holder has limits of its own.
 */
export class Budgets implements Account<MemoryKind> {
  readonly connections: HostBudget
  readonly #options: BudgetsOptions
  readonly #holders = new Set<Holder>()
  #exceeded = 0
  #isExceeded = false

  constructor(options: BudgetsOptions) {
    this.#options = options
    this.connections = new HostBudget(options.limits.hosts, options.clock)
  }

  addHolder(kind: MemoryKind, bytes: () => number): () => void {
    const holder: Holder = { kind, bytes }
    this.#holders.add(holder)
    return () => this.#holders.delete(holder)
  }

  /** Compares with the limits until the abort. */
  async run(signal: AbortSignal): Promise<void> {
    const timer = this.#options.clock.every(CHECK_INTERVAL_MS, () => this.#check())
    await untilAborted(signal)
    timer.cancel()
  }

  status(): Omit<HostStatus, 'channels'> {
    const kinds = new Map<MemoryKind, { bytes: number; holders: number }>()
    for (const kind of MEMORY_KINDS) kinds.set(kind, { bytes: 0, holders: 0 })
    for (const { kind, bytes } of this.#holders) {
      const sum = kinds.get(kind)!
      sum.bytes += bytes()
      sum.holders++
    }
    return {
      memory: [...kinds].map(([kind, sum]) => ({ kind, ...sum })),
      memoryLimitBytes: this.#options.limits.memoryBytes,
      memoryExceeded: this.#exceeded,
      connections: this.connections.figures(),
    }
  }

  #check(): void {
    const { limits, warn } = this.#options
    let bytes = 0
    for (const holder of this.#holders) bytes += holder.bytes()
    if (bytes < limits.memoryBytes * RECOVERED_SHARE) this.#isExceeded = false
    if (bytes <= limits.memoryBytes || this.#isExceeded) return
    this.#isExceeded = true
    this.#exceeded++
    warn(
      `rings, source buffers and segments take ${megabytes(bytes)} MB, more than ${megabytes(limits.memoryBytes)} MB`,
    )
  }
}

const MEMORY_KINDS: readonly MemoryKind[] = ['ring', 'source_buffer', 'segment_store']

const megabytes = (bytes: number): number => Math.round(bytes / MEGABYTE)
