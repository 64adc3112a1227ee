import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChannelPort } from '../../contract/channel-port.ts'
import type { ChannelChange, TakeAnswer, TakeRequest } from '../../contract/commands.ts'
import { SluiceError } from '../../contract/errors.ts'
import type { StampedEvent } from '../../contract/events.ts'
import {
  type BusId,
  type OutputId,
  PREVIEW,
  PROGRAM,
  SLATE,
  type SourceId,
  type Ticket,
} from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { ChannelSpec, SourceChange, SourceSpec } from '../../contract/spec.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import { untilAborted } from '../../lib/clock.ts'
import type { ChannelParts } from './channel-parts.ts'
import { ChannelSettings } from './channel-settings.ts'
import { channelStatus } from './channel-status.ts'
import { Buses } from '../program/buses.ts'
import { EventLog } from './event-log.ts'
import { awaitFormat, fittedToSegments, type ChosenFormat } from '../format/format-choice.ts'
import { inputEvents } from './input-events.ts'
import { InputList } from './input-list.ts'
import { mediaRoute } from './media-route.ts'
import { ChannelOutputs } from './channel-outputs.ts'
import { describeAudio, describeVideo } from '../format/program-format.ts'
import { Failover } from '../failover/failover.ts'
import { failoverPort } from './failover-port.ts'
import { refusalAnswer } from '../program/takes.ts'
import { RateMeters } from './rate-meters.ts'
import { requestTake } from './take-request.ts'

const FAULT_REPORT_INTERVAL_MS = 1_000
/** At the start the wanted source is given this long before a backup takes its place. */
const START_GRACE_MS = 3_000

/**
 * One program with its sources, its switch and its outputs: sources → buffers → bus → mux → ring → readers. The control
 * plane reaches all of it through here.
 */
