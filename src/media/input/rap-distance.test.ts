import { describe, expect, it } from 'vitest'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { RapDistanceMonitor } from './rap-distance.ts'

type Rap = AccessUnit['rap']
const picture = (seconds: number, rap: Rap): AccessUnit =>
  ({ kind: 'video', dts: seconds * 90_000, rap }) as AccessUnit
/** One picture each half second, with a random access point where `rapSeconds` names its second. */
const checkAll = (
  monitor: RapDistanceMonitor,
  pictures: readonly [number, Rap][],
  longest?: number,
) =>
  pictures.some(([at, rap]) =>
    monitor.checkUnit(picture(at, rap), {
      recoveryPoints: false,
      maxGopTicks: longest === undefined ? undefined : longest * 90_000,
    }),
  )
const steady = (from: number, to: number, rapSeconds: readonly number[]): [number, Rap][] =>
  Array.from({ length: (to - from) * 2 }, (_, index) => {
    const at = from + index / 2
    return [at, rapSeconds.includes(at) ? 'idr' : 'none']
  })

describe('the random access points of a source', () => {
  it('are missing where some seconds have recovery points only', () => {
    const monitor = new RapDistanceMonitor()
    expect(checkAll(monitor, [[0, 'recovery_point']])).toBe(false)
    expect(checkAll(monitor, [[7, 'recovery_point']])).toBe(true)
    expect(monitor.verdict).toBe('no_idr')
  })

  it('are not judged over the time between two runs', () => {
    const monitor = new RapDistanceMonitor()
    checkAll(monitor, [[0, 'recovery_point']])
    monitor.restart()
    expect(checkAll(monitor, [[3_600, 'recovery_point']])).toBe(false)
    expect(checkAll(monitor, [[3_607, 'recovery_point']])).toBe(true)
  })

  it('fit once an IDR picture was seen', () => {
    expect(
      checkAll(new RapDistanceMonitor(), [[0, 'idr'], ...steady(7, 8, []), [8, 'recovery_point']]),
    ).toBe(false)
  })

  it.each([
    ['each in time', steady(0, 12, [0, 4, 8]), 4.5, 'fit'],
    ['one too late', steady(0, 12, [0, 4]), 4.5, 'too_far_apart'],
    ['no segments to fit into', steady(0, 12, [0]), undefined, 'fit'],
    ['nothing before the first random access point', steady(0, 12, [10]), 4.5, 'fit'],
    [
      'a jump in time between two groups',
      [...steady(0, 3, [0]), ...steady(60, 64, [62])],
      4.5,
      'fit',
    ],
    ['times that go back', [...steady(50, 53, [50]), ...steady(0, 4, [2])], 4.5, 'fit'],
  ] as const)('%s', (_name, pictures, longest, verdict) => {
    const monitor = new RapDistanceMonitor()
    checkAll(monitor, pictures as [number, Rap][], longest)
    expect(monitor.verdict).toBe(verdict)
  })

  it('count recovery points where the source may be entered there', () => {
    const monitor = new RapDistanceMonitor()
    for (let at = 0; at < 12; at += 0.5) {
      const rap = at % 2 === 0 ? 'recovery_point' : 'none'
      monitor.checkUnit(picture(at, rap), { recoveryPoints: true, maxGopTicks: 4.5 * 90_000 })
    }
    expect(monitor.verdict).toBe('fit')
  })
})
