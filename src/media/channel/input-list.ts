import { isDeepStrictEqual } from 'node:util'
import type { SourceId } from '../../contract/ids.ts'
import type { IngestMode, SourceSpec } from '../../contract/spec.ts'
import type { Input } from '../input/input.ts'

/** Time for which a standby source that is no longer needed keeps running: it may be wanted again. */
const STANDBY_LINGER_MS = 10_000

interface Entry {
  readonly input: Input
  readonly stop: AbortController
  /** Rises with each source that is opened, under any id. */
  readonly revision: number
  /** Undefined until it runs. */
  ended: Promise<void> | undefined
  /** Monotonic time at which it was last needed. */
  neededAt: number
}

/** Fields whose change restarts the reader. */
const readerPart = (spec: SourceSpec): object => {
  const { label: _l, priority: _p, thresholds: _t, ingest: _i, conform: _c, ...rest } = spec
  return rest
}

/** The channel's sources, in the order of adding, each running until it is removed. */
export class InputList {
  readonly #openInput: (spec: SourceSpec, wanted: 'run' | 'stop') => Input
  readonly #defaultIngest: () => IngestMode
  readonly #entries = new Map<SourceId, Entry>()
  readonly #closing = new Set<Promise<void>>()
  #state: 'gathering' | 'running' = 'gathering'
  #opened = 0

  constructor(options: {
    readonly open: (spec: SourceSpec, wanted: 'run' | 'stop') => Input
    readonly ingest: () => IngestMode
  }) {
    this.#openInput = options.open
    this.#defaultIngest = options.ingest
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

  /** Differs for another input under the same id. */
  revisionOf(input: Input): number {
    return this.#entries.get(input.id)?.revision ?? 0
  }

  ingestOf(input: Input): IngestMode {
    return input.spec.ingest ?? this.#defaultIngest()
  }

  /** Opens inputs for new specs and changed readers; nothing runs before `putSource`. Throws SluiceError. */
  openFor(specs: readonly SourceSpec[]): ReadonlyMap<SourceId, Input> {
    const changed = specs.filter((spec) => this.#needsReader(spec))
    return new Map(changed.map((spec) => [spec.id, this.#openInput(spec, this.#wantedOf(spec))]))
  }

  /** Adds a source, or changes it: in place unless another reader was opened for it. */
  putSource(spec: SourceSpec, opened: ReadonlyMap<SourceId, Input>, now: number): void {
    const entry = this.#entries.get(spec.id)
    const input = opened.get(spec.id)
    if (input === undefined) {
      entry?.input.updateSpec(spec)
      return
    }
    if (entry !== undefined) this.#stopEntry(entry)
    this.#addEntry(input, now)
  }

  /** All ids, in the wanted order. */
  reorder(ids: readonly SourceId[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry === undefined) continue
      this.#entries.delete(id)
      this.#entries.set(id, entry)
    }
  }

  /** Starts the added sources; later ones start when they are added. */
  startAll(): void {
    this.#state = 'running'
    for (const entry of this.#entries.values()) entry.ended ??= entry.input.run(entry.stop.signal)
  }

  removeSource(id: SourceId): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#stopEntry(entry)
  }

  /** Starts standby sources that are needed, and stops those unneeded for a while. */
  reconcile(needed: ReadonlySet<SourceId>, now: number): void {
    for (const [id, entry] of this.#entries) {
      const hot = this.ingestOf(entry.input) === 'hot'
      const { supervised } = entry.input
      if (needed.has(id)) entry.neededAt = now
      const shouldRun = hot || now - entry.neededAt < STANDBY_LINGER_MS
      if (shouldRun && supervised.wanted === 'stop' && supervised.state.reason !== 'ended')
        supervised.start()
      if (!shouldRun && supervised.wanted === 'run') supervised.stop()
    }
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#stopEntry(entry)
    this.#entries.clear()
    await Promise.all(this.#closing)
  }

  #needsReader(spec: SourceSpec): boolean {
    const before = this.#entries.get(spec.id)?.input.spec
    return before === undefined || !isDeepStrictEqual(readerPart(before), readerPart(spec))
  }

  #wantedOf(spec: SourceSpec): 'run' | 'stop' {
    const running = this.#entries.get(spec.id)?.input.supervised.wanted
    return running ?? ((spec.ingest ?? this.#defaultIngest()) === 'hot' ? 'run' : 'stop')
  }

  /** A sentence with the existing ids. */
  unknownSourceMessage(id: string): string {
    const existing = [...this.#entries.keys()].map((existing) => `"${existing}"`).join(', ')
    return `there is no source "${id}"; there ${existing === '' ? 'are none' : `is ${existing}`}`
  }

  #addEntry(input: Input, now: number): void {
    const stop = new AbortController()
    const ended = this.#state === 'running' ? input.run(stop.signal) : undefined
    const revision = ++this.#opened
    const neededAt = now - STANDBY_LINGER_MS
    this.#entries.set(input.id, { input, stop, revision, ended, neededAt })
  }

  #stopEntry(entry: Entry): void {
    const { stop, ended } = entry
    stop.abort()
    if (ended === undefined) return
    this.#closing.add(ended)
    void ended.finally(() => this.#closing.delete(ended))
  }
}
