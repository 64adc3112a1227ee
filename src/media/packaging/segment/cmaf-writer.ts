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
  /** Track that starts with this unit; undefined: the unit does not carry it. */
  readonly trackOf: (unit: Uint8Array) => Mp4Track | undefined
  /** Longest part, ticks; parts are published when complete. Undefined: whole segments. */
  readonly partTicks: number | undefined
}

/** Longest fragment within a segment that is published as one. */
const MAX_FRAGMENT_TICKS = TICKS_PER_SECOND
/** Recent frame durations, of which the longest is that before a hole: behind a splice some are short. */
const MAX_STEPS = 8
/** A larger distance from the segment's end to the next picture is a hole; less may be reordering. */
const HOLE_TICKS = TICKS_PER_SECOND
const MIN_PART_TICKS = 90
const EPSILON = 1e-6

/** A picture whose duration is known only with the next one. */
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
  /** Ticks of the segment written in fragments. */
  #written = 0

  constructor(options: CmafWriterOptions) {
    this.#options = options
    this.#builder = new FragmentBuilder(options.partTicks ?? MAX_FRAGMENT_TICKS)
  }

  /** Track of the newest segment. */
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

  /** Takes the track from the first unit of a segment; false when a segment can't start with it. */
  #openSegment(unit: Uint8Array, start: number): boolean {
    const found = this.#options.trackOf(unit)
    const { sink, partTicks } = this.#options
    if (found !== undefined && (this.#track === undefined || !sameTrack(found, this.#track))) {
      this.#track = found
      sink.init(initSegment([found]))
    }
    if (this.#track === undefined) return false
    // Audio starts with its own first frame, up to one frame behind the boundary.
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

  /** Adds the pending picture, which lasts until `nextDts`; undefined: unknown. */
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

  /** Assumes that the next unit is as long as the last one. */
  #cutIfFull(duration: number): void {
    if (this.#builder.isFullFor(duration)) this.#cutFragment()
  }

  #cutFragment(): void {
    const taken = this.#builder.take()
    this.#write(taken, taken.ticks)
  }

  /**
   * Writes the rest of a segment. The segment's duration is one of presentation, parts are measured in decoding times:
   * behind a splice of sources that reorder differently these differ, and the last parts compensate for it.
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
