import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import type { SourceId } from '../../contract/ids.ts'
import type { SourceSpec, Thresholds } from '../../contract/spec.ts'
import { ticksOfMs } from '../../contract/time.ts'
import { RateMeter } from '../../lib/rate-meter.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import { BufferWriter } from './buffer-writer.ts'
import { Conforming } from './conforming.ts'
import type { InputFormats, InputParts } from './input-parts.ts'
import { InputTracks } from './input-tracks.ts'
import type { SourceFormat } from '../format/program-format.ts'
import type { SourceSink } from '../sources/source-reader.ts'
import type { SupervisedFigures, SupervisedSource } from '../sources/supervised-source.ts'
import type { SourceTransition } from '../sources/supervision.ts'
import type { SourceMonitor } from './source-monitor.ts'
import { SourceBuffer } from '../buffer/source-buffer.ts'
import { SourceHealth, type HealthVerdict } from '../buffer/source-health.ts'

/** Silence of a transcoder after its source ended, after which its output is complete. */
const DRAIN_TIMEOUT_MS = 1_000
/** The longest usual playlist segment. */
const MAX_SEGMENT_MS = 10_000
/** Media that a finite source holds at least before it is entered. */
const MIN_PRE_ROLL_MS = 500
/** First verdict of every source: no event until it has media, or fails otherwise. */
const NO_MEDIA_VERDICT: HealthVerdict = {
  healthy: false,
  problems: [{ condition: 'no_media', measured: 0, limit: 1, unit: 'units' }],
}

/** After an underrun on the air a source is unhealthy until it sends again, and at least this long. */
const UNDERRUN_PENALTY_MS = 1_000

/** One source of the channel: its reader, its tracks, its conforming, its buffer, its health. */
export class Input {
  readonly id: SourceId
  readonly buffer: SourceBuffer
  readonly monitor: SourceMonitor
  readonly tracks = new InputTracks()
  readonly supervised: SupervisedSource
  readonly #parts: InputParts
  #spec: SourceSpec
  readonly #writer: BufferWriter
  readonly #conforming: Conforming
  readonly #health = new SourceHealth()
  #verdict: HealthVerdict = NO_MEDIA_VERDICT
  #verdictSince: number
  readonly #rate: RateMeter
  #runningSince: number | undefined
  #waiters: (() => void)[] = []
  #primed = false
  #underrunAt = Number.NEGATIVE_INFINITY

