import { open, stat, writeFile } from 'node:fs/promises'
import { readStateFile, stateText, type StateForm } from '../../../process/state-file.ts'

/** Constant length of the counter file: overwriting it in place needs no room on the disk. */
const COUNTER_BYTES = 64

export interface Counter {
  readonly next: number
  readonly series: number
}

const counterText = ({ next, series }: Counter): string =>
  `${stateText({ next, series }, COUNTER_FORM).padEnd(COUNTER_BYTES - 1)}\n`

/**
 * The highest numbers that were published while the journal could not be written (a full disk): a file that is only
 * overwritten in place.
 */
export const readCounter = async (path: string): Promise<Counter> => {
  const stored = await readStateFile(path, COUNTER_FORM)
  // None yet, or cut short: the journal has the numbers.
  return stored?.kind === 'valid' ? stored.state : { next: 0, series: 0 }
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

const isCounter = (value: unknown): value is Counter =>
  typeof value === 'object' &&
  value !== null &&
  'next' in value &&
  isCount(value.next) &&
  'series' in value &&
  isCount(value.series)

const COUNTER_FORM: StateForm<Counter> = {
  version: 1,
  parse: (value) => (isCounter(value) ? value : undefined),
}

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
