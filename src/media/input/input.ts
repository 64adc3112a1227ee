import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { SourceId } from '../../contract/ids.ts'
import type { SourceSpec, Thresholds } from '../../contract/spec.ts'
import { ticksOfMs } from '../../contract/time.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import { Conforming } from './conforming.ts'
import type { InputFormats, InputParts } from './input-parts.ts'
import { InputTracks } from './input-tracks.ts'
import type { SourceFormat } from '../format/program-format.ts'
import type { SourceFeed } from '../sources/source-reader.ts'
import type { SupervisedFigures, SupervisedSource } from '../sources/supervised-source.ts'
import type { SourceTransition } from '../sources/supervision.ts'
import type { SourceMonitor } from './source-monitor.ts'
import { SourceBuffer } from '../buffer/source-buffer.ts'
import { SourceHealth, type HealthVerdict } from '../buffer/source-health.ts'

/** A transcoder that gives nothing for this long after its source ended has nothing left. */
const DRAINED_MS = 1_000
/** The longest usual playlist segment. */
const SEGMENT_PATIENCE_MS = 10_000
/** What a finite source holds at least before it is entered. */
const PRE_ROLL_MS = 500
/** Where every source begins: no news until it has media, or fails otherwise. */
const NOTHING_YET: HealthVerdict = {
  healthy: false,
  problems: [{ condition: 'no_media', measured: 0, limit: 1, unit: 'units' }],
}

/** For this long a source that ran dry on the air is unhealthy; its way back begins after that. */
const DRY_COUNTS_MS = 1_000

/** One source of the channel: its reader, its tracks, its conforming, its buffer, its health. */
export class Input {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  readonly monitor: SourceMonitor
  readonly tracks = new InputTracks()
  readonly supervised: SupervisedSource
  readonly #parts: InputParts
  #spec: SourceSpec
  readonly #conforming: Conforming
  readonly #health = new SourceHealth()
  #verdict: HealthVerdict = NOTHING_YET
  #verdictSince: number
  #runningSince: number | undefined
  #waiters: (() => void)[] = []
  #primed = false
  #restedAt = 0
  #ranDryAt = Number.NEGATIVE_INFINITY

