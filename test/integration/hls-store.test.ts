import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { realClock } from '../../src/lib/clock.ts'
import { openStore } from '../../src/media/packaging/store/open-store.ts'
import type { SegmentStore } from '../../src/media/packaging/store/segment-store.ts'
import { compileInto } from '../helpers/compile.ts'
import { createFiller, partBytes, segmentBytes, storeOptions } from '../helpers/hls-store-rig.ts'

const WRITER = fileURLToPath(new URL('../fixtures/hls-store-writer.mjs', import.meta.url))

let compiled: string
let folder: string

beforeAll(() => {
  compiled = mkdtempSync(join(tmpdir(), 'sluice-compiled-'))
  compileInto(compiled, ['media/packaging/store/open-store.ts', 'lib/clock.ts'])
}, 60_000)
afterAll(() => rmSync(compiled, { recursive: true, force: true }))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface SeenSegment {
  readonly number: number
  readonly state: string
  readonly duration: number
  readonly series: number
  readonly bytes: number
  readonly parts: number
}

interface Seen {
  readonly next: number
  readonly resumed: boolean
  /** What each rendition listed last. */
  readonly lists: ReadonlyMap<
    string,
    { readonly sequence: number; readonly segments: readonly SeenSegment[] }
  >
}

/** Runs the writer, and kills it that long after its first segment. */
const writeUntilKilled = (how: string, ms: number): Promise<Seen> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, compiled, folder, how], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    let timer: NodeJS.Timeout | undefined
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (chunk: string) => {
      text += chunk
      timer ??= setTimeout(() => child.kill('SIGKILL'), ms)
    })
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the writer ended by itself: ${code}`))
      else resolve(seenIn(text))
    })
  })

const seenIn = (text: string): Seen => {
  // The last line may be cut by the kill; whoever read it saw nothing whole.
  const lines = text.split('\n').slice(0, -1)
  const [first, ...rest] = lines.map((line) => JSON.parse(line))
  const lists = new Map<string, { sequence: number; segments: readonly SeenSegment[] }>()
  for (const { name, sequence, segments } of rest) lists.set(name, { sequence, segments })
  return { ...first, lists }
}

const reopened = (how: string): Promise<SegmentStore> =>
  openStore({
    ...storeOptions(realClock),
    folder,
    layout: 'test',
    window: { segments: 8, ms: 0 },
    extension: how === 'ts' ? 'ts' : 'm4s',
    targetSeconds: 1,
  })

const allParts = (number: number, parts: number): Buffer =>
  Buffer.concat(
    Array.from({ length: parts }, (_, part) =>
      Buffer.alloc(20_000 + (number % 7) * 1_000, `${number}.${part} `),
    ),
  )

describe('after kill -9', () => {
  test.each(['ts', 'parts'])(
    'nothing that was seen is lost or changed, and numbers never go back (%s)',
    async (how) => {
      let next = 0
      const sequences = new Map<string, number>()
      for (let round = 0; round < 8; round++) {
        const seen = await writeUntilKilled(how, 60 + ((round * 37) % 120))
        expect(seen.next).toBeGreaterThanOrEqual(next)
        expect(seen.resumed).toBe(round > 0)
        const store = await reopened(how)
        for (const [name, { sequence, segments }] of seen.lists) {
          const rendition = store.rendition(name)
          const last = segments.at(-1)!
          expect(store.nextNumber).toBeGreaterThan(last.number)
          expect(rendition.segments.at(-1)!.number).toBe(store.nextNumber - 1)
          expect(rendition.discontinuitySequence).toBeGreaterThanOrEqual(sequence)
          expect(sequence).toBeGreaterThanOrEqual(sequences.get(name) ?? 0)
          sequences.set(name, rendition.discontinuitySequence)
          const first = rendition.segments[0]!.number
          for (const was of segments.filter(({ number }) => number >= first)) {
            const now = rendition.segments[was.number - first]!
            expect(now).toMatchObject({ number: was.number, series: was.series })
            if (was.state === 'open') {
              // With the parts that were seen, and maybe more that were safe already.
              expect(now.state).toBe('done')
              expect(now.parts.length).toBeGreaterThanOrEqual(was.parts)
            } else {
              expect(now).toMatchObject({
                state: was.state,
                duration: was.duration,
                bytes: was.bytes,
              })
            }
          }
          for (const { number, state, file, bytes } of rendition.segments) {
            if (state === 'gap') continue
            const read = Buffer.from((await rendition.bytesOf(file))!)
            expect(read.equals(allParts(number, 4).subarray(0, bytes))).toBe(true)
          }
        }
        next = store.nextNumber
        await store.close()
      }
    },
  )
})

test('a store whose journal was cut goes on from there', async () => {
  const store = await openStore({ ...storeOptions(realClock), folder })
  const feed = createFiller(store, ['stream_0', 'stream_1'], store.nextNumber)
  for (let i = 0; i < 6; i++) {
    feed.segment({ discontinuity: i === 3 })
    for (const each of store.renditions.values()) await each.settled()
  }
  await store.close()
  const whole = await readFile(join(folder, 'journal.jsonl'))
  const lines = whole.toString().trimEnd().split('\n')
  const lastThree = lines.slice(-3).join('\n').length
  const first = feed.next - 6
  let least = 0
  for (let length = whole.length - lastThree; length <= whole.length; length += 17) {
    execFileSync('cp', ['-r', folder, `${folder}-copy`])
    try {
      await writeFile(join(`${folder}-copy`, 'journal.jsonl'), whole.subarray(0, length))
      const again = await openStore({ ...storeOptions(realClock), folder: `${folder}-copy` })
      const numbers = again.rendition('stream_0').segments.map(({ number }) => number)
      expect(numbers).toEqual(Array.from(numbers, (_, i) => first + i))
      expect(numbers.at(-1)).toBe(again.nextNumber - 1)
      expect(again.rendition('stream_1').segments.at(-1)!.number).toBe(again.nextNumber - 1)
      expect(again.nextNumber).toBeGreaterThanOrEqual(least)
      least = again.nextNumber
      await again.close()
    } finally {
      await rm(`${folder}-copy`, { recursive: true, force: true })
    }
  }
  expect(least).toBeGreaterThanOrEqual(feed.next - 1)
})

const [MOUNT, UNMOUNT] = ['/bin/mount', '/bin/umount'] as const

/** Only root may mount, and not in every container. */
const mountable = ((): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'root on Linux'
  const probe = mkdtempSync(join(tmpdir(), 'sluice-mount-'))
  try {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync(UNMOUNT, [probe], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'the right to mount a tmpfs'
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
})()

describe.skipIf(mountable !== undefined)(
  `a full disk${mountable === undefined ? '' : ` (needs ${mountable})`}`,
  () => {
    let disk: string

    beforeEach(async () => {
      disk = await mkdtemp(join(tmpdir(), 'sluice-disk-'))
      execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    })
    afterEach(async () => {
      execFileSync(UNMOUNT, ['-l', disk])
      await rm(disk, { recursive: true, force: true })
    })

    const open = (troubles: string[], extension: 'ts' | 'm4s' = 'ts'): Promise<SegmentStore> =>
      openStore({
        ...storeOptions(realClock),
        extension,
        folder: join(disk, 'hls'),
        wallTime: () => 1_800_000_000_000,
        onStorageFault: (what, message) => troubles.push(`${what}: ${message}`),
      })

    test('is told once, segments go on from memory, and it recovers', async () => {
      const troubles: string[] = []
      const store = await open(troubles)
      const stream = store.rendition('stream_0')
      const feed = createFiller(store, ['stream_0'], store.nextNumber)
      feed.segment({ bytes: 100_000 })
      await stream.settled()
      const hog = join(disk, 'hog')
      await writeFile(hog, Buffer.alloc(2_000_000)).catch(() => {})
      for (let i = 0; i < 6; i++) {
        feed.segment({ bytes: 100_000 })
        await stream.settled()
      }
      expect(troubles).toEqual([expect.stringMatching(/^disk_full: .*ENOSPC.*from memory$/)])
      expect(stream.segments).toHaveLength(7)
      for (const { number, file } of stream.segments) {
        expect(Buffer.from((await stream.bytesOf(file))!)).toEqual(segmentBytes(number, 100_000))
      }
      await rm(hog)
      await expect.poll(() => stream.files.unsavedBytes, { timeout: 10_000 }).toBe(0)
      feed.segment({ bytes: 100_000 })
      await stream.settled()
      expect(troubles).toHaveLength(1)
      const listed = stream.segments
      await store.close()
      const again = await open(troubles)
      expect(again.nextNumber).toBe(feed.next)
      expect(again.rendition('stream_0').segments).toEqual(listed.map((each) => ({ ...each })))
      await again.close()
    })

    test('parts go on from memory too, and the segment is on disk when there is room', async () => {
      const troubles: string[] = []
      const store = await open(troubles, 'm4s')
      const stream = store.rendition('stream_0')
      stream.init(Buffer.from('init'))
      const feed = createFiller(store, ['stream_0'], store.nextNumber)
      feed.parts(4)
      await stream.settled()
      const hog = join(disk, 'hog')
      await writeFile(hog, Buffer.alloc(2_000_000)).catch(() => {})
      // A page may be left in the file: parts of 200 bytes may still fit, and then fail.
      for (let i = 0; i < 30; i++) feed.parts(4)
      await stream.settled()
      expect(troubles).toHaveLength(1)
      await rm(hog)
      await expect.poll(() => stream.files.unsavedBytes, { timeout: 10_000 }).toBe(0)
      feed.parts(4)
      await stream.settled()
      const listed = stream.segments
      await store.close()
      const again = await open(troubles, 'm4s')
      const now = again.rendition('stream_0')
      expect(again.nextNumber).toBe(feed.next)
      expect(now.segments.map(({ number, state }) => [number, state])).toEqual(
        listed.map(({ number, state }) => [number, state]),
      )
      for (const { number, file } of now.segments) {
        const parts = Array.from({ length: 4 }, (_, part) => partBytes(number, part))
        expect(Buffer.from((await now.bytesOf(file))!)).toEqual(Buffer.concat(parts))
      }
      await again.close()
    })

    test('numbers do not go back when it is still full at the restart', async () => {
      const troubles: string[] = []
      const store = await open(troubles)
      const feed = createFiller(store, ['stream_0'], store.nextNumber)
      feed.segment({ bytes: 1_000 })
      await store.rendition('stream_0').settled()
      await writeFile(join(disk, 'hog'), Buffer.alloc(2_000_000)).catch(() => {})
      for (let i = 0; i < 5; i++) feed.segment({ bytes: 100_000 })
      await store.rendition('stream_0').settled()
      expect(troubles).toHaveLength(1)
      await store.close()
      const again = await open(troubles)
      expect(again.nextNumber).toBe(feed.next)
      expect(again.resumed).toBe(true)
      // What was listed before cannot be listed without what followed it.
      expect(again.rendition('stream_0').segments).toEqual([])
      createFiller(again, ['stream_0'], again.nextNumber).segment({
        bytes: 100_000,
        discontinuity: true,
      })
      await again.rendition('stream_0').settled()
      expect(again.rendition('stream_0').segments).toHaveLength(1)
      await again.close()
    })
  },
)

test('a folder that is taken away is trouble, and comes back', async () => {
  const troubles: string[] = []
  const store = await openStore({
    ...storeOptions(realClock),
    folder,
    onStorageFault: (what, message) => troubles.push(`${what}: ${message}`),
  })
  const stream = store.rendition('stream_0')
  const feed = createFiller(store, ['stream_0'], store.nextNumber)
  feed.segment()
  await stream.settled()
  await rm(join(folder, 'stream_0'), { recursive: true })
  await copyFile(WRITER, join(folder, 'stream_0'))
  feed.segment()
  await stream.settled()
  expect(troubles).toEqual([expect.stringMatching(/^storage: /)])
  expect(stream.segments).toHaveLength(2)
  await rm(join(folder, 'stream_0'))
  await expect.poll(() => stream.files.unsavedBytes, { timeout: 10_000 }).toBe(0)
  await store.close()
  const again = await openStore({ ...storeOptions(realClock), folder })
  expect(again.rendition('stream_0').segments.map(({ state }) => state)).toEqual(['gap', 'done'])
  await again.close()
})
