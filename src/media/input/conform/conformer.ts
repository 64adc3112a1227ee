import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { conformArguments } from '../../../ffmpeg/conform-arguments.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import { untilCalled, type Clock } from '../../../lib/clock.ts'
import { keepRunning, type AttemptEnd, type RunState } from '../../../lib/keep-running.ts'
import type { AccessUnit, Pid } from '../../../mpegts/access-unit.ts'
import type { ProcessHost } from '../../../process/host.ts'
import type { FedEnd } from '../../../ffmpeg/fed-process.ts'
import { ConformSession, type ConformSessionFigures } from './conform-session.ts'
import type { ConformPlan } from './conform-plan.ts'

/** A larger step of one track, or one backwards, is another timeline. */
const MIN_JUMP_TICKS = 90_000
/** Silence of a source after which its transcoder is finished. */
const IDLE_MS = 8_000
const RETRY = {
  backoff: { firstMs: 200, maxMs: 10_000, factor: 2, jitter: 0.3 },
  healthyMs: 10_000,
}

export interface ConformSink {
  unit(unit: AccessUnit): void
  format(pid: Pid, format: VideoFormat | AudioFormat): void
  /** The next unit belongs to another timeline: the source jumped in time. */
  restarted?(): void
}

export interface ConformerParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly plan: ConformPlan
  /** Name of the process in the ledger: "conform cam1". */
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

export interface ConformerFigures extends ConformSessionFigures {
  readonly restarts: number
  readonly lastError?: string
}

/**
 * Brings a source into the channel's format: access units in and out with the same PIDs on the same time base. Tracks
 * that fit pass unchanged. For another format of the source create another one with another plan.
 */
export class Conformer {
  readonly #parts: ConformerParts
  readonly #lastDts = new Map<Pid, number>()
  readonly #tracks: ReadonlySet<Pid>
  #session: ConformSession | undefined
  /** Sessions opened and not yet taken by `run`. */
  readonly #openedSessions: OpenedSession[] = []
  /** Opens the next session; undefined while none may be opened: before and after `run`, and between two attempts. */
  #openSession: (() => ConformSession) | undefined
  #onSessionOpened: (() => void) | undefined
  /** End of the newest session. */
  #lastSession: Promise<unknown> = Promise.resolve()
  /** Timeline of the next session. */
  #nextTimeline: 'same' | 'new' = 'same'
  #lastUnitAt = 0
  #sessions = 0
  #droppedBefore = 0
  #lastError: string | undefined

  constructor(parts: ConformerParts) {
    this.#parts = parts
    const { video, audio, bypass } = parts.plan
    this.#tracks = new Set([
      ...(video === undefined ? [] : [video.pid]),
      ...audio.map(({ pid }) => pid),
      ...bypass,
    ])
  }

  /** Never waits. Units of other tracks, and those that come while no session may be opened, are dropped. */
  unit(unit: AccessUnit): void {
    if (!this.#tracks.has(unit.pid)) return
    const last = this.#lastDts.get(unit.pid)
    if (last !== undefined && (unit.dts < last || unit.dts - last > MIN_JUMP_TICKS))
      this.restarted()
    this.#lastDts.set(unit.pid, unit.dts)
    this.#lastUnitAt = this.#parts.clock.now()
    // At once: this unit may be the random access point to start at.
    const session = this.#session ?? this.#openSession?.()
    session?.unit(unit)
  }

  /** For finite sources, as `SourceSink.room`: they must not be read faster than they are transcoded. */
  room(): Promise<void> | undefined {
    return this.#session?.room()
  }

  /** The next unit is unrelated to those before. */
  restarted(): void {
    if (this.#lastDts.size === 0) return
    this.#lastDts.clear()
    if (this.#session?.tryReuse('new') === true) return
    this.#nextTimeline = 'new'
    this.#finishSession()
  }

  async run(sink: ConformSink, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts
    const idle = clock.every(IDLE_MS / 4, () => {
      if (clock.now() - this.#lastUnitAt >= IDLE_MS) this.#finishSession()
    })
    await keepRunning(
      ({ onRunning }) => {
        this.#openSession = () => this.#createSession(sink, signal, onRunning)
        return this.#runSessions(signal).finally(() => (this.#openSession = undefined))
      },
      { ...RETRY, clock, random, onState: (state) => this.#onState(state) },
      signal,
    )
    idle.cancel()
    this.#openedSessions.length = 0
    await this.#lastSession
    this.#session = undefined
  }

  /** Runs one session after the other, until one fails. */
  async #runSessions(signal: AbortSignal): Promise<AttemptEnd> {
    for (;;) {
      const opened = this.#openedSessions.shift() ?? (await this.#nextSession(signal))
      if (opened === undefined) return { kind: 'ended' }
      const { session, over } = opened
      const how = await Promise.race([over, session.finishRequested])
      // It still writes what it holds, while the next one may be open.
      if (how === 'left') continue
      this.#releaseSession(session)
      return { kind: 'lost', reason: how.sentence }
    }
  }

  /** The session that the next unit opens; undefined after an abort. */
  async #nextSession(signal: AbortSignal): Promise<OpenedSession | undefined> {
    await untilCalled((call) => {
      this.#onSessionOpened = call
      return () => (this.#onSessionOpened = undefined)
    }, signal)
    return this.#openedSessions.shift()
  }

  #onState(state: RunState): void {
    if (state.kind !== 'waiting') return
    this.#lastError = state.reason
    this.#parts.warn(`transcoder ended (${state.reason}); again in ${state.retryInMs} ms`)
  }

  figures(): ConformerFigures {
    const now = this.#session?.figures() ?? { droppedUnits: 0, startMs: null, behindMs: null }
    return {
      ...now,
      droppedUnits: this.#droppedBefore + now.droppedUnits,
      restarts: Math.max(0, this.#sessions - 1),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  #createSession(sink: ConformSink, signal: AbortSignal, onRunning: () => void): ConformSession {
    const session: ConformSession = new ConformSession({
      ...this.#parts,
      args: argumentsFor(this.#parts.plan),
      output: {
        format: (pid, format) => sink.format(pid, format),
        unit: (unit) => {
          onRunning()
          if (session.timeline === 'new') sink.restarted?.()
          session.timeline = 'same'
          sink.unit(unit)
        },
      },
    })
    session.timeline = this.#nextTimeline
    this.#nextTimeline = 'same'
    this.#sessions++
    this.#session = session
    const over = session.run(this.#lastSession, signal)
    this.#lastSession = over
    this.#openedSessions.push({ session, over })
    this.#onSessionOpened?.()
    return session
  }

  #releaseSession(session: ConformSession): void {
    this.#droppedBefore += session.figures().droppedUnits
    if (this.#session === session) this.#session = undefined
  }

  /** Ends the input of this session; the next unit opens another. */
  #finishSession(): void {
    const session = this.#session
    if (session === undefined) return
    session.finish()
    this.#releaseSession(session)
  }
}

interface OpenedSession {
  readonly session: ConformSession
  readonly over: Promise<FedEnd>
}

/** Arguments for the tracks that differ: all its input is transcoded. */
const argumentsFor = ({ video, audio }: ConformPlan): readonly string[] =>
  conformArguments({
    target: {
      ...(video === undefined ? {} : { video: video.target }),
      ...(audio[0] === undefined ? {} : { audio: audio[0].target }),
    },
    transcode: { video: true, audio: true },
  })
