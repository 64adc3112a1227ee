import { describe, expect, it } from 'vitest'
import { PcrClock, wirePcr } from './pcr-clock.ts'
import { WRAP_33 } from './timestamps.ts'

describe('the PCR of a program with a mux delay of 63000 ticks', () => {
  // 700 ms less the longest distance of two PCRs, 40 ms.
  const LAG = 63_000 - 3600

  it('runs behind the program time, and never back', () => {
    const clock = new PcrClock(63_000, 2)
    expect(clock.now).toBeUndefined()
    clock.advance(900_000)
    expect(clock.now).toBe(900_000 - LAG)
    clock.advance(899_000)
    expect(clock.now).toBe(900_000 - LAG)
    clock.onPcrWritten(870_000)
    expect([clock.now, clock.last]).toEqual([870_000, 870_000])
    clock.advance(930_000)
    expect(clock.now).toBe(930_000 - LAG)
  })

  it('of a short mux delay keeps a quarter of it as the distance', () => {
    const clock = new PcrClock(4000, 1)
    clock.advance(10_000)
    expect(clock.now).toBe(10_000 - 3000)
  })

  it('begins with the first unit, and counts those that are below it', () => {
    const clock = new PcrClock(63_000, 2)
    clock.onUnit(0, 500_000)
    expect(clock.now).toBe(500_000 - LAG)
    clock.onPcrWritten(450_000)
    clock.onUnit(1, 450_000)
    expect(clock.lateUnits).toBe(0)
    clock.onUnit(1, 449_999)
    expect(clock.lateUnits).toBe(1)
  })

  it('is pulled up by an early unit, but not past the last DTS of another track', () => {
    const clock = new PcrClock(63_000, 2)
    clock.advance(100_000)
    clock.onUnit(0, 120_000)
    expect(clock.now).toBe(120_000 - LAG)
    clock.onUnit(1, 110_000)
    clock.onUnit(0, 300_000)
    expect(clock.now).toBe(110_000)
    clock.onUnit(1, 290_000)
    expect(clock.now).toBe(290_000 - LAG)
  })

  it.each([
    [0, 0],
    [1 / 300, 1],
    [90_000.5, 27_000_150],
    [WRAP_33 + 1, 300],
    [-1, WRAP_33 * 300 - 300],
  ])('at %d ticks is %i on the wire', (pcr, wire) => {
    expect(wirePcr(pcr)).toBe(wire)
  })
})
