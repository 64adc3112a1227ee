import { describe, expect, test } from 'vitest'
import { lineOf, readJournal, storeEntry, type JournalEntry } from './journal-entries.ts'

const segment = (number: number) => ({
  number,
  start: number * 360_000,
  wallMs: 1_700_000_000_000 + number,
  discontinuity: number === 12,
  series: number < 12 ? 3 : 4,
})
const done = (number: number, rendition = 'stream_0', first = 10): JournalEntry => ({
  kind: 'done',
  rendition,
  ...segment(number),
  duration: 360_000.5,
  independent: true,
  bytes: 1_000 + number,
  first,
})
const open = (number: number): JournalEntry => ({
  kind: 'open',
  rendition: 'stream_0',
  ...segment(number),
  init: 'init-10.mp4',
})
const part = (number: number, bytes: number): JournalEntry => ({
  kind: 'part',
  rendition: 'stream_0',
  number,
  duration: 90_000,
  independent: bytes === 100,
  bytes,
})
const HEAD = storeEntry({ layout: 'ts', next: 10, series: 3 })

const read = (...entries: readonly JournalEntry[]): ReturnType<typeof readJournal> =>
  readJournal(entries.map(lineOf).join(''))

const numbers = (window: ReturnType<typeof readJournal>, name = 'stream_0'): number[] =>
  (window?.renditions.get(name) ?? []).map(({ number }) => number)

test('written entries are read', () => {
  const window = read(HEAD, done(10), done(11), done(12))
  expect(window).toMatchObject({ layout: 'ts', next: 13, series: 4 })
  expect(window?.renditions.get('stream_0')?.[1]).toMatchObject({
    ...segment(11),
    state: 'done',
    duration: 360_000.5,
    bytes: 1_011,
  })
})

describe('the list restored from a journal', () => {
  test.each<[string, JournalEntry[], number[], number]>([
    ['nothing', [HEAD], [], 10],
    ['a segment that left the list is not in it', [done(10), done(11, 'stream_0', 11)], [11], 12],
    ['segments before a hole are not in it', [done(10), done(12)], [12], 13],
    ['an open segment without a part is not in it', [done(10), open(11)], [10], 11],
    ['an open segment with parts is in it', [done(10), open(11), part(11, 100)], [10, 11], 12],
    ['a segment that ended replaces the open one', [open(11), part(11, 100), done(11)], [11], 12],
    ['parts of another segment are ignored', [open(11), part(12, 100)], [], 10],
  ])('%s', (_, entries, listed, next) => {
    const window = read(HEAD, ...entries)
    expect(numbers(window)).toEqual(listed)
    expect(window?.next).toBe(next)
  })

  test('parts add up', () => {
    const window = read(HEAD, open(11), part(11, 100), part(11, 50))
    expect(window?.renditions.get('stream_0')?.[0]).toMatchObject({
      state: 'open',
      duration: 180_000,
      independent: true,
      bytes: 150,
      init: 'init-10.mp4',
    })
  })
})

test('cut at any byte, everything before the cut is read, and nothing else', () => {
  const entries = [HEAD, done(10), open(11), part(11, 100), part(11, 50), done(11), done(12)]
  const lines = entries.map(lineOf)
  const whole = lines.join('')
  for (let length = 0; length <= whole.length; length++) {
    const cut = readJournal(whole.slice(0, length))
    // A line without its line break is complete too.
    const ends = lines.map((_, i) => lines.slice(0, i + 1).join('').length - 1)
    const kept = ends.filter((end) => end <= length).length
    expect(cut).toEqual(readJournal(lines.slice(0, kept).join('')))
  }
})

test.each([
  ['no JSON', '{"kind":"do'],
  ['another path', lineOf(done(11, '../../etc'))],
  ['another file', lineOf({ ...open(11), init: '../init' } as JournalEntry)],
  ['a negative number', lineOf(done(-1))],
  ['an impossible date', lineOf({ ...done(11), wallMs: 9e15 } as JournalEntry)],
  ['no duration', lineOf({ ...done(11), duration: undefined } as unknown as JournalEntry)],
  ['another kind', '{"kind":"other"}\n'],
  ['null', 'null\n'],
  ['an array', '[]\n'],
])('a line with %s is left out', (_, line) => {
  const window = readJournal(`${lineOf(HEAD)}${lineOf(done(10))}${line}`)
  expect(numbers(window)).toEqual([10])
})

test.each(['', '\n', 'nonsense'])('%j is no journal', (text) => {
  expect(readJournal(text)).toBeUndefined()
})
