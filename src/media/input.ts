import { isVideoCodec, type AudioFormat, type VideoFormat } from '../contract/format.ts'
import type { SourceId } from '../contract/ids.ts'
import type { ConformMode, SourceSpec, Thresholds } from '../contract/spec.ts'
import { ticksOfMs } from '../contract/time.ts'
import type { Clock } from '../lib/clock.ts'
import type { AccessUnit, Pid } from '../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../mpegts/demuxer.ts'
import { Conforming } from './conforming.ts'
import type { ProgramFormat, SourceFormat } from './program-format.ts'
import type { ConformPlan, SourceTracks } from './sources/conform-plan.ts'
import type { Conformer } from './sources/conformer.ts'
import type { SourceFeed } from './sources/source-reader.ts'
import type { SupervisedFigures, SupervisedSource } from './sources/supervised-source.ts'
import type { SourceTransition } from './sources/supervision.ts'
import type { SourceMonitor } from './source-monitor.ts'
import { SourceBuffer } from './switch/source-buffer.ts'
import { SourceHealth, type HealthVerdict } from './switch/source-health.ts'
import type { SwitchSource } from './switch/switch-source.ts'
import { chooseTracks, NO_TRACKS, type ChosenTracks } from './track-choice.ts'

export interface InputParts {
  readonly spec: SourceSpec
  readonly clock: Clock
  readonly latencyMs: number
  readonly live: boolean
  readonly arrives: 'steadily' | 'by_segment'
  /** Makes the supervised reader that will feed this input. */
  readonly supervise: (
    feed: SourceFeed,
    onChange: (change: SourceTransition) => void,
  ) => SupervisedSource
  readonly openConformer: (plan: ConformPlan) => Conformer
  readonly monitor: SourceMonitor
  readonly settings: InputSettings
  readonly events: InputEvents
}

/** What the channel has decided; read whenever it matters, because it may change on the air. */
export interface InputSettings {
  readonly format: ProgramFormat | undefined
  conformOf(spec: SourceSpec): ConformMode
  thresholdsOf(spec: SourceSpec): Thresholds
}

export interface InputEvents {
  state(input: Input, change: SourceTransition): void
  health(input: Input, verdict: HealthVerdict): void
  format(input: Input): void
}

/** A video track is waited for this long before a source counts as one without entry points. */
const ENTRY_PATIENCE_TICKS = 6 * 90_000
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
export class Input implements SwitchSource {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  readonly monitor: SourceMonitor
  readonly supervised: SupervisedSource
  readonly #parts: InputParts
  #spec: SourceSpec
  readonly #conforming: Conforming
  readonly #health = new SourceHealth()
  readonly #formats = new Map<Pid, VideoFormat | AudioFormat>()
  readonly #lastAt = new Map<Pid, number>()
  readonly #bytes = new Map<Pid, number>()
  #program: ElementaryProgram | undefined
  #chosen: ChosenTracks = NO_TRACKS
  #verdict: HealthVerdict = NOTHING_YET
  #runningSince: number | undefined
  #firstVideo: number | undefined
  #recoveryOnly: 'unknown' | 'yes' | 'no' = 'unknown'
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

  get figures(): SupervisedFigures {
    return this.supervised.figures()
  }

  get runningSince(): number | undefined {
    return this.#runningSince
  }

  get program(): ElementaryProgram | undefined {
    return this.#program
  }

  get chosen(): ChosenTracks {
    return this.#chosen
  }

  formatOf(pid: Pid): VideoFormat | AudioFormat | undefined {
    return this.#formats.get(pid)
  }

  /** Of the chosen tracks; undefined where there is none or it is not known yet. */
  get formats(): {
    readonly video: VideoFormat | undefined
    readonly audio: AudioFormat | undefined
  } {
    const tracks = this.#tracks()
    return { video: tracks?.video?.format, audio: tracks?.audio[0]?.format }
  }

  bytesOf(pid: Pid): number {
    return this.#bytes.get(pid) ?? 0
  }

