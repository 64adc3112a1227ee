import type { SwitchCause } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { TakeMode } from '../../contract/spec.ts'
import { ticks, type Ticks90k } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { AudioTrack } from './audio-track.ts'
import type { BusOptions, ExecutedCut, PlannedTake } from './bus-parts.ts'
import { hasUnderrun, type UnderrunFacts } from './underrun.ts'
import {
  edgeOffset,
  idealOffset,
  offsetOf,
  slateSplicePoint,
  type SpliceContext,
} from './rap-choice.ts'
import { chooseFallback, chooseSlateReplacement, type FallbackContext } from './fallback.ts'
import { type SplicePoint, OnAirSource } from './on-air-source.ts'
import { MAX_LATE_TICKS, VideoQueue } from './video-queue.ts'
import { ProgramClock } from './program-clock.ts'
import type { SlateLoop } from './slate-loop.ts'
import type { Position } from '../buffer/source-buffer.ts'
import type { TimelineSegment } from '../buffer/timeline-segment.ts'
import type { StandingOrder } from './switch-source.ts'
import { stepPlan, type PlanMemory } from './take-planner.ts'
import { VideoTrack } from './video-track.ts'

/** Longest step by which the program is advanced, so that units of different tracks stay interleaved. */
const MAX_STEP_TICKS = 900
/** A tick that is this late means that the host was paused. */
const MIN_HOST_PAUSE_MS = 1_500
/** Limit of cuts and units in one step: beyond it something is wrong, and the event loop must not be blocked. */
const MAX_STEP_UNITS = 20_000
const DRIFT_CHECK_INTERVAL_MS = 1_000
/** A source with another underrun this soon after the slate waits twice as long each time, up to the maximum. */
const RELAPSE_WINDOW_MS = 5_000
const SLATE_STAY_MS = { min: 500, max: 8_000 } as const

/** Carries one source at a time and plays it out by the program's clock (DESIGN.md, sections 3 to 5). */
export class Bus {
  readonly #options: BusOptions
  readonly #clock: ProgramClock
  readonly #video: VideoTrack
  readonly #audio: readonly AudioTrack[]
  readonly #videoQueue: VideoQueue
  #onAirSource: OnAirSource
  #slate: SlateLoop
  #standingOrder: StandingOrder = { wanted: SLATE, substitutes: [] }
  #pending: (PlannedTake & { readonly memory: PlanMemory }) | undefined
  #reached: number
  #lastTick: number
  #driftCheckedAt: number
  #onAirSince: number
  #slateTicks = 0
  #slateStayMs = 0
  #lastCut: ExecutedCut | undefined

