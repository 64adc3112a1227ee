/** A source of a ChannelRig: an encoder behind a reader, whose units arrive by the fake clock. */
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import type { Measured } from '../../src/contract/status.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { ReaderEnd, SourceReader, SourceSink } from '../../src/media/sources/source-reader.ts'
import type { AccessUnit, Pid } from '../../src/mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../src/mpegts/demuxer.ts'
import { syntheticUnits } from './synthetic-units.ts'

export const RIG_VIDEO: VideoFormat = {
  codec: 'h264',
  profile: 'high',
  chroma: '4:2:0',
  depth: 8,
  width: 1280,
  height: 720,
  frameRate: { num: 25, den: 1 },
  scan: 'progressive',
}
export const RIG_AUDIO: AudioFormat = {
  codec: 'aac',
  profile: 'lc',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1024,
}

const VIDEO_PID: Pid = 0x100
const AUDIO_PID: Pid = 0x101
const FRAMES_PER_SECOND = 25
const DELIVERY_MS = 20
/** A whole number of pictures and of audio frames: 8 s. */
const CHUNK_PICTURES = 200
const CHUNK_TICKS = 720_000
/** From one timeline of a camera to its next. */
const PTS_PER_TIMELINE = 9_000_000

export interface CameraOptions {
  /** False: a file, paced by `room()`. */
  readonly live: boolean
  /** Milliseconds from the start of the reader to its first unit; infinite: none ever comes. */
  readonly startsAfterMs: number
  readonly video: VideoFormat
  readonly audio: AudioFormat
  /** Pictures from one random access point to the next. */
  readonly gop: number
  readonly pictureBytes: number
  /** PTS of its first picture. */
  readonly startPts: number
  /** `video`: the audio that it announces never comes. */
  readonly sends: 'all' | 'video'
  /** A file ends after this much media. */
  readonly lengthMs: number
}

const DEFAULTS: CameraOptions = {
  live: true,
  startsAfterMs: 0,
  video: RIG_VIDEO,
  audio: RIG_AUDIO,
  gop: 25,
  pictureBytes: 500,
  startPts: 900_000,
  sends: 'all',
  lengthMs: Number.POSITIVE_INFINITY,
}

/** One timeline of an encoder. */
interface Media {
  readonly units: Generator<AccessUnit>
  next: AccessUnit | undefined
  readonly startedAt: number
  /** DTS of its first unit. */
  readonly origin: number
}

/** One process that reads the camera. */
interface Run {
  readonly sink: SourceSink
  media: Media
  announced: 'not_yet' | 'done'
  state: 'sends' | 'hangs' | 'waits'
  end: (how: ReaderEnd) => void
}

export class RigCamera {
  readonly id: string
  readonly options: CameraOptions
  /** As the reader reports them. */
  continuityErrors: Measured = 0
  /** Readers opened so far. */
  opened = 0
  /** Each further attempt fails with this. */
  refusal: string | undefined
  /** `lost`: what is due meanwhile never comes; `late`: it comes in one burst. */
  #network: 'up' | 'lost' | 'late' = 'up'
  #bytes = 0
  #packets = 0
  #timelines = 0
  readonly #clock: Clock
  readonly #runs = new Set<Run>()

  constructor(id: string, clock: Clock, options: Partial<CameraOptions> = {}) {
    this.id = id
    this.options = { ...DEFAULTS, ...options }
    this.#clock = clock
  }

  /** Readers at work. */
  get running(): number {
    return this.#runs.size
  }

  openReader(): SourceReader {
    const { live } = this.options
    this.opened++
    return {
      kind: 'rig',
      live,
      silencePolicy: 'fault',
      figures: () => ({
        bytes: this.#bytes,
        packets: this.#packets,
        continuityErrors: this.continuityErrors,
        lostPackets: 0,
      }),
      run: (sink, signal) => this.#run(sink, signal),
    }
  }

  /** Its process dies; another one starts with other times. */
  kill(reason = 'killed'): void {
    this.#endAll({ kind: 'failed', reason, permanent: false })
  }

  /** Its process dies, and so does every further one until `mend`. */
  breakDown(reason = 'connection refused'): void {
    this.refusal = reason
    this.kill(reason)
  }

  mend(): void {
    this.refusal = undefined
  }

