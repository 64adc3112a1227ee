/**
 * The real channel behind the real ports, on a fake clock: real inputs, supervision, buffers, switch, failover and mux, with cameras for
 * readers, outputs and transcoders in memory. No process, no socket; a simulated minute takes a fraction of a second.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect } from 'vitest'
import type { TakeAnswer, TakeRequest } from '../../src/contract/commands.ts'
import type { ChannelEvent } from '../../src/contract/events.ts'
import { channelId, outputId, sourceId, type OutputId } from '../../src/contract/ids.ts'
import { ChannelSpec, SourceSpec, type SourceSpecInput } from '../../src/contract/spec.ts'
import type { BusStatus, ChannelStatus, SourceStatus } from '../../src/contract/status.ts'
import { ControlledChannel } from '../../src/control/channels/controlled-channel.ts'
import { MediaEvents } from '../../src/control/channels/media-events.ts'
import { Channel } from '../../src/media/channel/channel.ts'
import type { ChannelParts, EventSink } from '../../src/media/channel/channel-parts.ts'
import { Budgets } from '../../src/media/host/budgets.ts'
import { EVENT_LOG_LIMITS } from '../../src/media/host/event-log.ts'
import { MediaHost } from '../../src/media/host/media-host.ts'
import { Ticker } from '../../src/media/host/ticker.ts'
import { Input } from '../../src/media/input/input.ts'
import { SourceMonitor } from '../../src/media/input/source-monitor.ts'
import { SupervisedSource } from '../../src/media/sources/supervised-source.ts'
import { DEFAULT_SUPERVISION } from '../../src/media/sources/supervision.ts'
import { slateMaterialOf } from './bus-rig.ts'
import { FakeClock } from './fake-clock.ts'
import { RigCamera, type CameraOptions } from './rig-camera.ts'
import { RigOutput } from './rig-output.ts'
import { RigTranscoder } from './rig-transcoder.ts'

/** Milliseconds since 1970 at the start of every rig. */
export const RIG_EPOCH = 1_700_000_000_000
/** Promises settle after each. */
const STEP_MS = 10
const START_MS = 4_000
const EPOCH = 'rig'

export type RigSourceSpec = Partial<CameraOptions> & {
  readonly spec?: Partial<SourceSpecInput>
}

export interface ChannelRigOptions {
  /** In order of priority. */
  readonly sources: Readonly<Record<string, RigSourceSpec>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly parts?: Partial<ChannelParts>
}

export class ChannelRig {
  readonly clock = new FakeClock()
  readonly cameras = new Map<string, RigCamera>()
  readonly events: ChannelEvent[] = []
  readonly transcoders: RigTranscoder[] = []
  readonly outputs = new Map<OutputId, RigOutput>()
  /** Of the outputs that are opened from now on. */
  outputMaxGopTicks: number | undefined
  /** With which it began. */
  readonly spec: ChannelSpec
  readonly media: MediaHost
  /** How the channel's first output answers requests. */
  serve: NonNullable<RigOutput['serve']> = () => false
  /** As the API works it. */
  readonly channel: ControlledChannel
  readonly budgets = new Budgets({
    limits: { memoryBytes: 1e9, hosts: { maxSimultaneous: 8, maxPerMinute: 1_000 } },
    clock: this.clock,
    warn: () => {},
  })
  readonly #stop = new AbortController()
  readonly #ended: Promise<unknown>
  #running: Channel | undefined
  #tape: RigOutput | undefined

