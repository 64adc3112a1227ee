import { describe, expect, it } from 'vitest'
import { PresentationOrder } from './presentation-order.ts'

const FRAME = 3600
/** So far behind its decoding that no DTS proves anything, unless a test says so. */
const DELAY = 50

/** Per picture (its number in presentation, frames): c where all up to it are complete, p where those before it are. */
function add(order: PresentationOrder, pictures: readonly number[]): string {
  return pictures
    .map((picture, k) => {
      const found = order.addPicture((picture + DELAY) * FRAME, k * FRAME)
      return found.complete ? 'c' : found.provesEarlier ? 'p' : '.'
    })
    .join('')
}

describe('presentation order', () => {
  it.each([
    { name: 'I P B B P B B', pictures: [0, 3, 1, 2, 6, 4, 5], complete: 'c..c..c' },
    {
      name: 'a pyramid of B pictures',
      pictures: [0, 4, 2, 1, 3, 8, 6, 5, 7],
      complete: 'c...c...c',
    },
    { name: 'no reordering', pictures: [0, 1, 2, 3], complete: 'cccc' },
    { name: 'leading pictures of the first', pictures: [0, -2, -1, 1], complete: 'cccc' },
    { name: 'a step of one and a half frames', pictures: [0, 1, 2, 3.5], complete: 'cccc' },
    { name: 'a longer step', pictures: [0, 1, 2, 3.51], complete: 'ccc.' },
  ])('of $name', ({ pictures, complete }) => {
    expect(add(new PresentationOrder(), pictures)).toBe(complete)
  })

  it('is proved by the DTS of a later picture where one never came', () => {
    const order = new PresentationOrder()
    const at = (pts: number, dts: number): unknown => order.addPicture(pts * FRAME, dts * FRAME)
    at(10, 0)
    at(11, 1)
    at(12, 2)
    expect(at(16, 15)).toEqual({ provesEarlier: true, complete: false })
    expect(at(17, 15.9)).toEqual({ provesEarlier: false, complete: false })
    expect(at(18, 17)).toEqual({ provesEarlier: true, complete: true })
  })

  it('is proved by 32 pictures that wait: the source itself has the hole', () => {
    const order = new PresentationOrder()
    const waiting = Array.from({ length: 32 }, (_, k) => 103 + k)
    expect(add(order, [0, 1, 2, ...waiting])).toBe(`ccc${'.'.repeat(32)}`)
    expect(order.addPicture((135 + DELAY) * FRAME, 35 * FRAME)).toEqual({
      provesEarlier: true,
      complete: true,
    })
  })

  it('has the duration of a picture by the DTS first, then by the median of 15 steps', () => {
    const order = new PresentationOrder()
    expect(order.frameTicks).toBe(0)
    add(order, [0, 3])
    expect(order.frameTicks).toBe(FRAME)
    const steady = new PresentationOrder()
    let pts = 0
    const run = (count: number, step: number): void => {
      for (let k = 0; k < count; k++) steady.addPicture((pts += step), pts)
    }
    run(20, FRAME)
    run(7, FRAME / 2)
    expect(steady.frameTicks).toBe(FRAME)
    run(1, FRAME / 2)
    expect(steady.frameTicks).toBe(FRAME / 2)
  })
})
