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
const READER_INDEPENDENT_FIELDS = new Set<string>([
  'label',
  'priority',
  'thresholds',
  'ingest',
  'conform',
])

/** The channel's sources, in the order in which they were added, each running until it is removed. */
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

  /** Another input under the same id has another one. */
  revisionOf(input: Input): number {
    return this.#entries.get(input.id)?.revision ?? 0
  }

  ingestOf(input: Input): IngestMode {
    return input.spec.ingest ?? this.#defaultIngest()
  }

  /** All or none: what cannot be opened is known before anything runs. */
  addSources(specs: readonly SourceSpec[], now: number): void {
    const ids = [...this.#entries.keys(), ...specs.map((spec) => spec.id)]
    const duplicate = ids.find((id, index) => ids.indexOf(id) !== index)
    if (duplicate !== undefined) {
      throw new SluiceError(
        'id_in_use',
        `source "${duplicate}" exists already; choose another id, or change it`,
      )
    }
    const opened = specs.map((spec) => {
      const hot = (spec.ingest ?? this.#defaultIngest()) === 'hot'
      return this.#openInput(spec, hot ? 'run' : 'stop')
    })
    for (const input of opened) this.#addEntry(input, now)
  }

  /** From now on every source runs as soon as it is added; what was added before runs now. */
  startAll(): void {
    this.#state = 'running'
    for (const entry of this.#entries.values()) entry.ended ??= entry.input.run(entry.stop.signal)
  }

  /** Replaces the source where its reader is concerned; else tells it. */
  changeSource(id: SourceId, change: SourceChange, now: number): 'updated' | 'replaced' {
    const entry = this.#require(id)
    const given = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    )
    const spec: SourceSpec = { ...entry.input.spec, ...given, id }
    if (Object.keys(given).every((field) => READER_INDEPENDENT_FIELDS.has(field))) {
      entry.input.updateSpec(spec)
      return 'updated'
    }
    // Opened first: what cannot be opened leaves the old one in place.
    const opened = this.#openInput(spec, entry.input.supervised.wanted)
    this.#stopEntry(entry)
    this.#addEntry(opened, now)
    return 'replaced'
  }

  removeSource(id: SourceId): void {
    const entry = this.#require(id)
    this.#entries.delete(id)
    this.#stopEntry(entry)
  }

  /** Starts standby sources that are needed, and stops those that have not been for a while. */
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

  #require(id: SourceId): Entry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new SluiceError('unknown_source', this.unknownSourceMessage(id))
    return entry
  }

  /** A sentence that names what there is instead. */
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
