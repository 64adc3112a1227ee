import type { BusTake, TakeAnswer, TakeRequest } from '../../contract/commands.ts'
import { SluiceError } from '../../contract/errors.ts'
import {
  type BusId,
  type OutputId,
  PREVIEW,
  PROGRAM,
  SLATE,
  type SourceId,
  type Ticket,
} from '../../contract/ids.ts'
import type { ChannelSpec, SlateSpec } from '../../contract/spec.ts'
import type { ChannelStatus, RecordingStatus } from '../../contract/status.ts'
import { untilAborted } from '../../lib/clock.ts'
import type { ChannelParts } from './channel-parts.ts'
import { ChannelSettings } from './channel-settings.ts'
import { channelStatus } from './channel-status.ts'
import { Buses } from '../program/buses.ts'
import { awaitFormat, fittedToSegments, type ChosenFormat } from '../format/format-choice.ts'
import { inputEvents } from './input-events.ts'
import { InputList } from './input-list.ts'
import { mediaRoute, type MediaRequest } from './media-route.ts'
import { ChannelOutputs } from './channel-outputs.ts'
import { describeAudio, describeVideo } from '../format/program-format.ts'
import { Failover } from '../failover/failover.ts'
import { failoverPort } from './failover-port.ts'
import { refusalAnswer } from '../program/takes.ts'
import type { Operation } from './reconcile.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import { applyOperations } from './spec-changes.ts'
import { ViewerLog } from '../viewers/viewer-log.ts'
import { requestTake } from './take-request.ts'

const FAULT_REPORT_INTERVAL_MS = 1_000
/** Grace at the start before a backup takes the place of the wanted source. */
const START_GRACE_MS = 3_000

/** One program with its sources, its switch and its outputs: sources → buffers → bus → mux → ring → readers. */
export class Channel {
  readonly #parts: ChannelParts
  readonly #spec: ChannelSpec
  readonly #settings: ChannelSettings
  readonly #stop = new AbortController()
  readonly #inputs: InputList
  readonly #outputs: ChannelOutputs
  readonly #viewerLog: ViewerLog
  readonly #startedAt: number
  readonly #failover: Failover
  #state: ChannelStatus['state'] = 'starting'
  #tickets = 0
  #buses: Buses | undefined
  #storing = Promise.resolve()
  #onAirAt = 0
  #faultReportedAt = Number.NEGATIVE_INFINITY

