import { ticks, TICKS_PER_MS, type Ticks90k } from '../../../contract/time.ts'
import type { Clock } from '../../../lib/clock.ts'
import type {
  FrameSink,
  ProgramCut,
  ProgramTracks,
} from '../../outputs/interface/program-frames.ts'
import { ProgramTime } from '../../outputs/interface/program-time.ts'
import { emptyFigures } from './counted-sink.ts'
import { audioConfigKey } from './decoder-config.ts'
import { Grid, type Boundary, type GridFrame } from './grid.ts'
import { LadderInput } from './ladder-input.ts'
import type { PackagingPlan } from './packaging-plan.ts'
import type { SegmentStore } from '../store/segment-store.ts'
import type { VideoFrame, AudioFrame } from './segment-writer.ts'
import { SpliceGate, type SpliceTarget } from './splice-gate.ts'
import { Stream } from './stream.ts'

export interface PackagingSessionOptions {
  readonly plan: PackagingPlan
  readonly store: SegmentStore
  readonly tracks: ProgramTracks
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly serviceName: string
}

/** Wait of the program's own tracks for each other: they come when they are due. */
const MAX_WAIT_TICKS = 90_000
/** Wait of a rung's tracks for each other: an encoder writes them in any order. */
const MAX_RUNG_WAIT_TICKS = 5 * 90_000

/** The program, cut into segments on one grid in one or more streams, from the opening of a store to its end. */
export class PackagingSession implements SpliceTarget {
  readonly plan: PackagingPlan
  readonly store: SegmentStore
  readonly figures = emptyFigures()
  /** The program as it is; `stream_0`. */
  readonly main: Stream
  readonly ladder: LadderInput
  /** Audio only, in transport streams. */
  readonly audioOnly: Stream | undefined
  /** For `ProgramFrames.attach`. */
  readonly sink: FrameSink
  readonly #options: PackagingSessionOptions
  readonly #grid: Grid
  readonly #time = new ProgramTime()
  #splice: 'none' | 'take' | 'new_sound' = 'none'
  #audioKey: number | undefined
  #now = ticks(0)

