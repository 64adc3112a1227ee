import { isVideoCodec, type Codec } from '../../../contract/format.ts'
import { TICKS_PER_MS, TICKS_PER_SECOND, millis, ticks } from '../../../contract/time.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { FrameSink, ProgramFrames } from '../interface/program-frames.ts'
import { Mp4Heads } from './mp4-heads.ts'
import { fragmentOf, type FrameGroup, type Picture } from './mp4-fragment.ts'
import type { Piece, PieceFeed, PlaceInFile } from './piece.ts'
import type { TakeMarks } from './take-marks.ts'

/** A fragment is at most about this long: with the next look at the queue, a crash costs a second. */
const FRAGMENT_TICKS = 0.75 * TICKS_PER_SECOND
/** What a slow disk may leave to us. */
const QUEUE_MAX = 48 * 1024 * 1024

/** Why MP4 cannot carry the program, with what to do; undefined when it can. */
export const notForMp4 = (codecs: readonly (Codec | undefined)[]): string | undefined => {
  const codec = codecs.find(
    (each) => each === 'mpeg2video' || each === 'aac_latm' || each === 'mp1',
  )
  if (codec === undefined) return undefined
  const kind = isVideoCodec(codec) ? 'video (H.264 or HEVC)' : 'audio (AAC, MP2, MP3 or AC-3)'
  return `MP4 cannot carry ${codec}: record with format=ts, or set the channel's format to other ${kind}`
}

/**
 * The program in fragments of about a second, taken frame by frame while play-out runs, and put together when the disk
 * is ready for them. A group that begins with a random access point may begin a file.
 */
export class Mp4Feed implements PieceFeed {
  readonly #frames: ProgramFrames
  readonly #marks: TakeMarks
  readonly #split: 'continuous' | 'take'
  readonly #heads: Mp4Heads
  readonly #queue: FrameGroup[] = []
  readonly #queueMax: number
  readonly #detach: () => void
  #queuedBytes = 0
  #open: FrameGroup | undefined
  /** `waiting`: for a random access point, at the start and after what was dropped. */
  #state: 'waiting' | 'taking' | 'finished' = 'waiting'
  /** The next file-beginning is not continuous with what was written. */
  #broken = false
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
    this.#heads = new Mp4Heads(options.frames.tracks)
    this.#queueMax = options.queueMax ?? QUEUE_MAX
    this.#detach = options.frames.attach(this.#sink(), options.onFault)
  }

  next(): Piece | undefined {
    const group = this.#queue.shift()
    if (group === undefined) return undefined
    this.#queuedBytes -= group.bytes
    this.#heads.see(group)
    const { tracks } = this.#frames
    const { entry } = group
    const start = { time: group.time, origin: ticks(originOf(group)) }
    const head = entry === undefined ? undefined : this.#heads.headFor(group)
    const inHead = this.#heads.audioTracks
    const piece = {
      ...start,
      bytesFor: (place: PlaceInFile) => fragmentOf(group, place, { tracks, inHead }),
    }
    if (entry === undefined || head?.bytes === undefined) return { ...piece, entry: undefined }
    const begins = head.change === 'new' ? 'must' : entry.begins
    return { ...piece, entry: { ...entry, begins, head: head.bytes } }
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
    this.#complete(undefined)
    this.#state = 'finished'
  }

  #sink(): FrameSink {
    const isAudioOnly = this.#frames.tracks.video === undefined
    return {
      video: (unit, times) => this.#video(unit, times),
      audio: (track, unit, pts) => {
        if (isAudioOnly && track === 0) this.#leadingSound(unit, pts)
        this.#open?.sound[track]?.push({ unit, pts })
        if (this.#open !== undefined) this.#count(unit)
      },
    }
  }

  #video(unit: AccessUnit, times: { readonly pts: Ticks90k; readonly dts: Ticks90k }): void {
    const isEntry = unit.entry !== 'none'
    const first = this.#open?.pictures[0]
    if (first !== undefined && (isEntry || times.dts - first.dts >= FRAGMENT_TICKS)) {
      this.#complete(times.dts)
    }
    if (this.#state === 'waiting' && !(isEntry && this.#queuedBytes <= this.#queueMax / 2)) return
    if (this.#open === undefined) this.#begin(isEntry ? times.pts : undefined)
    const picture: Picture = { unit, ...times }
    this.#open?.pictures.push(picture)
    this.#count(unit)
  }

  /** Where there are no pictures every frame is a random access point. */
  #leadingSound(unit: AccessUnit, pts: Ticks90k): void {
    const first = this.#open?.sound[0]?.[0]
    if (first !== undefined && pts - first.pts >= FRAGMENT_TICKS) this.#complete(pts)
    if (this.#state === 'waiting' && this.#queuedBytes > this.#queueMax / 2) return
    if (this.#open === undefined) this.#begin(pts)
  }

  #begin(entryAt: Ticks90k | undefined): void {
    const sound = this.#frames.tracks.languages.map(() => [])
    const group: FrameGroup = {
      time: this.#frames.time,
      entry: entryAt === undefined ? undefined : this.#entryAt(entryAt),
      pictures: [],
      sound,
      bytes: 0,
      end: undefined,
    }
    this.#open = group
    this.#state = 'taking'
  }

  #entryAt(at: Ticks90k): NonNullable<FrameGroup['entry']> {
    const { onAir, cut } = this.#marks.at(at)
    const isTake = cut === 'take' && this.#split === 'take'
    const begins = isTake || this.#broken ? 'must' : 'may'
    const follows = this.#broken ? 'after_a_hole' : 'directly'
    this.#broken = false
    return { at, onAir, begins, follows }
  }

  #count(unit: AccessUnit): void {
    const open = this.#open!
    open.bytes += unit.data.length
    this.#queuedBytes += unit.data.length
    if (this.#queuedBytes <= this.#queueMax) return
    this.#queuedBytes -= open.bytes
    this.#open = undefined
    this.#state = 'waiting'
    this.#broken = true
    this.#skips++
  }

  #complete(end: Ticks90k | undefined): void {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    open.end = end
    this.#queue.push(open)
  }
}

/** What begins first. */
const originOf = ({ pictures, sound, time }: FrameGroup): number => {
  const starts = [pictures[0]?.dts, ...sound.map((frames) => frames[0]?.pts)]
  const told = starts.filter((start) => start !== undefined)
  return told.length === 0 ? time : Math.floor(Math.min(...told))
}
