import { expect, test } from 'vitest'
import { FakeClock } from '../../test/helpers/fake-clock.ts'
import { pause, realClock, untilAborted } from './clock.ts'

test('the fake clock fires in order of due time, repeats, and drops cancelled timers', () => {
  const clock = new FakeClock(1_000)
  const fired: string[] = []
  clock.after(30, () => fired.push('once'))
  const every = clock.every(20, () => fired.push(`every at ${clock.now()}`))
  clock.after(10, () => fired.push('cancelled')).cancel()
  clock.advance(45)
  expect(fired).toEqual(['every at 1020', 'once', 'every at 1040'])
  every.cancel()
  expect(clock.pendingTimers).toBe(0)
})

test('a pause ends with its time or with the signal, and leaves no timer', async () => {
  const clock = new FakeClock()
  const abort = new AbortController()
  const timed = pause(clock, 10, abort.signal)
  const aborted = pause(clock, 1_000, abort.signal)
  clock.advance(10)
  await timed
  abort.abort()
  await aborted
  expect(clock.pendingTimers).toBe(0)
})

test('an abort is awaited, and an earlier one resolves at once', async () => {
  const abort = new AbortController()
  const ended = untilAborted(abort.signal)
  abort.abort()
  await ended
  await untilAborted(abort.signal)
})

test('the real clock keeps its grid', async () => {
  const from = realClock.now()
  const at: number[] = []
  await new Promise<void>((resolve) => {
    const timer = realClock.every(20, () => {
      at.push(realClock.now() - from)
      if (at.length < 5) return
      timer.cancel()
      resolve()
    })
  })
  // Never early; on a busy machine ticks may be late or skipped, but each is after its place on the grid.
  at.forEach((ms, tick) => expect(ms).toBeGreaterThan((tick + 1) * 20 - 2))
})
