/** The short form of bench/continuity.ts: every kind of splice, with real coded media in accelerated time, before every judge. */
import { describe, expect, it } from 'vitest'
import {
  failures,
  objections,
  restarts,
  seamlessTwins,
  takesBetween,
  tenTakesASecond,
  wraps,
} from '../helpers/continuity-scenarios.ts'
import { missingTool } from '../helpers/oracles.ts'
import { FAMILIES } from '../helpers/rig-families.ts'

const missing = missingTool('ffmpeg', 'tsreport')

describe.skipIf(missing !== undefined)('a program of real coded media is continuous', () => {
  for (const family of FAMILIES) {
    it(`over takes by cutover and graceful: ${family.name}`, async () => {
      expect(objections(await takesBetween(family, 'cutover', 12))).toEqual([])
      expect(objections(await takesBetween(family, 'graceful', 8))).toEqual([])
    })
    it(`over kills, stalls, encoder restarts and 33-bit wraps: ${family.name}`, async () => {
      expect(objections(await failures(family, 6))).toEqual([])
      expect(objections(await restarts(family, 4))).toEqual([])
      expect(objections(await wraps(family, 4))).toEqual([])
    })
  }

  it('over seamless takes between byte-identical twins, on one timeline', async () => {
    expect(objections(await seamlessTwins('identical', 30))).toEqual([])
  })

  it('over seamless takes between aligned twins, on one timeline', async () => {
    expect(objections(await seamlessTwins('aligned', 20))).toEqual([])
  })

  it('over ten takes a second', async () => {
    expect(objections(await tenTakesASecond(8))).toEqual([])
  })
})
