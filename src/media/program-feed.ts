import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OutputId } from '../contract/ids.ts'
import type { Bus as BusName, ViewerLimits } from '../contract/spec.ts'
import { millis, ticks, ticksOfMs } from '../contract/time.ts'
import type { Clock } from '../lib/clock.ts'
import { TsMuxer, type MuxTrack } from '../mpegts/muxer.ts'
import { HttpTs } from './outputs/http-ts.ts'
import type { ProgramFormat } from './program-format.ts'
import { Ring } from './ring/ring.ts'
import { Bus, type BusReport } from './switch/bus.ts'
import type { SilentAudio, SlateLoop } from './switch/slate-loop.ts'
import type { SourceLookup } from './switch/switch-source.ts'

export const PMT_PID = 0x1000
export const VIDEO_PID = 0x100
export const AUDIO_PID = 0x110
/** How far the PCR runs behind the DTS: room for pictures that a splice sends late, and for a player's buffer. */
const MUX_DELAY_MS = 400
/** The program begins here rather than at 0, so that PCR and early DTS stay positive. */
const START_TICKS = 10 * 90_000
/** Distance of random access points where there are no pictures. */
const AUDIO_ENTRY_TICKS = 45_000
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
  readonly bus: Bus
  readonly ring: Ring
  readonly viewers: HttpTs
  readonly #mux: TsMuxer
  readonly #hasVideo: boolean
  #lastAudioEntry = Number.NEGATIVE_INFINITY
  #bytes = 0

  constructor(options: ProgramFeedOptions) {
    const { format, viewers, clock } = options
    this.#hasVideo = format.video !== undefined
    const tracks = muxTracks(format)
    this.#mux = new TsMuxer({
      tracks,
      pmtPid: PMT_PID,
      serviceName: options.serviceName,
      provider: 'Sluice',
      muxDelay: ticksOfMs(MUX_DELAY_MS),
    })
    const lag = viewers.lagMs + viewers.joinMs + RING_MARGIN_MS
    const pids = [0, PMT_PID, ...tracks.map((track) => track.pid)]
    this.ring = new Ring({ maxBytes: RING_BYTES, minDuration: millis(lag), pids })
    this.viewers = new HttpTs({
      id: options.name as string as OutputId,
      path: options.path,
      program: this.ring,
      clock,
      limits: httpLimits(viewers),
    })
    this.bus = new Bus({
      name: options.name,
      now: clock.now(),
      start: ticks(START_TICKS),
      hasVideo: this.#hasVideo,
      audioTracks: format.audio === undefined ? 0 : format.languages.length,
      slate: options.slate,
      silence: options.silence,
      latencyMs: options.latencyMs,
      stallMs: options.stallMs,
      sources: options.sources,
      report: options.report,
      sink: {
        advance: (clock) => this.#mux.advance(clock),
        video: (unit, { pts, dts }) =>
          this.#mux.write({ track: 0, pts, dts, entry: unit.entry !== 'none', data: unit.data }),
        audio: (track, unit, pts) => this.#writeAudio(track, unit.data, pts),
        hole: () => this.#mux.markDiscontinuity(),
      },
    })
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Plays out what is due, and gives it to the readers. */
  tick(now: number): void {
    this.bus.tick(now)
    const { bytes, randomAccess } = this.#mux.take()
    if (bytes.length === 0) return
    this.#bytes += bytes.length
    this.ring.append(bytes, this.bus.figures.programTime, randomAccess)
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.viewers.accept(request, response)
  }

  #writeAudio(track: number, data: Uint8Array, pts: number): void {
    const entry = !this.#hasVideo && track === 0 && pts >= this.#lastAudioEntry + AUDIO_ENTRY_TICKS
    if (entry) this.#lastAudioEntry = pts
    const index = track + (this.#hasVideo ? 1 : 0)
    this.#mux.write({ track: index, pts: ticks(pts), dts: ticks(pts), entry, data })
  }
}

export const httpLimits = (viewers: ViewerLimits) => ({
  maxViewers: viewers.maxViewers,
  joinAge: millis(viewers.joinMs),
  lag: millis(viewers.lagMs),
  grace: millis(viewers.graceMs),
})

function muxTracks(format: ProgramFormat): MuxTrack[] {
  const video =
    format.video === undefined ? [] : [{ pid: VIDEO_PID, codec: format.video.format.codec }]
  const { audio } = format
  if (audio === undefined) return video
  const sound = format.languages.map((language, track) => ({
    pid: AUDIO_PID + track,
    codec: audio.format.codec,
    ...(language === '' ? {} : { language }),
  }))
  return [...video, ...sound]
}
