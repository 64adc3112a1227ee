/** The short form of bench/continuity.ts: every kind of splice, with real coded media in accelerated time, before every judge. */
import { describe, expect, it } from 'vitest'
import {
  failures,
  outcomeFaults,
  restarts,
  seamlessTwins,
  takesBetween,
  tenTakesASecond,
  wraps,
} from '../helpers/continuity-scenarios.ts'
import { loopMaterial } from '../helpers/looped-stream.ts'
import { skipNote, missingTool } from '../helpers/oracles.ts'
import { ProgramRig, rigSlate } from '../helpers/program-rig.ts'
import { FAMILIES } from '../helpers/rig-families.ts'
import { RigSource } from '../helpers/rig-source.ts'

const missing = missingTool('ffmpeg', 'ffprobe', 'tsreport')

describe.skipIf(missing !== undefined)(
  `a program of real coded media is continuous${skipNote(missing)}`,
  () => {
    for (const family of FAMILIES) {
      it(`over takes by cutover and graceful: ${family.name}`, async () => {
        expect(outcomeFaults(await takesBetween(family, 'cutover', 12))).toEqual([])
        expect(outcomeFaults(await takesBetween(family, 'graceful', 8))).toEqual([])
      })
      it(`over kills, stalls, encoder restarts and 33-bit wraps: ${family.name}`, async () => {
        expect(outcomeFaults(await failures(family, 6))).toEqual([])
        expect(outcomeFaults(await restarts(family, 4))).toEqual([])
        expect(outcomeFaults(await wraps(family, 4))).toEqual([])
      })
    }

    it('over seamless takes between byte-identical twins, on one timeline', async () => {
      expect(outcomeFaults(await seamlessTwins('identical', 30))).toEqual([])
    })

    it('over seamless takes between aligned twins, on one timeline', async () => {
      expect(outcomeFaults(await seamlessTwins('aligned', 20))).toEqual([])
    })

    it('which the judges would not say of sound that is moved by more than half a frame', async () => {
      const family = FAMILIES[0]!
      const material = await loopMaterial(family.a)
      const slate = await rigSlate(family.a)
      const moved = new RigSource({ id: 's0', material, lipSync: 1_500 })
      const rig = new ProgramRig({ sources: [moved], material, slate })
      rig.setWanted('s0')
      rig.run(6_000)
      rig.finish()
      expect(rig.lipSync.result().worstFrames).toBeGreaterThan(0.5)
      expect(rig.lipSync.result().compared).toBeGreaterThan(100)
      rig.remove()
    })

    it('over ten takes a second', async () => {
      expect(outcomeFaults(await tenTakesASecond(8))).toEqual([])
    })
  },
)
