import type { SwitchCause } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { TakeMode } from '../../contract/spec.ts'
import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { AudioTrack } from './audio-track.ts'
import type { BusOptions, CutMade, PlannedTake } from './bus-parts.ts'
import { isDry, type OnAir } from './dryness.ts'
import { edgeOffset, idealOffset, offsetOf, slateEntry, type SplicePlace } from './entry-choice.ts'
import { chooseFallback, leaveSlate, type FallbackContext } from './fallback.ts'
import { type Entry, Lane } from './lane.ts'
import { LATE_TICKS, PictureFeed } from './picture-feed.ts'
import { ProgramClock } from './program-clock.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { Position } from '../buffer/source-buffer.ts'
import type { Stretch } from '../buffer/stretch.ts'
import type { StandingOrder } from './switch-source.ts'
import { stepPlan, type PlanMemory } from './take-planner.ts'
import { VideoTrack } from './video-track.ts'

/** The program is advanced in steps of at most this, so that units of different tracks stay interleaved. */
const STEP_TICKS = 900
/** A tick that comes this late means that the host was paused. */
const PAUSED_MS = 1_500
/** Cuts and units in one step: past it something is wrong, and the event loop must live. */
const STEP_BUDGET = 20_000
const LEAN_EVERY_MS = 1_000
/** A source that runs dry again so soon after the slate is kept waiting, each time twice as long, up to the longest. */
const RELAPSE_MS = 5_000
const SLATE_STAY_MS = { first: 500, longest: 8_000 } as const

/** Carries one source at a time and plays it out by the program's clock (DESIGN.md, sections 3 to 5). */
export class Bus {
  readonly #options: BusOptions
  readonly #clock: ProgramClock
  readonly #video: VideoTrack
  readonly #audio: readonly AudioTrack[]
  readonly #pictures: PictureFeed
  #lane: Lane
  #slate: SlateLoop
  #order: StandingOrder = { wanted: SLATE, substitutes: [] }
  #pending: (PlannedTake & { readonly memory: PlanMemory }) | undefined
  #reached: number
  #lastTick: number
  #leanedAt: number
  #laneSince: number
  #slateTicks = 0
  #slateStayMs = 0
  #lastCut: CutMade | undefined

