import { parseJson } from '../../../lib/json.ts'

/** Entry of a recording in the index; times and format are in its name. */
export interface IndexEntry {
  readonly name: string
  /** Label as written by people. */
  readonly label?: string
  readonly source?: string
  /** Absent: not finished. */
  readonly finished?: { readonly bytes: number; readonly durationMs: number }
}

/** One line; the newest of a name counts: one is written at the start of a file, one at its end. */
export const indexLine = (entry: IndexEntry): string => `${JSON.stringify(entry)}\n`

/** Lines that cannot be parsed (the torn end after a crash) are ignored: the index only saves work. */
export const parseIndex = (text: string): Map<string, IndexEntry> => {
  const entries = new Map<string, IndexEntry>()
  for (const line of text.split('\n')) {
    const entry = entryIn(line)
    if (entry !== undefined) entries.set(entry.name, entry)
  }
  return entries
}

const entryIn = (line: string): IndexEntry | undefined => {
  const given = parseJson(line)
  if (typeof given !== 'object' || given === null || !('name' in given)) return undefined
  const { name } = given
  if (typeof name !== 'string') return undefined
  const finished = 'finished' in given ? finishedIn(given.finished) : undefined
  return {
    name,
    ...('label' in given && typeof given.label === 'string' && { label: given.label }),
    ...('source' in given && typeof given.source === 'string' && { source: given.source }),
    ...(finished !== undefined && { finished }),
  }
}

const finishedIn = (given: unknown): IndexEntry['finished'] => {
  if (typeof given !== 'object' || given === null) return undefined
  if (!('bytes' in given) || !('durationMs' in given)) return undefined
  const { bytes, durationMs } = given
  if (!isCount(bytes) || !isCount(durationMs)) return undefined
  return { bytes, durationMs }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
