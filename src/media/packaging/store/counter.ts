import { open, readFile, stat, writeFile } from 'node:fs/promises'

/** The counter has this length for ever: writing it anew in place needs no room on the disk. */
const COUNTER_BYTES = 64

export interface Counter {
  readonly next: number
  readonly series: number
}

const counterText = ({ next, series }: Counter): string =>
  `${JSON.stringify({ next, series }).padEnd(COUNTER_BYTES - 1)}\n`

/**
 * The highest numbers that were published while the journal could not be written (a full disk): a file that is only
 * ever overwritten in place.
 */
export const readCounter = async (path: string): Promise<Counter> => {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (isCounter(value)) return value
  } catch {
    // None yet, or cut short: then it says nothing.
  }
  return { next: 0, series: 0 }
}

const isCounter = (value: unknown): value is Counter =>
  typeof value === 'object' &&
  value !== null &&
  'next' in value &&
  Number.isSafeInteger(value.next) &&
  'series' in value &&
  Number.isSafeInteger(value.series)

export const openCounter = async (
  path: string,
  counter: Counter,
): Promise<{ write(counter: Counter): Promise<void>; close(): Promise<void> }> => {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size !== COUNTER_BYTES) await writeFile(path, counterText(counter))
  const file = await open(path, 'r+')
  let last = Promise.resolve()
  return {
    write: (next) => {
      last = last.then(async () => {
        await file.write(counterText(next), 0).catch(() => {})
      })
      return last
    },
    close: async () => {
      await last
      await file.close()
    },
  }
}