export class Channel implements ChannelPort {
  readonly #parts: ChannelParts
  readonly #spec: ChannelSpec
  readonly #settings: ChannelSettings
  readonly #events: EventLog
  readonly #inputs: InputList
  readonly #outputs: ChannelOutputs
  readonly #rates = new RateMeters()
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
    this.#events = new EventLog(parts)
    const settings = this.#settings
    const events = inputEvents(this.#events, () => this.#updateStandingOrder())
    this.#inputs = new InputList({
      open: (source, wanted) => parts.openInput({ spec: source, wanted, settings, events }),
      ingest: () => settings.current.ingest,
    })
    this.#outputs = new ChannelOutputs({
      parts,
      settings,
      events: this.#events,
      clock: parts.clock,
    })
    this.#failover = new Failover(
      failoverPort({
        spec,
        settings,
        inputs: this.#inputs,
        controller: () => this.#buses?.program,
        now: () => this.#now(),
        emit: (event) => this.#events.logEvent(event),
      }),
    )
    for (const output of spec.outputs) parts.checkOutput(output)
    this.#inputs.addSources(spec.sources, this.#startedAt)
  }

  /** Resolves after an abort, when everything that the channel started has ended. */
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
      // What an abort interrupts (the rendering of the slate) fails; that is no fault.
      if (!signal.aborted) throw error
    } finally {
      this.#state = 'stopping'
      for (const controller of this.#buses?.all() ?? []) controller.takes.refuse(STOPPING)
      stopTicks()
      await Promise.all([this.#inputs.close(), this.#outputs.close(), this.#buses?.close()])
      await this.#storing
      await this.#failover.close()
      this.#events.logEvent({ type: 'channel_stopped' })
    }
  }

  /** The data plane's own routes: the program, the preview, each source. True when the request was one of them. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const targets = { buses: this.#buses, input: (id: SourceId) => this.#inputs.get(id) }
    return mediaRoute(targets, request, response) || this.#outputs.serve(request, response)
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const bus = this.#checkBus(request.bus ?? PROGRAM)
    const { source, at } = request
    const mode = request.mode ?? this.#settings.current.mode
    const ticket = this.#nextTicket()
    this.#events.logEvent({ type: 'take_requested', ticket, bus, source, mode })
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
    this.#events.logEvent(
      answer.ok ? { type: 'take_done', answer } : { type: 'take_refused', answer },
    )
    return answer
  }

  takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer> {
    const controller = this.#buses?.get(PREVIEW)
    const source = controller?.bus.onAir ?? SLATE
    // Nobody asked for the slate: an empty preview must not take the program off the air.
    if (source === SLATE && (controller?.counts.takes ?? 0) === 0) {
      const message = 'nothing is on preview: put a source there first'
      const take = { ticket: this.#nextTicket(), bus: PROGRAM }
      return Promise.resolve(refusalAnswer(take, source, { why: 'unknown_source', message }))
    }
    return this.take({ source, bus: PROGRAM, ...(mode === undefined ? {} : { mode }) })
  }

  async change(change: ChannelChange): Promise<void> {
    if (change.slateMessage !== undefined) await this.#remakeSlate(change.slateMessage)
    this.#settings.applyChange(change)
    if (change.conform !== undefined) for (const input of this.#inputs.all()) input.replanConform()
    this.#updateStandingOrder()
    this.#events.logEvent({ type: 'settings_changed', change: { ...change } })
  }

  async addSource(spec: SourceSpec): Promise<void> {
    this.#inputs.addSources([spec], this.#now())
    this.#addReaders(spec.id)
    // A channel that began without sources wants its first one.
    this.#buses?.program.setWantedIfUnset(spec.id)
    this.#updateStandingOrder()
    this.#events.logEvent({ type: 'source_added', source: spec.id })
  }

  async changeSource(id: SourceId, change: SourceChange): Promise<void> {
    if (this.#inputs.changeSource(id, change, this.#now()) === 'replaced') this.#addReaders(id)
    this.#updateStandingOrder()
    this.#events.logEvent({ type: 'source_changed', source: id })
  }

  async removeSource(id: SourceId): Promise<void> {
    this.#inputs.removeSource(id)
    this.#rates.removeMatching(` ${id}`)
    const next = this.#inputs.byPriority()[0]?.id ?? SLATE
    for (const controller of this.#buses?.all() ?? []) controller.onSourceRemoved(id, next)
    this.#updateStandingOrder()
    this.#events.logEvent({ type: 'source_removed', source: id })
  }

  async addOutput(spec: OutputSpec): Promise<void> {
    this.#outputs.addOutput(spec)
  }

  async removeOutput(id: OutputId): Promise<void> {
    await this.#outputs.removeOutput(id)
  }

  events(after: number, listener: (event: StampedEvent) => void): () => void {
    return this.#events.listen(after, listener)
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
      rates: this.#rates,
    })
  }

  #addReaders(id: SourceId): void {
    for (const controller of this.#buses?.all() ?? []) controller.addReaderOf(id)
  }

  /** Further buses are for later. */
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
      emit: (event) => this.#events.logEvent(event),
      onWantedChanged: () => this.#updateStandingOrder(),
    })
    this.#onAirAt = clock.now()
    const first = this.#inputs.byPriority()[0]
    if (first !== undefined) this.#buses.program.setWantedIfUnset(first.id)
    this.#updateStandingOrder()
    const { ring, frames } = this.#buses.program.playOut
    this.#outputs.start({ ring, frames }, this.#spec.outputs)
    this.#state = 'running'
    const [video, audio] = [
      describeVideo(format.video?.format),
      describeAudio(format.audio?.format),
    ]
    const sourceField = source === undefined ? {} : { source }
    this.#events.logEvent({ type: 'format_chosen', from, ...sourceField, video, audio })
    this.#events.logEvent({ type: 'channel_started', name: this.#spec.name })
  }

  async #remakeSlate(message: string): Promise<void> {
    const { format } = this.#settings
    if (format === undefined || this.#buses === undefined) throw notStartedError()
    const { signal } = new AbortController()
    const slate = { ...this.#spec.slate, message }
    this.#buses.setSlate(await this.#parts.makeSlate(format, slate, signal))
  }

  /** The standing order: whom to put on air when the program cannot go on as it is. */
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

  /** At the start a backup that came first would keep the wanted source off the air until it has proved its health. */
  #isAwaitingWanted(): boolean {
    const bus = this.#buses?.program.bus
    if (bus === undefined || bus.hasPlayedSource) return false
    const state = this.#inputs.get(bus.standingOrder.wanted)?.supervised.state.state
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

  /** A fault in play-out must not end the program; told at most once a second. */
  #reportFault(error: unknown, now: number): void {
    if (now - this.#faultReportedAt < FAULT_REPORT_INTERVAL_MS) return
    this.#faultReportedAt = now
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#events.logEvent({ type: 'warning', message: `play-out: ${message}` })
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

const notStartedError = (): SluiceError =>
  new SluiceError('not_reachable', 'the program has not begun yet: try again in some seconds')