  constructor(options: BusOptions) {
    this.#options = options
    this.#slate = options.slate
    this.#clock = new ProgramClock({ at: options.now, ticks: options.start })
    this.#reached = options.start
    this.#lastTick = options.now
    this.#driftCheckedAt = options.now
    this.#onAirSince = options.now
    this.#video = new VideoTrack(options.start, (unit, times) => options.sink.video(unit, times))
    const unfinished = options.latencyMs === 0 ? 'shown' : 'held_back'
    this.#videoQueue = new VideoQueue(this.#video, unfinished)
    this.#audio = Array.from({ length: options.audioTracks }, (_, track) => {
      const write = (unit: AccessUnit, pts: Ticks90k): void => options.sink.audio(track, unit, pts)
      return new AudioTrack({ track, start: options.start, silence: options.silence, write })
    })
    this.#onAirSource = this.#createOnAirSource(slateSplicePoint(options.slate))
  }

  get onAir(): SourceId {
    return this.#onAirSource.source
  }

  /** True once another source than the first slate was on air. */
  get hasPlayedSource(): boolean {
    return this.#lastCut !== undefined
  }

  /** Program time up to which units were played out. */
  get programTime(): Ticks90k {
    return ticks(this.#reached)
  }

  get standingOrder(): StandingOrder {
    return this.#standingOrder
  }

  get audio(): readonly AudioTrack[] {
    return this.#audio
  }

  get figures() {
    return {
      onAirSince: this.#onAirSince,
      delayMs: this.#delayMs(),
      slateMs: this.#slateTicks / 90,
      silenceInserted: this.#audio.reduce((sum, track) => sum + track.silenceInserted, 0),
      audioDropped: this.#audio.reduce((sum, track) => sum + track.framesDropped, 0),
      dtsCompressed: this.#video.dtsCompressed,
      videoDropped: this.#video.dropped,
      clockPpm: this.#clock.ppm,
    }
  }

  setStandingOrder(order: StandingOrder): void {
    this.#standingOrder = order
  }

  /** Replaces the slate: shown when the slate is next entered, or from the next picture on when it is on air. */
  setSlate(slate: SlateLoop): void {
    this.#slate = slate
    if (this.#onAirSource.isSlate) this.#cut(slateSplicePoint(slate), 'take', 'cutover')
  }

  /** Schedules the one pending take; an older one is displaced and reported. */
  schedulePlan(take: PlannedTake): void {
    const displaced = this.#pending
    this.#pending = { ...take, memory: {} }
    if (displaced !== undefined) this.#options.report.displaced(displaced.ticket, take.ticket)
  }

  /** Ticket of the take that waits for its splice point. */
  get pending(): Ticket | undefined {
    return this.#pending?.ticket
  }

  /** Cancels the pending take of this ticket, without a report. No effect on other tickets. */
  cancel(ticket: Ticket): void {
    if (this.#pending?.ticket === ticket) this.#pending = undefined
  }

  /** Next indices that this bus reads in a segment. */
  positionIn(segment: TimelineSegment): Position | undefined {
    const video =
      this.#onAirSource.videoPlayable === segment
        ? this.#onAirSource.next
        : Number.POSITIVE_INFINITY
    const audio = this.#audio.map((track) => track.positionIn(segment) ?? Number.POSITIVE_INFINITY)
    const reads =
      video !== Number.POSITIVE_INFINITY || audio.some((at) => at !== Number.POSITIVE_INFINITY)
    return reads ? { video, audio } : undefined
  }

  /** Plays out everything that is due at wall time `now`. */
  tick(now: number): void {
    if (now - this.#lastTick > MIN_HOST_PAUSE_MS) this.#resumeAfterPause(now)
    this.#lastTick = now
    if (now - this.#driftCheckedAt >= DRIFT_CHECK_INTERVAL_MS) this.#followDrift(now)
    const target = this.#clock.at(now)
    while (this.#reached < target) {
      this.#reached = Math.min(target, this.#reached + MAX_STEP_TICKS)
      this.#step(this.#reached, now)
    }
  }

  #step(clock: number, now: number): void {
    this.#options.sink.advance(ticks(clock))
    for (let budget = MAX_STEP_UNITS; budget > 0; budget--) {
      if (!this.#playNext(clock, now)) break
    }
    for (const track of this.#audio) track.pump(clock)
    if (this.#onAirSource.isSlate) this.#slateTicks += MAX_STEP_TICKS
  }

  /** One unit of the leading track, or one cut; false when nothing is due. */
  #playNext(clock: number, now: number): boolean {
    const { hasVideo } = this.#options
    if ((!hasVideo || this.#onAirSource.isComplete) && this.#cutIfPlanned(clock, now)) return true
    const verdict = hasVideo ? this.#videoQueue.playNext(this.#onAirSource, clock) : 'nothing'
    if (verdict === 'shown') return true
    if (verdict === 'late') return this.#recover(clock, now)
    if (!hasUnderrun(this.#underrunFacts(), clock)) return false
    return this.#cutToFallback(clock, now)
  }

  #underrunFacts(): UnderrunFacts {
    return {
      onAir: this.#onAirSource,
      hasVideo: this.#options.hasVideo,
      video: this.#video,
      videoQueue: this.#videoQueue,
      audio: this.#audio[0],
      graceTicks: this.#graceTicks(),
    }
  }

  #spliceContext(now: number): SpliceContext {
    return { end: this.#end(), clock: this.#clock, now }
  }

  /** Program time at which the emitted media ends. */
  #end(): number {
    return this.#options.hasVideo ? this.#video.end : (this.#audio[0]?.end ?? this.#reached)
  }

  #cutIfPlanned(clock: number, now: number): boolean {
    const pending = this.#pending
    const { report } = this.#options
    if (pending?.plan.source === this.#onAirSource.source && this.#lastCut !== undefined) {
      // The fallback came first.
      this.#pending = undefined
      report.executed(pending.ticket, this.#lastCut)
    } else if (pending !== undefined) {
      const { ticket, plan, cause, memory } = pending
      const step = stepPlan(plan, {
        source: this.#options.sources.get(plan.source),
        onAir: this.#onAirSource,
        slate: this.#slate,
        splice: this.#spliceContext(now),
        aheadOf: clock - this.#graceTicks(),
        memory,
      })
      if (step.kind === 'refuse') {
        this.#pending = undefined
        report.refused(ticket, step)
      }
      if (step.kind === 'cut') {
        this.#pending = undefined
        report.executed(ticket, this.#cut(step.splicePoint, cause, step.executed, ticket))
        return true
      }
    }
    return this.#yieldSlate(clock, now)
  }

  /** An automatic slate yields to any source that plays; an operator's slate does not. */
  #yieldSlate(clock: number, now: number): boolean {
    if (!this.#onAirSource.isSlate || this.#standingOrder.wanted === SLATE) return false
    if (now < this.#onAirSince + this.#slateStayMs) return false
    const splicePoint = chooseSlateReplacement(this.#fallbackContext(clock, now))
    if (splicePoint === undefined) return false
    const returns = splicePoint.source?.id === this.#standingOrder.wanted ? 'revert' : 'failover'
    this.#cut(splicePoint, this.#lastCut === undefined ? 'start' : returns, 'cutover')
    return true
  }

  #fallbackContext(clock: number, now: number): FallbackContext {
    return {
      onAir: this.#onAirSource,
      standingOrder: this.#standingOrder,
      sources: this.#options.sources,
      slate: this.#slate,
      splice: this.#spliceContext(now),
      aheadOf: clock - this.#graceTicks(),
    }
  }

  /** Grace of an underrun, in ticks: with latency 0 each unit comes when it is due or later. */
  #graceTicks(): number {
    return this.#options.latencyMs === 0 ? this.#options.stallMs * 90 : 0
  }

  #cutToFallback(clock: number, now: number): boolean {
    const splicePoint = chooseFallback(this.#fallbackContext(clock, now))
    const again = splicePoint.source?.id === this.#onAirSource.source
    if (splicePoint.source === undefined)
      this.#slateStayMs = this.#slateStayAfter(now - this.#onAirSince)
    this.#cut(splicePoint, again ? 'source_jump' : 'failover', 'cutover')
    return true
  }

  #slateStayAfter(playedMs: number): number {
    if (playedMs > RELAPSE_WINDOW_MS) return 0
    return Math.min(SLATE_STAY_MS.max, Math.max(SLATE_STAY_MS.min, 2 * this.#slateStayMs))
  }

  /**
   * The source's units are too late for the clock: it is spliced again at the clock, behind a hole. Anchored on the DTS,
   * below which no picture of an unfinished reorder group can be shown.
   */
  #recover(clock: number, now: number): boolean {
    this.#leaveHole(clock)
    const onAir = this.#onAirSource
    const source = this.#options.sources.get(onAir.source)
    const segment = onAir.segment
    if (source === undefined || segment === undefined) return this.#cutToFallback(clock, now)
    const unit = segment.video(onAir.next)!.unit
    const ideal = idealOffset(source, segment, this.#spliceContext(now))
    const splicePoint: SplicePoint = {
      source,
      playable: segment,
      index: onAir.next,
      anchor: unit.dts,
      ideal,
    }
    this.#cut(splicePoint, 'source_jump', 'cutover')
    return true
  }

  #resumeAfterPause(now: number): void {
    const clock = this.#clock.at(now)
    this.#reached = clock - MAX_STEP_TICKS
    this.#leaveHole(clock)
    this.#cutToFallback(clock, now)
  }

  #leaveHole(clock: number): void {
    this.#video.skipTo(clock)
    for (const track of this.#audio) track.skipTo(clock)
    this.#options.sink.hole()
  }

  #cut(
    splicePoint: SplicePoint,
    cause: SwitchCause,
    executed: TakeMode,
    ticket?: Ticket,
  ): ExecutedCut {
    const from = this.#onAirSource.source
    const end = this.#end()
    const hole = this.#options.latencyMs === 0 ? Math.max(0, this.#reached - end) : 0
    if (hole > MAX_LATE_TICKS) this.#leaveHole(this.#reached)
    this.#onAirSource = this.#createOnAirSource(splicePoint)
    this.#onAirSince = this.#lastTick
    const at = this.#end()
    const late = (this.#onAirSource.offset - splicePoint.ideal) / 90
    const cut: ExecutedCut = {
      from,
      to: this.#onAirSource.source,
      cause,
      at: ticks(at),
      wallMs: this.#lastTick,
      gap: at - end,
      addedDelayMs: Number.isFinite(late) ? Math.max(0, late) : 0,
      executed,
      ticket,
    }
    this.#lastCut = cut
    this.#options.report.cut(cut)
    return cut
  }

  #createOnAirSource(splicePoint: SplicePoint): OnAirSource {
    const end = this.#end()
    const offset = offsetOf(splicePoint, end)
    const { lipSync = 0, buffer } = splicePoint.source ?? {}
    const live = buffer?.live === true
    const onAir = new OnAirSource({
      splicePoint,
      offset,
      programEnd: end,
      slate: this.#slate,
      channelHasVideo: this.#options.hasVideo,
      edge: live
        ? edgeOffset(splicePoint.playable, this.#spliceContext(this.#lastTick))
        : undefined,
    })
    this.#audio.forEach((track, index) => {
      const playable = splicePoint.playable.hasAudio[index] ? splicePoint.playable : undefined
      track.enqueue({ playable, offset: offset + lipSync, from: end })
    })
    return onAir
  }

  #delayMs(): number {
    const source = this.#options.sources.get(this.#onAirSource.source)
    const segment = this.#onAirSource.segment
    if (source === undefined || segment === undefined) return 0
    const late = (this.#onAirSource.offset - this.#onAirSource.ideal) / 90
    return source.buffer.delayMs(segment) + (Number.isFinite(late) ? late : 0)
  }

  /** Follows the clock of the source on air, for drift only. */
  #followDrift(now: number): void {
    this.#driftCheckedAt = now
    const edge = edgeOffset(this.#onAirSource.playable, this.#spliceContext(now))
    const entered = this.#onAirSource.edge
    const drift = edge === undefined || entered === undefined ? 0 : (edge - entered) / 90
    this.#clock.followDrift(drift, now)
  }
}
