import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/helpers/fake-clock.ts'
import {
  openStores,
  segmentBytes,
  TARGET_SECONDS,
  type OpenStores,
} from '../../../../test/helpers/hls-store-rig.ts'
import { renderMediaPlaylist } from '../serve/media-playlist.ts'
import type { Rendition } from './rendition.ts'

let folder: string
let stores: OpenStores

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'))
  stores = openStores({ folder, clock: new FakeClock(1_000) })
})
afterEach(async () => {
  await stores.close()
  await rm(folder, { recursive: true, force: true })
})

const numbersOf = (rendition: Rendition): number[] => rendition.segments.map(({ number }) => number)

const listing = (rendition: Rendition): string =>
  renderMediaPlaylist({
    segments: rendition.segments,
    discontinuitySequence: rendition.discontinuitySequence,
    targetSeconds: TARGET_SECONDS,
  })

describe('the list of segments', () => {
  test('reports each change to each subscriber, until it unsubscribes', async () => {
    const store = await stores.open()
    const stream = store.rendition('stream_0')
    const filler = stores.fillerOf(store, ['stream_0'])
    const calls: string[] = []
    const leave = stream.subscribe(() => calls.push('left'))
    stream.subscribe(() => calls.push('stays'))
    let change = stream.untilChanged()
    filler.segment()
    await change
    expect(calls).toEqual(expect.arrayContaining(['left', 'stays']))
    leave()
    calls.length = 0
    change = stream.untilChanged()
    filler.segment()
    await change
    expect(new Set(calls)).toEqual(new Set(['stays']))
  })

  test('lists a segment only when its file and the journal have it', async () => {
    const store = await stores.open()
    const stream = store.rendition('stream_0')
    const filler = stores.fillerOf(store, ['stream_0'])
    const change = stream.untilChanged()
    filler.segment()
    expect(stream.segments).toEqual([])
    await change
    const [first] = stream.segments
    expect(first).toMatchObject({
      state: 'done',
      file: `${store.nextNumber}.ts`,
      independent: true,
    })
    expect(await readFile(join(folder, 'stream_0', first!.file))).toEqual(
      segmentBytes(first!.number),
    )
    expect(await readFile(join(folder, 'journal.jsonl'), 'utf8')).toContain(
      `"number":${first!.number},`,
    )
  })

  test('keeps the window, and files for a while after they left it', async () => {
    const store = await stores.open({ window: { segments: 4, ms: 0 } })
    const filler = stores.fillerOf(store, ['stream_0'])
    for (let i = 0; i < 6; i++) filler.segment()
    const stream = store.rendition('stream_0')
    await stream.settled()
    const first = store.nextNumber
    expect(numbersOf(stream)).toEqual([2, 3, 4, 5].map((n) => first + n))
    expect(await stream.bytesOf(`${first}.ts`)).toEqual(segmentBytes(first))
    stores.clock.advance(60_000)
    filler.segment()
    await stream.settled()
    expect(stream.bytesOf(`${first}.ts`)).toBeUndefined()
    await stream.files.settled()
    expect(await readdir(join(folder, 'stream_0'))).not.toContain(`${first}.ts`)
  })

  test('lists the configured time, where that is more than the number of segments', async () => {
    const store = await stores.open({ window: { segments: 3, ms: 40_000 } })
    const filler = stores.fillerOf(store, ['stream_0'])
    for (let i = 0; i < 15; i++) filler.segment()
    await store.rendition('stream_0').settled()
    expect(store.rendition('stream_0').segments).toHaveLength(10)
  })

  test('the discontinuity sequence rises when a tag leaves', async () => {
    const store = await stores.open({ window: { segments: 3, ms: 0 } })
    const stream = store.rendition('stream_0')
    const filler = stores.fillerOf(store, ['stream_0'])
    const sequences: number[] = []
    for (let i = 0; i < 8; i++) {
      filler.segment({ discontinuity: i === 2 || i === 3 })
      await stream.settled()
      sequences.push(stream.discontinuitySequence)
    }
    const base = sequences[0]!
    expect(sequences.map((each) => each - base)).toEqual([0, 0, 0, 0, 0, 1, 2, 2])
  })

  test('refuses numbers that do not follow each other, and an end without a start', async () => {
    const store = await stores.open()
    const stream = store.rendition('stream_0')
    stream.gap({ ...beginAt(7), duration: 1 })
    expect(() => stream.begin(beginAt(9))).toThrow('segment 9 cannot start: 8 must come next')
    expect(() => stream.end({ duration: 1, independent: true })).toThrow('without an open segment')
    expect(() => store.rendition('../etc')).toThrow('"../etc" must be stream_N or audio_N')
  })

  test('a rendition that starts later has the discontinuity sequence of the others', async () => {
    const store = await stores.open()
    const filler = stores.fillerOf(store, ['stream_0'])
    for (let i = 0; i < 5; i++) filler.segment({ discontinuity: i % 2 === 1 })
    const both = stores.fillerOf(store, ['stream_0', 'stream_1'], filler.next)
    both.segment({ discontinuity: true })
    both.segment()
    await Promise.all([...store.renditions.values()].map(async (each) => each.settled()))
    const [a, b] = [store.rendition('stream_0'), store.rendition('stream_1')]
    expect(b.segments.map(({ series }) => series)).toEqual(
      a.segments.slice(-2).map(({ series }) => series),
    )
  })
})

