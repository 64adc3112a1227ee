import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { ConformMode } from '../../contract/spec.ts'
import type { SourceStatus } from '../../contract/status.ts'
import type { TargetFormat } from '../../ffmpeg/target-format.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { RapDistanceVerdict } from './rap-distance.ts'
import { describeAudio, describeVideo, type ProgramFormat } from '../format/program-format.ts'
import { planConform, type ConformPlan, type SourceTracks } from './conform/conform-plan.ts'
import type { ConformSink, Conformer, ConformerFigures } from './conform/conformer.ts'

export type ConformState = SourceStatus['conform']

/** Brings units into the program's format. */
export type Transcoder = Pick<Conformer, 'unit' | 'room' | 'restarted' | 'run'> & {
  figures(): Pick<ConformerFigures, 'droppedUnits'>
}

export interface ConformingParts {
  readonly openConformer: (plan: ConformPlan) => Transcoder
  /** The program's format; undefined before it is known. */
  readonly target: () => ProgramFormat | undefined
  readonly out: Required<ConformSink>
  /** Called when the buffer may hold units in another format than the program's: they must be dropped. */
  readonly onReplan: () => void
}

export interface ConformRequest {
  readonly tracks: SourceTracks
  readonly target: ProgramFormat | undefined
  readonly mode: ConformMode
  /** Verdict on the distance of its random access points. */
  readonly rapDistance: RapDistanceVerdict
}

const MAX_HELD_UNITS = 500

/** Makes a source's units fit the program: as they are, through a transcoder, or not at all. */
export class Conforming {
  readonly #parts: ConformingParts
  readonly #running = new Set<Promise<void>>()
  #state: ConformState = 'unknown'
  #reason: string | undefined
  #planned = ''
  #conformer: Transcoder | undefined
  #stop: AbortController | undefined
  /** Units played until the transcoder's first output. */
  #meanwhile: 'nothing' | 'as_is' = 'nothing'
  /** Units that came before the source's format was known, while the program's was. */
  #held: AccessUnit[] = []

  constructor(parts: ConformingParts) {
    this.#parts = parts
  }

  get state(): ConformState {
    return this.#state
  }

  /** Reason why it is transcoded or refused, as text. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** For finite sources: resolves when the transcoder has caught up; undefined while it keeps up. */
  room(): Promise<void> | undefined {
    return this.#conformer?.room()
  }

  /** True when units pass through a transcoder, which delays them. */
  get hasTranscoder(): boolean {
    return this.#conformer !== undefined
  }

  get droppedUnits(): number {
    return this.#conformer?.figures().droppedUnits ?? 0
  }