  constructor(options: BusOptions) {
    this.#options = options
    this.#slate = options.slate
    this.#clock = new ProgramClock({ at: options.now, ticks: options.start })
    this.#reached = options.start
    this.#lastTick = options.now
    this.#leanedAt = options.now
    this.#laneSince = options.now
    this.#video = new VideoTrack(options.start, (unit, times) => options.sink.video(unit, times))
    const unfinished = options.latencyMs === 0 ? 'shown' : 'held_back'
    this.#pictures = new PictureFeed(this.#video, unfinished)
    this.#audio = Array.from({ length: options.audioTracks }, (_, track) => {
      const write = (unit: AccessUnit, pts: Ticks90k): void => options.sink.audio(track, unit, pts)
      return new AudioTrack({ track, start: options.start, silence: options.silence, write })
    })
    this.#lane = this.#open(slateEntry(options.slate))
  }

  get onAir(): SourceId {
    return this.#lane.source
  }

  /** Something else than the slate that it began with has been on air. */
  get begun(): boolean {
    return this.#lastCut !== undefined
  }

  /** How far the program has been played out. */
  get programTime(): Ticks90k {
    return ticks(this.#reached)
  }

  get order(): StandingOrder {
    return this.#order
  }

  get audio(): readonly AudioTrack[] {
    return this.#audio
  }

  get figures() {
    return {
      onAirSince: this.#laneSince,
      delayMs: this.#delayMs(),
      slateMs: this.#slateTicks / 90,
      silenceInserted: this.#audio.reduce((sum, track) => sum + track.silenceInserted, 0),
      audioDropped: this.#audio.reduce((sum, track) => sum + track.framesDropped, 0),
      dtsCompressed: this.#video.dtsCompressed,
      videoDropped: this.#video.dropped,
      clockPpm: this.#clock.ppm,
    }
  }

  setOrder(order: StandingOrder): void {
    this.#order = order
  }

  /** A new message or picture: it is seen when the slate is next entered, or at its next turn when it is on air. */
  setSlate(slate: SlateLoop): void {
    this.#slate = slate
    if (this.#lane.isSlate) this.#cut(slateEntry(slate), 'take', 'cutover')
  }

  /** One change may be pending: a newer one displaces the older, which is reported. */
  plan(take: PlannedTake): void {
    const displaced = this.#pending
    this.#pending = { ...take, memory: {} }
    if (displaced !== undefined) this.#options.report.displaced(displaced.ticket, take.ticket)
  }

  /** The ticket of the change that waits for its splice point. */
  get pending(): Ticket | undefined {
    return this.#pending?.ticket
  }

  /** Not reported. No effect on another ticket's plan. */
  cancel(ticket: Ticket): void {
    if (this.#pending?.ticket === ticket) this.#pending = undefined
  }

  /** What this bus still needs of a stretch. */
  positionIn(stretch: Stretch): Position | undefined {
    const video = this.#lane.picture === stretch ? this.#lane.next : Number.POSITIVE_INFINITY
    const audio = this.#audio.map((track) => track.positionIn(stretch) ?? Number.POSITIVE_INFINITY)
    const reads =
      video !== Number.POSITIVE_INFINITY || audio.some((at) => at !== Number.POSITIVE_INFINITY)
    return reads ? { video, audio } : undefined
  }

  /** Plays out everything that is due at wall time `now`. */
  tick(now: number): void {
    if (now - this.#lastTick > PAUSED_MS) this.#resumeAfterPause(now)
    this.#lastTick = now
    if (now - this.#leanedAt >= LEAN_EVERY_MS) this.#lean(now)
    const target = this.#clock.at(now)
    while (this.#reached < target) {
      this.#reached = Math.min(target, this.#reached + STEP_TICKS)
      this.#step(this.#reached, now)
    }
  }

  #step(clock: number, now: number): void {
    this.#options.sink.advance(ticks(clock))
    for (let budget = STEP_BUDGET; budget > 0; budget--) {
      if (!this.#moveOn(clock, now)) break
    }
    for (const track of this.#audio) track.pump(clock)
    if (this.#lane.isSlate) this.#slateTicks += STEP_TICKS
  }

  /** One unit of the leading track, or one cut; false when nothing is due. */
  #moveOn(clock: number, now: number): boolean {
    const { hasVideo } = this.#options
    if ((!hasVideo || this.#lane.complete) && this.#cutIfPlanned(clock, now)) return true
    const verdict = hasVideo ? this.#pictures.showNext(this.#lane, clock) : 'nothing'
    if (verdict === 'shown') return true
    if (verdict === 'late') return this.#recover(clock, now)
    if (!isDry(this.#onAir(), clock)) return false
    return this.#cutToFallback(clock, now)
  }

  #onAir(): OnAir {
    return {
      lane: this.#lane,
      hasVideo: this.#options.hasVideo,
      video: this.#video,
      pictures: this.#pictures,
      sound: this.#audio[0],
      patience: this.#patience(),
    }
  }

  #place(now: number): SplicePlace {
    return { end: this.#end(), clock: this.#clock, now }
  }

  /** Program time at which what was emitted ends. */
  #end(): number {
    return this.#options.hasVideo ? this.#video.end : (this.#audio[0]?.end ?? this.#reached)
  }

  #cutIfPlanned(clock: number, now: number): boolean {
    const pending = this.#pending
    const { report } = this.#options
    if (pending?.plan.source === this.#lane.source && this.#lastCut !== undefined) {
      // The fallback was there first.
      this.#pending = undefined
      report.executed(pending.ticket, this.#lastCut)
    } else if (pending !== undefined) {
      const { ticket, plan, cause, memory } = pending
      const step = stepPlan(plan, {
        source: this.#options.sources.get(plan.source),
        lane: this.#lane,
        slate: this.#slate,
        place: this.#place(now),
        aheadOf: clock - this.#patience(),
        memory,
      })
      if (step.kind === 'refuse') {
        this.#pending = undefined
        report.refused(ticket, step)
      }
      if (step.kind === 'cut') {
        this.#pending = undefined
        report.executed(ticket, this.#cut(step.entry, cause, step.executed, ticket))
        return true
      }
    }
    return this.#yieldSlate(clock, now)
  }

  /** An automatic slate yields to whatever plays; an operator's slate does not. */
  #yieldSlate(clock: number, now: number): boolean {
    if (!this.#lane.isSlate || this.#order.wanted === SLATE) return false
    if (now < this.#laneSince + this.#slateStayMs) return false
    const entry = leaveSlate(this.#fallbackContext(clock, now))
    if (entry === undefined) return false
    const returns = entry.source?.id === this.#order.wanted ? 'revert' : 'failover'
    this.#cut(entry, this.#lastCut === undefined ? 'start' : returns, 'cutover')
    return true
  }

  #fallbackContext(clock: number, now: number): FallbackContext {
    return {
      lane: this.#lane,
      order: this.#order,
      sources: this.#options.sources,
      slate: this.#slate,
      place: this.#place(now),
      aheadOf: clock - this.#patience(),
    }
  }

  /** Without latency every unit comes when it is due, or later: a source counts as stalled after a while only. Ticks. */
  #patience(): number {
    return this.#options.latencyMs === 0 ? this.#options.stallMs * 90 : 0
  }

  #cutToFallback(clock: number, now: number): boolean {
    const entry = chooseFallback(this.#fallbackContext(clock, now))
    const again = entry.source?.id === this.#lane.source
    if (entry.source === undefined) this.#slateStayMs = this.#stayAfter(now - this.#laneSince)
    this.#cut(entry, again ? 'source_jump' : 'failover', 'cutover')
    return true
  }

  #stayAfter(playedMs: number): number {
    if (playedMs > RELAPSE_MS) return 0
    return Math.min(SLATE_STAY_MS.longest, Math.max(SLATE_STAY_MS.first, 2 * this.#slateStayMs))
  }

  /**
   * The source's units come too late for the clock: it is spliced anew at the clock, behind a hole. Anchored on the DTS,
   * below which no picture of a reorder group under way can be shown.
   */
  #recover(clock: number, now: number): boolean {
    this.#leaveHole(clock)
    const lane = this.#lane
    const source = this.#options.sources.get(lane.source)
    const stretch = lane.stretch
    if (source === undefined || stretch === undefined) return this.#cutToFallback(clock, now)
    const unit = stretch.video(lane.next)!.unit
    const ideal = idealOffset(source, stretch, this.#place(now))
    const entry: Entry = { source, playable: stretch, index: lane.next, anchor: unit.dts, ideal }
    this.#cut(entry, 'source_jump', 'cutover')
    return true
  }

  #resumeAfterPause(now: number): void {
    const clock = this.#clock.at(now)
    this.#reached = clock - STEP_TICKS
    this.#leaveHole(clock)
    this.#cutToFallback(clock, now)
  }

  #leaveHole(clock: number): void {
    this.#video.skipTo(clock)
    for (const track of this.#audio) track.skipTo(clock)
    this.#options.sink.hole()
  }

  #cut(entry: Entry, cause: SwitchCause, executed: TakeMode, ticket?: Ticket): CutMade {
    const from = this.#lane.source
    const end = this.#end()
    const hole = this.#options.latencyMs === 0 ? Math.max(0, this.#reached - end) : 0
    if (hole > LATE_TICKS) this.#leaveHole(this.#reached)
    this.#lane = this.#open(entry)
    this.#laneSince = this.#lastTick
    const at = this.#end()
    const late = (this.#lane.offset - entry.ideal) / 90
    const made: CutMade = {
      from,
      to: this.#lane.source,
      cause,
      at: ticks(at),
      wallMs: this.#lastTick,
      gap: at - end,
      addedDelayMs: Number.isFinite(late) ? Math.max(0, late) : 0,
      executed,
      ticket,
    }
    this.#lastCut = made
    this.#options.report.cut(made)
    return made
  }

  #open(entry: Entry): Lane {
    const end = this.#end()
    const offset = offsetOf(entry, end)
    const { lipSync = 0, buffer } = entry.source ?? {}
    const live = buffer?.live === true
    const lane = new Lane({
      entry,
      offset,
      programEnd: end,
      slate: this.#slate,
      channelHasVideo: this.#options.hasVideo,
      edge: live ? edgeOffset(entry.playable, this.#place(this.#lastTick)) : undefined,
    })
    this.#audio.forEach((track, index) => {
      const playable = entry.playable.hasAudio[index] ? entry.playable : undefined
      track.enqueue({ playable, offset: offset + lipSync, from: end })
    })
    return lane
  }

  #delayMs(): number {
    const source = this.#options.sources.get(this.#lane.source)
    const stretch = this.#lane.stretch
    if (source === undefined || stretch === undefined) return 0
    const late = (this.#lane.offset - this.#lane.ideal) / 90
    return source.buffer.delayMs(stretch) + (Number.isFinite(late) ? late : 0)
  }

  /** Follows the clock of the source on air: for drift only. */
  #lean(now: number): void {
    this.#leanedAt = now
    const edge = edgeOffset(this.#lane.playable, this.#place(now))
    const entered = this.#lane.edge
    const drift = edge === undefined || entered === undefined ? 0 : (edge - entered) / 90
    this.#clock.lean(drift, now)
  }
}