  /** What a program would be made of that took its format from this source; undefined until that is known. */
  get usableFormat(): SourceFormat | undefined {
    const stretch = this.buffer.newest
    if (this.#program === undefined || stretch?.entryAfter(Number.NEGATIVE_INFINITY) === undefined)
      return undefined
    const tracks = this.#tracks()
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
    if (this.#program !== undefined) this.#choose(this.#program)
    this.#wish()
  }

  /** It had nothing left to play on the air: however short the stall was, it counts against it. */
  ranDry(now: number): void {
    this.#ranDryAt = now
  }

  /** Judges health and trims the buffer; called some times a second. */
  look(now: number): void {
    this.#closeDrained(now)
    this.buffer.trim(now)
    if (!this.buffer.full) for (const wake of this.#waiters.splice(0)) wake()
    const before = this.#verdict
    const figures = this.figures
    const verdict = this.#health.add(
      {
        at: now,
        state: this.supervised.state.state,
        tracks: this.#watchedTracks(),
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
    const changed = conditionsOf(before) !== conditionsOf(this.#verdict)
    if (changed) this.#parts.events.health(this, this.#verdict)
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
    this.#program = program
    this.monitor.program(program)
    this.#choose(program)
    this.#wish()
  }

  #choose(program: ElementaryProgram): void {
    const { format } = this.#parts.settings
    const languages =
      format === undefined ? undefined : format.audio === undefined ? [] : format.languages
    const withoutVideo = format !== undefined && format.video === undefined
    const found = chooseTracks(program, this.spec, languages)
    const chosen = withoutVideo ? { ...found, video: undefined } : found
    if (JSON.stringify(chosen) === JSON.stringify(this.#chosen)) return
    this.#chosen = chosen
    this.buffer.setLayout({
      hasVideo: chosen.video !== undefined,
      hasAudio: chosen.audio.map((pid) => pid !== undefined),
    })
  }

  #described(pid: Pid, format: VideoFormat | AudioFormat): void {
    this.#formats.set(pid, format)
    if (this.#isChosen(pid)) this.#wish()
  }

  #isChosen(pid: Pid): boolean {
    return pid === this.#chosen.video || this.#chosen.audio.includes(pid)
  }

  #arrived(unit: AccessUnit): void {
    this.monitor.unit(unit)
    this.#bytes.set(unit.pid, this.bytesOf(unit.pid) + unit.data.length)
    if (!this.#isChosen(unit.pid)) return
    const now = this.#parts.clock.now()
    const isFirst = this.#lastAt.size === 0
    if (this.#wasSilent(unit, now)) this.#breakTimeline()
    this.#lastAt.set(unit.pid, now)
    // At once: it may be on the air before the next look, and must not be left for having no media.
    if (isFirst) this.look(now)
    if (unit.kind === 'video' && this.#recoveryOnly === 'unknown') this.#watchEntries(unit)
    this.#conforming.unit(unit)
  }

  /**
   * A publisher that comes back behind a server goes on in the same connection, with times that stood still: by its old
   * edge it would be late for ever. A playlist is silent between its segments as a rule.
   */
  #wasSilent(unit: AccessUnit, now: number): boolean {
    if (
      !this.buffer.live ||
      this.#parts.arrives === 'by_segment' ||
      unit.pid !== this.#leadingPid()
    )
      return false
    const { stallMs } = this.#parts.settings.thresholdsOf(this.spec)
    const before = this.#lastAt.get(unit.pid)
    return (
      before !== undefined &&
      now - before > Math.max(stallMs, this.#parts.latencyMs + this.spec.delayMs)
    )
  }

  #leadingPid(): Pid | undefined {
    return this.#chosen.video ?? this.#chosen.audio.find((pid) => pid !== undefined)
  }

  /** H.264 that refreshes without IDR pictures cannot be cut into as it is (DESIGN.md, 3.3). */
  #watchEntries(unit: AccessUnit): void {
    if (this.spec.recoveryPoints || (unit.entry !== 'none' && unit.entry !== 'recovery_point')) {
      this.#recoveryOnly = 'no'
      return
    }
    this.#firstVideo ??= unit.dts
    if (unit.entry !== 'recovery_point' || unit.dts - this.#firstVideo < ENTRY_PATIENCE_TICKS)
      return
    this.#recoveryOnly = 'yes'
    this.#wish()
  }

  /** Into the buffer, as the track of the program that it plays. */
  #rest(unit: AccessUnit): void {
    const now = this.#parts.clock.now()
    this.#restedAt = now
    if (unit.pid === this.#chosen.video) {
      this.buffer.addVideo(unit, now)
      return
    }
    this.#chosen.audio.forEach((pid, track) => {
      if (pid === unit.pid) this.buffer.addAudio(track, unit, now)
    })
  }

  #wish(): void {
    const tracks = this.#tracks()
    if (tracks === undefined) return
    const changed = this.#conforming.wish({
      tracks,
      target: this.#parts.settings.format,
      mode: this.#parts.settings.conformOf(this.spec),
      lacksEntryPoints: this.#recoveryOnly === 'yes',
    })
    if (changed) this.#parts.events.format(this)
  }

  /** The chosen tracks with their formats; undefined while one of them is not known. */
  #tracks(): SourceTracks | undefined {
    const audio: SourceTracks['audio'][number][] = []
    for (const pid of new Set(this.#chosen.audio)) {
      if (pid === undefined) continue
      const format = this.#formats.get(pid)
      if (format === undefined || isVideoCodec(format.codec)) return undefined
      const language = this.#program?.tracks.find((track) => track.pid === pid)?.language
      audio.push({
        pid,
        format: format as AudioFormat,
        ...(language === undefined ? {} : { language }),
      })
    }
    const { video } = this.#chosen
    if (video === undefined) return { audio }
    const format = this.#formats.get(video)
    if (format === undefined || !isVideoCodec(format.codec)) return undefined
    return { video: { pid: video, format: format as VideoFormat }, audio }
  }

  #watchedTracks() {
    const audio = this.#chosen.audio.filter((pid) => pid !== undefined)
    return [
      ...(this.#chosen.video === undefined
        ? []
        : [{ kind: 'video' as const, lastAt: this.#lastAt.get(this.#chosen.video) }]),
      ...audio.map((pid) => ({ kind: 'audio' as const, lastAt: this.#lastAt.get(pid) })),
    ]
  }

  #changed(change: SourceTransition): void {
    if (change.state === 'running') this.#runningSince = this.#parts.clock.now()
    else {
      this.#runningSince = undefined
      this.#lastAt.clear()
      if (change.state === 'stopped' || change.state === 'failed') this.#primed = false
      // Known at once: what is buffered is all there will be of this run.
      if (change.state !== 'starting') this.#breakTimeline()
    }
    this.#parts.events.state(this, change)
  }
}

const conditionsOf = (verdict: HealthVerdict): string =>
  verdict.problems.map((problem) => problem.condition).join()
