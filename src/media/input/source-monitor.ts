import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Codec } from '../../contract/format.ts'
import type { MemoryKind } from '../../contract/host-status.ts'
import type { OutputId, SourceId } from '../../contract/ids.ts'
import { shortPathOf } from '../../contract/paths.ts'
import type { ViewerStatus } from '../../contract/status.ts'
import type { ViewerLimits } from '../../contract/spec.ts'
import { millis, ticks, ticksOfMs } from '../../contract/time.ts'
import type { Account } from '../../lib/account.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import { TsMuxer } from '../../mpegts/muxer.ts'
import { HttpTs, httpLimits } from '../viewers/http-ts.ts'
import type { ViewerLog } from '../viewers/viewer-log.ts'
import { Ring } from '../ring/ring.ts'

const FIRST_PID = 0x100
const MUX_DELAY_MS = 500
const MAX_RING_BYTES = 32 * 1024 * 1024
const JUMP_TICKS = 90_000
const FRAME_TICKS = 3_600
const AUDIO_RAP_INTERVAL_TICKS = 45_000

export interface MonitorOptions {
  readonly limits: ViewerLimits
  readonly clock: Clock
  readonly log: ViewerLog
  readonly memory: Account<MemoryKind>
}

/** A source as it arrives, for viewers before it goes on air. Costs nothing while there are none. */
export class SourceMonitor {
  readonly #viewers: HttpTs
  readonly #ring: Ring
  readonly #name: string
  readonly #memory: Account<MemoryKind>
  readonly #trackIndices = new Map<Pid, number>()
  #mux: TsMuxer | undefined
  #hasVideo = false
  #shift = 0
  #lastDts = Number.NaN
  #lastAudioRap = Number.NEGATIVE_INFINITY

  constructor(id: SourceId, options: MonitorOptions) {
    this.#name = id
    this.#memory = options.memory
    const keep = millis(options.limits.lagMs + options.limits.joinMs)
    const pids = Array.from({ length: 32 }, (_, index) => FIRST_PID + index)
    this.#ring = new Ring({
      maxBytes: MAX_RING_BYTES,
      minDuration: keep,
      pids: [0, 0x1000, ...pids],
    })
    this.#viewers = new HttpTs({
      id: id as string as OutputId,
      path: shortPathOf({ kind: 'source', source: id }),
      program: this.#ring,
      clock: options.clock,
      limits: httpLimits(options.limits),
      log: options.log,
    })
  }

  viewers(): readonly ViewerStatus[] {
    return this.#viewers.viewers()
  }

  /** Returns false if there is no such viewer. */
  disconnect(path: string, id: number): boolean {
    return this.#viewers.disconnect(path, id)
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#viewers.accept(request, response)
  }

  async run(signal: AbortSignal): Promise<void> {
    const release = this.#memory.addHolder('ring', () => this.#ring.bytes)
    await this.#viewers.run(signal)
    release()
  }

  /** The tracks changed: a new mux on the same ring. */
  program(program: ElementaryProgram): void {
    const tracks = program.tracks.filter((track) => track.codec !== undefined)
    this.#trackIndices.clear()
    tracks.forEach((track, index) => this.#trackIndices.set(track.pid, index))
    this.#hasVideo = tracks.some((track) => track.kind === 'video')
    this.#lastDts = Number.NaN
    if (tracks.length === 0) {
      this.#mux = undefined
      return
    }
    this.#mux = new TsMuxer({
      tracks: tracks.map((track, index) => ({
        pid: FIRST_PID + index,
        codec: track.codec as Codec,
        ...(track.language === undefined ? {} : { language: track.language }),
      })),
      serviceName: this.#name,
      muxDelay: ticksOfMs(MUX_DELAY_MS),
    })
    this.#mux.markDiscontinuity()
  }

  unit(unit: AccessUnit): void {
    const track = this.#trackIndices.get(unit.pid)
    if (this.#mux === undefined || track === undefined || this.#isIdle()) return
    this.#updateShift(unit, this.#mux)
    const pts = ticks(unit.pts + this.#shift)
    const dts = ticks(unit.dts + this.#shift)
    const rap = unit.rap !== 'none' || this.#isAudioRap(unit, pts)
    this.#mux.advance(dts)
    this.#mux.write({ track, pts, dts, rap, data: unit.data })
    const { bytes, randomAccess } = this.#mux.takeBatch()
    this.#ring.append(bytes, dts, randomAccess)
  }

  #isIdle(): boolean {
    return this.#viewers.viewers().length === 0
  }

  /** Players get one timeline over all jumps of the source. */
  #updateShift(unit: AccessUnit, mux: TsMuxer): void {
    const step = unit.dts + this.#shift - this.#lastDts
    if (Number.isNaN(this.#lastDts)) this.#shift = JUMP_TICKS * 10 - unit.dts
    else if (Math.abs(step) > JUMP_TICKS) {
      this.#shift += FRAME_TICKS - step
      mux.markDiscontinuity()
    }
    const now = unit.dts + this.#shift
    this.#lastDts = Number.isNaN(this.#lastDts) ? now : Math.max(this.#lastDts, now)
  }

  #isAudioRap(unit: AccessUnit, pts: number): boolean {
    if (
      this.#hasVideo ||
      unit.kind !== 'audio' ||
      pts < this.#lastAudioRap + AUDIO_RAP_INTERVAL_TICKS
    )
      return false
    this.#lastAudioRap = pts
    return true
  }
}
