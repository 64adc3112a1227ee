import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OutputId } from '../contract/ids.ts'
import type { Bus as BusName, ViewerLimits } from '../contract/spec.ts'
import { millis } from '../contract/time.ts'
import type { Clock } from '../lib/clock.ts'
import { HttpTs } from './outputs/http-ts.ts'
import { PlayOut } from './play-out.ts'
import type { ProgramFormat } from './program-format.ts'
import { Ring } from './ring/ring.ts'
import type { Bus } from './switch/bus.ts'
import type { BusReport } from './switch/bus-parts.ts'
import type { SilentAudio, SlateLoop } from './switch/slate-loop.ts'
import type { SourceLookup } from './switch/switch-source.ts'

const RING_BYTES = 96 * 1024 * 1024
/** What is kept on top of the readers' lag limit. */
const RING_MARGIN_MS = 2_000

export interface ProgramFeedOptions {
  readonly name: BusName
  readonly path: string
  readonly serviceName: string
  readonly format: ProgramFormat
  readonly slate: SlateLoop
  readonly silence: SilentAudio | undefined
  readonly latencyMs: number
  readonly stallMs: number
  readonly viewers: ViewerLimits
  readonly clock: Clock
  readonly sources: SourceLookup
  readonly report: BusReport
}

/** A bus with what comes out of it: one mux, one ring, its viewers. */
export class ProgramFeed {
  readonly ring: Ring
  readonly viewers: HttpTs
  readonly #playOut: PlayOut
  #bytes = 0

  constructor(options: ProgramFeedOptions) {
    const { viewers, clock } = options
    this.#playOut = new PlayOut({ ...options, now: clock.now() })
    const lag = viewers.lagMs + viewers.joinMs + RING_MARGIN_MS
    this.ring = new Ring({
      maxBytes: RING_BYTES,
      minDuration: millis(lag),
      pids: this.#playOut.pids,
    })
    this.viewers = new HttpTs({
      id: options.name as string as OutputId,
      path: options.path,
      program: this.ring,
      clock,
      limits: httpLimits(viewers),
    })
  }

  get bus(): Bus {
    return this.#playOut.bus
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Plays out what is due, and gives it to the readers. */
  tick(now: number): void {
    const { bytes, randomAccess } = this.#playOut.tick(now)
    if (bytes.length === 0) return
    this.#bytes += bytes.length
    this.ring.append(bytes, this.bus.programTime, randomAccess)
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.viewers.accept(request, response)
  }
}

export const httpLimits = (viewers: ViewerLimits) => ({
  maxViewers: viewers.maxViewers,
  joinAge: millis(viewers.joinMs),
  lag: millis(viewers.lagMs),
  grace: millis(viewers.graceMs),
})
