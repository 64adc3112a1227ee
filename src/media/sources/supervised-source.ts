import { untilAborted, type Clock } from '../../lib/clock.ts'
import {
  keepRunning,
  type AttemptContext,
  type AttemptEnd,
  type RunState,
} from '../../lib/keep-running.ts'
import type { Measured } from '../../contract/status.ts'
import type { HostBudget } from '../../net/host-budget.ts'
import {
  reasonOf,
  type ReaderEnd,
  type ReaderFigures,
  type SourceSink,
  type SourceReader,
} from './source-reader.ts'
import {
  attemptEndOf,
  transitionOf,
  type SourceTransition,
  type SupervisionLimits,
  type Wanted,
} from './supervision.ts'

export interface SupervisedSourceParts {
  /** Returns a new reader for each attempt. May throw SluiceError: that is a permanent failure. */
  readonly openReader: () => SourceReader
  readonly sink: SourceSink
  readonly clock: Clock
  readonly random: () => number
  readonly limits: SupervisionLimits
  readonly budget: HostBudget
  /** Undefined for sources without a network. */
  readonly host: string | undefined
  readonly wanted: Wanted
  readonly onChange: (transition: SourceTransition) => void
}

export interface SupervisedFigures extends ReaderFigures {
  /** Attempts after the first. */
  readonly restarts: number
  readonly lastError?: string
}

const CHECKS_PER_NO_DATA_PERIOD = 8

/** Runs a reader and runs it again when it ends, without limit, with back-off. The only place that retries. */
export class SupervisedSource {
  readonly #parts: SupervisedSourceParts
  #wanted: Wanted
  #observed: RunState = { kind: 'stopped' }
  #reader: SourceReader | undefined
  #attempts = 0
  #delivered = false
  #lastError: string | undefined
  #pastTotals: Totals = { bytes: 0, packets: 0, continuityErrors: 0, lostPackets: 0 }
  /** Ends the current wait or reading when the wanted state changes. */
  #phaseAbort = new AbortController()

  constructor(parts: SupervisedSourceParts) {
    this.#parts = parts
    this.#wanted = parts.wanted
  }

  get wanted(): Wanted {
    return this.#wanted
  }

