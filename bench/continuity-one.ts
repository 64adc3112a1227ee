import { readFileSync } from 'node:fs'
import { play, type Story } from '../test/helpers/adversity.ts'
import { BusRig } from '../test/helpers/bus-rig.ts'
const story = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Story
const run = BusRig.prototype.run
let rig: BusRig | undefined
BusRig.prototype.run = function (ms) {
  rig = this
  return run.call(this, ms)
}
console.log(play(story))
for (const c of rig!.cuts)
  console.log(
    'cut',
    c.from,
    c.to,
    c.cause,
    'wall',
    c.wallMs,
    'at',
    (c.at - 900000) / 90,
    'gap',
    c.gap,
    'added',
    c.addedDelayMs,
  )
console.log(rig!.refusals, rig!.now)
for (const s of rig!.sources.values())
  console.log(
    s.id,
    s.buffer.heldMs,
    s.buffer.stretches.map((x) => [
      x.closed,
      x.hasVideo,
      x.newestDts,
      x.videoStart(),
      x.cleanEnd,
      x.videoEnd,
      x.entryIndices().length,
      x.frameTicks,
    ]),
  )
const at = Number(process.argv[3] ?? 0)
for (const u of rig!.emitted.filter((u) => Math.abs(u.wall - at) < Number(process.argv[4] ?? 200)))
  console.log(u.kind, u.tag, u.frame, (u.pts - 900000) / 90, (u.dts - 900000) / 90, u.entry, u.wall)
