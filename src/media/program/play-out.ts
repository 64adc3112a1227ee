import { ticks, ticksOfMs, type Ticks90k } from '../../contract/time.ts'
import { TsMuxer, type MuxedBatch, type MuxTrack } from '../../mpegts/muxer.ts'
import { PID_PAT, PID_SDT } from '../../mpegts/packet.ts'
import { FrameSinks } from './frame-sinks.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import { Bus } from '../switch/bus.ts'
import type { BusOptions } from '../switch/bus-parts.ts'

const PMT_PID = 0x1000
const VIDEO_PID = 0x100
const AUDIO_PID = 0x110
/** How far the PCR runs behind the DTS: room for pictures that a splice sends late, and for a player's buffer. */
const MUX_DELAY_MS = 400
/** The program begins here rather than at 0, so that PCR and early DTS stay positive. */
const START_TICKS = ticks(10 * 90_000)
/** Distance of random access points where there are no pictures. */
const AUDIO_RAP_INTERVAL_TICKS = 45_000

export interface PlayOutOptions extends Omit<
  BusOptions,
  'start' | 'hasVideo' | 'audioTracks' | 'sink'
> {
  readonly format: ProgramFormat
  readonly serviceName: string
  readonly start?: Ticks90k
}

/** A bus and its mux: the program as one transport stream, whoever reads it. */
export class PlayOut {
  readonly bus: Bus
  /** The program's PIDs, those of its tables included: a reader that skips gets the discontinuity indicator on each. */
  readonly pids: readonly number[]
  /** Who else takes the frames: outputs that package them themselves. */
  readonly frameSinks = new FrameSinks()
  readonly #mux: TsMuxer
  readonly #hasVideo: boolean
  #lastAudioRap = Number.NEGATIVE_INFINITY

  constructor(options: PlayOutOptions) {
    const { format, serviceName, ...bus } = options
    const tracks = muxTracks(format)
    this.#hasVideo = format.video !== undefined
    this.pids = [PID_PAT, PID_SDT, PMT_PID, ...tracks.map((track) => track.pid)]
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
          this.frameSinks.advance(clock)
          this.#mux.advance(clock)
        },
        video: (unit, times) => {
          this.frameSinks.video(unit, times)
          this.#mux.write({ track: 0, ...times, rap: unit.rap !== 'none', data: unit.data })
        },
        audio: (track, unit, pts) => {
          this.frameSinks.audio(track, unit, pts)
          this.#writeAudio(track, unit.data, pts)
        },
        hole: () => {
          this.frameSinks.hole()
          this.#mux.markDiscontinuity()
        },
      },
    })
  }

  /** Units that came too late for the PCR: a fault of the timeline. */
  get lateUnits(): number {
    return this.#mux.lateUnits
  }

  /** Plays out what is due. */
  tick(now: number): MuxedBatch {
    this.bus.tick(now)
    return this.#mux.take()
  }

  #writeAudio(track: number, data: Uint8Array, pts: number): void {
    const rap =
      !this.#hasVideo && track === 0 && pts >= this.#lastAudioRap + AUDIO_RAP_INTERVAL_TICKS
    if (rap) this.#lastAudioRap = pts
    const index = track + (this.#hasVideo ? 1 : 0)
    this.#mux.write({ track: index, pts: ticks(pts), dts: ticks(pts), rap, data })
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
