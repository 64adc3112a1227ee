import type { Rational } from '../../../contract/format.ts'
import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import { codecString } from '../../../mp4/codec-string.ts'
import type { Mp4Track } from '../../../mp4/track.ts'
import type { MpdAdaptationSet, MpdRepresentation, MpdSegment } from '../dash/mpd-model.ts'
import { renderMpd } from '../dash/mpd.ts'
import { PeriodPlan, type Column, type ColumnSegment, type PlannedPeriod } from '../dash/periods.ts'
import { InitTracks } from './init-tracks.ts'
import { measureBitrate } from './master-playlist.ts'
import type { PackagingSession } from '../segment/packaging-session.ts'
import type { Rendition } from '../store/rendition.ts'
import type { Segment } from '../store/segment-model.ts'

/** Seam of two segments, in ticks, up to which the timeline is continuous. */
const MAX_SEAM_TICKS = 900
/** Target durations that players stay behind the live edge. */
const DELAY_TARGETS = 3
/** Time for which a rendered text is served. */
const MAX_RENDER_AGE_MS = 200
const UNMEASURED_BITRATE = 3_000_000

/** The live MPD of a session. Time 0 is that of Unix, so that it never changes, not even over restarts. */
export class DashManifest {
  readonly #session: PackagingSession
  readonly #title: string
  readonly #periods = new PeriodPlan(0)
  readonly #tracks = new InitTracks()
  #lastNumber = -1
  #last: Column | undefined
  #publishMs = 0
  #rendered = { atMs: Number.NEGATIVE_INFINITY, text: '' }

  constructor(session: PackagingSession, title: string) {
    this.#session = session
    this.#title = title
  }

  /** False while there is nothing to play. `nowMs`: milliseconds since 1970. */
  isReady(nowMs: number): boolean {
    this.#addPublished(nowMs)
    return this.#last !== undefined
  }

