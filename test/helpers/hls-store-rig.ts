import type { Clock } from '../../src/lib/clock.ts'
import { ticks } from '../../src/contract/time.ts'
import type { FakeClock } from './fake-clock.ts'
import { openStore } from '../../src/media/packaging/store/open-store.ts'
import type { SegmentStore, StoreOptions } from '../../src/media/packaging/store/segment-store.ts'
import type { SegmentBegin } from '../../src/media/packaging/store/segment-model.ts'

export const TARGET_SECONDS = 4
export const SEGMENT_TICKS = TARGET_SECONDS * 90_000
export const SEGMENT_BYTES = 1_000

/** Bytes of a segment, derived from its number, so that a test recognises them. */
export const segmentBytes = (number: number, length = SEGMENT_BYTES): Buffer =>
  Buffer.alloc(length, `segment ${number} `)

export const partBytes = (number: number, part: number): Buffer =>
  Buffer.alloc(200, `segment ${number} part ${part} `)

export interface StoreFiller {
  /** Of the next segment. */
  readonly next: number
  /** Writes a whole segment into each rendition. */
  segment(options?: { readonly discontinuity?: boolean; readonly bytes?: number }): void
  /** Writes a segment in parts. */
  parts(count: number): void
  /** Writes parts of a segment that stays open. */
  openParts(count: number): void
}

export const createFiller = (
  store: SegmentStore,
  names: readonly string[],
  from: number,
): StoreFiller => {
  let next = from
  const segmentBegin = (discontinuity: boolean): SegmentBegin => ({
    number: next,
    start: ticks((next - from) * SEGMENT_TICKS),
    wallMs: store.options.wallTime() + (next - store.nextNumber) * TARGET_SECONDS * 1_000,
    discontinuity,
  })
  const each = (run: (rendition: ReturnType<SegmentStore['rendition']>) => void): void => {
    for (const name of names) run(store.rendition(name))
  }
  const openParts = (count: number): void =>
    each((rendition) => {
      rendition.begin(segmentBegin(false))
      for (let i = 0; i < count; i++) {
        rendition.part({
          duration: SEGMENT_TICKS / count,
          independent: i === 0,
          bytes: partBytes(next, i),
        })
      }
    })
  return {
    get next() {
      return next
    },
    segment: ({ discontinuity = false, bytes = SEGMENT_BYTES } = {}) => {
      each((rendition) => {
        rendition.begin(segmentBegin(discontinuity))
        rendition.end({
          duration: SEGMENT_TICKS,
          independent: true,
          bytes: segmentBytes(next, bytes),
        })
      })
      next++
    },
    openParts,
    parts: (count) => {
      openParts(count)
      each((rendition) => rendition.end({ duration: SEGMENT_TICKS, independent: true }))
      next++
    },
  }
}

export interface OpenStores {
  readonly clock: FakeClock
  /** Milliseconds since 1970. */
  readonly wall: { ms: number }
  readonly faults: string[]
  open(options?: Partial<StoreOptions>): Promise<SegmentStore>
  /** Closes the open store first. */
  reopen(options?: Partial<StoreOptions>): Promise<SegmentStore>
  fillerOf(store: SegmentStore, names: readonly string[], from?: number): StoreFiller
  close(): Promise<void>
}

/** Stores in one folder, one after the other. */
export const openStores = ({
  folder,
  clock,
}: {
  readonly folder: string
  readonly clock: FakeClock
}): OpenStores => {
  const wall = { ms: 1_800_000_000_000 }
  const faults: string[] = []
  let current: SegmentStore | undefined
  const close = async (): Promise<void> => {
    await current?.close()
    current = undefined
  }
  const open = async (options: Partial<StoreOptions> = {}): Promise<SegmentStore> =>
    (current = await openStore({
      ...storeOptions(clock),
      folder,
      wallTime: () => wall.ms,
      onStorageFault: (what, message) => faults.push(`${what}: ${message}`),
      ...options,
    }))
  return {
    clock,
    wall,
    faults,
    open,
    close,
    reopen: async (options) => {
      await close()
      return open(options)
    },
    fillerOf: (store, names, from = store.nextNumber) => createFiller(store, names, from),
  }
}

export const storeOptions = (clock: Clock): StoreOptions => ({
  folder: undefined,
  layout: 'ts 4 s',
  quotaBytes: 100_000_000,
  window: { segments: 20, ms: 0 },
  clock,
  wallTime: Date.now,
  extension: 'ts',
  targetSeconds: TARGET_SECONDS,
  onStorageFault: () => {},
})