  constructor(options: PackagingSessionOptions) {
    const { plan, store, tracks, clock } = options
    this.plan = plan
    this.store = store
    this.#options = options
    fillGaps(store)
    this.#grid = new Grid({
      segmentSeconds: plan.segmentSeconds,
      slack: plan.slack,
      first: store.nextNumber,
      begins: store.resumed ? 'after_restart' : 'fresh',
      wallOf: (time) => options.wallTime() + this.#time.dueAt(time) - clock.now(),
    })
    this.main = this.#createStream('stream_0', tracks, 'main')
    const rungs = plan.rungs.map((rung) =>
      this.#createStream(rung.name, rungTracks(rung, tracks), 'other'),
    )
    this.ladder = new LadderInput({
      streams: rungs,
      demandRejoin: () => this.#grid.demandRejoin(),
      maxWaitMs: plan.targetSeconds * 1_000,
    })
    const apart = plan.audioOnly === 'with' && plan.container === 'ts'
    const first = { video: undefined, audio: tracks.audio, languages: tracks.languages.slice(0, 1) }
    this.audioOnly = apart
      ? this.#createStream(`stream_${rungs.length + 1}`, first, 'other')
      : undefined
    this.sink = this.#createSink(tracks)
  }

  /** Program time of the newest boundary. */
  get start(): Ticks90k | undefined {
    return this.#grid.current?.start
  }

  /** Lag of the newest complete segment behind the program, milliseconds. */
  get lagMs(): number {
    const last = this.main.rendition.segments.at(-1)
    return last === undefined
      ? 0
      : Math.max(0, this.#now - last.start - last.duration) / TICKS_PER_MS
  }

  /** Drops late segments of the rungs; to be called at intervals. */
  expire(): void {
    this.ladder.expire(this.#options.clock.now())
  }

  video(frame: VideoFrame): void {
    const { unit, pts, dts } = frame
    const change = unit.rap === 'none' ? 'none' : this.main.updateVideoConfig(unit.data)
    const demand = unit.rap === 'none' ? 'none' : this.#demand(change)
    this.#addToGrid({ pts, dts, rap: gridRapOf(unit.rap), demand })
    this.main.video(frame)
  }

  audio(track: number, frame: AudioFrame): void {
    const { video, audio } = this.#options.tracks
    if (video === undefined && track === 0 && audio !== undefined) {
      const key = audioConfigKey(audio.codec, frame.unit.data)
      if (this.#audioKey !== undefined && this.#audioKey !== key) this.#onAudioChange()
      this.#audioKey = key
      const { pts } = frame
      this.#addToGrid({ pts, dts: pts, rap: 'closed', demand: this.#demand('none') })
    }
    this.main.audio(track, frame)
    this.audioOnly?.audio(track, frame)
  }

  splice({ cause }: ProgramCut, audio: 'same' | 'changed'): void {
    this.#grid.splice()
    if (cause !== 'source_jump' && this.#splice === 'none') this.#splice = 'take'
    if (audio === 'changed') this.#onAudioChange()
  }

  hole(): void {
    this.#grid.hole()
  }

  #onAudioChange(): void {
    this.#splice = 'new_sound'
    this.main.forgetAudioTrack()
  }

  #demand(change: ReturnType<Stream['updateVideoConfig']>): GridFrame['demand'] {
    const splice = this.#splice
    this.#splice = 'none'
    if (change === 'format' || splice === 'new_sound') return 'discontinuity'
    if (splice === 'take' && this.plan.discontinuity === 'every-take') return 'discontinuity'
    return change === 'parameters' && this.plan.container === 'fmp4' ? 'cut' : 'none'
  }

  #addToGrid(frame: GridFrame): void {
    const boundary = this.#grid.addFrame(frame)
    if (boundary !== undefined) this.#planSegment(boundary)
  }

  #planSegment(boundary: Boundary): void {
    const now = this.#options.clock.now()
    this.main.plan(boundary, now)
    this.audioOnly?.plan(boundary, now)
    this.ladder.plan(boundary, now)
  }

  #createStream(name: string, tracks: ProgramTracks, kind: 'main' | 'other'): Stream {
    const { plan, store, serviceName } = this.#options
    const encoded = plan.rungs.some((rung) => rung.name === name)
    const maxWaitTicks = encoded ? MAX_RUNG_WAIT_TICKS : MAX_WAIT_TICKS
    const { figures } = this
    return new Stream({ plan, store, serviceName, figures, tracks, name, kind, maxWaitTicks })
  }

  #createSink({ audio, video, languages }: ProgramTracks): FrameSink {
    const count = audio === undefined || video === undefined ? 0 : languages.length
    const gate = new SpliceGate(this, { audio, count })
    return {
      advance: (clock) => {
        this.#now = clock
        this.#time.addArrival(clock, this.#options.clock.now())
      },
      video: (unit, { pts, dts }) => gate.video({ unit, pts, dts }),
      audio: (track, unit, pts) => gate.audio(track, { unit, pts }),
      cut: (cut) => gate.cut(cut),
      hole: () => gate.hole(),
    }
  }
}

const gridRapOf = (rap: VideoFrame['unit']['rap']): GridFrame['rap'] =>
  rap === 'none' ? 'none' : rap === 'idr' ? 'closed' : 'open'

function rungTracks(
  { audio: rungAudio }: PackagingPlan['rungs'][number],
  tracks: ProgramTracks,
): ProgramTracks {
  const { audio } = tracks
  return {
    // The real profile comes from its own parameter sets.
    video: { ...tracks.video!, codec: 'h264' },
    audio:
      rungAudio === 'none' || audio === undefined
        ? undefined
        : { ...audio, codec: 'aac', profile: 'lc', frameSamples: 1_024 },
    languages: tracks.languages,
  }
}

/** A killed run may have published a number in one rendition and not in another: the others get gaps there. */
function fillGaps(store: SegmentStore): void {
  const all = [...store.renditions.values()]
  for (const rendition of all) {
    const last = rendition.segments.at(-1)
    if (last === undefined) continue
    let before = last
    for (let number = last.number + 1; number < store.nextNumber; number++) {
      const like = all
        .map(({ segments }) => segments.find((segment) => segment.number === number))
        .find((segment) => segment !== undefined)
      const { duration } = like ?? before
      const start = like?.start ?? ticks(before.start + before.duration)
      const wallMs = like?.wallMs ?? before.wallMs + before.duration / TICKS_PER_MS
      rendition.gap({
        number,
        start,
        wallMs,
        duration,
        discontinuity: like?.discontinuity ?? false,
      })
      before = { ...before, number, start, wallMs, duration }
    }
  }
}
