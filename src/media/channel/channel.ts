import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChannelPort } from '../../contract/channel-port.ts'
import type { ChannelChange, TakeAnswer, TakeRequest } from '../../contract/commands.ts'
import { SluiceError } from '../../contract/errors.ts'
import type { StampedEvent } from '../../contract/events.ts'
import { SLATE, type OutputId, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { ChannelSpec, SourceChange, SourceSpec } from '../../contract/spec.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import { untilAborted } from '../../lib/clock.ts'
import type { ChannelParts } from './channel-parts.ts'
import { ChannelSettings } from './channel-settings.ts'
import { channelStatus } from './channel-status.ts'
import { Desks } from '../program/desks.ts'
import { EventLog } from './event-log.ts'
import { awaitFormat, fittedToSegments, type ChosenFormat } from '../format/format-choice.ts'
import { inputEvents } from './input-events.ts'
import { InputList } from './input-list.ts'
import { mediaRoute } from './media-route.ts'
import { Outlets } from './outlets.ts'
import { describeAudio, describeVideo } from '../format/program-format.ts'
import { Failover } from '../failover/failover.ts'
import { failoverPort } from './failover-port.ts'
import { refused } from '../program/takes.ts'
import { RateMeters } from './rate-meters.ts'
import { requestTake } from './take-request.ts'

/** Play-out looks at the clock this often; a frame is at most this late. */
const TICK_MS = 5
/** Health, buffers, outputs and standby sources are looked at this often. */
const LOOK_MS = 100
const FAULT_EVERY_MS = 1_000
/** At the start the wanted source is given this long before a backup takes its place. */
const FIRST_PATIENCE_MS = 3_000

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
  readonly #outlets: Outlets
  readonly #rates = new RateMeters()
  readonly #startedAt: number
  readonly #failover: Failover
  #state: ChannelStatus['state'] = 'starting'
  #tickets = 0
  #desks: Desks | undefined
  #onAirAt = 0
  #faultToldAt = Number.NEGATIVE_INFINITY

  constructor(spec: ChannelSpec, parts: ChannelParts) {
    this.#spec = spec
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.#settings = new ChannelSettings(spec)
    this.#events = new EventLog(parts.wallTime)
    const settings = this.#settings
    const events = inputEvents(this.#events, () => this.#giveOrders())
    this.#inputs = new InputList({
      open: (source, wanted) => parts.openInput({ spec: source, wanted, settings, events }),
      ingest: () => settings.now.ingest,
    })
    this.#outlets = new Outlets({ parts, settings, events: this.#events, clock: parts.clock })
    this.#failover = new Failover(
      failoverPort({
        spec,
        settings,
        inputs: this.#inputs,
        controller: () => this.#desks?.program,
        now: () => this.#now(),
        emit: (event) => this.#events.add(event),
      }),
    )
    for (const output of spec.outputs) parts.checkOutput(output)
    this.#inputs.add(spec.sources, this.#startedAt)
  }

  /** Resolves after an abort, when everything that the channel started has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    this.#inputs.run()
    const look = clock.every(LOOK_MS, () => this.#look())
    const tick = clock.every(TICK_MS, () => this.#tick())
    try {
      const chosen = await awaitFormat(() => this.#formatFacts(), clock, signal)
      if (chosen !== undefined) await this.#goOnAir(chosen, signal)
      await untilAborted(signal)
    } catch (error) {
      // What an abort interrupts (the rendering of the slate) fails; that is no fault.
      if (!signal.aborted) throw error
    } finally {
      this.#state = 'stopping'
      for (const desk of this.#desks?.all() ?? []) desk.takes.refuse(STOPPING)
      tick.cancel()
      look.cancel()
      await Promise.all([this.#inputs.close(), this.#outlets.close(), this.#desks?.close()])
      await this.#failover.close()
      this.#events.add({ type: 'channel_stopped' })
    }
  }

  /** The data plane's own routes: the program, the preview, each source. True when the request was one of them. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const places = { desks: this.#desks, input: (id: SourceId) => this.#inputs.get(id) }
    return mediaRoute(places, request, response) || this.#outlets.serve(request, response)
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const bus = request.bus ?? 'program'
    const { source, at } = request
    const mode = request.mode ?? this.#settings.now.mode
    const ticket = this.#nextTicket()
    this.#events.add({ type: 'take_requested', ticket, bus, source, mode })
    const now = this.#now()
    const wait = at === undefined ? 0 : new Date(at).getTime() - this.#parts.wallTime()
    const answer = await requestTake(
      { ticket, bus, source, mode, notBefore: now + wait, timeoutMs: this.#spec.startTimeoutMs },
      {
        desk: this.#desks?.open(bus),
        inputs: this.#inputs,
        outputs: this.#outlets,
        now,
        onWanted: () => this.#giveOrders(),
      },
    )
    this.#events.add(answer.ok ? { type: 'take_done', answer } : { type: 'take_refused', answer })
    return answer
  }

  takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer> {
    const desk = this.#desks?.preview
    const source = desk?.feed.bus.onAir ?? SLATE
    // Nobody asked for the slate: an empty preview must not take the program off the air.
    if (source === SLATE && (desk?.counts.takes ?? 0) === 0) {
      const message = 'nothing is on preview: put a source there first'
      const take = { ticket: this.#nextTicket(), bus: 'program' } as const
      return Promise.resolve(refused(take, source, { why: 'unknown_source', message }))
    }
    return this.take({ source, bus: 'program', ...(mode === undefined ? {} : { mode }) })
  }

  async change(change: ChannelChange): Promise<void> {
    if (change.slateMessage !== undefined) await this.#remakeSlate(change.slateMessage)
    this.#settings.change(change)
    if (change.conform !== undefined) for (const input of this.#inputs.all()) input.reconsider()
    this.#giveOrders()
    this.#events.add({ type: 'settings_changed', change: { ...change } })
  }

  async addSource(spec: SourceSpec): Promise<void> {
    this.#inputs.add([spec], this.#now())
    this.#desks?.watch(spec.id)
    // A channel that began without sources wants its first one.
    this.#desks?.program.wantFirst(spec.id)
    this.#giveOrders()
    this.#events.add({ type: 'source_added', source: spec.id })
  }

  async changeSource(id: SourceId, change: SourceChange): Promise<void> {
    if (this.#inputs.change(id, change, this.#now()) === 'replaced') this.#desks?.watch(id)
    this.#giveOrders()
    this.#events.add({ type: 'source_changed', source: id })
  }

  async removeSource(id: SourceId): Promise<void> {
    this.#inputs.remove(id)
    this.#rates.forget(` ${id}`)
    const next = this.#inputs.byPriority()[0]?.id ?? SLATE
    for (const desk of this.#desks?.all() ?? []) desk.sourceRemoved(id, next)
    this.#giveOrders()
    this.#events.add({ type: 'source_removed', source: id })
  }

  async addOutput(spec: OutputSpec): Promise<void> {
    this.#outlets.add(spec)
  }

  async removeOutput(id: OutputId): Promise<void> {
    await this.#outlets.remove(id)
  }

  events(after: number, listener: (event: StampedEvent) => void): () => void {
    return this.#events.listen(after, listener)
  }

  status(): ChannelStatus {
    return channelStatus({
      spec: this.#spec,
      settings: this.#settings.now,
      version: this.#parts.version,
      state: this.#state,
      now: this.#now(),
      startedAt: this.#startedAt,
      format: this.#settings.format,
      inputs: this.#inputs,
      outputs: this.#outlets,
      program: this.#desks?.program,
      preview: this.#desks?.preview,
      rates: this.#rates,
    })
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
    this.#settings.fixFormat(format)
    for (const input of this.#inputs.all()) input.reconsider()
    const slate = await makeSlate(format, this.#spec.slate, signal)
    storeFormat(chosen.format)
    this.#desks = new Desks({
      spec: this.#spec,
      format,
      slate,
      clock,
      wallTime,
      nextTicket: () => this.#nextTicket(),
      inputs: this.#inputs,
      emit: (event) => this.#events.add(event),
      onChange: () => this.#giveOrders(),
    })
    this.#onAirAt = clock.now()
    const first = this.#inputs.byPriority()[0]
    if (first !== undefined) this.#desks.program.wantFirst(first.id)
    this.#giveOrders()
    const { ring, frames } = this.#desks.program.feed
    this.#outlets.begin({ ring, frames }, this.#spec.outputs)
    this.#state = 'running'
    const [video, audio] = [
      describeVideo(format.video?.format),
      describeAudio(format.audio?.format),
    ]
    const whose = source === undefined ? {} : { source }
    this.#events.add({ type: 'format_chosen', from, ...whose, video, audio })
    this.#events.add({ type: 'channel_started', name: this.#spec.name })
  }

  async #remakeSlate(message: string): Promise<void> {
    const { format } = this.#settings
    if (format === undefined || this.#desks === undefined) throw notYet()
    const { signal } = new AbortController()
    const slate = { ...this.#spec.slate, message }
    this.#desks.setSlate(await this.#parts.makeSlate(format, slate, signal))
  }

  /** The standing order: whom to put on air when the program cannot go on as it is. */
  #giveOrders(): void {
    const inputs = this.#inputs.byPriority()
    const healthyFirst = [
      ...inputs.filter((input) => input.verdict.healthy),
      ...inputs.filter((input) => !input.verdict.healthy),
    ]
    const substitutes =
      this.#settings.now.failover === 'auto' && !this.#awaitsFirst() ? healthyFirst : []
    this.#desks?.program.order(substitutes.map((input) => input.id))
    this.#desks?.preview?.order([])
  }

  /** At the start a backup that came first would keep the wanted source off the air until it has proved its health. */
  #awaitsFirst(): boolean {
    const bus = this.#desks?.program.feed.bus
    if (bus === undefined || bus.begun) return false
    const state = this.#inputs.get(bus.order.wanted)?.supervised.state.state
    const comes = state === 'starting' || state === 'running'
    return comes && this.#now() - this.#onAirAt < FIRST_PATIENCE_MS
  }

  #tick(): void {
    const now = this.#now()
    for (const desk of this.#desks?.all() ?? []) {
      try {
        desk.feed.tick(now)
      } catch (error) {
        this.#faulted(error, now)
      }
    }
  }

  /** A fault in play-out must not end the program; told at most once a second. */
  #faulted(error: unknown, now: number): void {
    if (now - this.#faultToldAt < FAULT_EVERY_MS) return
    this.#faultToldAt = now
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#events.add({ type: 'warning', message: `play-out: ${message}` })
  }

  #look(): void {
    const now = this.#now()
    for (const input of this.#inputs.all()) input.look(now)
    this.#failover.check(now)
    this.#giveOrders()
    const best = this.#inputs.byPriority()[0]?.id
    const needed = this.#desks?.needs() ?? new Set(best === undefined ? [] : [best])
    this.#inputs.reconcile(needed, now)
    this.#outlets.look()
  }
}

const STOPPING = { why: 'channel_stopped', message: 'the channel stops' } as const

const notYet = (): SluiceError =>
  new SluiceError('not_reachable', 'the program has not begun yet: try again in some seconds')
