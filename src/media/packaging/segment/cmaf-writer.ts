/** Segments in fragmented MP4, one track each: ISO/IEC 23000-19 (CMAF), RFC 8216bis 3.1.2. */
import { TICKS_PER_SECOND, ticks, type Ticks90k } from '../../../contract/time.ts'
import { fragment, type Sample } from '../../../mp4/fragment.ts'
import { initSegment } from '../../../mp4/init-segment.ts'
import { audioSample, videoSample } from '../../../mp4/sample-data.ts'
import { sameTrack } from '../../../mp4/track-config.ts'
import type { Mp4Track } from '../../../mp4/track.ts'
import { FragmentBuilder } from './fragment-builder.ts'
import type { Boundary } from './grid.ts'
import { Independence } from './independence.ts'
import type { RenditionSink } from '../store/segment-model.ts'
import {
  segmentOf,
  type VideoFrame,
  type SegmentWriter,
  type AudioFrame,
} from './segment-writer.ts'

export interface CmafWriterOptions {
  readonly sink: RenditionSink
  /** The track that begins with this unit; undefined: it does not tell. */
  readonly trackOf: (unit: Uint8Array) => Mp4Track | undefined
  /** Parts are published as they are complete, none longer than so many ticks. Undefined: whole segments. */
  readonly partTicks: number | undefined
}

/** A fragment within a segment that is published as one. */
const MAX_FRAGMENT_TICKS = TICKS_PER_SECOND
/** Decoding times of so many pictures tell how long one lasts, where a hole follows it: some lie close behind a splice. */
const MAX_STEPS = 8
/** Pictures that are decoded first may be shown so much later than those that follow them. */
const HOLE_TICKS = TICKS_PER_SECOND
const MIN_PART_TICKS = 90
const EPSILON = 1e-6

/** A picture whose duration is not known before the next one comes. */
interface PendingFrame {
  readonly dts: number
  readonly offset: number
  readonly rap: boolean
  readonly data: Uint8Array
}

export class CmafWriter implements SegmentWriter {
  readonly #options: CmafWriterOptions
  readonly #independence = new Independence()
  readonly #builder: FragmentBuilder
  #track: Mp4Track | undefined
  #boundary: Boundary | undefined
  #state: 'empty' | 'filling' | 'published' = 'empty'
  #pending: PendingFrame | undefined
  readonly #steps: number[] = []
  #sequence = 0
  #fragments: Uint8Array[] = []
  /** Ticks of the segment in fragments. */
  #written = 0

  constructor(options: CmafWriterOptions) {
    this.#options = options
    this.#builder = new FragmentBuilder(options.partTicks ?? MAX_FRAGMENT_TICKS)
  }

  /** Of the newest segment. */
  get track(): Mp4Track | undefined {
    return this.#track
  }

  begin(boundary: Boundary): void {
    this.#boundary = boundary
    this.#state = 'empty'
    this.#written = 0
    this.#independence.begin()
  }

