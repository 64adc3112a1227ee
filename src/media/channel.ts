import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ChannelPort } from '../contract/channel-port.ts'
import type { ChannelChange, TakeAnswer, TakeRequest } from '../contract/commands.ts'
import { SluiceError } from '../contract/errors.ts'
import type { StampedEvent } from '../contract/events.ts'
import { SLATE, type OutputId, type SourceId } from '../contract/ids.ts'
import type {
  Bus as BusName,
  ChannelSpec,
  OutputSpec,
  SourceChange,
  SourceSpec,
  Thresholds,
} from '../contract/spec.ts'
import type { ChannelStatus, HealthProblem } from '../contract/status.ts'
import { pause } from '../lib/clock.ts'
import { BusDesk } from './bus-desk.ts'
import type { ChannelParts } from './channel-parts.ts'
import { channelStatus } from './channel-status.ts'
import { EventLog } from './event-log.ts'
import { chooseFormat, type ChosenFormat } from './format-choice.ts'
import type { Input, InputEvents, InputSettings } from './input.ts'
import { InputList } from './input-list.ts'
import { OutputList } from './output-list.ts'
import { describeAudio, describeVideo, type ProgramFormat } from './program-format.ts'
import { RateMeters } from './rate-meters.ts'
import { refused } from './takes.ts'
import { SlateLoop } from './switch/slate-loop.ts'

/** Play-out looks at the clock this often; a frame is at most this late. */
const TICK_MS = 5
/** Health, buffers, outputs and standby sources are looked at this often. */
const LOOK_MS = 100
const FAULT_EVERY_MS = 1_000

/**
 * One program with its sources, its switch and its outputs: sources → buffers → bus → mux → ring → readers. The control
 * plane reaches all of it through here.
 */
