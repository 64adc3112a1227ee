/** A small live presentation from real coded frames: src/mp4 and the MPD, served in real time. */
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { renderMpd } from '../../src/media/packaging/dash/mpd.ts'
import type {
  MpdAdaptationSet,
  MpdRepresentation,
} from '../../src/media/packaging/dash/mpd-model.ts'
import {
  PeriodPlan,
  type Column,
  type ColumnSegment,
  type PlannedPeriod,
} from '../../src/media/packaging/dash/periods.ts'
import { codecString } from '../../src/mp4/codec-string.ts'
import { fragment, type Sample } from '../../src/mp4/fragment.ts'
import { initSegment } from '../../src/mp4/init-segment.ts'
import type { CodedTrack } from './fmp4-program.ts'

const SECOND = 90_000
const MAX_PICTURES_PER_FRAGMENT = 20
/** Segment length: the clips have a random access point at each. */
export const SEGMENT_SECONDS = 2

export interface Rendition {
  /** Clip of its initialisation segment. */
  readonly clip: string
  readonly coded: CodedTrack
}

/** Consecutive segments of one or more clips, the first picture of the first one at `start`. */
export interface SegmentRun {
  /** Program time (ticks). */
  readonly start: number
  readonly firstNumber: number
  /** Index of the clips' first segment used, and the count. */
  readonly from: number
  readonly count: number
  /** By name: 'audio' and any number of others, which are video. */
  readonly renditions: Readonly<Record<string, Rendition>>
}

interface Listed extends ColumnSegment {
  readonly coded: CodedTrack
}

/** Meaning of availabilityStartTime: time of the first picture, or 1970. */
export type TimeOrigin = 'first_picture' | 'unix'

export class DashPresentation {
  readonly files = new Map<string, Uint8Array>()
  readonly #columns: (Column & { readonly renditions: ReadonlyMap<string, Listed> })[] = []
  readonly #programStart: number
  readonly #zero: TimeOrigin

  constructor(runs: readonly SegmentRun[], origin: TimeOrigin) {
    this.#zero = origin
    this.#programStart = runs[0]!.start
    for (const segmentRun of runs) this.#add(segmentRun)
  }

