/** Larger than any that encoders write; what is longer is corrupt. */
const MAX_SET_BYTES = 4096
/** Per kind: H.264 allows 256 PPS, and no stream uses more than a few. */
const MAX_SETS = 256

/** One stored parameter set: the NAL unit without start code, and its parsed fields. */
export interface ParameterSet<Parsed> {
  readonly bytes: Uint8Array
  readonly parsed: Parsed
  /** Number of the access unit that carried it last. */
  lastSeenUnit: number
}

/** The newest parameter sets of one kind, by id. */
export class ParameterSets<Parsed extends { readonly id: number }> {
  readonly #parse: (bytes: Uint8Array, start: number, end: number) => Parsed | undefined
  readonly #sets = new Map<number, ParameterSet<Parsed>>()

  /** `parse` gets the NAL unit from its header on. */
  constructor(parse: (bytes: Uint8Array, start: number, end: number) => Parsed | undefined) {
    this.#parse = parse
  }

  /**
   * Stores the NAL unit at [start, end) as part of access unit `unit`. A repeated set is only compared.
   * Returns the set when it is new or has changed.
   */
  store(bytes: Uint8Array, start: number, end: number, unit: number): Parsed | undefined {
    if (end - start > MAX_SET_BYTES || end <= start) return undefined
    for (const set of this.#sets.values()) {
      if (equalsAt(set.bytes, bytes, start, end)) {
        set.lastSeenUnit = unit
        return undefined
      }
    }
    const parsed = this.#parse(bytes, start, end)
    if (parsed === undefined) return undefined
    if (this.#sets.size >= MAX_SETS && !this.#sets.has(parsed.id)) return undefined
    this.#sets.set(parsed.id, { bytes: bytes.slice(start, end), parsed, lastSeenUnit: unit })
    return parsed
  }

  get(id: number): ParameterSet<Parsed> | undefined {
    return this.#sets.get(id)
  }

  all(): Iterable<ParameterSet<Parsed>> {
    return this.#sets.values()
  }

  remove(id: number): void {
    this.#sets.delete(id)
  }

  clear(): void {
    this.#sets.clear()
  }
}

function equalsAt(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