  constructor({ sources, spec, parts }: ChannelRigOptions) {
    const specs = Object.entries(sources).map(([id, options]) => this.sourceSpec(id, options))
    this.spec = ChannelSpec.parse({ ...spec, sources: specs })
    const media = new MediaHost({
      epoch: EPOCH,
      defaultChannel: channelId('rig'),
      access: { playback: 'local', revoked: [] },
      clock: this.clock,
      wallTime: () => this.wallTime(),
      limits: EVENT_LOG_LIMITS,
      createChannel: (_id, wanted, events) => {
        this.#running = new Channel(wanted, { ...this.#parts(wanted, events), ...parts })
        return this.#running
      },
      onFault: (_id, error) => {
        throw error
      },
    })
    this.media = media
    const events = new MediaEvents(media, (error) => {
      throw error
    })
    this.channel = new ControlledChannel({ id: channelId('rig'), spec: this.spec, media, events })
    this.#ended = Promise.all([
      media.run(this.#stop.signal),
      events.run(EPOCH, new AbortController().signal),
    ])
    void this.channel.start()
  }

  /** On the air, with every hot source healthy that sends. */
  static async start(options: ChannelRigOptions): Promise<ChannelRig> {
    const rig = new ChannelRig(options)
    await rig.run(START_MS)
    return rig
  }

  /** Makes the camera of a source, and the source's specification. */
  sourceSpec(id: string, { spec, ...options }: RigSourceSpec = {}): SourceSpec {
    this.cameras.set(id, new RigCamera(id, this.clock, options))
    return SourceSpec.parse({ id, url: `rig:${id}`, ...spec })
  }

  camera(id: string): RigCamera {
    const camera = this.cameras.get(id)
    if (camera === undefined) throw new Error(`the rig has no camera "${id}"`)
    return camera
  }

  /** What the program showed from its first frame on. */
  get tape(): RigOutput {
    if (this.#tape === undefined) throw new Error('the program has not begun')
    return this.#tape
  }

  output(id: string): RigOutput {
    const output = this.outputs.get(outputId(id))
    if (output === undefined) throw new Error(`the rig has no output "${id}"`)
    return output
  }

  /** Milliseconds since 1970. */
  wallTime(): number {
    return RIG_EPOCH + this.clock.now()
  }

  run(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms, STEP_MS)
  }

  /** Runs until it is so; throws when that takes longer. Milliseconds that it took. */
  async until(what: string, isSo: () => boolean, maxMs = 30_000): Promise<number> {
    const from = this.clock.now()
    while (!isSo()) {
      if (this.clock.now() - from >= maxMs)
        throw new Error(`not within ${maxMs} ms: ${what} (${this.standing})`)
      await this.run(STEP_MS)
    }
    return this.clock.now() - from
  }

  onAir(id: string, maxMs?: number): Promise<number> {
    return this.until(`${id} on the air`, () => this.program.onAir === id, maxMs)
  }

  /** Runs until the take is answered. */
  async take(source: string, more: Partial<TakeRequest> = {}): Promise<TakeAnswer> {
    return this.answer(this.channel.take({ source: sourceId(source), ...more }))
  }

  /** Runs until the promise has settled. */
  async answer<T>(promise: Promise<T>, maxMs = 60_000): Promise<T> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    await this.until('an answer', () => settled, maxMs)
    return promise
  }

  /** Media over HTTP. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    return this.media.handle(request, response)
  }

  get status(): ChannelStatus {
    if (this.#running === undefined) throw new Error('the channel does not run yet')
    return this.#running.status()
  }

  get program(): BusStatus {
    return this.status.program
  }

  source(id: string): SourceStatus {
    const status = this.status.sources.find((source) => source.id === id)
    if (status === undefined) throw new Error(`the channel has no source "${id}"`)
    return status
  }

  told<T extends ChannelEvent['type']>(type: T): Extract<ChannelEvent, { type: T }>[] {
    return this.events.filter(
      (event): event is Extract<ChannelEvent, { type: T }> => event.type === type,
    )
  }

  /** Where the program went, and why, since it was first on the air. */
  get moves(): string[] {
    return this.told('switched')
      .filter(({ cause, bus }) => cause !== 'start' && bus === 'program')
      .map(({ from, to, cause }) => `${cause}: ${from} > ${to}`)
  }

  get standing(): string {
    const { onAir, wanted, pending } = this.program
    return `${onAir} on air, ${wanted} wanted, ${pending ?? 'nothing'} pending`
  }

  /** Ends the channel; nothing that it started may be left. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    const left = {
      timers: this.clock.pendingTimers,
      readers: [...this.cameras.values()].filter(({ running }) => running > 0).map(({ id }) => id),
      transcoders: this.transcoders.filter(({ phase }) => phase === 'running').length,
      outputs: [...this.outputs.values()].filter(({ phase }) => phase === 'running').length,
      memory: this.budgets.status().memory.filter(({ holders }) => holders > 0),
      connecting: this.budgets.status().connections.connecting,
    }
    expect(left).toEqual({
      timers: 0,
      readers: [],
      transcoders: 0,
      outputs: 0,
      memory: [],
      connecting: 0,
    })
  }

  #parts(channel: ChannelSpec, events: EventSink): ChannelParts {
    const { clock } = this
    return {
      id: channelId('rig'),
      events: {
        logEvent: (event) => {
          this.events.push(event)
          events.logEvent(event)
        },
      },
      version: '0.0.0',
      clock,
      ticker: new Ticker(clock),
      memory: this.budgets,
      wallTime: () => this.wallTime(),
      storedFormat: () => undefined,
      storeFormat: () => Promise.resolve(),
      makeSlate: () => Promise.resolve(slateMaterialOf(true)),
      checkOutput: () => {},
      openOutput: ({ id }, { program }) => {
        const output = new RigOutput(id, clock, program)
        if (this.outputMaxGopTicks !== undefined) output.maxGopTicks = this.outputMaxGopTicks
        this.outputs.set(id, output)
        return output
      },
      openListeners: (program) => {
        this.#tape = new RigOutput(outputId('tape'), clock, program)
        this.#tape.serve = (...request) => this.serve(...request)
        return this.#tape
      },
      openInput: (wiring) => this.#openInput(channel, wiring),
    }
  }

  #openInput(
    channel: ChannelSpec,
    { spec, settings, events, wanted, viewerLog }: Parameters<ChannelParts['openInput']>[0],
  ): Input {
    const { clock } = this
    const camera = this.camera(spec.url.slice('rig:'.length))
    return new Input({
      spec,
      clock,
      settings,
      events,
      memory: this.budgets,
      latencyMs: channel.latencyMs,
      live: camera.options.live,
      arrives: 'steadily',
      monitor: new SourceMonitor(spec.id, {
        limits: channel.viewers,
        clock,
        log: viewerLog,
        memory: this.budgets,
      }),
      openConformer: (plan) => {
        const transcoder = new RigTranscoder(spec.id, plan)
        this.transcoders.push(transcoder)
        return transcoder
      },
      supervise: (sink, onChange) =>
        new SupervisedSource({
          openReader: () => camera.openReader(),
          sink,
          clock,
          budget: this.budgets.connections,
          wanted,
          onChange,
          random: () => 0,
          host: undefined,
          limits: DEFAULT_SUPERVISION,
        }),
    })
  }
}