  /** Seconds. */
  get length(): number {
    return (endOf(this.#columns.at(-1)!) - this.#programStart) / SECOND
  }

  /** Media time of the first picture in a player, in seconds. */
  mediaStartOf(startMs: number): number {
    return this.#zero === 'unix' ? startMs / 1000 : 0
  }

  /** MPD at `nowMs`, the first picture being at `startMs`: lists only segments that have ended. */
  mpd(startMs: number, nowMs: number): string {
    const availabilityStartMs = this.#zero === 'unix' ? 0 : startMs
    const passed = (nowMs - startMs) / 1000
    const plan = new PeriodPlan(availabilityStartMs)
    for (const column of this.#columns) {
      const since = (column.start - this.#programStart) / SECOND
      if ((endOf(column) - this.#programStart) / SECOND > passed) break
      plan.addColumn({ ...column, wallMs: startMs + since * 1000 })
    }
    return renderMpd({
      availabilityStartMs,
      publishMs: nowMs,
      nowMs,
      minimumUpdatePeriod: 1,
      timeShiftBufferDepth: 60,
      suggestedPresentationDelay: 4,
      minBufferTime: 2,
      timeUrl: '/time',
      title: 'Test & "more"',
      ...(passed > this.length + 0.5 ? { ended: this.mediaStartOf(startMs) + this.length } : {}),
      periods: plan.periods.map((period) => ({ ...period, sets: setsOf(period) })),
    })
  }

  #add({ start, firstNumber, from, count, renditions }: SegmentRun): void {
    for (let i = 0; i < count; i++) {
      const number = firstNumber + i
      const at = start + i * SEGMENT_SECONDS * SECOND
      const segments = new Map<string, Listed>()
      for (const [name, { clip, coded }] of Object.entries(renditions)) {
        const init = `${name}_${clip}_init.mp4`
        this.files.set(`/live/${init}`, initSegment([coded.track]))
        const { bytes, segment } = cutSegment(coded, { number, index: from + i, at })
        segments.set(name, { init, coded, ...segment })
        this.files.set(`/live/${name}_${String(number).padStart(8, '0')}.m4s`, bytes)
      }
      const timeline = 'continuous'
      this.#columns.push({ number, start: at, wallMs: 0, timeline, renditions: segments })
    }
  }
}

const endOf = ({ renditions }: Column): number =>
  Math.max(...[...renditions.values()].map(({ start, duration }) => start + duration))

function setsOf({ columns }: PlannedPeriod): MpdAdaptationSet[] {
  const { renditions } = columns[0]!
  const representations = [...renditions].map(([name, first]): MpdRepresentation => {
    const { track } = (first as Listed).coded
    const common = {
      id: name,
      codecs: codecString(track),
      timescale: track.timescale,
      initialization: first.init,
      media: '$RepresentationID$_$Number%08d$.m4s',
      segments: columns.map(({ number, renditions: all }) => ({ number, ...all.get(name)! })),
    }
    if (track.kind === 'audio') {
      const { channels, sampleRate } = track
      return { ...common, kind: 'audio', bandwidth: 128_000, channels, sampleRate }
    }
    const { width, height } = track
    return { ...common, kind: 'video', bandwidth: width * height * 4, width, height }
  })
  return (['video', 'audio'] as const).map((kind, id) => ({
    id,
    kind,
    role: 'main',
    representations: representations.filter((one) => one.kind === kind),
  }))
}

interface SegmentCut {
  readonly number: number
  /** Index among the clip's segments. */
  readonly index: number
  /** Program time (ticks) of its first picture. */
  readonly at: number
}

/** Cuts video between random access points, and audio on its frame grid by program time. */
function cutSegment(
  { track, samples }: CodedTrack,
  { number, index, at }: SegmentCut,
): { bytes: Uint8Array; segment: Omit<ColumnSegment, 'init'> } {
  const { timescale } = track
  const length = SEGMENT_SECONDS * timescale
  const times: number[] = []
  for (const sample of samples) times.push((times.at(-1) ?? 0) + sample.duration)
  const startOf = (i: number): number => times[i]! - samples[i]!.duration
  const own = samples
    .map((sample, i) => ({ sample, at: startOf(i) }))
    .filter((one) => one.at >= index * length && one.at < (index + 1) * length)
  const offset =
    Math.round((at * timescale) / SECOND) - index * length - samples[0]!.compositionOffset
  const parts = chunked(own, MAX_PICTURES_PER_FRAGMENT).map((part, i) => {
    const run = {
      track: track.id,
      baseTime: offset + part[0]!.at,
      samples: part.map(({ sample }): Sample => sample),
    }
    return fragment(number * 100 + i, [run], i === 0 ? 'segment' : 'fragment')
  })
  const first = offset + own[0]!.at + own[0]!.sample.compositionOffset
  const duration = own.reduce((sum, { sample }) => sum + sample.duration, 0)
  return {
    bytes: Buffer.concat(parts),
    segment: {
      start: (first * SECOND) / timescale,
      duration: (duration * SECOND) / timescale,
    },
  }
}

const chunked = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )

const DASH_JS = new URL(
  '../../node_modules/dashjs/dist/modern/umd/dash.all.min.js',
  import.meta.url,
)
const PAGE =
  '<!doctype html><title>test</title><video muted></video><script src="/dash.js"></script>'

export interface DashServer {
  readonly server: Server
  readonly address: string
  /** Media time of the first picture in a player, in seconds. */
  readonly mediaStart: number
  readonly requests: string[]
}

/** Serves a presentation whose first `ready` seconds are available at once. */
export async function serveDash(
  presentation: DashPresentation,
  ready: number,
): Promise<DashServer> {
  const script = await readFile(DASH_JS)
  const startMs = Date.now() - ready * 1000
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    requests.push(path)
    const send = (type: string, body: string | Uint8Array): unknown =>
      response.writeHead(200, { 'content-type': type }).end(body)
    const file = presentation.files.get(path)
    if (path === '/') send('text/html', PAGE)
    else if (path === '/dash.js') send('text/javascript', script)
    else if (path === '/time') send('text/plain', new Date().toISOString())
    else if (path === '/live/stream.mpd') {
      send('application/dash+xml', presentation.mpd(startMs, Date.now()))
    } else if (file !== undefined) send('video/mp4', file)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  const mediaStart = presentation.mediaStartOf(startMs)
  return { server, address: `http://127.0.0.1:${port}`, mediaStart, requests }
}
