import type { AudioFormat, VideoFormat } from '../../contract/format.ts'
import { conformArguments } from '../../ffmpeg/conform-arguments.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import { backoffDelay, type BackoffLimits } from '../../lib/backoff.ts'
import { pause, type Clock } from '../../lib/clock.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ProcessHost } from '../../process/host.ts'
import { ConformSession, type ConformSessionFigures } from './conform-session.ts'
import type { ConformPlan } from './conform-plan.ts'

/** A step of one track by more than this, or backwards, is another timeline. */
const JUMP = 90_000
const HEALTHY_MS = 10_000
const BACKOFF: BackoffLimits = { firstMs: 200, maxMs: 10_000, factor: 2, jitter: 0.3 }

export interface ConformFeed {
  unit(unit: AccessUnit): void
  format(pid: Pid, format: VideoFormat | AudioFormat): void
  /** What follows belongs to another timeline: the source jumped in time. */
  restarted?(): void
}

export interface ConformerParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly plan: ConformPlan
  /** Names the process in the ledger: "conform cam1". */
  readonly purpose: string
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

export interface ConformerFigures extends ConformSessionFigures {
  readonly restarts: number
  readonly lastError?: string
}

/**
 * Brings a source into the channel's format: access units in, access units out, with the same PIDs and on the same time
 * base. Tracks that fit already pass untouched. When the source's format changes, make another one with another plan.
 */
export class Conformer {
  readonly #parts: ConformerParts
  readonly #lastDts = new Map<Pid, number>()
  readonly #tracks: ReadonlySet<Pid>
  #session: ConformSession | undefined
  #jump: Promise<void> = Promise.resolve()
  #jumped: (() => void) | undefined
  /** Only while it runs. */
  #open: ((timeline: 'same' | 'new') => ConformSession) | undefined
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

  /** Never waits. Units of other tracks, and those that come while no transcoder runs, are left out. */
  unit(unit: AccessUnit): void {
    if (!this.#tracks.has(unit.pid)) return
    const last = this.#lastDts.get(unit.pid)
    if (last !== undefined && (unit.dts < last || unit.dts - last > JUMP)) this.#newTimeline()
    this.#lastDts.set(unit.pid, unit.dts)
    this.#session?.unit(unit)
  }

  /** Told by the source: what follows is not related to what came before. */
  restarted(): void {
    if (this.#lastDts.size > 0) this.#newTimeline()
  }

  async run(feed: ConformFeed, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    this.#open = (timeline) => this.#start({ feed, signal, timeline })
    let before: Promise<unknown> = Promise.resolve()
    let attempt = 1
    while (!signal.aborted) {
      const session = this.#session ?? this.#open('same')
      const startedAt = clock.now()
      const over = session.run(before)
      const how = await Promise.race([over, this.#jump.then(() => 'jumped' as const)])
      before = over
      // The next one is open already, while this one still writes out what it holds.
      if (how === 'jumped') continue
      this.#close(session)
      if (signal.aborted) break
      this.#lastError = how.sentence
      if (clock.now() - startedAt >= HEALTHY_MS) attempt = 1
      await this.#pauseAfterEnd(attempt++, signal)
    }
    this.#open = undefined
    await before
    this.#session = undefined
  }

  async #pauseAfterEnd(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random, warn } = this.#parts
    const waitMs = Math.round(backoffDelay(attempt, BACKOFF, random))
    warn(`transcoder ended (${this.#lastError ?? 'without a reason'}); again in ${waitMs} ms`)
    await pause(clock, waitMs, signal)
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

  #start(start: {
    readonly feed: ConformFeed
    readonly signal: AbortSignal
    readonly timeline: 'same' | 'new'
  }): ConformSession {
    const { feed, signal, timeline } = start
    const session: ConformSession = new ConformSession(
      {
        ...this.#parts,
        args: argumentsFor(this.#parts.plan),
        output: {
          format: (pid, format) => feed.format(pid, format),
          unit: (unit) => {
            if (session.timeline === 'new') feed.restarted?.()
            session.timeline = 'same'
            feed.unit(unit)
          },
        },
      },
      signal,
    )
    session.timeline = timeline
    this.#sessions++
    this.#session = session
    this.#jump = new Promise((resolve) => (this.#jumped = resolve))
    return session
  }

  #close(session: ConformSession): void {
    this.#droppedBefore += session.figures().droppedUnits
    if (this.#session === session) this.#session = undefined
  }

  /** The next transcoder is opened at once: the unit that jumped may be the picture where it can begin. */
  #newTimeline(): void {
    this.#lastDts.clear()
    const session = this.#session
    const jumped = this.#jumped
    if (session === undefined || jumped === undefined) return
    if (session.begins('new')) return
    session.finish()
    this.#close(session)
    this.#open?.('new')
    jumped()
  }
}

/** Only what differs goes through the transcoder: all that it is given is transcoded. */
const argumentsFor = ({ video, audio }: ConformPlan): readonly string[] =>
  conformArguments({
    target: {
      ...(video === undefined ? {} : { video: video.target }),
      ...(audio[0] === undefined ? {} : { audio: audio[0].target }),
    },
    transcode: { video: true, audio: true },
  })
