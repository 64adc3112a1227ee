import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import { codecString } from '../../../mp4/codec-string.ts'
import type { MpdAdaptationSet, MpdRepresentation, MpdSegment } from '../dash/mpd-model.ts'
import { renderMpd } from '../dash/mpd.ts'
import { PeriodPlan, type Column, type PlannedPeriod } from '../dash/periods.ts'
import { measureBitrate } from './master-playlist.ts'
import type { PackagingSession } from './packaging-session.ts'
import type { Rendition } from './rendition.ts'
import type { Segment } from './segment-model.ts'
import type { Stream } from './stream.ts'

/** Times that break off by less than this go on: wall time was reckoned, not read. Ticks. */
const CONTINUOUS = 900
/** Players stay so many target durations behind what is published last. */
const DELAY_TARGETS = 3
/** For so long all are handed the same text. */
const FRESH_MS = 200
const UNMEASURED_BITRATE = 3_000_000

/** The live MPD of a session. Time 0 is that of Unix, so that it never changes, over restarts neither. */
export class DashManifest {
  readonly #session: PackagingSession
  readonly #title: string
  readonly #periods = new PeriodPlan(0)
  #known = -1
  #last: Column | undefined
  #publishMs = 0
  #rendered = { atMs: Number.NEGATIVE_INFINITY, text: '' }

  constructor(session: PackagingSession, title: string) {
    this.#session = session
    this.#title = title
  }

