import { isVideoCodec, type AudioFormat, type VideoFormat } from '../../src/contract/format.ts'
import { PROGRAM, sourceId } from '../../src/contract/ids.ts'
import { ticks } from '../../src/contract/time.ts'
import { PlayOut } from '../../src/media/program/play-out.ts'
import { formatOfSource } from '../../src/media/format/program-format.ts'
import { SlateLoop } from '../../src/media/switch/slate-loop.ts'
import { SourceBuffer } from '../../src/media/buffer/source-buffer.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'

const LATENCY_MS = 800
const TICK_MS = 40
const TRIM_MS = 100
const ID = sourceId('a')

/**
 * A source on the air as the channel plays it, with the wall clock driven by the units: they arrive at their DTS, and
 * play-out ticks once a picture. When the sample restarts, its timeline jumps and is spliced.
 */
export class Switched {
  readonly demuxer: TsDemuxer
  readonly #buffer = new SourceBuffer({
    live: true,
    recoveryPoints: false,
    latencyMs: LATENCY_MS,
    delayMs: 0,
    arrives: 'steadily',
  })
  readonly #formats = new Map<number, VideoFormat | AudioFormat>()
  readonly #group: AccessUnit[] = []
  #playOut: PlayOut | undefined
  #video = -1
  #wall = 0
  #newest = Number.NaN
  #ticked = 0
  #trimmed = 0
  cuts = 0
  written = 0

  constructor() {
    this.demuxer = new TsDemuxer({
      program: ({ tracks }) => {
        this.#video = tracks.find(({ kind }) => kind === 'video')?.pid ?? -1
        this.#buffer.setLayout({ hasVideo: true, hasAudio: [true] })
      },
      format: (pid, format) => this.#formats.set(pid, format),
      unit: (unit) => this.#unit(unit),
    })
  }

  push(chunk: Uint8Array): void {
    this.demuxer.push(chunk)
  }

  #unit(unit: AccessUnit): void {
    if (unit.pid === this.#video) {
      this.#advance(unit)
      this.#buffer.addVideo(unit, this.#wall)
    } else this.#buffer.addAudio(0, unit, this.#wall)
  }

  #advance(unit: AccessUnit): void {
    const step = (unit.dts - this.#newest) / 90
    this.#newest = unit.dts
    this.#wall += step > 0 && step < 1_000 ? step : 40
    this.#playOut ??= this.#open(unit)
    if (this.#playOut === undefined) return
    for (; this.#ticked + TICK_MS <= this.#wall; this.#ticked += TICK_MS) {
      this.written += this.#playOut.tick(this.#ticked).bytes.length
    }
    if (this.#wall - this.#trimmed < TRIM_MS) return
    this.#trimmed = this.#wall
    this.#buffer.trim(this.#wall)
  }

  /** The slate is the sample's first GOP: it is not measured. */
  #open(unit: AccessUnit): PlayOut | undefined {
    if (this.#group.length === 0 || unit.rap === 'none') {
      this.#group.push(unit)
      return undefined
    }
    const first = Math.min(...this.#group.map(({ pts }) => pts))
    const frame = 3_600
    const video = this.#group.map((at) => ({
      ...at,
      pts: ticks(at.pts - first),
      dts: ticks(at.dts - first),
    }))
    const formats = [...this.#formats.values()]
    const picture = formats.find((format): format is VideoFormat => isVideoCodec(format.codec))
    const sound = formats.find((format): format is AudioFormat => !isVideoCodec(format.codec))
    if (picture === undefined || sound === undefined) throw new Error('the sample lacks a track')
    const audio = [{ format: sound, language: '' }]
    const playOut = new PlayOut({
      name: PROGRAM,
      serviceName: 'bench',
      format: formatOfSource({ video: picture, frameTicks: frame, audio }, undefined),
      slate: new SlateLoop({
        video,
        videoTicks: frame * video.length,
        silence: undefined,
        audioTracks: 1,
      }),
      silence: undefined,
      latencyMs: LATENCY_MS,
      stallMs: 2_000,
      keepMs: 0,
      labelOf: (id) => id,
      now: this.#wall,
      sources: {
        get: (id) =>
          id === ID ? { id: ID, buffer: this.#buffer, lipSync: 0, isReady: true } : undefined,
      },
      report: {
        cut: () => void this.cuts++,
        executed: () => {},
        refused: () => {},
        displaced: () => {},
      },
    })
    playOut.bus.setStandingOrder({ wanted: ID, substitutes: [] })
    this.#buffer.addReader((stretch) => playOut.bus.positionIn(stretch))
    this.#ticked = this.#wall
    return playOut
  }
}
