import { isVideoCodec, type Codec } from '../../../contract/format.ts'
import { TICKS_PER_MS, TICKS_PER_SECOND, millis, ticks } from '../../../contract/time.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { FrameSink, ProgramFrames } from '../interface/program-frames.ts'
import { Mp4InitSegments } from './mp4-init-segments.ts'
import { fragmentOf, type FrameGroup, type VideoFrame } from './mp4-fragment.ts'
import type { RecordingChunk, RecordingInput, PlaceInFile } from './recording-chunk.ts'
import type { TakeMarks } from './take-marks.ts'

/** Longest fragment: with the next check of the queue, a crash costs a second. */
const MAX_FRAGMENT_TICKS = 0.75 * TICKS_PER_SECOND
/** Limit of what a slow disk leaves in memory. */
const MAX_QUEUE_BYTES = 48 * 1024 * 1024

/** Reason why MP4 cannot carry the program, with the setting that helps; undefined when it can. */
export const mp4Refusal = (codecs: readonly (Codec | undefined)[]): string | undefined => {
  const codec = codecs.find(
    (each) => each === 'mpeg2video' || each === 'aac_latm' || each === 'mp1',
  )
  if (codec === undefined) return undefined
  const kind = isVideoCodec(codec) ? 'video (H.264 or HEVC)' : 'audio (AAC, MP2, MP3 or AC-3)'
  return `MP4 cannot carry ${codec}: record with format=ts, or set the channel's format to other ${kind}`
}

/**
 * The program in fragments of about a second, collected frame by frame during play-out, and assembled when the disk is
 * ready. A group that starts with a random access point may start a file.
 */
export class Mp4RecordingInput implements RecordingInput {
  readonly #frames: ProgramFrames
  readonly #marks: TakeMarks
  readonly #split: 'continuous' | 'take'
  readonly #initSegments: Mp4InitSegments
  readonly #queue: FrameGroup[] = []
  readonly #maxQueueBytes: number
  readonly #detach: () => void
  #queuedBytes = 0
  #group: FrameGroup | undefined
  /** `waiting`: for a random access point, at the start and after a drop. */
  #state: 'waiting' | 'taking' | 'finished' = 'waiting'
  /** The next start of a file is not continuous with what was written. */
  #isBroken = false
  #skips = 0

  constructor(options: {
    readonly frames: ProgramFrames
    readonly marks: TakeMarks
    readonly split: 'continuous' | 'take'
    readonly onFault: (error: unknown) => void
    readonly queueMax?: number
  }) {
    this.#frames = options.frames
    this.#marks = options.marks
    this.#split = options.split
    this.#initSegments = new Mp4InitSegments(options.frames.tracks)
    this.#maxQueueBytes = options.queueMax ?? MAX_QUEUE_BYTES
    this.#detach = options.frames.attach(this.#createSink(), options.onFault)
  }

  next(): RecordingChunk | undefined {
    const group = this.#queue.shift()
    if (group === undefined) return undefined
    this.#queuedBytes -= group.bytes
    this.#initSegments.addGroup(group)
    const { tracks } = this.#frames
    const { splitPoint } = group
    const start = { time: group.time, origin: ticks(originOf(group)) }
    const head = splitPoint === undefined ? undefined : this.#initSegments.initSegmentFor(group)
    const inHead = this.#initSegments.audioTracks
    const piece = {
      ...start,
      bytesFor: (place: PlaceInFile) => fragmentOf(group, place, { tracks, inHead }),
    }
    if (splitPoint === undefined || head?.bytes === undefined)
      return { ...piece, splitPoint: undefined }
    const begins = head.change === 'new' ? 'must' : splitPoint.begins
    return { ...piece, splitPoint: { ...splitPoint, begins, initSegment: head.bytes } }
  }

  get lag(): Millis {
    const oldest = this.#queue[0]
    if (oldest === undefined) return millis(0)
    return millis(Math.max(0, (this.#frames.time - oldest.time) / TICKS_PER_MS))
  }

  get skips(): number {
    return this.#skips
  }

  get ended(): boolean {
    return this.#state === 'finished' && this.#queue.length === 0
  }

  finish(): void {
    if (this.#state === 'finished') return
    this.#detach()
    this.#closeGroup(undefined)
    this.#state = 'finished'
  }

  #createSink(): FrameSink {
    const isAudioOnly = this.#frames.tracks.video === undefined
    return {
      video: (unit, times) => this.#addVideo(unit, times),
      audio: (track, unit, pts) => {
        if (isAudioOnly && track === 0) this.#splitAtAudio(unit, pts)
        this.#group?.audioFrames[track]?.push({ unit, pts })
        if (this.#group !== undefined) this.#countBytes(unit)
      },
    }
  }

  #addVideo(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void {
    const isRap = unit.rap !== 'none'
    const first = this.#group?.videoFrames[0]
    if (first !== undefined && (isRap || times.dts - first.dts >= MAX_FRAGMENT_TICKS)) {
      this.#closeGroup(times.dts)
    }
    if (this.#state === 'waiting' && !(isRap && this.#queuedBytes <= this.#maxQueueBytes / 2))
      return
    if (this.#group === undefined) this.#startGroup(isRap ? times.pts : undefined)
    const frame: VideoFrame = { unit, ...times }
    this.#group?.videoFrames.push(frame)
    this.#countBytes(unit)
  }

  /** Without video every frame is a random access point. */
  #splitAtAudio(unit: AccessUnit, pts: Ticks90k): void {
    const first = this.#group?.audioFrames[0]?.[0]
    if (first !== undefined && pts - first.pts >= MAX_FRAGMENT_TICKS) this.#closeGroup(pts)
    if (this.#state === 'waiting' && this.#queuedBytes > this.#maxQueueBytes / 2) return
    if (this.#group === undefined) this.#startGroup(pts)
  }

  #startGroup(rapPts: Ticks90k | undefined): void {
    const audioFrames = this.#frames.tracks.languages.map(() => [])
    const group: FrameGroup = {
      time: this.#frames.time,
      splitPoint: rapPts === undefined ? undefined : this.#splitPointAt(rapPts),
      videoFrames: [],
      audioFrames,
      bytes: 0,
      end: undefined,
    }
    this.#group = group
    this.#state = 'taking'
  }

  #splitPointAt(at: Ticks90k): NonNullable<FrameGroup['splitPoint']> {
    const { onAir, cut } = this.#marks.takeAt(at)
    const isTake = cut === 'take' && this.#split === 'take'
    const begins = isTake || this.#isBroken ? 'must' : 'may'
    const follows = this.#isBroken ? 'after_a_hole' : 'directly'
    this.#isBroken = false
    return { at, onAir, begins, follows }
  }

  #countBytes(unit: AccessUnit): void {
    const open = this.#group!
    open.bytes += unit.data.length
    this.#queuedBytes += unit.data.length
    if (this.#queuedBytes <= this.#maxQueueBytes) return
    this.#queuedBytes -= open.bytes
    this.#group = undefined
    this.#state = 'waiting'
    this.#isBroken = true
    this.#skips++
  }

  #closeGroup(end: Ticks90k | undefined): void {
    const open = this.#group
    this.#group = undefined
    if (open === undefined) return
    open.end = end
    this.#queue.push(open)
  }
}

/** Earliest time of the group. */
const originOf = ({ videoFrames, audioFrames, time }: FrameGroup): number => {
  const starts = [videoFrames[0]?.dts, ...audioFrames.map((frames) => frames[0]?.pts)]
  const known = starts.filter((start) => start !== undefined)
  return known.length === 0 ? time : Math.floor(Math.min(...known))
}
