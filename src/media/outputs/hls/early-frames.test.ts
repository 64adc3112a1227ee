import { expect, it } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import { EarlyFrames } from './early-frames.ts'

const written = () => {
  const log: number[] = []
  return { log, sink: { advance: (clock: number) => void log.push(clock) } }
}

it('frames that came early are given in order, and once', () => {
  const early = new EarlyFrames()
  for (const at of [1, 2, 3]) early.advance(ticks(at))
  const { log, sink } = written()
  early.pour(sink)
  early.pour(sink)
  expect(log).toEqual([1, 2, 3])
})

it('what waits too long is forgotten from its beginning', () => {
  const early = new EarlyFrames()
  for (let at = 1; at <= 2_001; at++) early.advance(ticks(at))
  const { log, sink } = written()
  early.pour(sink)
  expect(log).toEqual([2_001])
})