  render(nowMs: number): string {
    if (Math.abs(nowMs - this.#rendered.atMs) > MAX_RENDER_AGE_MS) {
      this.#addPublished(nowMs)
      this.#rendered = { atMs: nowMs, text: this.#render(nowMs) }
    }
    return this.#rendered.text
  }

  #render(nowMs: number): string {
    const { targetSeconds, segmentSeconds } = this.#session.plan
    return renderMpd({
      availabilityStartMs: 0,
      publishMs: this.#publishMs,
      nowMs,
      minimumUpdatePeriod: segmentSeconds / 2,
      timeShiftBufferDepth: this.#listedSeconds(),
      suggestedPresentationDelay: DELAY_TARGETS * targetSeconds,
      minBufferTime: segmentSeconds,
      timeUrl: 'time',
      title: this.#title,
      periods: this.#periods.periods.map((period) => ({
        id: period.id,
        start: period.start,
        mediaStart: period.mediaStart,
        sets: this.#setsOf(period),
      })),
    })
  }

  /** Duration listed, seconds. */
  #listedSeconds(): number {
    const all = this.#session.main.rendition.segments
    const [first, last] = [all[0], all.at(-1)]
    if (first === undefined || last === undefined) return 0
    return (last.wallMs - first.wallMs) / 1_000 + last.duration / TICKS_PER_SECOND
  }

  /** Adds newly published segments whose initialisation segments have been read. */
  #addPublished(nowMs: number): void {
    const { video, audio } = renditionsOf(this.#session)
    const renditions = [...video, ...audio.map(({ rendition }) => rendition)]
    const numbers = renditions.map(({ segments }) => segments[0]?.number)
    const first = Math.min(...numbers.filter((number) => number !== undefined))
    if (!Number.isFinite(first)) return
    this.#periods.dropBefore(first)
    const last = Math.min(...renditions.map(({ segments }) => lastClosed(segments)))
    for (let number = Math.max(first, this.#lastNumber + 1); number <= last; number++) {
      const found = renditions.map((rendition) => this.#segmentOf(rendition, number))
      if (found.includes('being_read')) return
      this.#lastNumber = number
      const done = found.filter((each) => typeof each === 'object')
      const head = done[0]
      if (head === undefined) continue
      const column = columnOf(head, new Map(done.map((each) => [each.rendition, each])), this.#last)
      this.#periods.addColumn(column)
      this.#last = column
      this.#publishMs = nowMs
    }
  }

  #segmentOf(rendition: Rendition, number: number): FoundSegment | 'being_read' | 'missing' {
    const { segments, name } = rendition
    const segment = segments[number - (segments[0]?.number ?? 0)]
    if (segment?.state !== 'done' || segment.init === undefined) return 'missing'
    const track = this.#tracks.trackOf(rendition, segment.init)
    if (track === 'being_read') return track
    return track === 'unreadable' ? 'missing' : { ...segment, init: segment.init, rendition: name }
  }

  #setsOf({ columns }: PlannedPeriod): MpdAdaptationSet[] {
    const { video, audio } = renditionsOf(this.#session)
    const videoSet = {
      id: 0,
      kind: 'video',
      role: 'main',
      representations: video.flatMap((each) => this.#representation(each, columns)),
    } as const
    const audioSets = audio.map(({ rendition, language }, index) => ({
      id: index + 1,
      kind: 'audio' as const,
      ...(language === '' ? {} : { language }),
      role: index === 0 ? ('main' as const) : ('alternate' as const),
      representations: this.#representation(rendition, columns),
    }))
    return [videoSet, ...audioSets].filter(({ representations }) => representations.length > 0)
  }

  /** Returns none where the rendition is not part of the period. */
  #representation(rendition: Rendition, columns: readonly Column[]): MpdRepresentation[] {
    const init = columns[0]?.renditions.get(rendition.name)?.init
    const track = init === undefined ? undefined : this.#tracks.trackOf(rendition, init)
    if (track === undefined || typeof track === 'string') return []
    const { plan, main } = this.#session
    const measured = measureBitrate(rendition.segments, plan.targetSeconds)
    const common = {
      id: rendition.name,
      codecs: codecString(track),
      bandwidth: measured?.peak ?? UNMEASURED_BITRATE,
      timescale: track.timescale,
      initialization: `$RepresentationID$/${init}`,
      media: '$RepresentationID$/$Number$.m4s',
      segments: segmentsOf(rendition.name, columns),
    }
    const frameRate = main.videoConfig?.format?.frameRate ?? main.tracks.video?.frameRate
    return [{ ...common, ...trackAttributes(track, frameRate) }]
  }
}

interface FoundSegment extends Segment {
  readonly rendition: string
  readonly init: string
}

function renditionsOf({ main, ladder }: PackagingSession) {
  const video =
    main.tracks.video === undefined
      ? []
      : [main.rendition, ...ladder.streams.map(({ rendition }) => rendition)]
  return { video, audio: main.audioRenditions }
}

const lastClosed = (segments: readonly Segment[]): number =>
  segments.findLast(({ state }) => state !== 'open')?.number ?? -1

function columnOf(
  { number, start, wallMs }: FoundSegment,
  renditions: ReadonlyMap<string, ColumnSegment>,
  before: Column | undefined,
): Column {
  const follows = [...renditions].some(([name, segment]) => {
    const last = before?.renditions.get(name)
    return (
      last !== undefined && Math.abs(segment.start - last.start - last.duration) <= MAX_SEAM_TICKS
    )
  })
  return { number, start, wallMs, renditions, timeline: follows ? 'continuous' : 'broken' }
}

const segmentsOf = (name: string, columns: readonly Column[]): MpdSegment[] =>
  columns.flatMap(({ number, renditions }) => {
    const segment = renditions.get(name)
    if (segment === undefined) return []
    return [{ number, start: segment.start, duration: segment.duration }]
  })

const trackAttributes = (track: Mp4Track, frameRate: Rational | undefined) =>
  track.kind === 'audio'
    ? { kind: track.kind, sampleRate: track.sampleRate, channels: track.channels }
    : {
        kind: track.kind,
        width: track.width,
        height: track.height,
        ...(frameRate === undefined ? {} : { frameRate }),
        ...(track.pixelAspect === undefined ? {} : { pixelAspect: track.pixelAspect }),
      }