const beginAt = (number: number) => ({
  number,
  start: 0 as never,
  wallMs: 0,
  discontinuity: false,
})

describe('a restart', () => {
  test('lists the same segments, and numbers go on', async () => {
    const before = await stores.open()
    const filler = stores.fillerOf(before, ['stream_0'])
    for (let i = 0; i < 5; i++) filler.segment({ discontinuity: i === 1 })
    const listed = listing(before.rendition('stream_0'))
    await before.rendition('stream_0').settled()
    const text = listing(before.rendition('stream_0'))
    expect(text).not.toBe(listed)
    const after = await stores.reopen()
    expect(after.resumed).toBe(true)
    expect(after.nextNumber).toBe(filler.next)
    expect(listing(after.rendition('stream_0'))).toBe(text)
    const first = after.rendition('stream_0').segments[0]!
    expect(await after.rendition('stream_0').bytesOf(first.file)).toEqual(
      segmentBytes(first.number),
    )
  })

  test('another layout lists nothing of the old one, and numbers and discontinuities go on', async () => {
    const before = await stores.open()
    const filler = stores.fillerOf(before, ['stream_0'])
    for (let i = 0; i < 3; i++) filler.segment({ discontinuity: true })
    await before.rendition('stream_0').settled()
    const { series } = before.rendition('stream_0').segments.at(-1)!
    const after = await stores.reopen({ layout: 'other' })
    const stream = after.rendition('stream_0')
    expect(stream.segments).toEqual([])
    expect(after.nextNumber).toBe(filler.next)
    stores.fillerOf(after, ['stream_0']).segment({ discontinuity: true })
    await stream.settled()
    expect(stream.segments[0]).toMatchObject({ number: filler.next, series: series + 1 })
    // Numbers do not go back at a third start either.
    expect((await stores.reopen({ layout: 'third' })).nextNumber).toBe(filler.next + 1)
  })

  test('renditions that lag behind get gaps up to the same number', async () => {
    const before = await stores.open()
    const filler = stores.fillerOf(before, ['stream_0', 'stream_1'])
    filler.segment()
    filler.segment()
    const ahead = stores.fillerOf(before, ['stream_0'], filler.next)
    ahead.segment({ discontinuity: true })
    ahead.segment()
    await before.rendition('stream_0').settled()
    const after = await stores.reopen()
    const [full, lagging] = [after.rendition('stream_0'), after.rendition('stream_1')]
    expect(after.nextNumber).toBe(ahead.next)
    expect(numbersOf(lagging)).toEqual(numbersOf(full))
    expect(lagging.segments.map(({ state }) => state)).toEqual(['done', 'done', 'gap', 'gap'])
    expect(lagging.segments.map(({ series }) => series)).toEqual(
      full.segments.map(({ series }) => series),
    )
  })

  test('an open segment ends with its published parts', async () => {
    const before = await stores.open({ extension: 'm4s' })
    const filler = stores.fillerOf(before, ['stream_0'])
    filler.parts(4)
    filler.openParts(3)
    const stream = before.rendition('stream_0')
    await stream.settled()
    const open = stream.segments.at(-1)!
    expect(open.state).toBe('open')
    const bytes = Buffer.concat(open.parts.map((part) => part.bytes))
    // As after a kill: nothing was closed. An unfinished part follows them.
    await writeFile(join(folder, 'stream_0', open.file), 'half a part', { flag: 'a' })
    const after = await stores.reopen({ extension: 'm4s' })
    const last = after.rendition('stream_0').segments.at(-1)!
    expect(last).toMatchObject({ number: open.number, state: 'done', duration: open.duration })
    expect(last.parts.map((part) => Buffer.from(part.bytes))).toEqual(
      open.parts.map((part) => Buffer.from(part.bytes)),
    )
    expect(await after.rendition('stream_0').bytesOf(last.file)).toEqual(bytes)
    expect(after.nextNumber).toBe(open.number + 1)
    expect(after.rendition('stream_0').segments[0]!.parts).toHaveLength(4)
  })

  test('a file that is missing or cut short becomes a gap', async () => {
    const before = await stores.open()
    const filler = stores.fillerOf(before, ['stream_0'])
    for (let i = 0; i < 4; i++) filler.segment()
    await before.rendition('stream_0').settled()
    const files = before
      .rendition('stream_0')
      .segments.map(({ file }) => join(folder, 'stream_0', file))
    await rm(files[0]!)
    await writeFile(files[2]!, 'short')
    const after = await stores.reopen()
    expect(after.rendition('stream_0').segments.map(({ state }) => state)).toEqual([
      'gap',
      'done',
      'gap',
      'done',
    ])
  })

  test.each([
    ['as long as it lasts', { segments: 100 }, 400, 'listed'],
    ['longer than it lasts', { segments: 100 }, 405, 'over'],
    ['less than five minutes', { segments: 5 }, 299, 'listed'],
    ['more than five minutes', { segments: 5 }, 305, 'over'],
    ['less than the time-shift window', { segments: 5, dvrMs: 900_000 }, 899, 'listed'],
    ['a day', { segments: 5, dvrMs: 900_000 }, 86_400, 'over'],
  ] as const)(
    'a list that ended %s ago',
    async (_name, { segments, ...more }, seconds, expected) => {
      const window = { segments, ms: 'dvrMs' in more ? more.dvrMs : 0 }
      const before = await stores.open({ window })
      const filler = stores.fillerOf(before, ['stream_0', 'stream_1'])
      for (let i = 0; i < segments; i++) filler.segment({ discontinuity: i === 1 })
      for (const each of before.renditions.values()) await each.settled()
      const { series } = before.rendition('stream_0').segments.at(-1)!
      const old = before.rendition('stream_0').segments[0]!.file
      stores.wall.ms += (segments * TARGET_SECONDS + seconds) * 1_000
      const after = await stores.reopen({ window })
      const [first, second] = [after.rendition('stream_0'), after.rendition('stream_1')]
      expect(first.segments).toHaveLength(expected === 'over' ? 0 : segments)
      expect(second.segments).toHaveLength(expected === 'over' ? 0 : segments)
      // Numbers and discontinuities go on all the same.
      expect([after.nextNumber, after.resumed]).toEqual([filler.next, true])
      stores.fillerOf(after, ['stream_0', 'stream_1']).segment({ discontinuity: true })
      for (const each of after.renditions.values()) await each.settled()
      expect(first.segments.at(-1)).toMatchObject({ number: filler.next, series: series + 1 })
      if (expected === 'listed') return
      expect(first.bytesOf(old)).toBeUndefined()
      await first.files.settled()
      expect(await readdir(join(folder, 'stream_0'))).toEqual([`${filler.next}.ts`])
    },
  )

  test('unknown files of a store are removed, other files are not', async () => {
    const before = await stores.open()
    stores.fillerOf(before, ['stream_0']).segment()
    await before.rendition('stream_0').settled()
    const own = before.rendition('stream_0').segments[0]!.file
    for (const stray of ['99999999999.ts', '5.m4s', 'init-3.mp4', '7.ts.part', 'notes.txt']) {
      await writeFile(join(folder, 'stream_0', stray), 'x')
    }
    await stores.reopen()
    expect((await readdir(join(folder, 'stream_0'))).sort()).toEqual([own, 'notes.txt'].sort())
  })

  test('is refused while another process owns the folder, and takes over the folder of a dead one', async () => {
    await stores.open()
    await expect(stores.open()).rejects.toThrow(
      `the HLS folder ${folder} is in use by process ${process.pid}: give this one its own folder with hls.dir, or with --state-dir`,
    )
    await stores.close()
    for (const left of ['{"pid":4194305,"start":"1@x"}', '{"pi', '']) {
      await writeFile(join(folder, 'owner.json'), left)
      await stores.open()
      await stores.close()
    }
  })

  test('an unusable folder is named in the error', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await expect(stores.open({ folder: join(file, 'hls') })).rejects.toThrow(
      `the HLS folder ${file}/hls (hls.dir, or below --state-dir) cannot be used: ENOTDIR`,
    )
  })
})

