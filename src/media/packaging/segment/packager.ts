import { SluiceError } from '../../../contract/errors.ts'
import type { OutputAlert } from '../../../contract/events.ts'
import type { MemoryKind } from '../../../contract/host-status.ts'
import type { HlsSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import { untilAborted, type Clock } from '../../../lib/clock.ts'
import type { Account } from '../../../lib/account.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import type { ProcessHost } from '../../../process/host.ts'
import { ProgramEncoder, type ProgramEncoderFigures } from '../../encode/program-encoder.ts'
import type { OutputProgram } from '../../outputs/interface/output.ts'
import { OutputCondition } from '../../outputs/interface/output-condition.ts'
import { EarlyFrames } from './early-frames.ts'
import { planPackaging, type PackagingPlace, type PackagingPlan } from './packaging-plan.ts'
import { PackagingSession } from './packaging-session.ts'
import { openStore } from '../store/open-store.ts'

export interface PackagerOptions {
  readonly place: PackagingPlace
  readonly spec: HlsSpec
  readonly serviceName: string
  readonly program: OutputProgram
  readonly host: ProcessHost
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly random: () => number
  readonly memory: Account<MemoryKind>
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
  readonly alert: (what: OutputAlert, message: string) => void
}

/** Back-off after a failed opening (a folder in use, a disk fault). */
const RETRY = {
  backoff: { firstMs: 1_000, maxMs: 15_000, factor: 2, jitter: 0.3 },
  healthyMs: 15_000,
}
/** Interval at which missing segments of the encoder are checked. */
const CHECK_INTERVAL_MS = 250

/** Packages the program for HLS and DASH: shared by all outputs with the same container and folder. */
export class Packager {
  readonly #options: PackagerOptions
  readonly #condition = new OutputCondition()
  #session: PackagingSession | undefined
  #encoder: ProgramEncoder | undefined

  constructor(options: PackagerOptions) {
    this.#options = options
  }

  get state(): OutputStatus['state'] {
    return this.#condition.state
  }

  get errors(): number {
    return this.#condition.status().errors
  }

  get lastError(): string | undefined {
    const { state, lastError } = this.#condition
    return (state === 'running' ? undefined : lastError) ?? this.encoder?.lastError
  }

  /** Undefined while there is nothing to serve. */
  get session(): PackagingSession | undefined {
    return this.#session
  }

  /** Undefined without rungs. */
  get encoder(): ProgramEncoderFigures | undefined {
    return this.#encoder?.figures()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { place, spec, program, clock, random } = this.#options
    let plan: PackagingPlan
    try {
      plan = planPackaging(place, spec, program.frames.tracks)
    } catch (error) {
      this.#warn(error)
      this.#condition.follow({ kind: 'failed', reason: messageOf(error) })
      return untilAborted(signal)
    }
    await keepRunning(
      (attempt) => this.#attempt(plan, attempt),
      { ...RETRY, clock, random, onState: this.#condition.follow },
      signal,
    )
  }

  async #attempt(plan: PackagingPlan, { signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    try {
      await this.#package(plan, signal, onRunning)
      return { kind: 'ended' }
    } catch (error) {
      this.#warn(error)
      // One alert until it runs again.
      if (error instanceof SluiceError && this.#condition.state !== 'waiting')
        this.#options.alert('storage', error.message)
      return { kind: 'lost', reason: messageOf(error) }
    }
  }

  /** Packages until the abort, or a fault. */
  async #package(plan: PackagingPlan, signal: AbortSignal, onRunning: () => void): Promise<void> {
    const { program, clock, wallTime, serviceName, alert } = this.#options
    const { tracks } = program.frames
    const early = new EarlyFrames()
    const detach = program.frames.attach(early, () => {})
    const store = await openStore({
      folder: plan.folder,
      layout: plan.layout,
      quotaBytes: plan.quotaBytes,
      window: plan.window,
      clock,
      wallTime,
      extension: plan.container === 'ts' ? 'ts' : 'm4s',
      onStorageFault: alert,
      targetSeconds: plan.targetSeconds,
    }).finally(detach)
    const release = this.#options.memory.addHolder('segment_store', () => store.memoryBytes)
    try {
      const session = new PackagingSession({ plan, store, tracks, clock, wallTime, serviceName })
      this.#session = session
      onRunning()
      early.replay(session.sink)
      await this.#runSession(session, signal)
    } finally {
      this.#session = undefined
      await store.close()
      release()
    }
  }

  async #runSession(session: PackagingSession, signal: AbortSignal): Promise<void> {
    const { clock, program } = this.#options
    const stop = new AbortController()
    const over = AbortSignal.any([signal, stop.signal])
    let fault: { readonly error: unknown } | undefined
    const fail = (error: unknown): void => {
      fault ??= { error }
      stop.abort()
    }
    const detach = program.frames.attach(session.sink, fail)
    const timer = clock.every(CHECK_INTERVAL_MS, () => attempt(() => session.expire(), fail))
    const encoding = this.#encode(session, over).catch(fail)
    await untilAborted(over)
    detach()
    timer.cancel()
    await encoding
    if (fault !== undefined) throw fault.error
  }

  async #encode({ plan, ladder }: PackagingSession, signal: AbortSignal): Promise<void> {
    if (plan.rungs.length === 0) return
    const { host, clock, random, ffmpeg, program, onLine, warn } = this.#options
    const { rungs } = plan
    const encoder = new ProgramEncoder({
      ...{ host, clock, random, ffmpeg, program, rungs, onLine, warn },
      purpose: 'ladder',
    })
    this.#encoder = encoder
    await encoder.run(ladder, signal)
    this.#encoder = undefined
  }

  /** Reports an error: a SluiceError by its message; any other is a fault of Sluice, and is logged with its stack. */
  #warn(error: unknown): void {
    const isReportable = error instanceof SluiceError || !(error instanceof Error)
    this.#options.warn(isReportable ? messageOf(error) : (error.stack ?? error.message))
  }
}

const attempt = (act: () => void, onFault: (error: unknown) => void): void => {
  try {
    act()
  } catch (error) {
    onFault(error)
  }
}
