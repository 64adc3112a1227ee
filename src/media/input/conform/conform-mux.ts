import { ticksOfMs, ticks } from '../../../contract/time.ts'
import type { AccessUnit, Pid } from '../../../mpegts/access-unit.ts'
import { TsMuxer } from '../../../mpegts/muxer.ts'
import type { ConformPlan } from './conform-plan.ts'

/** Away from the tables' PIDs, whatever the source uses. */
const FIRST_PID: Pid = 0x100
/** Tracks may be this far apart; nobody waits for the clock here, so it costs nothing. */
const MUX_DELAY_TICKS = ticksOfMs(1_000)
const PSI_INTERVAL_TICKS = ticksOfMs(500)

/** The tracks to transcode as a transport stream of their own, for a transcoder's stdin. */
export class ConformMux {
  readonly #muxer: TsMuxer
  readonly #trackOf = new Map<Pid, number>()
  readonly #out: (bytes: Uint8Array) => void
  #time = Number.NEGATIVE_INFINITY

  constructor(plan: ConformPlan, out: (bytes: Uint8Array) => void) {
    this.#out = out
    const sources = [...(plan.video === undefined ? [] : [plan.video]), ...plan.audio]
    sources.forEach(({ pid }, track) => this.#trackOf.set(pid, track))
    this.#muxer = new TsMuxer({
      tracks: sources.map(({ format }, track) => ({ pid: FIRST_PID + track, codec: format.codec })),
      serviceName: 'conform',
      muxDelay: MUX_DELAY_TICKS,
      psiInterval: PSI_INTERVAL_TICKS,
    })
  }

  write(unit: AccessUnit): void {
    const track = this.#trackOf.get(unit.pid)
    if (track === undefined) return
    this.#time = Math.max(this.#time, unit.dts)
    this.#muxer.advance(ticks(this.#time))
    this.#muxer.write({
      track,
      pts: unit.pts,
      dts: unit.dts,
      rap: unit.rap !== 'none',
      data: unit.data,
    })
    this.#out(this.#muxer.takeBatch().bytes)
  }
}
