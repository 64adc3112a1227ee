/** Takes and failures for an accelerated hour: size of heap and buffers after a collection. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loopMaterial } from '../../test/helpers/looped-stream.ts'
import { ProgramRig, rigSlate } from '../../test/helpers/program-rig.ts'
import { FAMILIES } from '../../test/helpers/rig-families.ts'
import { RigSource } from '../../test/helpers/rig-source.ts'

const POINTS = 6
const BOUND_MB = 12

export const memoryOverAnHour = async (seconds: number): Promise<void> => {
  const family = FAMILIES[0]!
  const [a, b, slate] = await Promise.all([
    loopMaterial(family.a),
    loopMaterial(family.b),
    rigSlate(family.a),
  ])
  const s0 = new RigSource({ id: 's0', material: a, start: 1_000, jitterMs: 60 })
  const s1 = new RigSource({ id: 's1', material: b, start: 9_000_000, jitterMs: 60 })
  const clip = new RigSource({ id: 'clip', material: a, live: false })
  const rig = new ProgramRig({
    sources: [s0, s1, clip],
    material: a,
    slate,
    record: 'none',
    lateTickMs: 30,
  })
  rig.setWanted('s0', 's1')
  const used: number[] = []
  const began = performance.now()
  for (let point = 0; point < POINTS; point++) {
    for (const until = rig.now + (seconds * 1_000) / POINTS; rig.now < until;) step(rig, { s0, s1 })
    used.push(megabytes())
  }
  const growth = used.at(-1)! - used[0]!
  const shown = used.map((mb) => mb.toFixed(1)).join(', ')
  const verdict = growth < BOUND_MB ? 'flat' : 'NOT FLAT'
  const took = ((performance.now() - began) / 1_000).toFixed(1)
  console.log(
    `memory over ${seconds} s of media: ${shown} MB, ${verdict} (bound ${BOUND_MB} MB), ${rig.cuts.length} cuts, ${took} s`,
  )
  if (growth >= BOUND_MB) process.exitCode = 1
}

const step = (
  rig: ProgramRig,
  { s0, s1 }: { readonly s0: RigSource; readonly s1: RigSource },
): void => {
  rig.take('s1', 'cutover')
  rig.run(2_000)
  rig.take('clip', 'cutover')
  rig.run(3_000)
  rig.take('s0', 'graceful')
  rig.run(4_000)
  s0.stall('lost')
  rig.run(2_500)
  s0.resume()
  rig.run(3_000)
  s1.restart({ start: 0, afterMs: 100, seen: 'reader' })
  rig.run(3_500)
}

const megabytes = (): number => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return (heapUsed + external + arrayBuffers) / 1e6
}