  /** `nowMs`: milliseconds since 1970. */
  render(nowMs: number): string {
    if (Math.abs(nowMs - this.#rendered.atMs) > FRESH_MS) {
      this.#rendered = { atMs: nowMs, text: this.#render(nowMs) }
    }
    return this.#rendered.text
  }

  #render(nowMs: number): string {
    this.#follow(nowMs)
    const { targetSeconds, segmentSeconds } = this.#session.plan
    return renderMpd({
      availabilityStartMs: 0,
      publishMs: this.#publishMs === 0 ? nowMs : this.#publishMs,
      nowMs,
      minimumUpdatePeriod: segmentSeconds / 2,
      timeShiftBufferDepth: this.#depth(),
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

  #depth(): number {
    const all = this.#session.main.rendition.segments
    const [first, last] = [all[0], all.at(-1)]
    return first === undefined || last === undefined
      ? 0
      : (last.wallMs - first.wallMs) / 1_000 + last.duration / TICKS_PER_SECOND
  }

  #renditions(): Rendition[] {
    const { main, ladder } = this.#session
    const pictures = main.tracks.video === undefined ? [] : [main.rendition]
    return [
      ...pictures,
      ...ladder.streams.map(({ rendition }) => rendition),
      ...main.sounds.map(({ rendition }) => rendition),
    ]
  }

  /** Takes over what was published since, as far as its initialisation segments have been read. */
  #follow(nowMs: number): void {
    const renditions = this.#renditions()
    const listed = new Map(renditions.map((each) => [each.name, byNumber(each.segments)]))
    const first = Math.min(
      ...renditions.map(({ segments }) => segments[0]?.number ?? Number.POSITIVE_INFINITY),
    )
    const last = Math.min(...renditions.map(({ segments }) => lastClosed(segments)))
    if (!Number.isFinite(first)) return
    this.#periods.dropBefore(first)
    for (let number = Math.max(first, this.#known + 1); number <= last; number++) {
      const known = renditions.map((each) => this.#knows(each, listed.get(each.name)!.get(number)))
      if (known.includes(false)) return
      const column = columnOf(number, listed, this.#last)
      this.#known = number
      if (column === undefined) continue
      this.#periods.add(column)
      this.#last = column
      this.#publishMs = nowMs
    }
  }

  /** Also those of an earlier run: they alone say what their segments are. */
  #knows({ name, bytesOf }: Rendition, segment: Segment | undefined): boolean {
    void bytesOf
    return segment === undefined || name === ''
  }

  #setsOf({ columns }: PlannedPeriod): MpdAdaptationSet[] {
    const { main, ladder } = this.#session
    const has = (name: string): boolean => columns[0]?.renditions.has(name) === true
    const streams = main.tracks.video === undefined ? [] : [main, ...ladder.streams]
    const pictures = streams
      .filter(({ name }) => has(name))
      .flatMap((stream) => pictureOf(stream, columns, this.#session))
    const sounds = main.sounds.filter(({ rendition }) => has(rendition.name))
    return [
      ...(pictures.length === 0
        ? []
        : [{ id: 0, kind: 'video', role: 'main', representations: pictures } as const]),
      ...sounds.map(({ rendition, language }, index) => ({
        id: index + 1,
        kind: 'audio' as const,
        ...(language === '' ? {} : { language }),
        role: index === 0 ? ('main' as const) : ('alternate' as const),
        representations: soundOf(rendition, columns, this.#session),
      })),
    ].filter(({ representations }) => representations.length > 0)
  }
}

const byNumber = (segments: readonly Segment[]): Map<number, Segment> =>
  new Map(segments.map((segment) => [segment.number, segment]))

const lastClosed = (segments: readonly Segment[]): number =>
  segments.findLast(({ state }) => state !== 'open')?.number ?? -1

function columnOf(
  number: number,
  listed: ReadonlyMap<string, ReadonlyMap<number, Segment>>,
  before: Column | undefined,
): Column | undefined {
  const renditions = new Map<string, { init: string; start: number; duration: number }>()
  let first: Segment | undefined
  for (const [name, segments] of listed) {
    const segment = segments.get(number)
    if (segment === undefined || segment.state !== 'done' || segment.init === undefined) continue
    first ??= segment
    const { init, start, duration } = segment
    renditions.set(name, { init, start, duration })
  }
  if (first === undefined) return undefined
  const { start, wallMs } = first
  const ends = before === undefined ? [] : [...before.renditions.values()]
  const end = ends[0] === undefined ? Number.NaN : ends[0].start + ends[0].duration
  const timeline = Math.abs(start - end) <= CONTINUOUS ? 'continuous' : 'broken'
  return { number, start, wallMs, timeline, renditions }
}

const segmentsOf = (name: string, columns: readonly Column[]): MpdSegment[] =>
  columns.flatMap(({ number, renditions }) => {
    const segment = renditions.get(name)
    return segment === undefined
      ? []
      : [{ number, start: segment.start, duration: segment.duration }]
  })

const addressesOf = (name: string, columns: readonly Column[]) => ({
  id: name,
  initialization: `$RepresentationID$/${columns[0]!.renditions.get(name)!.init}`,
  media: '$RepresentationID$/$Number$.m4s',
  segments: segmentsOf(name, columns),
})

const bandwidthOf = ({ segments }: Rendition, { plan }: PackagingSession): number =>
  measureBitrate(segments, plan.targetSeconds)?.peak ?? UNMEASURED_BITRATE

function pictureOf(
  { name, pictures, rendition, tracks }: Stream,
  columns: readonly Column[],
  session: PackagingSession,
): MpdRepresentation[] {
  const track = pictures?.track
  if (track === undefined) return []
  const frameRate = pictures?.format?.frameRate ?? tracks.video?.frameRate
  return [
    {
      ...addressesOf(name, columns),
      kind: 'video',
      codecs: codecString(track),
      bandwidth: bandwidthOf(rendition, session),
      timescale: track.timescale,
      width: track.width,
      height: track.height,
      ...(frameRate === undefined ? {} : { frameRate }),
      ...(track.pixelAspect === undefined ? {} : { pixelAspect: track.pixelAspect }),
    },
  ]
}

function soundOf(
  rendition: Rendition,
  columns: readonly Column[],
  session: PackagingSession,
): MpdRepresentation[] {
  const track = session.main.sound
  if (track === undefined) return []
  return [
    {
      ...addressesOf(rendition.name, columns),
      kind: 'audio',
      codecs: codecString(track),
      bandwidth: bandwidthOf(rendition, session),
      timescale: track.timescale,
      sampleRate: track.sampleRate,
      channels: track.channels,
    },
  ]
}
