/** A source of a ProgramRig: a real encode, through a real mux and demuxer, arriving by a fake wall clock. */
import type { Codec } from '../../src/contract/format.ts'
import { sourceId, type SourceId } from '../../src/contract/ids.ts'
import { ticks, ticksOfMs } from '../../src/contract/time.ts'
import { SourceBuffer } from '../../src/media/buffer/source-buffer.ts'
import type { SwitchSource } from '../../src/media/switch/switch-source.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'
import { TsMuxer } from '../../src/mpegts/muxer.ts'
import { loopedUnits, type LoopMaterial } from './looped-stream.ts'

const VIDEO_PID = 0x100
const AUDIO_PID = 0x101

export interface RigSourceOptions {
  readonly id: string
  readonly material: LoopMaterial
  readonly latencyMs?: number
  /** PTS of the first picture. */
  readonly start?: number
  readonly audioLead?: number
  /** Wall time at which the first unit arrives. */
  readonly from?: number
  readonly jitterMs?: number
  /** Units arrive in groups of this many milliseconds. */
  readonly burstMs?: number
  /** Clock error, parts per million. */
  readonly ppm?: number
  readonly live?: boolean
  /** A finite source ends after this many milliseconds of media. */
  readonly lengthMs?: number
  /** Offset of the audio against the video, ticks. */
  readonly lipSync?: number
  /** 'like_its_twin': its frames count as those of the source that sends the same bytes. */
  readonly known?: 'by_itself' | 'like_its_twin'
}

/** Callback for each delivered unit. */
export type OnDelivered = (source: SourceId, unit: AccessUnit) => void

export class RigSource implements SwitchSource {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  readonly lipSync: number
  readonly isReady = true
  readonly #options: RigSourceOptions
  #delivered: OnDelivered = () => {}
  #units: Generator<AccessUnit>
  #next: AccessUnit | undefined
  #mux: TsMuxer
  #demuxer: TsDemuxer
  #origin: number
  #from: number
  #arrivedAt = 0
  #state: 'running' | 'lost' | 'late' | 'silent' = 'running'
  #seed = 7
  #now = 0

  constructor(options: RigSourceOptions) {
    this.#options = options
    this.id = sourceId(options.id)
    this.lipSync = options.lipSync ?? 0
    this.buffer = new SourceBuffer({
      live: options.live ?? true,
      recoveryPoints: false,
      latencyMs: options.latencyMs ?? 800,
      delayMs: 0,
      arrives: (options.burstMs ?? 0) > 0 ? 'by_segment' : 'steadily',
    })
    const { video, audio } = options.material
    this.buffer.setLayout({ hasVideo: video.length > 0, hasAudio: [audio.length > 0] })
    this.#from = options.from ?? 0
    this.#units = this.#play(options.start ?? 900_000)
    this.#next = this.#units.next().value
    this.#origin = this.#next?.dts ?? 0
    this.#mux = this.#newMux()
    this.#demuxer = this.#newDemuxer()
  }

  watch(delivered: OnDelivered): void {
    this.#delivered = delivered
  }

  /** Delivers the units that have arrived by `now`. */
  arrive(now: number): void {
    this.#now = now
    if (this.#state === 'late') return
    const live = this.#options.live ?? true
    while (this.#next !== undefined && (live ? this.#due(this.#next) <= now : !this.buffer.full)) {
      if (this.#state === 'running') this.#send(this.#next)
      this.#next = this.#units.next().value
      if (!live) this.#flushWire()
      if (this.#isOver()) this.end()
    }
    this.#flushWire()
  }

  /** Stops delivery. 'lost': units due meanwhile are lost; 'late': they arrive in a burst on `resume`. */
  stall(how: 'lost' | 'late'): void {
    this.#state = how
  }

  resume(): void {
    this.#state = 'running'
  }

  /** Ends: a clean end of stream, or a process that was killed. */
  end(): void {
    this.#next = undefined
    this.#flushWire()
    this.buffer.breakTimeline()
  }

  /** Restarts at time `start`: noticed by its reader (a new connection), or only in the time stamps. */
  restart(how: {
    readonly start: number
    readonly afterMs: number
    readonly seen: 'reader' | 'in_stream'
  }): void {
    this.#state = 'running'
    this.#from = this.#now + how.afterMs
    this.#units = this.#play(how.start)
    this.#next = this.#units.next().value
    this.#origin = this.#next?.dts ?? 0
    this.#arrivedAt = 0
    this.#mux = this.#newMux()
    if (how.seen === 'in_stream') return
    this.buffer.breakTimeline()
    this.#demuxer = this.#newDemuxer()
  }

  #play(start: number): Generator<AccessUnit> {
    return loopedUnits(this.#options.material, { start, audioLead: this.#options.audioLead ?? 0 })
  }

  #isOver(): boolean {
    const { lengthMs } = this.#options
    return (
      lengthMs !== undefined &&
      this.#next !== undefined &&
      this.#next.dts - this.#origin > lengthMs * 90
    )
  }

  #due(unit: AccessUnit): number {
    const { ppm = 0, burstMs = 0, jitterMs = 0 } = this.#options
    const media = ((unit.dts - this.#origin) / 90) * (1 + ppm / 1e6)
    const sent = burstMs > 0 ? Math.ceil((media + 1) / burstMs) * burstMs : media
    this.#seed = (this.#seed * 16_807) % 2_147_483_647
    const jitter = (this.#seed / 2_147_483_647) * jitterMs
    // A wire keeps the order.
    this.#arrivedAt = Math.max(this.#arrivedAt, this.#from + sent + jitter)
    return this.#arrivedAt
  }

  #send(unit: AccessUnit): void {
    this.#mux.advance(unit.dts)
    const track = unit.kind === 'video' || this.#options.material.video.length === 0 ? 0 : 1
    this.#mux.write({
      track,
      pts: unit.pts,
      dts: unit.dts,
      rap: unit.rap !== 'none',
      data: unit.data,
    })
  }

  #flushWire(): void {
    const { bytes } = this.#mux.takeBatch()
    if (bytes.length > 0) this.#demuxer.push(bytes)
  }

  #newMux(): TsMuxer {
    const { videoFormat, audioFormat } = this.#options.material
    const codecs: { pid: number; codec: Codec }[] = []
    if (videoFormat !== undefined) codecs.push({ pid: VIDEO_PID, codec: videoFormat.codec })
    if (audioFormat !== undefined) codecs.push({ pid: AUDIO_PID, codec: audioFormat.codec })
    return new TsMuxer({ tracks: codecs, serviceName: this.#options.id, muxDelay: ticksOfMs(700) })
  }

  #newDemuxer(): TsDemuxer {
    return new TsDemuxer({
      program: () => {},
      format: () => {},
      unit: (unit) => {
        if (this.#options.known !== 'like_its_twin') this.#delivered(this.id, unit)
        const placed = { ...unit, pts: ticks(unit.pts), dts: ticks(unit.dts) }
        if (unit.kind === 'video') this.buffer.addVideo(placed, this.#now)
        else this.buffer.addAudio(0, placed, this.#now)
      },
    })
  }
}