  constructor(parts: InputParts) {
    const { spec } = parts
    this.id = spec.id
    this.#spec = spec
    this.#parts = parts
    this.monitor = parts.monitor
    this.#verdictSince = parts.clock.now()
    this.#rate = new RateMeter(parts.clock.now())
    this.buffer = new SourceBuffer({
      live: parts.live,
      recoveryPoints: spec.recoveryPoints,
      latencyMs: parts.latencyMs,
      delayMs: spec.delayMs,
      arrives: parts.arrives,
    })
    this.#writer = new BufferWriter(this.buffer, this.tracks, parts.clock)
    this.#conforming = new Conforming({
      openConformer: parts.openConformer,
      target: () => parts.settings.format,
      out: this.#writer,
      onReplan: () => this.#clearBuffer(),
    })
    this.supervised = parts.supervise(this.#createSink(), (change) => this.#onTransition(change))
  }

  get spec(): SourceSpec {
    return this.#spec
  }

  /** Sets fields of the spec that need no new reader. */
  updateSpec(spec: SourceSpec): void {
    this.#spec = spec
    this.replanConform()
  }

  get lipSync(): number {
    return ticksOfMs(this.spec.lipSyncMs)
  }

  get isReady(): boolean {
    const { state } = this.#conforming
    return state !== 'refused' && state !== 'unknown' && this.#isPrimed()
  }

  /** A finite source has no live edge: it is entered once its buffer covers a slow start. */
  #isPrimed(): boolean {
    const { live, heldMs, newest } = this.buffer
    const preRoll = Math.max(this.#parts.latencyMs, MIN_PRE_ROLL_MS)
    this.#primed ||= live || heldMs >= preRoll || newest?.closed === true
    return this.#primed
  }

  #clearBuffer(): void {
    this.#primed = false
    this.buffer.clear()
  }

  get conforming(): Conforming {
    return this.#conforming
  }

  get verdict(): HealthVerdict {
    return this.#verdict
  }

  /** Start of its unbroken health or ill health, monotonic milliseconds. */
  get verdictSince(): number {
    return this.#verdictSince
  }

  /** Running, conformed, and with a random access point in its buffer. */
  get isEnterable(): boolean {
    const { state } = this.#conforming
    const isConformed = state === 'as_is' || state === 'transcoding'
    const hasRap = this.buffer.newest?.rapAfter(Number.NEGATIVE_INFINITY) !== undefined
    return this.supervised.state.state === 'running' && isConformed && hasRap
  }

  get figures(): SupervisedFigures {
    return this.supervised.figures()
  }

  /** As received, bits per second. */
  bitrate(now: number): number {
    return this.#rate.bitrate(now)
  }

  get runningSince(): number | undefined {
    return this.#runningSince
  }

  get formats(): InputFormats {
    const tracks = this.tracks.tracksWithFormats()
    return { video: tracks?.video?.format, audio: tracks?.audio[0]?.format }
  }

  /** Format that a program would take from this source; undefined until it is known. */
  get usableFormat(): SourceFormat | undefined {
    const segment = this.buffer.newest
    if (segment?.rapAfter(Number.NEGATIVE_INFINITY) === undefined) return undefined
    const tracks = this.tracks.tracksWithFormats()
    if (tracks === undefined) return undefined
    return {
      video: tracks.video?.format,
      frameTicks: segment.frameTicks,
      audio: tracks.audio.map((track) => ({
        format: track.format,
        language: track.language ?? '',
      })),
    }
  }

  /** To be called when the channel's format was fixed, or its conform mode changed. */
  replanConform(): void {
    this.#updateTrackChoice()
    this.#replan()
  }

  /** An underrun on the air counts against the source, however short the stall was. */
  reportUnderrun(now: number): void {
    this.#underrunAt = now
  }

  /** Judges health and trims the buffer; called some times a second. */
  checkHealth(now: number): void {
    this.#closeDrained(now)
    if (this.tracks.dropSilentTracks(now)) this.replanConform()
    this.buffer.trim(now)
    if (!this.buffer.full) for (const wake of this.#waiters.splice(0)) wake()
    const before = this.#verdict
    const figures = this.figures
    this.#rate.addBytes(figures.bytes - this.#rate.total, now)
    const verdict = this.#health.judge(
      {
        at: now,
        state: this.supervised.state.state,
        tracks: this.tracks.watchedTracks(),
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
    this.#verdict = this.#withUnderrun(verdict, now)
    if (before.healthy !== this.#verdict.healthy) this.#verdictSince = now
    const changed = conditionsOf(before) !== conditionsOf(this.#verdict)
    if (changed) this.#parts.events.health(this.id, this.#verdict)
  }

  /** Resolves when the reader, the transcoder and the monitor have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const release = this.#parts.memory.addHolder('source_buffer', () => this.buffer.bytes)
    await Promise.all([this.supervised.run(signal), this.monitor.run(signal)])
    await this.#conforming.close()
    release()
    for (const wake of this.#waiters.splice(0)) wake()
  }

  #createSink(): SourceSink {
    return {
      program: (program) => this.#onProgram(program),
      unit: (unit) => this.#onUnit(unit),
      format: (pid, format) => this.#onFormat(pid, format),
      restarted: () => this.#breakTimeline(),
      room: () => this.#room(),
    }
  }

  /** A playlist pauses between its segments; an underrun is noticed anyway. */
  #thresholds(): Thresholds {
    const limits = this.#parts.settings.thresholdsOf(this.spec)
    if (this.#parts.arrives !== 'by_segment') return limits
    const { newest } = this.buffer
    const burstMs = newest === undefined ? 0 : this.buffer.burstMs(newest)
    return { ...limits, stallMs: limits.stallMs + Math.max(burstMs, MAX_SEGMENT_MS) }
  }

  #withUnderrun(verdict: HealthVerdict, now: number): HealthVerdict {
    // A source that we pace sends nothing while its buffer is full.
    const sent =
      !this.buffer.live ||
      this.tracks.watchedTracks().some(({ lastAt = 0 }) => lastAt > this.#underrunAt)
    const isPenaltyOver = sent && now - this.#underrunAt > UNDERRUN_PENALTY_MS
    if (!verdict.healthy || isPenaltyOver) return verdict
    const { latencyMs } = this.#parts
    const problem = {
      condition: 'stall',
      measured: latencyMs,
      limit: latencyMs,
      unit: 'ms: underrun on the air',
    } as const
    return { healthy: false, problems: [problem] }
  }

  /** Units in a transcoder belong to the timeline before: with one, the buffer gets the break from its output. */
  #breakTimeline(): void {
    if (!this.#conforming.hasTranscoder) this.buffer.breakTimeline()
    this.#conforming.restarted()
  }

  /** Closes the timeline when the source has ended and its transcoder's output is complete. */
  #closeDrained(now: number): void {
    if (this.#runningSince !== undefined || this.buffer.newest?.closed !== false) return
    if (now - this.#writer.writtenAt > DRAIN_TIMEOUT_MS) this.buffer.breakTimeline()
  }

  /** A finite source is read no faster than it is played or transcoded. */
  #room(): Promise<void> | undefined {
    if (!this.buffer.full) return this.#conforming.room()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #onProgram(program: ElementaryProgram): void {
    this.buffer.setLive(this.supervised.live ?? this.buffer.live)
    this.tracks.setProgram(program)
    this.monitor.program(program)
    this.#updateTrackChoice()
    this.#replan()
  }

  #updateTrackChoice(): void {
    if (!this.tracks.updateChoice(this.spec, this.#parts.settings.format)) return
    const { video, audio } = this.tracks.chosen
    const hasAudio = audio.map((pid) => pid !== undefined)
    this.buffer.setLayout({ hasVideo: video !== undefined, hasAudio })
  }

  #onFormat(pid: Pid, format: VideoFormat | AudioFormat): void {
    if (this.tracks.setFormat(pid, format)) this.#updateTrackChoice()
    if (this.tracks.isChosen(pid)) this.#replan()
  }

  #onUnit(unit: AccessUnit): void {
    this.monitor.unit(unit)
    const now = this.#parts.clock.now()
    this.tracks.countBytes(unit, now)
    if (!this.tracks.isChosen(unit.pid)) return
    if (this.#wasSilent(unit, now)) this.#breakTimeline()
    // At once: it may be on the air before the next check, and must not be left for having no media.
    if (this.tracks.onArrival(unit.pid, now).first) this.checkHealth(now)
    if (this.#checkRapDistance(unit)) this.#replan()
    this.#conforming.unit(unit)
  }

  #checkRapDistance(unit: AccessUnit): boolean {
    const { recoveryPoints } = this.spec
    const { maxGopTicks } = this.#parts.settings
    return this.tracks.rapDistance.checkUnit(unit, { recoveryPoints, maxGopTicks })
  }

  /**
   * True if a live track pauses for longer than its buffer: a publisher that returns behind a server goes on in the same
   * connection, with times that stood still, late by its old edge. A playlist pauses between its segments as a rule.
   */
  #wasSilent(unit: AccessUnit, now: number): boolean {
    const bySegment = this.#parts.arrives === 'by_segment'
    if (!this.buffer.live || bySegment || unit.pid !== this.tracks.leading) return false
    const before = this.tracks.lastAt(unit.pid)
    const { stallMs } = this.#parts.settings.thresholdsOf(this.spec)
    const longest = Math.max(stallMs, this.#parts.latencyMs + this.spec.delayMs)
    return before !== undefined && now - before > longest
  }

  #replan(): void {
    const tracks = this.tracks.tracksWithFormats()
    if (tracks === undefined) return
    const changed = this.#conforming.replan({
      tracks,
      target: this.#parts.settings.format,
      mode: this.#parts.settings.conformOf(this.spec),
      rapDistance: this.tracks.rapDistance.verdict,
    })
    if (changed) this.#parts.events.format(this.id, this.formats, this.conforming.state)
  }

  #onTransition(change: SourceTransition): void {
    if (change.state === 'running') this.#runningSince = this.#parts.clock.now()
    else {
      this.#runningSince = undefined
      this.tracks.onRunEnded()
      if (change.state === 'stopped' || change.state === 'failed') this.#primed = false
      // Known at once: no more of this run will come than what is buffered.
      if (change.state !== 'starting') this.#breakTimeline()
    }
    this.#parts.events.state(this.id, change)
  }
}

const conditionsOf = (verdict: HealthVerdict): string =>
  verdict.problems.map((problem) => problem.condition).join()
