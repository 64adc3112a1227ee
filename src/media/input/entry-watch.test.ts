import { describe, expect, it } from 'vitest'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { EntryWatch } from './entry-watch.ts'

type Entry = AccessUnit['entry']
const picture = (seconds: number, entry: Entry): AccessUnit =>
  ({ kind: 'video', dts: seconds * 90_000, entry }) as AccessUnit
/** One picture each half second, with an entry point where `entries` names its second. */
const watch = (watching: EntryWatch, pictures: readonly [number, Entry][], longest?: number) =>
  pictures.some(([at, entry]) =>
    watching.see(picture(at, entry), {
      recoveryPoints: false,
      longestTicks: longest === undefined ? undefined : longest * 90_000,
    }),
  )
const steady = (from: number, to: number, entries: readonly number[]): [number, Entry][] =>
  Array.from({ length: (to - from) * 2 }, (_, index) => {
    const at = from + index / 2
    return [at, entries.includes(at) ? 'idr' : 'none']
  })

describe('the entry points of a source', () => {
  it('are lacking where some seconds bring recovery points only', () => {
    const watching = new EntryWatch()
    expect(watch(watching, [[0, 'recovery_point']])).toBe(false)
    expect(watch(watching, [[7, 'recovery_point']])).toBe(true)
    expect(watching.verdict).toBe('no_idr')
  })

  it('are not judged over the time between two runs', () => {
    const watching = new EntryWatch()
    watch(watching, [[0, 'recovery_point']])
    watching.restart()
    expect(watch(watching, [[3_600, 'recovery_point']])).toBe(false)
    expect(watch(watching, [[3_607, 'recovery_point']])).toBe(true)
  })

  it('fit once an IDR picture was seen', () => {
    expect(watch(new EntryWatch(), [[0, 'idr'], ...steady(7, 8, []), [8, 'recovery_point']])).toBe(
      false,
    )
  })

  it.each([
    ['each in time', steady(0, 12, [0, 4, 8]), 4.5, 'fit'],
    ['one too late', steady(0, 12, [0, 4]), 4.5, 'too_far_apart'],
    ['no segments to fit into', steady(0, 12, [0]), undefined, 'fit'],
    ['not from its first entry on yet', steady(0, 12, [10]), 4.5, 'fit'],
    [
      'a jump in time between two groups',
      [...steady(0, 3, [0]), ...steady(60, 64, [62])],
      4.5,
      'fit',
    ],
    ['times that go back', [...steady(50, 53, [50]), ...steady(0, 4, [2])], 4.5, 'fit'],
  ] as const)('%s', (_name, pictures, longest, verdict) => {
    const watching = new EntryWatch()
    watch(watching, pictures as [number, Entry][], longest)
    expect(watching.verdict).toBe(verdict)
  })

  it('count recovery points where the source may be entered there', () => {
    const watching = new EntryWatch()
    for (let at = 0; at < 12; at += 0.5) {
      const entry = at % 2 === 0 ? 'recovery_point' : 'none'
      watching.see(picture(at, entry), { recoveryPoints: true, longestTicks: 4.5 * 90_000 })
    }
    expect(watching.verdict).toBe('fit')
  })
})
