import { join } from 'node:path'
import { SluiceError } from '../../../contract/errors.ts'
import { lockFolder, type FolderLock } from '../../../process/folder-lock.ts'
import { makeFolder } from '../../../process/make-folder.ts'
import { openCounter, readCounter } from './counter.ts'
import { Journal } from './journal.ts'
import { maxDurationOf } from './rendition-window.ts'
import { isExpired, readJournalFile, restoreWindow } from './restore.ts'
import { partTicks, SegmentStore, type FirstNumbers, type StoreOptions } from './segment-store.ts'

const JOURNAL_FILE = 'journal.jsonl'
const COUNTER_FILE = 'numbers.json'

/**
 * Opens a store; lists again what an earlier run listed, unless that ended long ago. Throws SluiceError when another
 * process owns the folder, or it cannot be used.
 */
export const openStore = async (options: StoreOptions): Promise<SegmentStore> => {
  const { folder } = options
  if (folder === undefined) return new SegmentStore(options, numbersOfFirstRun(options))
  try {
    await makeFolder(folder)
    const lock = await lockFolder({
      folder,
      file: 'owner.json',
      purpose: 'HLS',
      advice: 'give this one its own folder with hls.dir, or with --state-dir',
    })
    try {
      return await openFolder(options, folder, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError(
      'option_refused',
      `the HLS folder ${folder} (hls.dir, or below --state-dir) cannot be used: ` +
        (error instanceof Error ? error.message : String(error)),
      { cause: error },
    )
  }
}

const SERIES_BEGAN_MS = Date.UTC(2020, 0, 1)
const MS_PER_HOUR = 3_600_000

/**
 * Numbers above any earlier run's, if segments last a second and series an hour on average: nothing else is known of
 * it. Series stay small: hls.js (1.7) walks an array of that length for each fragment.
 */
const numbersOfFirstRun = ({ wallTime }: StoreOptions): FirstNumbers => ({
  next: Math.floor(wallTime() / 1_000),
  series: Math.max(0, Math.floor((wallTime() - SERIES_BEGAN_MS) / MS_PER_HOUR)),
  resumed: false,
})

const openFolder = async (
  options: StoreOptions,
  folder: string,
  lock: FolderLock,
): Promise<SegmentStore> => {
  const window = await readJournalFile(join(folder, JOURNAL_FILE))
  const counted = await readCounter(join(folder, COUNTER_FILE))
  const resumed = window !== undefined || counted.next > 0
  const firstNumbers: FirstNumbers = resumed
    ? {
        next: Math.max(window?.next ?? 0, counted.next),
        series: Math.max(window?.series ?? 0, counted.series),
        resumed,
      }
    : numbersOfFirstRun(options)
  // Segments published without the journal cannot be listed, nor any before them.
  const listable =
    window !== undefined &&
    window.layout === options.layout &&
    window.next === firstNumbers.next &&
    !isExpired(window, { now: options.wallTime(), windowMs: options.window.ms }) &&
    [...window.renditions.values()].some((each) => each.at(-1)?.number === window.next - 1)
  const restored = await restoreWindow(
    {
      ...firstNumbers,
      layout: options.layout,
      renditions: listable ? window.renditions : new Map(),
    },
    {
      folder,
      extension: options.extension,
      partsKept: (segments) => partTicks(options, maxDurationOf(segments)),
    },
  )
  const counter = await openCounter(join(folder, COUNTER_FILE), firstNumbers)
  const journal = new Journal(join(folder, JOURNAL_FILE))
  const store = new SegmentStore(options, firstNumbers, { lock, counter, journal }, restored)
  await store.compact()
  return store
}