  /** Decides again; returns true when something changed. */
  replan(request: ConformRequest): boolean {
    const decision = decide(request)
    const key = `${decision.state} ${decision.plan === undefined ? '' : planKeyOf(decision.plan)}`
    this.#reason = decision.reason
    if (key === this.#planned) return false
    const first = this.#state === 'unknown'
    // Its units fit except for the distance of their random access points: they play until the transcoder's first output.
    const plays = this.#state === 'as_is' && request.rapDistance === 'too_far_apart'
    this.#planned = key
    this.#state = decision.state
    this.#stopConformer()
    if (decision.plan !== undefined) this.#startConformer(decision.plan)
    this.#meanwhile = plays && decision.plan !== undefined ? 'as_is' : 'nothing'
    // Units gathered before the first decision stay in the buffer where they fit.
    const stays = this.#meanwhile === 'as_is' || (first && decision.state === 'as_is')
    if (!stays && decision.state !== 'unknown') this.#parts.onReplan()
    if (decision.state !== 'unknown') for (const unit of this.#held.splice(0)) this.unit(unit)
    return true
  }

  /** A unit of a chosen track. */
  unit(unit: AccessUnit): void {
    if (this.#conformer !== undefined) {
      if (this.#meanwhile === 'as_is') this.#parts.out.unit(unit)
      this.#conformer.unit(unit)
    } else if (this.#state === 'unknown' && this.#parts.target() !== undefined) this.#hold(unit)
    else if (this.#state !== 'refused') this.#parts.out.unit(unit)
  }

  restarted(): void {
    this.#held.length = 0
    this.#conformer?.restarted()
  }

  /** Resolves when every transcoder has ended. */
  async close(): Promise<void> {
    this.#stopConformer()
    await Promise.all(this.#running)
  }

  /** The first few units show the format; a source that never does must not fill the memory. */
  #hold(unit: AccessUnit): void {
    this.#held.push(unit)
    if (this.#held.length > MAX_HELD_UNITS) this.#held.shift()
  }

  #startConformer(plan: ConformPlan): void {
    const stop = new AbortController()
    const conformer = this.#parts.openConformer(plan)
    const { out } = this.#parts
    const isCurrent = (): boolean => this.#conformer === conformer
    const run = conformer.run(
      {
        unit: (unit) => {
          if (!isCurrent()) return
          if (this.#meanwhile === 'as_is') out.restarted()
          this.#meanwhile = 'nothing'
          this.#state = 'transcoding'
          out.unit(unit)
        },
        format: (pid, format) => isCurrent() && out.format(pid, format),
        restarted: () => isCurrent() && out.restarted(),
      },
      stop.signal,
    )
    this.#conformer = conformer
    this.#stop = stop
    this.#running.add(run)
    void run.finally(() => this.#running.delete(run))
  }

  #stopConformer(): void {
    this.#stop?.abort()
    this.#stop = undefined
    this.#conformer = undefined
  }
}

interface Decision {
  readonly state: ConformState
  readonly plan?: ConformPlan
  readonly reason?: string
}

function decide(request: ConformRequest): Decision {
  const { tracks, target, mode } = request
  if (target === undefined || (tracks.video === undefined && tracks.audio.length === 0)) {
    return { state: 'unknown' }
  }
  if (mode === 'copy') {
    const reason = codecDifference(tracks, target)
    return reason === undefined ? { state: 'as_is' } : { state: 'refused', reason }
  }
  const unfit = request.rapDistance === 'fit' ? undefined : RAP_FAULTS[request.rapDistance]
  const match = mode === 'transcode' ? 'always' : unfit === undefined ? 'by_format' : 'video'
  const plan = planConform(tracks, targetOf(target), match)
  if (plan === undefined) return { state: 'as_is' }
  const reasons = [unfit, differences(tracks, target, mode)]
  return { state: 'starting', plan, reason: reasons.filter(Boolean).join(': ') }
}

const RAP_FAULTS = {
  no_idr: 'no IDR pictures',
  too_far_apart: 'random access points further apart than a segment may last',
} as const

function targetOf(format: ProgramFormat): TargetFormat {
  return {
    ...(format.video === undefined ? {} : { video: format.video }),
    ...(format.audio === undefined ? {} : { audio: format.audio }),
  }
}

/** Under `copy` only parameters may change; another codec on the same track is refused (DESIGN.md, 3.10). */
function codecDifference(tracks: SourceTracks, target: ProgramFormat): string | undefined {
  const video = tracks.video?.format.codec
  const wantedVideo = target.video?.format.codec
  if (video !== undefined && wantedVideo !== undefined && video !== wantedVideo) {
    return `video is ${video}, the channel's is ${wantedVideo}, and conform is "copy"`
  }
  const wantedAudio = target.audio?.format.codec
  const other = tracks.audio.find(
    (track) => wantedAudio !== undefined && track.format.codec !== wantedAudio,
  )
  return other === undefined
    ? undefined
    : `audio is ${other.format.codec}, the channel's is ${wantedAudio}, and conform is "copy"`
}

function differences(tracks: SourceTracks, target: ProgramFormat, mode: ConformMode): string {
  if (mode === 'transcode') return 'conform is "transcode"'
  const parts: string[] = []
  const video: [VideoFormat | undefined, VideoFormat | undefined] = [
    tracks.video?.format,
    target.video?.format,
  ]
  if (
    video[0] !== undefined &&
    video[1] !== undefined &&
    describeVideo(video[0]) !== describeVideo(video[1])
  ) {
    parts.push(`${describeVideo(video[0])} to ${describeVideo(video[1])}`)
  }
  const audio: [AudioFormat | undefined, AudioFormat | undefined] = [
    tracks.audio[0]?.format,
    target.audio?.format,
  ]
  if (
    audio[0] !== undefined &&
    audio[1] !== undefined &&
    describeAudio(audio[0]) !== describeAudio(audio[1])
  ) {
    parts.push(`${describeAudio(audio[0])} to ${describeAudio(audio[1])}`)
  }
  return parts.join(', ')
}

const planKeyOf = (plan: ConformPlan): string =>
  JSON.stringify(plan, (_key, value: unknown) => (value instanceof Set ? [...value] : value))