  /** Its process lives and sends nothing; the next one sends. */
  hang(): void {
    for (const run of this.#runs) run.state = 'hangs'
  }

  /** Its process goes on; what was due meanwhile comes at once. */
  unhang(): void {
    for (const run of this.#runs) run.state = 'sends'
  }

  /** Nothing arrives from any process, until `resume`. */
  fallSilent(how: 'lost' | 'late' = 'lost'): void {
    this.#network = how
  }

  resume(): void {
    this.#network = 'up'
  }

  /** The encoder behind it begins again with other times, in the same connection. */
  restartEncoder(afterMs: number): void {
    for (const run of this.#runs) run.media = this.#media(afterMs)
  }

  #endAll(how: ReaderEnd): void {
    for (const run of [...this.#runs]) run.end(how)
  }

  async #run(sink: SourceSink, signal: AbortSignal): Promise<ReaderEnd> {
    if (this.refusal !== undefined)
      return { kind: 'failed', reason: this.refusal, permanent: false }
    const run: Run = {
      sink,
      media: this.#media(this.options.startsAfterMs),
      announced: 'not_yet',
      state: 'sends',
      end: () => {},
    }
    this.#runs.add(run)
    const timer = this.#clock.every(DELIVERY_MS, () => this.#deliver(run))
    const abort = (): void => run.end({ kind: 'aborted' })
    try {
      return await new Promise<ReaderEnd>((resolve) => {
        run.end = resolve
        signal.addEventListener('abort', abort, { once: true })
        if (signal.aborted) abort()
      })
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', abort)
      this.#runs.delete(run)
    }
  }

  #deliver(run: Run): void {
    if (run.state !== 'sends' || this.#network === 'late') return
    const now = this.#clock.now()
    for (const { media } = run; media.next !== undefined && this.#isDue(media, media.next, now);) {
      if (!this.options.live && this.#isHeldBack(run)) return
      if (this.#network === 'up') this.#send(run, media.next)
      media.next = media.units.next().value as AccessUnit | undefined
    }
    if (run.media.next === undefined) run.end({ kind: 'ended', reason: 'end of file' })
  }

  #isHeldBack(run: Run): boolean {
    const room = run.sink.room()
    if (room === undefined) return false
    run.state = 'waits'
    void room.then(() => {
      run.state = 'sends'
    })
    return true
  }

  #isDue({ startedAt, origin }: Media, unit: AccessUnit, now: number): boolean {
    if (now < startedAt) return false
    return !this.options.live || startedAt + (unit.dts - origin) / 90 <= now
  }

  #send(run: Run, unit: AccessUnit): void {
    const { video, audio, sends } = this.options
    if (run.announced === 'not_yet') {
      run.sink.program(programOf(video, audio))
      run.sink.format(VIDEO_PID, video)
      if (sends === 'all') run.sink.format(AUDIO_PID, audio)
    }
    run.announced = 'done'
    if (sends !== 'all' && unit.kind !== sends) return
    this.#bytes += unit.data.length
    this.#packets += Math.ceil(unit.data.length / 184)
    run.sink.unit(unit)
  }

  #media(afterMs: number): Media {
    const units = this.#units(this.options.startPts + this.#timelines++ * PTS_PER_TIMELINE)
    const next = units.next().value as AccessUnit
    return { units, next, startedAt: this.#clock.now() + afterMs, origin: next.dts }
  }

  *#units(start: number): Generator<AccessUnit> {
    const { gop, pictureBytes, lengthMs } = this.options
    const end = start + lengthMs * 90
    for (let chunk = 0; ; chunk++) {
      const units = syntheticUnits({
        tag: this.id,
        fps: FRAMES_PER_SECOND,
        gop,
        pictureBytes,
        start: start + chunk * CHUNK_TICKS,
        count: CHUNK_PICTURES,
        firstFrame: chunk * CHUNK_PICTURES,
        videoPid: VIDEO_PID,
        audioPid: AUDIO_PID,
      })
      for (const unit of units) {
        if (unit.dts >= end) return
        yield unit
      }
    }
  }
}

const programOf = (video: VideoFormat, audio: AudioFormat): ElementaryProgram => ({
  number: 1,
  pmtPid: 0x1000,
  pcrPid: VIDEO_PID,
  version: 0,
  tracks: [
    { pid: VIDEO_PID, kind: 'video', codec: video.codec, streamType: 0x1b, descriptors: NONE },
    { pid: AUDIO_PID, kind: 'audio', codec: audio.codec, streamType: 0x0f, descriptors: NONE },
  ],
})

const NONE = new Uint8Array()