  constructor(parts: InputParts) {
    const { spec } = parts
    this.id = spec.id
    this.#spec = spec
    this.#parts = parts
    this.monitor = parts.monitor
    this.#verdictSince = parts.clock.now()
    this.buffer = new SourceBuffer({
      live: parts.live,
      recoveryPoints: spec.recoveryPoints,
      latencyMs: parts.latencyMs,
      delayMs: spec.delayMs,
      arrives: parts.arrives,
    })
    this.#conforming = new Conforming({
      openConformer: parts.openConformer,
      target: () => parts.settings.format,
      out: {
        unit: (unit) => this.#rest(unit),
        format: () => {},
        restarted: () => this.buffer.breakTimeline(),
      },
      onReplan: () => this.#forget(),
    })
    this.supervised = parts.supervise(this.#feed(), (change) => this.#changed(change))
  }

  get spec(): SourceSpec {
    return this.#spec
  }

  /** Fields changed that the reader does not notice. */
  respec(spec: SourceSpec): void {
    this.#spec = spec
    this.reconsider()
  }

  get lipSync(): number {
    return ticksOfMs(this.spec.lipSyncMs)
  }

  get fits(): boolean {
    const { state } = this.#conforming
    return state !== 'refused' && state !== 'unknown' && this.#isPrimed()
  }

  /** A finite source has no live edge to rest behind: it is entered once its buffer can carry it over a slow start. */
  #isPrimed(): boolean {
    const { live, heldMs, newest } = this.buffer
    const preRoll = Math.max(this.#parts.latencyMs, PRE_ROLL_MS)
    this.#primed ||= live || heldMs >= preRoll || newest?.closed === true
    return this.#primed
  }

  #forget(): void {
    this.#primed = false
    this.buffer.forget()
  }

  get conforming(): Conforming {
    return this.#conforming
  }

  get verdict(): HealthVerdict {
    return this.#verdict
  }

  /** Monotonic milliseconds since when it has been healthy, or unhealthy, without a break. */
  get verdictSince(): number {
    return this.#verdictSince
  }

  /** Running, conformed, and with a random access point in its buffer. */
  get isReady(): boolean {
    const { state } = this.#conforming
    const isConformed = state === 'as_is' || state === 'transcoding'
    const hasRap = this.buffer.newest?.entryAfter(Number.NEGATIVE_INFINITY) !== undefined
    return this.supervised.state.state === 'running' && isConformed && hasRap
  }

  get figures(): SupervisedFigures {
    return this.supervised.figures()
  }

  get runningSince(): number | undefined {
    return this.#runningSince
  }

  get formats(): InputFormats {
    const tracks = this.tracks.described()
    return { video: tracks?.video?.format, audio: tracks?.audio[0]?.format }
  }

  /** What a program would be made of that took its format from this source; undefined until that is known. */
  get usableFormat(): SourceFormat | undefined {
    const stretch = this.buffer.newest
    if (stretch?.entryAfter(Number.NEGATIVE_INFINITY) === undefined) return undefined
    const tracks = this.tracks.described()
    if (tracks === undefined) return undefined
    return {
      video: tracks.video?.format,
      frameTicks: stretch.frameTicks,
      audio: tracks.audio.map((track) => ({
        format: track.format,
        language: track.language ?? '',
      })),
    }
  }

  /** The channel's format was fixed, or its conform mode changed. */
  reconsider(): void {
    this.#choose()
    this.#wish()
  }

  /** It had nothing left to play on the air: however short the stall was, it counts against it. */
  ranDry(now: number): void {
    this.#ranDryAt = now
  }

  /** Judges health and trims the buffer; called some times a second. */
  look(now: number): void {
    this.#closeDrained(now)
    if (this.tracks.giveUpSilent(now)) this.reconsider()
    this.buffer.trim(now)
    if (!this.buffer.full) for (const wake of this.#waiters.splice(0)) wake()
    const before = this.#verdict
    const figures = this.figures
    const verdict = this.#health.add(
      {
        at: now,
        state: this.supervised.state.state,
        tracks: this.tracks.watched(),
        runningSince: this.#runningSince,
        bytes: figures.bytes,
        packets: figures.packets,
        continuityErrors: figures.continuityErrors,
        lostPackets: figures.lostPackets,
        jumps: this.buffer.jumps,
        live: this.buffer.live,
      },
      this.#thresholds(),
    )
    this.#verdict = this.#withDryness(verdict, now)
    if (before.healthy !== this.#verdict.healthy) this.#verdictSince = now
    const changed = conditionsOf(before) !== conditionsOf(this.#verdict)
    if (changed) this.#parts.events.health(this.id, this.#verdict)
  }

  /** Resolves when the reader, the transcoder and the monitor have ended. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.supervised.run(signal), this.monitor.run(signal)])
    await this.#conforming.close()
    for (const wake of this.#waiters.splice(0)) wake()
  }

  #feed(): SourceFeed {
    return {
      program: (program) => this.#announced(program),
      unit: (unit) => this.#arrived(unit),
      format: (pid, format) => this.#described(pid, format),
      restarted: () => this.#breakTimeline(),
      room: () => this.#room(),
    }
  }

  /** A playlist says nothing between its segments; that a buffer runs dry is noticed anyway. */
  #thresholds(): Thresholds {
    const limits = this.#parts.settings.thresholdsOf(this.spec)
    if (this.#parts.arrives !== 'by_segment') return limits
    const { newest } = this.buffer
    const burstMs = newest === undefined ? 0 : this.buffer.burstMs(newest)
    return { ...limits, stallMs: limits.stallMs + Math.max(burstMs, SEGMENT_PATIENCE_MS) }
  }

  #withDryness(verdict: HealthVerdict, now: number): HealthVerdict {
    if (!verdict.healthy || now - this.#ranDryAt > DRY_COUNTS_MS) return verdict
    const { latencyMs } = this.#parts
    const problem = {
      condition: 'stall',
      measured: latencyMs,
      limit: latencyMs,
      unit: 'ms: ran dry on the air',
    } as const
    return { healthy: false, problems: [problem] }
  }

  /** What a transcoder still holds belongs to what came before: with one, the buffer learns of it from its output. */
  #breakTimeline(): void {
    if (!this.#conforming.delays) this.buffer.breakTimeline()
    this.#conforming.restarted()
  }

  /** The source has ended, and its transcoder has given what it held: that is all there will be. */
  #closeDrained(now: number): void {
    if (this.#runningSince !== undefined || this.buffer.newest?.closed !== false) return
    if (now - this.#restedAt > DRAINED_MS) this.buffer.breakTimeline()
  }

  /** A finite source outruns neither the play-out nor its transcoder. */
  #room(): Promise<void> | undefined {
    if (!this.buffer.full) return this.#conforming.room()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #announced(program: ElementaryProgram): void {
    this.buffer.setLive(this.supervised.live ?? this.buffer.live)
    this.tracks.announce(program)
    this.monitor.program(program)
    this.#choose()
    this.#wish()
  }

  #choose(): void {
    if (!this.tracks.choose(this.spec, this.#parts.settings.format)) return
    const { video, audio } = this.tracks.chosen
    const hasAudio = audio.map((pid) => pid !== undefined)
    this.buffer.setLayout({ hasVideo: video !== undefined, hasAudio })
  }

  #described(pid: Pid, format: VideoFormat | AudioFormat): void {
    if (this.tracks.describe(pid, format)) this.#choose()
    if (this.tracks.isChosen(pid)) this.#wish()
  }

  #arrived(unit: AccessUnit): void {
    this.monitor.unit(unit)
    this.tracks.count(unit)
    if (!this.tracks.isChosen(unit.pid)) return
    const now = this.#parts.clock.now()
    if (this.#wasSilent(unit, now)) this.#breakTimeline()
    // At once: it may be on the air before the next look, and must not be left for having no media.
    if (this.tracks.moved(unit.pid, now).first) this.look(now)
    if (this.#seesEntries(unit)) this.#wish()
    this.#conforming.unit(unit)
  }

  #seesEntries(unit: AccessUnit): boolean {
    const { recoveryPoints } = this.spec
    const { longestGopTicks: longestTicks } = this.#parts.settings
    return this.tracks.entries.see(unit, { recoveryPoints, longestTicks })
  }

  /**
   * A publisher that comes back behind a server goes on in the same connection, with times that stood still: by its old
   * edge it would be late for ever. A playlist is silent between its segments as a rule.
   */
  #wasSilent(unit: AccessUnit, now: number): boolean {
    const bySegment = this.#parts.arrives === 'by_segment'
    if (!this.buffer.live || bySegment || unit.pid !== this.tracks.leading) return false
    const before = this.tracks.lastAt(unit.pid)
    const { stallMs } = this.#parts.settings.thresholdsOf(this.spec)
    const longest = Math.max(stallMs, this.#parts.latencyMs + this.spec.delayMs)
    return before !== undefined && now - before > longest
  }

  /** Into the buffer, as the track of the program that it plays. */
  #rest(unit: AccessUnit): void {
    const now = this.#parts.clock.now()
    this.#restedAt = now
    const { video, audio } = this.tracks.chosen
    if (unit.pid === video) {
      this.buffer.addVideo(unit, now)
      return
    }
    audio.forEach((pid, track) => {
      if (pid === unit.pid) this.buffer.addAudio(track, unit, now)
    })
  }

  #wish(): void {
    const tracks = this.tracks.described()
    if (tracks === undefined) return
    const changed = this.#conforming.wish({
      tracks,
      target: this.#parts.settings.format,
      mode: this.#parts.settings.conformOf(this.spec),
      entries: this.tracks.entries.verdict,
    })
    if (changed) this.#parts.events.format(this.id, this.formats, this.conforming.state)
  }

  #changed(change: SourceTransition): void {
    if (change.state === 'running') this.#runningSince = this.#parts.clock.now()
    else {
      this.#runningSince = undefined
      this.tracks.ended()
      if (change.state === 'stopped' || change.state === 'failed') this.#primed = false
      // Known at once: what is buffered is all there will be of this run.
      if (change.state !== 'starting') this.#breakTimeline()
    }
    this.#parts.events.state(this.id, change)
  }
}

const conditionsOf = (verdict: HealthVerdict): string =>
  verdict.problems.map((problem) => problem.condition).join()
