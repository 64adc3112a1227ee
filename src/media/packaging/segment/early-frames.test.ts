import { expect, it } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import { EarlyFrames } from './early-frames.ts'

const written = () => {
  const log: string[] = []
  const sink = {
    advance: (clock: number) => void log.push(`clock ${clock}`),
    audio: (_track: number, _unit: AccessUnit, pts: number) => void log.push(`audio ${pts}`),
    hole: () => void log.push('hole'),
  }
  return { log, sink }
}

const addAudio = (early: EarlyFrames, pts: number): void =>
  early.audio(0, {} as AccessUnit, ticks(pts))

it('early frames are replayed in order, once, after the newest clock', () => {
  const early = new EarlyFrames()
  for (const at of [1, 2, 3]) {
    early.advance(ticks(at))
    addAudio(early, 10 * at)
  }
  early.hole()
  const { log, sink } = written()
  early.replay(sink)
  early.replay(sink)
  expect(log).toEqual(['clock 3', 'audio 10', 'audio 20', 'audio 30', 'hole'])
})

it('early frames beyond the limit are all dropped', () => {
  const early = new EarlyFrames()
  for (let at = 1; at <= 2_001; at++) addAudio(early, at)
  const { log, sink } = written()
  early.replay(sink)
  expect(log).toEqual(['audio 2001'])
})
