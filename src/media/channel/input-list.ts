import { SluiceError } from '../../contract/errors.ts'
import type { SourceId } from '../../contract/ids.ts'
import type { IngestMode, SourceChange, SourceSpec } from '../../contract/spec.ts'
import type { Input } from '../input/input.ts'

/** A standby source that nobody needs any more is kept running this long: it may be wanted again. */
const STANDBY_LINGER_MS = 10_000

interface Entry {
  readonly input: Input
  readonly stop: AbortController
  /** Rises with each source that is opened, under whatever id. */
  readonly revision: number
  /** Undefined until it runs. */
  ended: Promise<void> | undefined
  /** Monotonic time at which it was last needed. */
  neededAt: number
}

/** Changes that the reader does not notice. */
const GENTLE = new Set<string>(['label', 'priority', 'thresholds', 'ingest', 'conform'])

/** The channel's sources, in the order in which they were added, each running until it is removed. */
export class InputList {
  readonly #open: (spec: SourceSpec, wanted: 'run' | 'stop') => Input
  readonly #ingest: () => IngestMode
  readonly #entries = new Map<SourceId, Entry>()
  readonly #leaving = new Set<Promise<void>>()
  #state: 'gathering' | 'running' = 'gathering'
  #opened = 0

  constructor(options: {
    readonly open: (spec: SourceSpec, wanted: 'run' | 'stop') => Input
    readonly ingest: () => IngestMode
  }) {
    this.#open = options.open
    this.#ingest = options.ingest
  }

  get(id: SourceId): Input | undefined {
    return this.#entries.get(id)?.input
  }

  all(): Input[] {
    return [...this.#entries.values()].map((entry) => entry.input)
  }

  /** By priority, then by age. */
  byPriority(): Input[] {
    return this.all().toSorted((a, b) => this.priorityOf(a) - this.priorityOf(b))
  }

  priorityOf(input: Input): number {
    return input.spec.priority ?? this.all().indexOf(input)
  }

  /** Another input under the same id has another one. */
  revisionOf(input: Input): number {
    return this.#entries.get(input.id)?.revision ?? 0
  }

  ingestOf(input: Input): IngestMode {
    return input.spec.ingest ?? this.#ingest()
  }

  /** All or none: what cannot be opened is known before anything runs. */
  add(specs: readonly SourceSpec[], now: number): void {
    const ids = [...this.#entries.keys(), ...specs.map((spec) => spec.id)]
    const twice = ids.find((id, index) => ids.indexOf(id) !== index)
    if (twice !== undefined) {
      throw new SluiceError(
        'id_in_use',
        `source "${twice}" exists already; choose another id, or change it`,
      )
    }
    const opened = specs.map((spec) => {
      const hot = (spec.ingest ?? this.#ingest()) === 'hot'
      return this.#open(spec, hot ? 'run' : 'stop')
    })
    for (const input of opened) this.#start(input, now)
  }

  /** From now on every source runs as soon as it is added; what was added before runs now. */
  run(): void {
    this.#state = 'running'
    for (const entry of this.#entries.values()) entry.ended ??= entry.input.run(entry.stop.signal)
  }

  /** Replaces the source where its reader is concerned; else tells it. */
  change(id: SourceId, change: SourceChange, now: number): 'told' | 'replaced' {
    const entry = this.#need(id)
    const given = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    )
    const spec: SourceSpec = { ...entry.input.spec, ...given, id }
    if (Object.keys(given).every((field) => GENTLE.has(field))) {
      entry.input.respec(spec)
      return 'told'
    }
    // Opened first: what cannot be opened leaves the old one in place.
    const opened = this.#open(spec, entry.input.supervised.wanted)
    this.#leave(entry)
    this.#start(opened, now)
    return 'replaced'
  }

  remove(id: SourceId): void {
    const entry = this.#need(id)
    this.#entries.delete(id)
    this.#leave(entry)
  }

  /** Starts standby sources that are needed, and stops those that have not been for a while. */
  reconcile(needed: ReadonlySet<SourceId>, now: number): void {
    for (const [id, entry] of this.#entries) {
      const hot = this.ingestOf(entry.input) === 'hot'
      const { supervised } = entry.input
      if (needed.has(id)) entry.neededAt = now
      const wants = hot || now - entry.neededAt < STANDBY_LINGER_MS
      if (wants && supervised.wanted === 'stop' && supervised.state.reason !== 'ended')
        supervised.start()
      if (!wants && supervised.wanted === 'run') supervised.stop()
    }
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#leave(entry)
    this.#entries.clear()
    await Promise.all(this.#leaving)
  }

  #need(id: SourceId): Entry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new SluiceError('unknown_source', this.unknown(id))
    return entry
  }

  /** A sentence that names what there is instead. */
  unknown(id: string): string {
    const known = [...this.#entries.keys()].map((known) => `"${known}"`).join(', ')
    return `there is no source "${id}"; there ${known === '' ? 'are none' : `is ${known}`}`
  }

  #start(input: Input, now: number): void {
    const stop = new AbortController()
    const ended = this.#state === 'running' ? input.run(stop.signal) : undefined
    const revision = ++this.#opened
    const neededAt = now - STANDBY_LINGER_MS
    this.#entries.set(input.id, { input, stop, revision, ended, neededAt })
  }

  #leave(entry: Entry): void {
    const { stop, ended } = entry
    stop.abort()
    if (ended === undefined) return
    this.#leaving.add(ended)
    void ended.finally(() => this.#leaving.delete(ended))
  }
}
