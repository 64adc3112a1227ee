import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { Playable } from '../buffer/playable.ts'
import type { SlateLoop } from './slate-loop.ts'
import { TimelineSegment } from '../buffer/timeline-segment.ts'
import type { BufferedUnit } from '../buffer/unit-queue.ts'
import type { SwitchSource } from './switch-source.ts'

/** Place where a source goes on air: in its own buffer and on the program's timeline. */
export interface SplicePoint {
  readonly source: SwitchSource | undefined
  readonly playable: Playable
  /** Index of the random access point in the leading track. */
  readonly index: number
  /** Smallest PTS that is kept: the offset anchors on it. */
  readonly anchor: number
  /** Offset that gives the source exactly its own delay; −Infinity where it is paced by us. */
  readonly ideal: number
  /** Set where the offset is not computed from what was emitted: twins share one timeline. */
  readonly fixedOffset?: number
}

/** One source (or the slate) while it is on air. */
export class OnAirSource {
  readonly source: SourceId
  readonly playable: Playable
  /** Program time minus source time. */
  readonly offset: number
  /** Source of the video: the playable itself, or the slate where it has none. */
  readonly videoPlayable: Playable
  readonly videoOffset: number
  readonly ideal: number
  /** Offset of the source's live edge when it was entered; undefined where it has none. */
  readonly edge: number | undefined
  next: number
  /** Until the next random access point, pictures that refer to ones from before the splice are dropped. */
  dropsLeading = true
  /** The last picture that was written; undefined before the first. */
  last: BufferedUnit | undefined

  constructor(options: {
    readonly splicePoint: SplicePoint
    readonly offset: number
    readonly programEnd: number
    readonly slate: SlateLoop
    readonly channelHasVideo: boolean
    readonly edge: number | undefined
  }) {
    const { splicePoint, offset, slate } = options
    this.source = splicePoint.source?.id ?? SLATE
    this.playable = splicePoint.playable
    this.offset = offset
    this.ideal = splicePoint.ideal
    this.edge = options.edge
    const usesSlateVideo = options.channelHasVideo && !splicePoint.playable.hasVideo
    this.videoPlayable = usesSlateVideo ? slate : splicePoint.playable
    this.videoOffset = usesSlateVideo ? options.programEnd : offset
    this.next = usesSlateVideo ? 0 : splicePoint.index
    if (splicePoint.fixedOffset !== undefined) this.dropsLeading = false
  }

  get segment(): TimelineSegment | undefined {
    return this.playable instanceof TimelineSegment ? this.playable : undefined
  }

  /** True when its written pictures are complete in presentation order: a cut may leave here. */
  get isComplete(): boolean {
    return this.last?.cleanAfter ?? true
  }

  advance(): void {
    this.next++
    this.videoPlayable.markRead('video', this.next)
  }

  get isSlate(): boolean {
    return this.source === SLATE
  }
}