export class Channel implements ChannelPort {
  readonly #parts: ChannelParts
  readonly #spec: ChannelSpec
  readonly #events: EventLog
  readonly #inputs: InputList
  readonly #outputs: OutputList
  readonly #rates = new RateMeters()
  readonly #startedAt: number
  #settings: Pick<ChannelSpec, 'mode' | 'conform' | 'ingest'> & {
    failover: ChannelSpec['failover']['mode']
    revert: ChannelSpec['failover']['revert']
  }
  #format: ProgramFormat | undefined
  #state: ChannelStatus['state'] = 'starting'
  #faultToldAt = Number.NEGATIVE_INFINITY
  #program: BusDesk | undefined
  #preview: BusDesk | undefined

  constructor(spec: ChannelSpec, parts: ChannelParts) {
    this.#spec = spec
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.#events = new EventLog(parts.wallTime)
    this.#settings = {
      mode: spec.mode,
      conform: spec.conform,
      ingest: spec.ingest,
      failover: spec.failover.mode,
      revert: spec.failover.revert,
    }
    this.#inputs = new InputList({
      open: (source, wanted) =>
        parts.openInput({
          spec: source,
          wanted,
          settings: this.#inputSettings(),
          events: this.#inputEvents(),
        }),
      ingest: () => this.#settings.ingest,
    })
    this.#outputs = new OutputList(({ id, state, lastError }) =>
      this.#events.add({
        type: 'output_state',
        output: id,
        state,
        ...(lastError === undefined ? {} : { reason: lastError }),
      }),
    )
    for (const output of spec.outputs) parts.checkOutput(output)
    this.#inputs.add(spec.sources, this.#startedAt)
  }

  /** Resolves after an abort, when everything that the channel started has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const look = clock.every(LOOK_MS, () => this.#look())
    let tick: { cancel(): void } | undefined
    try {
      const chosen = await this.#chooseFormat(signal)
      if (chosen !== undefined) await this.#goOnAir(chosen, signal)
      tick = clock.every(TICK_MS, () => this.#tick())
      await aborted(signal)
    } finally {
      this.#state = 'stopping'
      this.#program?.takes.refuse('channel_stopped', 'the channel stops')
      tick?.cancel()
      look.cancel()
      await Promise.all([
        this.#inputs.close(),
        this.#outputs.close(),
        this.#program?.close(),
        this.#preview?.close(),
      ])
      this.#events.add({ type: 'channel_stopped' })
    }
  }

  /** The data plane's own routes: the program, the preview, each source. True when the request was one of them. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (path === '/stream.ts') return serve(this.#program, request, response)
    if (path === '/preview.ts') return serve(this.#previewDesk(), request, response)
    const id = /^\/sources\/([^/]+)\.ts$/.exec(path)?.[1]
    const input = id === undefined ? undefined : this.#inputs.get(id as SourceId)
    input?.monitor.serve(request, response)
    return input !== undefined
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const bus = request.bus ?? 'program'
    const { source } = request
    const mode = request.mode ?? this.#settings.mode
    this.#events.add({ type: 'take_requested', bus, source, mode })
    const answer = await this.#take({ ...request, bus, mode })
    this.#events.add(answer.ok ? { type: 'take_done', answer } : { type: 'take_refused', answer })
    return answer
  }

  takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer> {
    const source = this.#preview?.feed.bus.onAir ?? SLATE
    return this.take({ source, bus: 'program', ...(mode === undefined ? {} : { mode }) })
  }

  async change(change: ChannelChange): Promise<void> {
    const given = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    )
    this.#settings = { ...this.#settings, ...given }
    if (change.conform !== undefined) for (const input of this.#inputs.all()) input.reconsider()
    this.#giveOrders()
    this.#events.add({ type: 'settings_changed', change: given })
  }

  async addSource(spec: SourceSpec): Promise<void> {
    this.#inputs.add([spec], this.#now())
    this.#wireReaders(spec.id)
    // A channel that began without sources wants its first one.
    this.#program?.wantFirst(spec.id)
    this.#giveOrders()
    this.#events.add({ type: 'source_added', source: spec.id })
  }

  async changeSource(id: SourceId, change: SourceChange): Promise<void> {
    if (this.#inputs.change(id, change, this.#now()) === 'replaced') this.#wireReaders(id)
    this.#giveOrders()
    this.#events.add({ type: 'source_changed', source: id })
  }

  async removeSource(id: SourceId): Promise<void> {
    this.#inputs.remove(id)
    this.#rates.forget(` ${id}`)
    for (const desk of this.#desks())
      desk.sourceRemoved(id, this.#inputs.byPriority()[0]?.id ?? SLATE)
    this.#giveOrders()
    this.#events.add({ type: 'source_removed', source: id })
  }

  async addOutput(spec: OutputSpec): Promise<void> {
    if (this.#outputs.has(spec.id)) {
      throw new SluiceError('id_in_use', `output "${spec.id}" exists already; choose another id`)
    }
    if (this.#program === undefined)
      throw new SluiceError(
        'not_reachable',
        'the program has not begun yet: try again in some seconds',
      )
    this.#outputs.add(this.#parts.openOutput(spec, this.#program.feed.ring))
    this.#events.add({ type: 'output_added', output: spec.id })
  }

  async removeOutput(id: OutputId): Promise<void> {
    await this.#outputs.remove(id)
    this.#events.add({ type: 'output_removed', output: id })
  }

  events(after: number, listener: (event: StampedEvent) => void): () => void {
    return this.#events.listen(after, listener)
  }

  status(): ChannelStatus {
    return channelStatus({
      spec: this.#spec,
      settings: this.#settings,
      version: this.#parts.version,
      state: this.#state,
      now: this.#now(),
      startedAt: this.#startedAt,
      format: this.#format,
      inputs: this.#inputs,
      outputs: this.#outputs,
      program: this.#program,
      preview: this.#preview,
      rates: this.#rates,
    })
  }

  /** Failover by health, decided by control: the wanted source stays what it is. Rejects when it could not be done. */
  async automatic(
    to: SourceId,
    cause: 'failover' | 'revert',
    problems: readonly HealthProblem[],
    reason: string,
  ): Promise<void> {
    const desk = this.#program
    if (desk === undefined || desk.takes.pending !== undefined) throw new Error('a take is pending')
    const input = this.#inputs.get(to)
    if (to !== SLATE && input === undefined) throw new Error(`source "${to}" is gone`)
    if (desk.feed.bus.onAir === SLATE && to !== SLATE) {
      // The standing order has the slate yield by itself.
      await desk.nextCut()
      return
    }
    await desk.automatic({
      source: to,
      mode: cause === 'revert' ? 'graceful' : 'cutover',
      notBefore: this.#now(),
      deadline: this.#now() + this.#spec.startTimeoutMs,
      cause,
      problems,
      reason,
    })
  }

  observed(from: SourceId, to: SourceId, problems: readonly HealthProblem[]): void {
    this.#events.add({ type: 'failover_observed', from, to, problems })
  }

  held(source: SourceId, reason: string): void {
    this.#events.add({ type: 'failover_held', source, reason })
  }

  /** When a source counts as well enough to return to, milliseconds. */
  returnMsOf(id: SourceId): number {
    const input = this.#inputs.get(id)
    return input === undefined ? 0 : this.#thresholdsOf(input.spec).returnMs
  }

  #now(): number {
    return this.#parts.clock.now()
  }

  #desks(): BusDesk[] {
    return [this.#program, this.#preview].filter((desk) => desk !== undefined)
  }

  async #chooseFormat(signal: AbortSignal): Promise<ChosenFormat | undefined> {
    let usableSince: number | undefined
    while (!signal.aborted) {
      const now = this.#now()
      const inputs = this.#inputs.byPriority()
      if (inputs.some((input) => input.usableFormat !== undefined)) usableSince ??= now
      const chosen = chooseFormat({
        spec: this.#spec.format,
        stored: this.#parts.storedFormat(),
        inputs,
        waitedMs: now - this.#startedAt,
        usableForMs: usableSince === undefined ? undefined : now - usableSince,
      })
      if (chosen !== undefined) return chosen
      await pause(this.#parts.clock, LOOK_MS / 2, signal)
    }
    return undefined
  }

  async #goOnAir(chosen: ChosenFormat, signal: AbortSignal): Promise<void> {
    const { format } = chosen
    this.#format = format
    for (const input of this.#inputs.all()) input.reconsider()
    const material = await this.#parts.makeSlate(format, this.#spec.slate, signal)
    if (signal.aborted) return
    this.#parts.storeFormat(format)
    const slate = new SlateLoop({
      ...material,
      audioTracks: format.audio === undefined ? 0 : format.languages.length,
    })
    this.#program = this.#openDesk('program', slate, material.silence)
    this.#makePreview = () => this.#openDesk('preview', slate, material.silence)
    const first = this.#inputs.byPriority()[0]
    if (first !== undefined) this.#program.wantFirst(first.id)
    this.#giveOrders()
    for (const input of this.#inputs.all()) this.#wireReaders(input.id)
    for (const output of this.#spec.outputs) await this.addOutput(output)
    this.#state = 'running'
    this.#events.add({
      type: 'format_chosen',
      from: chosen.from,
      ...(chosen.source === undefined ? {} : { source: chosen.source }),
      video: describeVideo(format.video?.format),
      audio: describeAudio(format.audio?.format),
    })
    this.#events.add({ type: 'channel_started', name: this.#spec.name })
  }

  #makePreview: (() => BusDesk) | undefined

  /** The preview costs a mux of its own: it runs from its first use on. */
  #previewDesk(): BusDesk | undefined {
    if (this.#preview !== undefined || this.#makePreview === undefined) return this.#preview
    this.#preview = this.#makePreview()
    for (const input of this.#inputs.all()) this.#wireReaders(input.id)
    return this.#preview
  }

  #openDesk(
    name: BusName,
    slate: SlateLoop,
    silence: ConstructorParameters<typeof BusDesk>[0]['silence'],
  ): BusDesk {
    return new BusDesk({
      name,
      slate,
      silence,
      format: this.#format!,
      spec: this.#spec,
      stallMs: () => this.#spec.failover.thresholds.stallMs,
      clock: this.#parts.clock,
      wallTime: this.#parts.wallTime,
      inputs: this.#inputs,
      emit: (event) => this.#events.add(event),
      onChange: () => this.#giveOrders(),
    })
  }

  #wireReaders(id: SourceId): void {
    const buffer = this.#inputs.get(id)?.buffer
    if (buffer === undefined) return
    for (const desk of this.#desks()) buffer.watch((stretch) => desk.feed.bus.positionIn(stretch))
  }

  async #take(
    request: TakeRequest & { bus: BusName; mode: ChannelSpec['mode'] },
  ): Promise<TakeAnswer> {
    const { bus, source, mode } = request
    const desk = bus === 'program' ? this.#program : this.#previewDesk()
    const input = this.#inputs.get(source)
    const no = (why: Parameters<typeof refused>[2]['why'], message: string): TakeAnswer =>
      refused(bus, source, { why, message })
    if (source !== SLATE && input === undefined)
      return no('unknown_source', this.#inputs.unknown(source))
    if (desk === undefined)
      return no('channel_stopped', 'the program has not begun yet: try again in some seconds')
    if (desk.feed.bus.onAir === source) {
      desk.want(source)
      this.#giveOrders()
      return no(
        'already_on_air',
        `"${source}" is on ${bus === 'program' ? 'air' : 'preview'} already`,
      )
    }
    const problem = input === undefined ? undefined : whyNot(input, this.#inputs.ingestOf(input))
    if (problem !== undefined) return no(problem.why, problem.message)
    if (input !== undefined && input.supervised.wanted === 'stop') input.supervised.start()
    const now = this.#now()
    const at = request.at === undefined ? undefined : new Date(request.at).getTime()
    const notBefore = at === undefined ? now : now + at - this.#parts.wallTime()
    const deadline = Math.max(now, notBefore) + this.#spec.startTimeoutMs
    return desk.takes.request({
      source,
      mode: source === SLATE ? 'cutover' : mode,
      notBefore,
      deadline,
    })
  }

  /** The standing order: whom to put on air when the program cannot go on as it is. */
  #giveOrders(): void {
    const healthy = this.#inputs.byPriority().filter((input) => input.verdict.healthy)
    const rest = this.#inputs.byPriority().filter((input) => !input.verdict.healthy)
    const auto = this.#settings.failover === 'auto'
    this.#program?.order(auto ? [...healthy, ...rest].map((input) => input.id) : [])
    this.#preview?.order([])
  }

  #tick(): void {
    const now = this.#now()
    for (const desk of this.#desks()) {
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
    this.#inputs.reconcile(this.#needed(), now)
    this.#outputs.look()
  }

  #needed(): ReadonlySet<SourceId> {
    const needed = new Set<SourceId>()
    for (const desk of this.#desks()) for (const id of desk.needs()) needed.add(id)
    if (this.#program === undefined)
      for (const input of this.#inputs.byPriority().slice(0, 1)) needed.add(input.id)
    // With nothing to play, every substitute may help.
    const desperate =
      this.#program !== undefined &&
      this.#program.feed.bus.onAir === SLATE &&
      this.#program.feed.bus.order.wanted !== SLATE
    if (desperate) for (const id of this.#program!.feed.bus.order.substitutes) needed.add(id)
    return needed
  }

  #thresholdsOf(spec: SourceSpec): Thresholds {
    const own = Object.entries(spec.thresholds ?? {}).filter(([, value]) => value !== undefined)
    return { ...this.#spec.failover.thresholds, ...Object.fromEntries(own) }
  }

  #inputSettings(): InputSettings {
    const format = (): ProgramFormat | undefined => this.#format
    return {
      get format() {
        return format()
      },
      conformOf: (spec) => spec.conform ?? this.#settings.conform,
      thresholdsOf: (spec) => this.#thresholdsOf(spec),
    }
  }

  #inputEvents(): InputEvents {
    return {
      state: (input, change) =>
        this.#events.add({ type: 'source_state', source: input.id, ...change }),
      health: (input, verdict) => {
        this.#giveOrders()
        this.#events.add({ type: 'source_health', source: input.id, ...verdict })
      },
      format: (input) => {
        const { video, audio } = input.formats
        const conform = input.conforming.state
        this.#events.add({
          type: 'source_format',
          source: input.id,
          video: video === undefined ? null : describeVideo(video),
          audio: audio === undefined ? null : describeAudio(audio),
          conform,
        })
      },
    }
  }
}

function serve(
  desk: BusDesk | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): true {
  if (desk !== undefined) desk.feed.serve(request, response)
  else {
    const body = JSON.stringify({
      error: 'not_reachable',
      message: 'the program has not begun yet',
    })
    response
      .writeHead(503, {
        'Content-Type': 'application/json',
        'Retry-After': '1',
        Connection: 'close',
      })
      .end(body)
  }
  return true
}

/** Checked before the take is made (DESIGN.md, 3.10): what can be known to fail is refused at once. */
function whyNot(input: Input, ingest: 'hot' | 'standby') {
  const { state, reason } = input.supervised.state
  if (input.conforming.state === 'refused') {
    return {
      why: 'formats_differ' as const,
      message: `"${input.id}" cannot follow: ${input.conforming.reason}`,
    }
  }
  const dead =
    state === 'failed' ||
    (state === 'waiting' && ingest === 'hot' && input.buffer.newest?.closed !== false)
  if (!dead) return undefined
  return {
    why: 'source_failed' as const,
    message: `"${input.id}" is not running: ${reason ?? 'it has no media'}`,
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
