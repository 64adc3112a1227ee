/** A bus with synthetic sources on a fake clock: wall time is a number that the test moves. */
import { PROGRAM, SLATE, sourceId, type SourceId, type Ticket } from '../../src/contract/ids.ts'
import { millis, ticks } from '../../src/contract/time.ts'
import type { TakeMode } from '../../src/contract/spec.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { Bus } from '../../src/media/switch/bus.ts'
import type { ExecutedCut } from '../../src/media/switch/bus-parts.ts'
import { type SilentAudio, SlateLoop } from '../../src/media/switch/slate-loop.ts'
import { SourceBuffer } from '../../src/media/buffer/source-buffer.ts'
import type { SwitchSource } from '../../src/media/switch/switch-source.ts'
import type { SlateMaterial } from '../../src/media/slate/slate-material.ts'
import { stampOf, syntheticUnits, type SyntheticSpec } from './synthetic-units.ts'

export interface Emitted {
  readonly kind: 'video' | 'audio'
  readonly tag: string
  readonly frame: number
  readonly pts: number
  readonly dts: number
  readonly duration: number
  readonly rap: boolean
  readonly wall: number
}

export interface RigSource extends SwitchSource {
  /** Delivers the units that have arrived by `now`. */
  arrive(now: number): void
  /** Stops delivery until `resume`; units due meanwhile are lost, or arrive late in a burst. */
  stall(how: 'lost' | 'late'): void
  resume(): void
  /** Stops delivery for `ms` and delays everything after it by as much: a frozen encoder, a longer path. */
  freeze(ms: number): void
  /** Restarts the encoder at time `start`, `afterMs` from now. */
  restart(options: { readonly start: number; readonly afterMs: number }): void
  end(): void
}

export interface RigSourceOptions extends Partial<SyntheticSpec> {
  readonly latencyMs: number
  /** Wall time at which the first unit arrives. */
  readonly from: number
  /** Units arrive in groups of this many milliseconds (a playlist's segments). */
  readonly burstMs: number
  readonly arrivalJitterMs: number
  /** Clock error of the source, parts per million. */
  readonly ppm: number
  readonly live: boolean
  readonly hasVideo: boolean
}

const SILENCE: SilentAudio = {
  format: { codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1024 },
  frameTicks: 1920,
  frames: [Buffer.from('<silence/audio/0>')],
}

export const createSlate = (hasVideo: boolean, audioTracks: number): SlateLoop =>
  new SlateLoop({ ...slateMaterialOf(hasVideo), audioTracks })

export const slateMaterialOf = (hasVideo: boolean): SlateMaterial => ({
  video: hasVideo
    ? syntheticUnits({
        tag: 'slate',
        fps: 25,
        gop: 50,
        count: 50,
        reorder: 'IP',
        start: 0,
        audioTicks: 0,
      })
    : [],
  videoTicks: hasVideo ? 180_000 : 0,
  videoFormat: undefined,
  silence: SILENCE,
})

export function createRigSource(id: string, options: Partial<RigSourceOptions> = {}): RigSource {
  const spec = {
    latencyMs: 800,
    from: 0,
    burstMs: 0,
    arrivalJitterMs: 0,
    ppm: 0,
    live: true,
    hasVideo: true,
    count: 2_500,
    ...options,
  }
  const buffer = new SourceBuffer({
    live: spec.live,
    recoveryPoints: false,
    latencyMs: spec.latencyMs,
    delayMs: 0,
    arrives: spec.burstMs > 0 ? 'by_segment' : 'steadily',
  })
  const { hasVideo } = spec
  buffer.setLayout({ hasVideo, hasAudio: [spec.audioTicks !== 0] })
  let seed = 1
  const jitter = (): number => {
    seed = (seed * 16_807) % 2_147_483_647
    return (seed / 2_147_483_647) * spec.arrivalJitterMs
  }
  const make = (start: number, from: number): { unit: AccessUnit; at: number }[] => {
    const units = syntheticUnits({ tag: id, ...spec, start }).filter(
      (unit) => hasVideo || unit.kind === 'audio',
    )
    const origin = units[0]!.dts
    return units.map((unit) => {
      const media = ((unit.dts - origin) / 90) * (1 + spec.ppm / 1e6)
      const arrives =
        spec.burstMs > 0 ? Math.ceil((media + 1) / spec.burstMs) * spec.burstMs : media
      return { unit, at: from + arrives + jitter() }
    })
  }
  let queue = make(spec.start ?? 900_000, spec.from)
  let next = 0
  let state: 'running' | 'lost' | 'late' = 'running'
  let frozenMs = 0
  return {
    id: sourceId(id),
    buffer,
    lipSync: 0,
    isReady: true,
    arrive(now) {
      if (state === 'late') return
      for (; next < queue.length; next++) {
        const { unit, at } = queue[next]!
        if (spec.live ? at + frozenMs > now : buffer.full) return
        if (state === 'lost') continue
        if (unit.kind === 'video') buffer.addVideo(unit, now)
        else buffer.addAudio(0, unit, now)
      }
    },
    stall: (how) => void (state = how),
    resume: () => void (state = 'running'),
    freeze: (ms) => void (frozenMs += ms),
    restart({ start, afterMs }) {
      const now = queue[Math.min(next, queue.length - 1)]!.at
      buffer.breakTimeline()
      queue = make(start, now + afterMs)
      next = 0
    },
    end() {
      next = queue.length
      buffer.breakTimeline()
    },
  }
}

export interface RigOptions {
  readonly hasVideo: boolean
  readonly latencyMs: number
  readonly stallMs: number
  readonly start: number
}

/** More pictures than any reorder group of the synthetic sources. */
const MAX_REORDERED = 8

