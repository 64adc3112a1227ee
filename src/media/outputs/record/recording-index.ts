import { parseJson } from '../../../lib/json.ts'

/** What the index keeps of a recording; times and format stand in its name. */
export interface IndexEntry {
  readonly name: string
  /** As people write it. */
  readonly label?: string
  readonly source?: string
  /** Absent: it was being written. */
  readonly finished?: { readonly bytes: number; readonly durationMs: number }
}

/** One line; the newest of a name counts, so that a file is told twice: when it begins, and when it is finished. */
export const indexLine = (entry: IndexEntry): string => `${JSON.stringify(entry)}\n`

/** Whatever is not a line of ours (the torn end that a crash leaves) is passed over: the index saves work, no more. */
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
