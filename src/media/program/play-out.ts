import type { SourceId } from '../../contract/ids.ts'
import { millis, ticks, ticksOfMs, type Ticks90k } from '../../contract/time.ts'
import { RateMeter } from '../../lib/rate-meter.ts'
import { TsMuxer, type MuxedBatch, type MuxTrack } from '../../mpegts/muxer.ts'
import { PID_PAT, PID_SDT } from '../../mpegts/packet.ts'
import type { ProgramFrames } from '../outputs/interface/program-frames.ts'
import { Ring } from '../ring/ring.ts'
import { FrameSinks } from './frame-sinks.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import { Bus } from '../switch/bus.ts'
import type { BusOptions } from '../switch/bus-parts.ts'

const MAX_RING_BYTES = 96 * 1024 * 1024
/** Program time held by the ring beyond the readers' lag limit. */
const RING_MARGIN_MS = 2_000
const PMT_PID = 0x1000
const VIDEO_PID = 0x100
const AUDIO_PID = 0x110
/** Lead of the DTS over the PCR: room for pictures that a splice sends late, and for a player's buffer. */
const MUX_DELAY_MS = 400
/** The program starts here rather than at 0, so that PCR and early DTS stay positive. */
const START_TICKS = ticks(10 * 90_000)
/** Distance of random access points in a program without video. */
const AUDIO_RAP_INTERVAL_TICKS = 45_000

export interface PlayOutOptions extends Omit<
  BusOptions,
  'start' | 'hasVideo' | 'audioTracks' | 'sink'
> {
  readonly format: ProgramFormat
  readonly serviceName: string
  /** Program time at the start. */
  readonly start?: Ticks90k
  /** Program time held by the ring: at least the readers' lag limit. */
  readonly keepMs: number
  /** Display name of a source. */
  readonly labelOf: (source: SourceId) => string
}

/** One bus with its mux and its ring: the program as one transport stream, and frame by frame. */
export class PlayOut {
  readonly bus: Bus
  readonly ring: Ring
  /** For outputs that package the program themselves. */
  readonly frames: ProgramFrames
  readonly #sinks = new FrameSinks()
  readonly #mux: TsMuxer
  readonly #hasVideo: boolean
  #lastAudioRap = Number.NEGATIVE_INFINITY
  readonly #rate: RateMeter

  constructor(options: PlayOutOptions) {
    const { format, serviceName, keepMs, labelOf, ...bus } = options
    const tracks = muxTracks(format)
    this.#hasVideo = format.video !== undefined
    this.#rate = new RateMeter(options.now)
    this.ring = new Ring({
      maxBytes: MAX_RING_BYTES,
      minDuration: millis(keepMs + RING_MARGIN_MS),
      // The PIDs of the tables too: a reader that skips gets the discontinuity indicator on each.
      pids: [PID_PAT, PID_SDT, PMT_PID, ...tracks.map((track) => track.pid)],
    })
    this.#mux = new TsMuxer({
      tracks,
      pmtPid: PMT_PID,
      serviceName,
      provider: 'Sluice',
      muxDelay: ticksOfMs(MUX_DELAY_MS),
    })
    this.bus = new Bus({
      ...bus,
      start: options.start ?? START_TICKS,
      hasVideo: this.#hasVideo,
      audioTracks: format.audio === undefined ? 0 : format.languages.length,
      sink: {
        advance: (clock) => {
          this.#sinks.advance(clock)
          this.#mux.advance(clock)
        },
        video: (unit, times) => {
          this.#sinks.video(unit, times)
          this.#mux.write({ track: 0, ...times, rap: unit.rap !== 'none', data: unit.data })
        },
        audio: (track, unit, pts) => {
          this.#sinks.audio(track, unit, pts)
          this.#writeAudio(track, unit.data, pts)
        },
        hole: () => {
          this.#sinks.hole()
          this.#mux.markDiscontinuity()
        },
      },
      report: {
        ...bus.report,
        cut: (cut) => {
          const { to, at, cause } = cut
          this.#sinks.cut({ to, at, cause, label: labelOf(to) })
          bus.report.cut(cut)
        },
      },
    })
    this.frames = framesOf(format, labelOf, this.bus, this.#sinks)
  }

  /** Of the transport stream, bits per second. */
  bitrate(now: number): number {
    return this.#rate.bitrate(now)
  }

  /** Units too late for the PCR: a fault of the timeline. */
  get lateUnits(): number {
    return this.#mux.lateUnits
  }

  /** Plays out what is due, and appends it to the ring. `now`: monotonic milliseconds. */
  tick(now: number): MuxedBatch {
    this.bus.tick(now)
    const batch = this.#mux.takeBatch()
    this.#rate.addBytes(batch.bytes.length, now)
    if (batch.bytes.length > 0) {
      this.ring.append(batch.bytes, this.bus.programTime, batch.randomAccess)
    }
    return batch
  }

  #writeAudio(track: number, data: Uint8Array, pts: number): void {
    const rap =
      !this.#hasVideo && track === 0 && pts >= this.#lastAudioRap + AUDIO_RAP_INTERVAL_TICKS
    if (rap) this.#lastAudioRap = pts
    const index = track + (this.#hasVideo ? 1 : 0)
    this.#mux.write({ track: index, pts: ticks(pts), dts: ticks(pts), rap, data })
  }
}

function framesOf(
  { video, audio, languages }: ProgramFormat,
  labelOf: PlayOutOptions['labelOf'],
  bus: Bus,
  sinks: FrameSinks,
): ProgramFrames {
  return {
    tracks: { video: video?.format, audio: audio?.format, languages },
    get onAir() {
      return { id: bus.onAir, label: labelOf(bus.onAir) }
    },
    get time() {
      return bus.programTime
    },
    attach: (sink, onFault) => sinks.attach(sink, onFault),
  }
}

function muxTracks(format: ProgramFormat): MuxTrack[] {
  const video =
    format.video === undefined ? [] : [{ pid: VIDEO_PID, codec: format.video.format.codec }]
  const { audio } = format
  if (audio === undefined) return video
  const audioTracks = format.languages.map((language, track) => ({
    pid: AUDIO_PID + track,
    codec: audio.format.codec,
    ...(language === '' ? {} : { language }),
  }))
  return [...video, ...audioTracks]
}