describe('initialisation segments', () => {
  test('are named after the first segment that uses them, and are listed after a restart', async () => {
    const before = await stores.open({ extension: 'm4s' })
    const stream = before.rendition('stream_0')
    const filler = stores.fillerOf(before, ['stream_0'])
    stream.init(Buffer.from('first'))
    filler.segment()
    stream.init(Buffer.from('never used'))
    stream.init(Buffer.from('second'))
    filler.segment()
    filler.segment()
    await stream.settled()
    const inits = stream.segments.map(({ init }) => init)
    const [n] = numbersOf(stream)
    expect(inits).toEqual([`init-${n}.mp4`, `init-${n! + 1}.mp4`, `init-${n! + 1}.mp4`])
    const after = (await stores.reopen({ extension: 'm4s' })).rendition('stream_0')
    expect(after.segments.map(({ init }) => init)).toEqual(inits)
    expect(Buffer.from((await after.bytesOf(inits[1]!))!).toString()).toBe('second')
  })

  test('leave with the last segment that needs them', async () => {
    const store = await stores.open({ extension: 'm4s', window: { segments: 3, ms: 0 } })
    const stream = store.rendition('stream_0')
    const filler = stores.fillerOf(store, ['stream_0'])
    stream.init(Buffer.from('first'))
    filler.segment()
    const first = `init-${store.nextNumber}.mp4`
    stream.init(Buffer.from('second'))
    for (let i = 0; i < 3; i++) filler.segment()
    await stream.settled()
    expect(stream.bytesOf(first)).toBeDefined()
    stores.clock.advance(60_000)
    filler.segment()
    await stream.settled()
    expect(stream.bytesOf(first)).toBeUndefined()
  })
})