  get state(): SourceTransition {
    return transitionOf(this.#observed)
  }

  /** True when the current reader is live; undefined while there is none. */
  get live(): boolean | undefined {
    return this.#reader?.live
  }

  /** Starts, or retries at once when waiting or failed. */
  start(): void {
    this.#wanted = 'run'
    const { kind } = this.#observed
    if (kind === 'stopped' || kind === 'waiting' || kind === 'failed') this.#phaseAbort.abort()
  }

  stop(): void {
    this.#wanted = 'stop'
    this.#phaseAbort.abort()
  }

  /** Restarts the current attempt (a change of the input, a fault seen from outside). */
  restart(): void {
    if (this.#wanted === 'run') this.#phaseAbort.abort()
  }

  figures(): SupervisedFigures {
    const now = this.#reader?.figures()
    return {
      ...now,
      ...addTotals(this.#pastTotals, now),
      restarts: Math.max(0, this.#attempts - 1),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  /** Resolves after the abort, when the reader has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, limits, random } = this.#parts
    while (!signal.aborted) {
      this.#phaseAbort = new AbortController()
      const phaseSignal = AbortSignal.any([signal, this.#phaseAbort.signal])
      if (this.#wanted === 'run') {
        const onState = (state: RunState): void => {
          if (!phaseSignal.aborted) this.#setState(state)
        }
        const end = await keepRunning(
          (attempt) => this.#attempt(attempt),
          { ...limits, clock, random, onState },
          phaseSignal,
        )
        if (phaseSignal.aborted) continue
        if (end.kind === 'stopped') this.#wanted = 'stop'
      } else if (this.#observed.kind !== 'stopped') this.#setState({ kind: 'stopped' })
      await untilAborted(phaseSignal)
    }
    this.#setState({ kind: 'stopped' })
  }

  async #attempt({ signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    const { budget, host, clock, sink } = this.#parts
    const release = await budget.admit(host, signal)
    if (release === undefined) return { kind: 'ended' }
    this.#attempts++
    const media: AttemptMedia = { startedAt: Number.NaN, mediaMs: 0, isFull: false }
    const attemptSink = observedSink(sink, media, () => {
      media.startedAt = clock.now()
      // Units of an earlier attempt went to the same sink.
      if (this.#delivered) sink.restarted?.()
      this.#delivered = true
      release()
      onRunning()
    })
    let reader: SourceReader | undefined
    let end: ReaderEnd
    try {
      reader = this.#parts.openReader()
      this.#reader = reader
      end = await this.#read({ reader, sink: attemptSink, media }, signal)
    } catch (error) {
      end = { kind: 'failed', reason: reasonOf(error), permanent: reader === undefined }
    } finally {
      release()
      this.#accumulateFigures()
    }
    if (end.kind !== 'aborted') this.#lastError = end.reason
    return attemptEndOf({ end, finite: reader?.live === false, mediaMs: media.mediaMs })
  }

  /** Reads under a watchdog: a reader that runs without a byte is ended and counts as failed. */
  async #read({ reader, sink, media }: Reading, phaseSignal: AbortSignal): Promise<ReaderEnd> {
    const { clock, limits } = this.#parts
    const hung = new AbortController()
    let bytes = 0
    let since = clock.now()
    const check = (): void => {
      const now = reader.figures().bytes
      if (now !== bytes) {
        bytes = now
        since = clock.now()
      } else if (isSilenceNormal(reader, media)) since = clock.now()
      else if (clock.now() - since >= limits.noDataMs) hung.abort()
    }
    const watchdog = clock.every(limits.noDataMs / CHECKS_PER_NO_DATA_PERIOD, check)
    try {
      const end = await reader.run(sink, AbortSignal.any([phaseSignal, hung.signal]))
      if (end.kind !== 'aborted' || phaseSignal.aborted) return end
      return { kind: 'failed', reason: `no data for ${limits.noDataMs} ms`, permanent: false }
    } finally {
      watchdog.cancel()
      if (reader.figures().bytes !== bytes) since = clock.now()
      if (!Number.isNaN(media.startedAt)) media.mediaMs = Math.max(0, since - media.startedAt)
    }
  }

  #accumulateFigures(): void {
    if (this.#reader !== undefined)
      this.#pastTotals = addTotals(this.#pastTotals, this.#reader.figures())
    this.#reader = undefined
  }

  #setState(state: RunState): void {
    this.#observed = state
    this.#parts.onChange(transitionOf(state))
  }
}

interface AttemptMedia {
  /** Time of the first unit, monotonic milliseconds; NaN before it. */
  startedAt: number
  /** Time from the first unit to the last byte, set at the end. */
  mediaMs: number
  /** True while the reader waits for room. */
  isFull: boolean
}

interface Reading {
  readonly reader: SourceReader
  readonly sink: SourceSink
  readonly media: AttemptMedia
}

/** True if silence is a wait, for a publisher or for room, rather than a hung reader. */
const isSilenceNormal = (
  { silencePolicy }: SourceReader,
  { startedAt, isFull }: AttemptMedia,
): boolean =>
  silencePolicy === 'normal' ||
  (silencePolicy === 'fault_after_media' && Number.isNaN(startedAt)) ||
  isFull

/** The sink with an observer of its first unit; later units go to it directly. */
const observedSink = (
  sink: SourceSink,
  media: AttemptMedia,
  onFirstUnit: () => void,
): SourceSink => {
  const { pcr, restarted } = sink
  const observed: { -readonly [name in keyof SourceSink]: SourceSink[name] } = {
    program: sink.program.bind(sink),
    format: sink.format.bind(sink),
    room: () => {
      const room = sink.room()
      if (room === undefined) return undefined
      media.isFull = true
      return room.finally(() => {
        media.isFull = false
      })
    },
    ...(pcr === undefined ? {} : { pcr: pcr.bind(sink) }),
    ...(restarted === undefined ? {} : { restarted: restarted.bind(sink) }),
    unit: (unit) => {
      observed.unit = sink.unit.bind(sink)
      onFirstUnit()
      sink.unit(unit)
    },
  }
  return observed
}

interface Totals {
  readonly bytes: number
  readonly packets: number
  readonly continuityErrors: Measured
  readonly lostPackets: Measured
}

/** A figure that one of the runs could not measure is not measurable. */
const addMeasured = (a: Measured, b: Measured): Measured =>
  a === null || b === null ? null : a + b

const addTotals = (past: Totals, now: ReaderFigures | undefined): Totals =>
  now === undefined
    ? past
    : {
        bytes: past.bytes + now.bytes,
        packets: past.packets + now.packets,
        continuityErrors: addMeasured(past.continuityErrors, now.continuityErrors),
        lostPackets: addMeasured(past.lostPackets, now.lostPackets),
      }