export class BusRig {
  readonly emitted: Emitted[] = []
  readonly cuts: ExecutedCut[] = []
  readonly refusals: string[] = []
  readonly executed: { ticket: Ticket; made: ExecutedCut }[] = []
  readonly displaced: { ticket: Ticket; by: Ticket }[] = []
  #tickets = 0
  readonly advances: number[] = []
  readonly sources = new Map<SourceId, RigSource>()
  readonly bus: Bus
  holes = 0
  now = 0

  constructor(sources: readonly RigSource[], options: Partial<RigOptions> = {}) {
    const spec = { hasVideo: true, latencyMs: 800, stallMs: 500, start: 900_000, ...options }
    for (const source of sources) this.sources.set(source.id, source)
    this.bus = new Bus({
      name: PROGRAM,
      now: 0,
      start: ticks(spec.start),
      hasVideo: spec.hasVideo,
      audioTracks: 1,
      slate: createSlate(spec.hasVideo, 1),
      silence: SILENCE,
      latencyMs: spec.latencyMs,
      stallMs: spec.stallMs,
      sources: this.sources,
      sink: {
        advance: (clock) => void this.advances.push(clock),
        video: (unit, times) => this.#recordUnit(unit, times.pts, times.dts),
        audio: (_track, unit, pts) => this.#recordUnit(unit, pts, pts),
        hole: () => void this.holes++,
      },
      report: {
        cut: (made) => void this.cuts.push(made),
        refused: (_ticket, refusal) => void this.refusals.push(refusal.why),
        executed: (ticket, made) => void this.executed.push({ ticket, made }),
        displaced: (ticket, by) => void this.displaced.push({ ticket, by }),
      },
    })
    for (const source of sources) source.buffer.addReader((stretch) => this.bus.positionIn(stretch))
  }

  run(ms: number): void {
    for (const until = this.now + ms; this.now < until;) {
      this.now += 5
      for (const source of this.sources.values()) source.arrive(this.now)
      this.bus.tick(this.now)
      if (this.now % 100 === 0)
        for (const source of this.sources.values()) source.buffer.trim(this.now)
    }
  }

  take(id: string, mode: TakeMode): Ticket {
    const source = id === 'slate' ? SLATE : sourceId(id)
    const plan = { source, mode, notBefore: this.now, deadline: this.now + 15_000 }
    const ticket = ++this.#tickets as Ticket
    this.bus.schedulePlan({ ticket, plan, cause: 'take' })
    return ticket
  }

  setWanted(id: string, ...substitutes: string[]): void {
    const wanted = id === 'slate' ? SLATE : sourceId(id)
    this.bus.setStandingOrder({ wanted, substitutes: substitutes.map(sourceId) })
  }

  video(): Emitted[] {
    return this.emitted.filter((unit) => unit.kind === 'video')
  }

  audio(): Emitted[] {
    return this.emitted.filter((unit) => unit.kind === 'audio')
  }

  /** Violations of DESIGN.md, section 3.1, as sentences; empty when the timeline is continuous. */
  violations(limits: { readonly maxFrame: number } = { maxFrame: 3_600 }): string[] {
    return violationsOf(this.emitted, limits)
  }

  #recordUnit(unit: AccessUnit, pts: number, dts: number): void {
    const stamp = stampOf(unit)
    const rap = unit.rap !== 'none'
    const { tag, frame } = stamp ?? { tag: '?', frame: -1 }
    this.emitted.push({
      kind: unit.kind,
      tag,
      frame,
      pts,
      dts,
      duration: unit.duration,
      rap,
      wall: millis(this.now),
    })
  }
}

export function violationsOf(
  emitted: readonly Emitted[],
  { maxFrame }: { readonly maxFrame: number } = { maxFrame: 3_600 },
): string[] {
  const video = emitted.filter(({ kind }) => kind === 'video')
  const audio = emitted.filter(({ kind }) => kind === 'audio')
  return [...orderViolations(video, audio), ...gapViolations(video, audio, maxFrame)]
}

function orderViolations(...tracks: readonly Emitted[][]): string[] {
  const found: string[] = []
  for (const track of tracks) {
    for (let i = 1; i < track.length; i++) {
      const step = track[i]!.dts - track[i - 1]!.dts
      if (step < 90 - 1e-6)
        found.push(`${track[i]!.kind} DTS step ${step} at ${describe(track[i]!)}`)
    }
    for (const unit of track)
      if (unit.pts < unit.dts) found.push(`PTS below DTS at ${describe(unit)}`)
  }
  return found
}

function gapViolations(
  video: readonly Emitted[],
  audio: readonly Emitted[],
  maxFrame: number,
): string[] {
  const found: string[] = []
  // The newest reorder group is not complete.
  const shown = [...video].sort((a, b) => a.pts - b.pts).slice(0, -MAX_REORDERED)
  for (let i = 1; i < shown.length; i++) {
    const step = shown[i]!.pts - shown[i - 1]!.pts
    if (step > 1.5 * maxFrame) found.push(`picture gap ${step} before ${describe(shown[i]!)}`)
    if (step < 90) found.push(`pictures ${step} apart at ${describe(shown[i]!)}`)
  }
  for (let i = 1; i < audio.length; i++) {
    const before = audio[i - 1]!
    const hole = audio[i]!.pts - (before.pts + before.duration)
    if (Math.abs(hole) > before.duration / 2 + 1e-6)
      found.push(`audio hole ${hole} before ${describe(audio[i]!)}`)
  }
  return found
}

const describe = (unit: Emitted): string =>
  `${unit.tag}/${unit.frame} (pts ${unit.pts}, wall ${unit.wall})`