describe('memory only', () => {
  test('publishes at once, from a number above any earlier run', async () => {
    const first = await stores.open({ folder: undefined })
    const filler = stores.fillerOf(first, ['stream_0'])
    filler.segment()
    expect(numbersOf(first.rendition('stream_0'))).toEqual([first.nextNumber])
    expect(first.resumed).toBe(false)
    stores.wall.ms += 30_000
    const second = await stores.reopen({ folder: undefined })
    expect(second.nextNumber).toBe(first.nextNumber + 30)
  })

  test('stays within its quota', async () => {
    const store = await stores.open({
      folder: undefined,
      quotaBytes: 4_500,
      window: { segments: 20, ms: 0 },
    })
    const filler = stores.fillerOf(store, ['stream_0'])
    for (let i = 0; i < 30; i++) {
      filler.segment()
      expect(store.bytes).toBeLessThanOrEqual(5_500)
    }
    const { segments } = store.rendition('stream_0')
    expect(segments.length).toBeGreaterThanOrEqual(3)
    expect(segments.length).toBeLessThanOrEqual(5)
    expect(stores.faults).toEqual([])
  })
})

describe('quota', () => {
  test('the oldest leave in every rendition alike', async () => {
    const store = await stores.open({ quotaBytes: 10_000, window: { segments: 20, ms: 0 } })
    const filler = stores.fillerOf(store, ['stream_0', 'stream_1'])
    for (let i = 0; i < 20; i++) {
      filler.segment()
      for (const each of store.renditions.values()) await each.settled()
    }
    const [a, b] = [store.rendition('stream_0'), store.rendition('stream_1')]
    expect(a.segments.length).toBeLessThanOrEqual(5)
    expect(a.segments.length).toBeGreaterThanOrEqual(3)
    expect(Math.abs(a.segments[0]!.number - b.segments[0]!.number)).toBeLessThanOrEqual(1)
    await a.files.settled()
    expect(store.bytes).toBeLessThanOrEqual(12_000)
    expect((await readdir(join(folder, 'stream_0'))).length).toBeLessThanOrEqual(6)
  })

  test('lists at least three target durations, and reports the excess once', async () => {
    const store = await stores.open({ quotaBytes: 1_500, window: { segments: 20, ms: 0 } })
    const filler = stores.fillerOf(store, ['stream_0'])
    for (let i = 0; i < 9; i++) {
      filler.segment()
      await store.rendition('stream_0').settled()
    }
    expect(store.rendition('stream_0').segments).toHaveLength(3)
    expect(stores.faults).toEqual([
      'storage: HLS segments take 1 MB, more than the quota of 1 MB (hls.quotaMb): the playlist cannot be shorter than three target durations',
    ])
  })
})

describe('blocking reload', () => {
  test('is answered by the segments and parts of the playlist', async () => {
    const store = await stores.open({ extension: 'm4s' })
    const stream = store.rendition('stream_0')
    const filler = stores.fillerOf(store, ['stream_0'])
    const n = store.nextNumber
    expect(stream.hasSegment(n)).toBe(false)
    filler.parts(3)
    filler.openParts(2)
    await stream.settled()
    const asked: [number, number | undefined, boolean][] = [
      [n, undefined, true],
      [n, 2, true],
      // Above the last part of a segment: part 0 of the next.
      [n, 3, true],
      [n + 1, 1, true],
      [n + 1, 2, false],
      [n + 1, undefined, false],
      [n + 2, undefined, false],
      [n - 5, undefined, true],
    ]
    for (const [msn, part, has] of asked)
      expect([msn, part, stream.hasSegment(msn, part)]).toEqual([msn, part, has])
  })
})