  video({ unit, pts, dts }: VideoFrame): void {
    this.#independence.addPicture(unit)
    if (this.#state === 'empty' && !this.#openSegment(unit.data, this.#boundary!.start)) return
    const at = Math.round(dts)
    this.#addPending(at, 'within')
    this.#pending = {
      dts: at,
      offset: Math.round(pts) - at,
      rap: unit.rap !== 'none',
      data: videoSample(this.#track!.codec as 'h264' | 'hevc', unit.data),
    }
  }

  audio(_track: number, { unit, pts }: AudioFrame): void {
    if (this.#state === 'empty' && !this.#openSegment(unit.data, pts)) return
    const track = this.#track!
    if (track.kind !== 'audio') return
    const rate = track.timescale
    this.#addSample(
      { time: (pts * rate) / TICKS_PER_SECOND, duration: unit.duration },
      {
        duration: Math.round((unit.duration * rate) / TICKS_PER_SECOND),
        compositionOffset: 0,
        rap: true,
        data: audioSample(track.codec, unit.data),
      },
    )
    this.#cutIfFull(unit.duration)
  }

  end(end: Ticks90k, next: VideoFrame | undefined): void {
    const boundary = this.#boundary!
    if (this.#state === 'empty') return this.gap(boundary, end)
    const hole = next === undefined || next.pts - end > HOLE_TICKS
    this.#addPending(hole ? undefined : Math.round(next.dts), 'last')
    const video = this.#track!.kind === 'video'
    this.#cutLast(video ? end - boundary.start - this.#written : this.#builder.ticks)
    const bytes = joined(this.#fragments)
    this.#fragments = []
    if (this.#state === 'filling') this.#options.sink.begin(segmentOf(boundary))
    this.#options.sink.end({
      duration: this.#written,
      independent: !video || this.#independence.isIndependent,
      ...(this.#state === 'filling' ? { bytes } : {}),
    })
    this.#state = 'empty'
  }

  abandon(): 'unpublished' | 'published' {
    const published = this.#state === 'published'
    if (published) {
      this.#addPending(undefined, 'last')
      this.#cutFragment()
      const independent = this.#independence.isIndependent
      this.#options.sink.end({ duration: this.#written, independent })
    }
    this.#pending = undefined
    this.#builder.take()
    this.#fragments = []
    this.#state = 'empty'
    return published ? 'published' : 'unpublished'
  }

  gap(boundary: Boundary, end: Ticks90k): void {
    this.#options.sink.gap({ ...segmentOf(boundary), duration: end - boundary.start })
  }

  /** The first unit of a segment tells the track; false when a segment can't begin with it. */
  #openSegment(unit: Uint8Array, start: number): boolean {
    const found = this.#options.trackOf(unit)
    const { sink, partTicks } = this.#options
    if (found !== undefined && (this.#track === undefined || !sameTrack(found, this.#track))) {
      this.#track = found
      sink.init(initSegment([found]))
    }
    if (this.#track === undefined) return false
    // Sound begins with its own first frame, up to one frame behind the boundary.
    const boundary = this.#boundary!
    const later = Math.max(0, start - boundary.start)
    this.#boundary = {
      ...boundary,
      start: ticks(boundary.start + later),
      wallMs: boundary.wallMs + (later * 1_000) / TICKS_PER_SECOND,
    }
    this.#state = partTicks === undefined ? 'filling' : 'published'
    if (this.#state === 'published') sink.begin(segmentOf(this.#boundary))
    return true
  }

  /** The picture that waits lasts until `nextDts`; undefined: nobody knows. */
  #addPending(nextDts: number | undefined, place: 'within' | 'last'): void {
    const pending = this.#pending
    this.#pending = undefined
    if (pending === undefined) return
    const { dts, rap, data, offset: compositionOffset } = pending
    const usual = Math.max(1, ...this.#steps)
    const duration = nextDts === undefined ? usual : Math.max(1, nextDts - dts)
    if (nextDts !== undefined && this.#steps.push(duration) > MAX_STEPS) this.#steps.shift()
    this.#addSample({ time: dts, duration }, { duration, compositionOffset, rap: rap, data })
    if (place === 'within') this.#cutIfFull(duration)
  }

  #addSample(...[at, sample]: Parameters<FragmentBuilder['addSample']>): void {
    const { time, duration } = at
    if (!this.#builder.continuesAt(time) || this.#builder.isFullFor(duration)) this.#cutFragment()
    this.#builder.addSample(at, sample)
  }

  /** The next unit is expected to be as long as the one before. */
  #cutIfFull(duration: number): void {
    if (this.#builder.isFullFor(duration)) this.#cutFragment()
  }

  #cutFragment(): void {
    const taken = this.#builder.take()
    this.#write(taken, taken.ticks)
  }

  /**
   * What is left of a segment. Its duration is one of presentation, while parts are measured in decoding times: behind a
   * splice of sources that reorder differently these differ, and the last parts make good for it.
   */
  #cutLast(left: number): void {
    const { partTicks = Number.POSITIVE_INFINITY } = this.#options
    const { baseTime, samples } = this.#builder.take()
    const rest = Math.max(left, MIN_PART_TICKS)
    const parts = Math.min(samples.length, Math.max(1, Math.ceil(rest / partTicks - EPSILON)))
    let time = baseTime
    for (let part = 0; part < parts; part++) {
      const [from, to] = [part, part + 1].map((at) => Math.floor((at * samples.length) / parts))
      const own = samples.slice(from, to)
      this.#write({ baseTime: time, samples: own }, rest / parts)
      time += own.reduce((sum, { duration }) => sum + duration, 0)
    }
  }

  #write(
    { baseTime, samples }: { readonly baseTime: number; readonly samples: readonly Sample[] },
    duration: number,
  ): void {
    if (samples.length === 0) return
    const kind = this.#written === 0 ? 'segment' : 'fragment'
    const track = this.#track!.id
    const bytes = fragment(++this.#sequence, [{ track, baseTime, samples }], kind)
    this.#written += duration
    if (this.#state === 'filling') this.#fragments.push(bytes)
    else this.#options.sink.part({ duration, independent: samples[0]!.rap, bytes })
  }
}

const joined = (chunks: readonly Uint8Array[]): Uint8Array =>
  chunks.length === 1 ? chunks[0]! : new Uint8Array(Buffer.concat(chunks))
