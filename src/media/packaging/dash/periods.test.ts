import { describe, expect, it } from 'vitest'
import { PeriodPlan, type Column } from './periods.ts'

const SECOND = 90_000
const START_MS = 1_000_000

interface ColumnFields {
  readonly number: number
  readonly seconds: number
  readonly renditions: Readonly<Record<string, string>>
  readonly timeline?: Column['timeline']
  /** Wall seconds since the start of availability; default: the program's. */
  readonly wall?: number
}

const column = ({ number, seconds, renditions, timeline, wall }: ColumnFields): Column => ({
  number,
  start: seconds * SECOND,
  wallMs: START_MS + (wall ?? seconds) * 1000,
  timeline: timeline ?? 'continuous',
  renditions: new Map(
    Object.entries(renditions).map(([name, init]) => [
      name,
      { init, start: seconds * SECOND, duration: 4 * SECOND },
    ]),
  ),
})

const planOf = (...columns: readonly ColumnFields[]): PeriodPlan => {
  const plan = new PeriodPlan(START_MS)
  for (const one of columns) plan.addColumn(column(one))
  return plan
}

const shape = (plan: PeriodPlan): string[] =>
  plan.periods.map(
    ({ id, start, mediaStart, columns }) =>
      `${id} at ${start / SECOND} from ${mediaStart / SECOND}: ${columns.map(({ number }) => number).join(' ')}`,
  )

const both = { stream_0: 'a', stream_1: 'b' }

describe('periods', () => {
  it('continue while nothing changes', () => {
    const plan = planOf(
      { number: 5, seconds: 100, wall: 20, renditions: both },
      { number: 6, seconds: 104, wall: 24.1, renditions: both },
    )
    expect(shape(plan)).toEqual(['p5 at 20 from 100: 5 6'])
  })

  it.each([
    ['the initialisation segment of one rung changes', { stream_0: 'a', stream_1: 'c' }],
    ['a rung is removed', { stream_0: 'a' }],
    ['a rung is added', { ...both, stream_2: 'd' }],
    ['a rung replaces another', { stream_0: 'a', stream_2: 'b' }],
  ])('adjoin where %s', (_, renditions) => {
    const plan = planOf(
      { number: 1, seconds: 100, wall: 0, renditions: both },
      { number: 2, seconds: 104, wall: 4.5, renditions },
      { number: 3, seconds: 108, wall: 8.5, renditions },
    )
    expect(shape(plan)).toEqual(['p1 at 0 from 100: 1', 'p2 at 4 from 104: 2 3'])
  })

  it('restart behind a number that no rendition has, at its end', () => {
    const plan = planOf(
      { number: 1, seconds: 0, renditions: both },
      { number: 2, seconds: 4, renditions: {} },
      { number: 3, seconds: 8, renditions: both },
    )
    expect(shape(plan)).toEqual(['p1 at 0 from 0: 1', 'p3 at 8 from 8: 3'])
  })

  it('restart behind a hole in time, because players stop at one inside a period', () => {
    const plan = planOf(
      { number: 1, seconds: 0, renditions: both },
      // A seam is no hole.
      { number: 2, seconds: 4.04, renditions: both },
      { number: 3, seconds: 8.6, renditions: both },
    )
    expect(shape(plan)).toEqual(['p1 at 0 from 0: 1 2', 'p3 at 8.6 from 8.6: 3'])
  })

  it('are placed by the wall clock where the timeline broke', () => {
    const plan = planOf(
      { number: 1, seconds: 100, wall: 0, renditions: both },
      { number: 2, seconds: 0, wall: 30, timeline: 'broken', renditions: both },
    )
    expect(shape(plan)).toEqual(['p1 at 0 from 100: 1', 'p2 at 30 from 0: 2'])
  })

  it('never overlap, even when the wall clock was set back', () => {
    const plan = planOf(
      { number: 1, seconds: 100, wall: 50, renditions: both },
      { number: 2, seconds: 0, wall: 20, timeline: 'broken', renditions: both },
    )
    expect(shape(plan)).toEqual(['p1 at 50 from 100: 1', 'p2 at 54 from 0: 2'])
  })

  it('keep id and start while the window moves', () => {
    const plan = planOf(
      ...[1, 2, 3, 4].map((number) => ({ number, seconds: number * 4, renditions: both })),
      ...[5, 6].map((number) => ({ number, seconds: number * 4, renditions: { stream_0: 'a' } })),
    )
    plan.dropBefore(3)
    expect(shape(plan)).toEqual(['p1 at 4 from 4: 3 4', 'p5 at 20 from 20: 5 6'])
    plan.dropBefore(6)
    expect(shape(plan)).toEqual(['p5 at 20 from 20: 6'])
    plan.dropBefore(50)
    expect(shape(plan)).toEqual(['p5 at 20 from 20: 6'])
    plan.addColumn(column({ number: 7, seconds: 28, renditions: { stream_0: 'a' } }))
    expect(shape(plan)).toEqual(['p5 at 20 from 20: 6 7'])
  })
})
