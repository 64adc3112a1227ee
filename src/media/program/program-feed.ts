import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OutputId, SourceId } from '../../contract/ids.ts'
import type { Bus as BusName, ViewerLimits } from '../../contract/spec.ts'
import { millis, type Ticks90k } from '../../contract/time.ts'
import type { Clock } from '../../lib/clock.ts'
import { HttpTs, httpLimits } from '../viewers/http-ts.ts'
import type { ProgramFrames } from '../outputs/interface/program-frames.ts'
import { PlayOut } from './play-out.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import { Ring } from '../ring/ring.ts'
import type { Bus } from '../switch/bus.ts'
import type { BusReport, ExecutedCut } from '../switch/bus-parts.ts'
import type { SilentAudio, SlateLoop } from '../switch/slate-loop.ts'
import type { SourceLookup } from '../switch/switch-source.ts'

const MAX_RING_BYTES = 96 * 1024 * 1024
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
  /** Program time at the start. */
  readonly start?: Ticks90k
  readonly stallMs: number
  readonly viewers: ViewerLimits
  readonly clock: Clock
  readonly sources: SourceLookup
  readonly report: BusReport
  readonly labelOf: (source: SourceId) => string
}

/** A bus with what comes out of it: one mux, one ring, its viewers. */
export class ProgramFeed {
  readonly ring: Ring
  readonly viewers: HttpTs
  readonly frames: ProgramFrames
  readonly #playOut: PlayOut
  readonly #labelOf: ProgramFeedOptions['labelOf']
  #bytes = 0

  constructor(options: ProgramFeedOptions) {
    const { viewers, clock } = options
    this.#labelOf = options.labelOf
    this.#playOut = new PlayOut({ ...options, now: clock.now() })
    const keptMs = viewers.lagMs + viewers.joinMs + RING_MARGIN_MS
    this.ring = new Ring({
      maxBytes: MAX_RING_BYTES,
      minDuration: millis(keptMs),
      pids: this.#playOut.pids,
    })
    this.viewers = new HttpTs({
      id: options.name as string as OutputId,
      path: options.path,
      program: this.ring,
      clock,
      limits: httpLimits(viewers),
    })
    this.frames = framesOf(options, this.#playOut)
  }

  /** For those who take the program frame by frame. */
  cut(executed: ExecutedCut): void {
    const { to, at, cause } = executed
    this.#playOut.frameSinks.cut({ to, at, cause, label: this.#labelOf(to) })
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

function framesOf(
  { format, labelOf }: ProgramFeedOptions,
  { bus, frameSinks }: PlayOut,
): ProgramFrames {
  const tracks = {
    video: format.video?.format,
    audio: format.audio?.format,
    languages: format.languages,
  }
  return {
    tracks,
    get onAir() {
      return { id: bus.onAir, label: labelOf(bus.onAir) }
    },
    get time() {
      return bus.programTime
    },
    attach: (sink, onFault) => frameSinks.attach(sink, onFault),
  }
}
