import { expect, it } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import { EarlyFrames } from './early-frames.ts'

const written = () => {
  const log: string[] = []
  const sink = {
    advance: (clock: number) => void log.push(`clock ${clock}`),
    audio: (_track: number, _unit: AccessUnit, pts: number) => void log.push(`sound ${pts}`),
    hole: () => void log.push('hole'),
  }
  return { log, sink }
}

const addAudio = (early: EarlyFrames, pts: number): void =>
  early.audio(0, {} as AccessUnit, ticks(pts))

it('frames that came early are given in order, and once; the clock as it is by now', () => {
  const early = new EarlyFrames()
  for (const at of [1, 2, 3]) {
    early.advance(ticks(at))
    addAudio(early, 10 * at)
  }
  early.hole()
  const { log, sink } = written()
  early.replay(sink)
  early.replay(sink)
  expect(log).toEqual(['clock 3', 'sound 10', 'sound 20', 'sound 30', 'hole'])
})

it('what waits too long is forgotten from its beginning', () => {
  const early = new EarlyFrames()
  for (let at = 1; at <= 2_001; at++) addAudio(early, at)
  const { log, sink } = written()
  early.replay(sink)
  expect(log).toEqual(['sound 2001'])
})