  constructor(spec: ChannelSpec, parts: ChannelParts) {
    this.#spec = spec
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.#settings = new ChannelSettings(spec)
    const settings = this.#settings
    const viewerLog = new ViewerLog((event) => parts.events.logEvent(event), parts.clock)
    this.#viewerLog = viewerLog
    const events = inputEvents(parts.events, () => this.#updateStandingOrder())
    this.#inputs = new InputList({
      open: (source, wanted) =>
        parts.openInput({ spec: source, wanted, settings, events, viewerLog }),
      ingest: () => settings.current.ingest,
    })
    this.#outputs = new ChannelOutputs({
      parts,
      settings,
      events: parts.events,
      clock: parts.clock,
      specs: spec.outputs,
      viewerLog,
    })
    this.#failover = new Failover(
      failoverPort({
        spec,
        settings,
        inputs: this.#inputs,
        controller: () => this.#buses?.program,
        now: () => this.#now(),
        emit: (event) => this.#parts.events.logEvent(event),
      }),
    )
    for (const output of spec.outputs) parts.checkOutput(output)
    const opened = this.#inputs.openFor(spec.sources)
    for (const source of spec.sources) this.#inputs.putSource(source, opened, this.#startedAt)
  }

  /** Resolves after an abort, when all that the channel started has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, ticker } = this.#parts
    this.#inputs.startAll()
    const stopTicks = ticker.register({
      channel: this.#parts.id,
      tick: (now) => this.#tick(now),
      check: (now) => this.#runChecks(now),
      onFault: (error, now) => this.#reportFault(error, now),
    })
    try {
      const chosen = await awaitFormat(() => this.#formatFacts(), clock, signal)
      if (chosen !== undefined) await this.#goOnAir(chosen, signal)
      await untilAborted(signal)
    } catch (error) {
      // Work interrupted by an abort (rendering of the slate) fails; that is not a fault.
      if (!signal.aborted) throw error
    } finally {
      this.#state = 'stopping'
      this.#stop.abort()
      for (const controller of this.#buses?.all() ?? []) controller.takes.refuse(STOPPING)
      stopTicks()
      await Promise.all([this.#inputs.close(), this.#outputs.close(), this.#buses?.close()])
      await this.#storing
      await this.#failover.close()
      this.#viewerLog.close()
      this.#parts.events.logEvent({ type: 'channel_stopped' })
    }
  }

  /** Serves the channel's addresses. True when the request is being answered. */
  handle({ request, response, path }: MediaRequest): boolean {
    const targets = { buses: this.#buses, input: (source: SourceId) => this.#inputs.get(source) }
    return (
      mediaRoute(targets, { request, response, path }) ||
      this.#outputs.serve(request, response, path)
    )
  }

  async take(take: TakeRequest | BusTake): Promise<TakeAnswer> {
    const bus = this.#checkBus(take.bus ?? PROGRAM)
    const ticket = this.#nextTicket()
    const request = 'from' in take ? this.#takeOfBus(take) : take
    if (request === undefined) {
      const message = `nothing is on ${'from' in take ? take.from : bus}: put a source there first`
      return refusalAnswer({ ticket, bus }, SLATE, { why: 'unknown_source', message })
    }
    const { source, at } = request
    const mode = take.mode ?? this.#settings.current.mode
    this.#parts.events.logEvent({ type: 'take_requested', ticket, bus, source, mode })
    const now = this.#now()
    const wait = at === undefined ? 0 : new Date(at).getTime() - this.#parts.wallTime()
    const answer = await requestTake(
      { ticket, bus, source, mode, notBefore: now + wait, timeoutMs: this.#spec.startTimeoutMs },
      {
        controller: this.#buses?.open(bus),
        inputs: this.#inputs,
        outputs: this.#outputs,
        now,
        onWantedChanged: () => this.#updateStandingOrder(),
      },
    )
    this.#parts.events.logEvent(
      answer.ok ? { type: 'take_done', answer } : { type: 'take_refused', answer },
    )
    return answer
  }

  /** Carries out the operations of `reconcile`. Throws SluiceError for one that is impossible; then nothing has changed. */
  apply(operations: readonly Operation[]): Promise<void> {
    return applyOperations(operations, {
      inputs: this.#inputs,
      outputs: this.#outputs,
      settings: this.#settings,
      events: this.#parts.events,
      buses: () => this.#buses,
      makeSlate: (message) => this.#makeSlate({ ...this.#spec.slate, message }),
      checkOutput: this.#parts.checkOutput,
      now: () => this.#now(),
      onChanged: () => this.#updateStandingOrder(),
    })
  }

  /** False: no such viewer. */
  disconnectViewer(path: string, id: number): boolean {
    const served = [
      ...(this.#buses?.all() ?? []).map(({ viewers }) => viewers),
      ...this.#inputs.all().map(({ monitor }) => monitor),
    ]
    return (
      served.some((viewers) => viewers.disconnect(path, id)) ||
      this.#outputs.disconnectListener(path, id)
    )
  }

  recordings(): readonly RecordingStatus[] {
    return this.#outputs.recordings()
  }

  deleteRecording(output: OutputId, name: string): Promise<boolean> {
    return this.#outputs.deleteRecording(output, name)
  }

  status(): ChannelStatus {
    return channelStatus({
      id: this.#parts.id,
      spec: this.#spec,
      settings: this.#settings.current,
      version: this.#parts.version,
      state: this.#state,
      now: this.#now(),
      startedAt: this.#startedAt,
      format: this.#settings.format,
      inputs: this.#inputs,
      outputs: this.#outputs,
      program: this.#buses?.program,
      preview: this.#buses?.get(PREVIEW),
    })
  }

  /** Refuses buses that the channel does not have. */
  #checkBus(bus: BusId): BusId {
    if (bus === PROGRAM || bus === PREVIEW) return bus
    throw new SluiceError(
      'bad_request',
      `there is no bus "${bus}"; there is "program", "preview"`,
      {
        field: 'bus',
      },
    )
  }

  /** Refuses the initial slate: a bus without a take must not replace the source of another. */
  #takeOfBus({ from }: BusTake): Pick<TakeRequest, 'source' | 'at'> | undefined {
    const controller = this.#buses?.get(this.#checkBus(from))
    const source = controller?.bus.onAir ?? SLATE
    return source === SLATE && (controller?.counts.takes ?? 0) === 0 ? undefined : { source }
  }

  #nextTicket(): Ticket {
    return ++this.#tickets as Ticket
  }

  #now(): number {
    return this.#parts.clock.now()
  }

  #formatFacts() {
    const inputs = this.#inputs.byPriority()
    return { spec: this.#spec.format, stored: this.#parts.storedFormat(), inputs }
  }

  async #goOnAir(chosen: ChosenFormat, signal: AbortSignal): Promise<void> {
    const { from, source } = chosen
    const { clock, wallTime, makeSlate, storeFormat } = this.#parts
    const format = fittedToSegments(chosen.format, this.#spec)
    this.#settings.setFormat(format)
    for (const input of this.#inputs.all()) input.replanConform()
    const slate = await makeSlate(format, this.#spec.slate, signal)
    this.#storing = storeFormat(chosen.format)
    this.#buses = new Buses({
      spec: this.#spec,
      format,
      slate,
      clock,
      wallTime,
      nextTicket: () => this.#nextTicket(),
      inputs: this.#inputs,
      viewerLog: this.#viewerLog,
      memory: this.#parts.memory,
      emit: (event) => this.#parts.events.logEvent(event),
      onWantedChanged: () => this.#updateStandingOrder(),
    })
    this.#onAirAt = clock.now()
    const first = this.#inputs.byPriority()[0]
    if (first !== undefined) this.#buses.program.setWantedIfUnset(first.id)
    this.#updateStandingOrder()
    const { ring, frames } = this.#buses.program.playOut
    this.#outputs.start({ ring, frames })
    this.#state = 'running'
    const [video, audio] = [
      describeVideo(format.video?.format),
      describeAudio(format.audio?.format),
    ]
    const sourceField = source === undefined ? {} : { source }
    this.#parts.events.logEvent({ type: 'format_chosen', from, ...sourceField, video, audio })
    this.#parts.events.logEvent({ type: 'channel_started', name: this.#spec.name })
  }

  #makeSlate(spec: SlateSpec): Promise<SlateMaterial> {
    const { format } = this.#settings
    if (format === undefined) throw new Error('a slate is made when the format is chosen')
    return this.#parts.makeSlate(format, spec, this.#stop.signal)
  }

  /** Updates the standing order: the substitutes of the wanted source, the healthy ones first. */
  #updateStandingOrder(): void {
    const inputs = this.#inputs.byPriority()
    const healthyFirst = [
      ...inputs.filter((input) => input.verdict.healthy),
      ...inputs.filter((input) => !input.verdict.healthy),
    ]
    const substitutes =
      this.#settings.current.failover === 'auto' && !this.#isAwaitingWanted() ? healthyFirst : []
    this.#buses?.program.setSubstitutes(substitutes.map((input) => input.id))
    this.#buses?.get(PREVIEW)?.setSubstitutes([])
  }

  /** Without this grace, a backup that starts first would keep the wanted source off the air until `returnMs` has passed. */
  #isAwaitingWanted(): boolean {
    const program = this.#buses?.program
    if (program === undefined || program.bus.hasPlayedSource) return false
    const state = this.#inputs.get(program.wanted)?.supervised.state.state
    const comes = state === 'starting' || state === 'running'
    return comes && this.#now() - this.#onAirAt < START_GRACE_MS
  }

  #tick(now: number): void {
    for (const controller of this.#buses?.all() ?? []) {
      try {
        controller.playOut.tick(now)
      } catch (error) {
        this.#reportFault(error, now)
      }
    }
  }

  /** A fault in play-out must not end the program; reported at most once a second. */
  #reportFault(error: unknown, now: number): void {
    if (now - this.#faultReportedAt < FAULT_REPORT_INTERVAL_MS) return
    this.#faultReportedAt = now
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.events.logEvent({ type: 'warning', message: `play-out: ${message}` })
  }

  #runChecks(now: number): void {
    for (const input of this.#inputs.all()) input.checkHealth(now)
    this.#failover.check(now)
    this.#updateStandingOrder()
    const best = this.#inputs.byPriority()[0]?.id
    const needed = this.#buses?.neededSources() ?? new Set(best === undefined ? [] : [best])
    this.#inputs.reconcile(needed, now)
    this.#outputs.checkStates()
  }
}

const STOPPING = { why: 'channel_stopped', message: 'the channel stops' } as const
