import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { millis } from '../../contract/time.ts'
import { Ticker } from './ticker.ts'

/** A process that was stopped: its timers fire late. */
class SlippingClock extends FakeClock {
  slipMs = 0

  override now(): ReturnType<FakeClock['now']> {
    return millis(super.now() + this.slipMs)
  }
}

interface Rig<Kind extends FakeClock> {
  readonly clock: Kind
  readonly ticker: Ticker
  readonly calls: string[]
  /** Registers a channel that records its calls. */
  readonly start: (channel: string, on?: { tick?: () => void; check?: () => void }) => () => void
}

const rig = <Kind extends FakeClock = FakeClock>(given?: Kind): Rig<Kind> => {
  const clock = given ?? (new FakeClock(1_000) as Kind)
  const ticker = new Ticker(clock)
  const calls: string[] = []
  const start: Rig<Kind>['start'] = (channel, on = {}) =>
    ticker.register({
      channel,
      tick: (now) => {
        calls.push(`${channel} tick ${now}`)
        on.tick?.()
      },
      check: (now) => {
        calls.push(`${channel} check ${now}`)
        on.check?.()
      },
      onFault: (error, now) =>
        calls.push(`${channel} fault ${now} ${error instanceof Error ? error.message : ''}`),
    })
  return { clock, ticker, calls, start }
}

test('every channel plays out each 5 ms, all of them before any is checked each 100 ms', () => {
  const { clock, calls, start } = rig()
  start('a')
  start('b')
  clock.advance(10)
  expect(calls).toEqual(['a tick 1005', 'b tick 1005', 'a tick 1010', 'b tick 1010'])
  clock.advance(85)
  calls.length = 0
  clock.advance(5)
  expect(calls).toEqual(['a tick 1100', 'b tick 1100', 'a check 1100', 'b check 1100'])
  clock.advance(900)
  expect(calls.filter((call) => call.startsWith('a tick'))).toHaveLength(181)
  expect(calls.filter((call) => call.startsWith('b check'))).toHaveLength(10)
})

test('channels share one timer, and the last that leaves stops it', () => {
  const { clock, calls, start } = rig()
  const stopA = start('a')
  const stopB = start('b')
  expect(clock.pendingTimers).toBe(1)
  stopA()
  stopA()
  expect(clock.pendingTimers).toBe(1)
  stopB()
  expect(clock.pendingTimers).toBe(0)
  clock.advance(1_000)
  expect(calls).toEqual([])
  start('c')
  clock.advance(5)
  expect(calls).toEqual(['c tick 2005'])
})

test('a channel that is removed while another ticks is not called again, in this round neither', () => {
  const { clock, calls, start } = rig()
  let stopB = (): void => {}
  start('a', { tick: () => stopB() })
  stopB = start('b')
  start('c')
  clock.advance(100)
  expect(calls.filter((call) => call.startsWith('b'))).toEqual([])
  expect(calls.filter((call) => call.startsWith('c'))).toHaveLength(21)
})

test('a channel that removes itself while it ticks is not checked any more', () => {
  const { clock, ticker, calls, start } = rig()
  let turns = 0
  const stop = start('a', { tick: () => (++turns === 20 ? stop() : undefined) })
  clock.advance(1_000)
  expect(calls).toHaveLength(20)
  expect(ticker.timings()).toEqual([])
  expect(clock.pendingTimers).toBe(0)
})

test('a channel added while others tick starts with the next round', () => {
  const { clock, calls, start } = rig()
  let hasStarted = false
  start('a', {
    tick: () => {
      if (!hasStarted) start('b')
      hasStarted = true
    },
  })
  clock.advance(10)
  expect(calls).toEqual(['a tick 1005', 'a tick 1010', 'b tick 1010'])
})

test('one that throws gets the report, is counted, and stops no other', () => {
  const { clock, ticker, calls, start } = rig()
  const fail = (): void => {
    throw new Error('broken')
  }
  start('a', { tick: fail, check: fail })
  start('b')
  clock.advance(100)
  expect(calls.filter((call) => call.startsWith('b'))).toHaveLength(21)
  expect(calls.filter((call) => call === 'a fault 1100 broken')).toHaveLength(2)
  expect(ticker.timings().map(({ channel, faults }) => [channel, faults])).toEqual([
    ['a', 21],
    ['b', 0],
  ])
})

test('a channel whose report of a fault throws stops no other either', () => {
  const { clock, ticker, calls, start } = rig()
  const fail = (): never => {
    throw new Error('broken')
  }
  ticker.register({ channel: 'worse', tick: fail, check: fail, onFault: fail })
  start('b')
  clock.advance(5)
  expect(calls).toEqual(['b tick 1005'])
})

test('a slow channel is measured, and makes those behind it late', () => {
  const { clock, ticker, start } = rig()
  start('slow', { tick: () => clock.advance(3) })
  start('next')
  clock.advance(5)
  const [slow, next] = ticker.timings()
  expect(slow).toMatchObject({ lateness: { mean: 0, max: 0 }, tick: { mean: 3, max: 3 } })
  expect(next).toMatchObject({ lateness: { mean: 3, max: 3 }, tick: { mean: 0, max: 0 } })
})

test('after the host stood still there is one late tick and one check, and the next check at its time', () => {
  const { clock, ticker, calls, start } = rig(new SlippingClock(1_000))
  start('a')
  clock.slipMs = 250
  clock.advance(5)
  expect(calls).toEqual(['a tick 1255', 'a check 1255'])
  expect(ticker.timings()[0]?.lateness).toEqual({ mean: 250, max: 250 })
  clock.advance(45)
  expect(calls.at(-1)).toBe('a check 1300')
  expect(ticker.timings()[0]?.lateness).toEqual({ mean: 25, max: 250 })
})

test('durations older than a minute are in no figure', () => {
  const { clock, ticker, start } = rig()
  let cost = 7
  start('a', { tick: () => clock.advance(cost) })
  clock.advance(5)
  cost = 0
  expect(ticker.timings()[0]?.tick.max).toBe(7)
  clock.advance(29_000)
  expect(ticker.timings()[0]?.tick.max).toBe(7)
  clock.advance(61_000)
  expect(ticker.timings()[0]?.tick).toEqual({ mean: 0, max: 0 })
})
