import { FAMILIES } from '../test/helpers/rig-families.ts'
import { loopMaterial } from '../test/helpers/looped-stream.ts'
import { judge, ProgramRig, rigSlate } from '../test/helpers/program-rig.ts'
import { RigSource } from '../test/helpers/rig-source.ts'
import { copyFileSync } from 'node:fs'
for (const [n, family] of FAMILIES.entries()) {
  if (process.argv[3] !== undefined && Number(process.argv[3]) !== n) continue
  const [a, b] = await Promise.all([loopMaterial(family.a), loopMaterial(family.b)])
  const slate = await rigSlate(family.a)
  for (const mode of ['cutover', 'graceful'] as const) {
    const t0 = performance.now()
    const s0 = new RigSource({ id: 's0', material: a, start: 1_000, audioLead: 700, jitterMs: 40 })
    const s1 = new RigSource({ id: 's1', material: b, start: 77_000_123, audioLead: -30_000, from: 137, jitterMs: 90 })
    const rig = new ProgramRig({ sources: [s0, s1], material: a, slate, lateTickMs: 30 })
    rig.want('s0')
    rig.run(3_000)
    const N = Number(process.argv[2] ?? 20)
    for (let i = 0; i < N; i++) {
      rig.take(i % 2 === 0 ? 's1' : 's0', mode)
      rig.run(1_630 + (i % 7) * 40 + (mode === 'graceful' ? 1000 : 0))
    }
    const t1 = performance.now()
    const j = await judge(rig)
    const waits = rig.takes.map((t) => t.waitMs).sort((x, y) => x - y)
    console.log(family.name, mode, rig.takes.length, 'refused', rig.refusals.length, 'sim', Math.round(t1 - t0), 'judge', Math.round(performance.now() - t1), (rig.bytes / 1e6).toFixed(1), 'MB', 'wait p50', waits[waits.length >> 1], 'p99', waits.at(-Math.ceil(waits.length / 100)))
    console.log(JSON.stringify({ ...j, decoder: [j.decoder.length, ...j.decoder.slice(0, 6)], tsreport: [j.tsreport.length, ...j.tsreport.slice(0, 4)] }))
    console.log(JSON.stringify(rig.bus.figures))
    copyFileSync(rig.path, `/tmp/rig-${n}-${mode}.ts`)
    rig.remove()
  }
}
