import type { ChannelPort } from '../../src/contract/channel-port.ts'
import type { TakeAnswer, TakeRequest } from '../../src/contract/commands.ts'
import { SluiceError } from '../../src/contract/errors.ts'
import type { ChannelEvent, StampedEvent } from '../../src/contract/events.ts'
import {
  type BusId,
  channelId,
  outputId,
  PREVIEW,
  SLATE,
  sourceId,
  type SourceId,
  type Ticket,
} from '../../src/contract/ids.ts'
import type {
  BusStatus,
  ChannelStatus,
  OutputStatus,
  SourceStatus,
} from '../../src/contract/status.ts'

export const MAIN = channelId('main')
const S0 = sourceId('s0')

export const aBus = (bus: string, change: Partial<BusStatus> = {}): BusStatus => ({
  bus: bus as BusId,
  onAir: S0,
  wanted: S0,
  pending: null,
  programTime: 900_000,
  onAirSinceMs: 61_000,
  delayMs: 812,
  takes: 3,
  failovers: 1,
  slateMs: 0,
  silenceInserted: 2,
  audioDropped: 0,
  dtsCompressed: 0,
  videoFramesMissing: 0,
  bitrate: 3_400_000,
  clockPpm: 12,
  ...change,
})

export const aSource = (id: string, change: Partial<SourceStatus> = {}): SourceStatus => ({
  id: sourceId(id),
  label: `Camera ${id}`,
  url: `udp://239.0.0.1:50${id.length}0`,
  priority: 0,
  ingest: 'hot',
  state: 'running',
  healthy: true,
  problems: [],
  onAir: false,
  onPreview: false,
  wanted: false,
  tracks: [
    {
      kind: 'video',
      pid: 256,
      bitrate: 3_200_000,
      format: {
        codec: 'h264',
        profile: 'high',
        chroma: '4:2:0',
        depth: 8,
        width: 1280,
        height: 720,
        frameRate: { num: 25, den: 1 },
        scan: 'progressive',
      },
    },
    {
      kind: 'audio',
      pid: 257,
      language: 'eng',
      bitrate: 128_000,
      format: { codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1024 },
    },
  ],
  conform: 'as_is',
  bitrate: 3_328_000,
  bufferMs: 1_250,
  bufferBytes: 520_000,
  sinceKeyMs: 400,
  gopMs: 2_000,
  burstMs: 0,
  continuityErrors: 0,
  lostPackets: 0,
  timestampJumps: 0,
  droppedUnits: 0,
  restarts: 0,
  upSinceMs: 60_000,
  ...change,
})

export const anOutput = (id: string, change: Partial<OutputStatus> = {}): OutputStatus => ({
  id: outputId(id),
  kind: 'udp',
  url: 'udp://239.0.0.9:5000',
  state: 'running',
  bytes: 0,
  bitrate: 0,
  lagMs: 0,
  skips: 0,
  errors: 0,
  reconnects: 0,
  ...change,
})

export const aStatus = (change: Partial<ChannelStatus> = {}): ChannelStatus => ({
  id: MAIN,
  name: 'Test channel',
  version: '0.1.0',
  state: 'running',
  upMs: 61_000,
  mode: 'cutover',
  ingest: 'hot',
  conform: 'auto',
  failover: 'auto',
  revert: 'auto',
  latencyMs: 800,
  format: null,
  program: aBus('program'),
  preview: aBus('preview', { onAir: SLATE, wanted: SLATE }),
  sources: [
    aSource('s0', { onAir: true, wanted: true }),
    aSource('s1', { priority: 1, continuityErrors: null, lostPackets: null }),
  ],
  outputs: [],
  viewers: [],
  listeners: null,
  ...change,
})

/** A channel without media: it records commands and answers as a real one would. */
export class FakeChannel implements ChannelPort {
  readonly calls: (readonly unknown[])[] = []
  current: ChannelStatus
  /** Reason with which the next takes are refused. */
  refuse: Extract<TakeAnswer, { ok: false }>['why'] | null = null
  /** Thrown by the next command. */
  fault: unknown = null
  readonly #kept: StampedEvent[] = []
  readonly #listeners = new Set<(event: StampedEvent) => void>()

  constructor(status: ChannelStatus = aStatus()) {
    this.current = status
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  async status(): Promise<ChannelStatus> {
    return this.current
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    this.#asked('take', request)
    const bus = request.bus === PREVIEW ? 'preview' : 'program'
    const answer = this.#answer(request, bus)
    if (!answer.ok) {
      this.emit({ type: 'take_refused', answer })
      return answer
    }
    const onBus = { ...this.current[bus], onAir: request.source, wanted: request.source }
    this.current = { ...this.current, [bus]: { ...onBus, takes: onBus.takes + 1, onAirSinceMs: 0 } }
    this.#mark()
    this.emit({ type: 'take_done', answer })
    return answer
  }

  async takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer> {
    this.#asked('takePreview', mode)
    const source = this.current.preview.onAir
    return this.take({ source, ...(mode !== undefined && { mode }) })
  }

  async change(change: Parameters<ChannelPort['change']>[0]): Promise<void> {
    this.#asked('change', change)
    this.current = { ...this.current, ...(change as Partial<ChannelStatus>) }
    this.emit({ type: 'settings_changed', change })
  }

  async addSource(spec: Parameters<ChannelPort['addSource']>[0]): Promise<void> {
    this.#asked('addSource', spec)
    if (this.#has(spec.id)) throw new SluiceError('id_in_use', `source id "${spec.id}" is in use`)
    const added = aSource(spec.id, { url: spec.url, label: spec.label ?? spec.id })
    this.current = { ...this.current, sources: [...this.current.sources, added] }
  }

  async changeSource(id: SourceId, change: Parameters<ChannelPort['changeSource']>[1]) {
    this.#asked('changeSource', id, change)
    if (!this.#has(id)) throw new SluiceError('unknown_source', `there is no source "${id}"`)
  }

  async removeSource(id: SourceId): Promise<void> {
    this.#asked('removeSource', id)
    if (!this.#has(id)) throw new SluiceError('unknown_source', `there is no source "${id}"`)
    const sources = this.current.sources.filter((source) => source.id !== id)
    this.current = { ...this.current, sources }
  }

  async addOutput(spec: Parameters<ChannelPort['addOutput']>[0]): Promise<void> {
    this.#asked('addOutput', spec)
    const added = anOutput(spec.id, { url: spec.url })
    this.current = { ...this.current, outputs: [...this.current.outputs, added] }
  }

  async removeOutput(id: Parameters<ChannelPort['removeOutput']>[0]): Promise<void> {
    this.#asked('removeOutput', id)
    const outputs = this.current.outputs.filter((output) => output.id !== id)
    if (outputs.length === this.current.outputs.length) {
      throw new SluiceError('unknown_output', `there is no output "${id}"`)
    }
    this.current = { ...this.current, outputs }
  }

  events(after: number, listener: (event: StampedEvent) => void): () => void {
    for (const stamped of this.#kept) if (stamped.id > after) listener(stamped)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  emit(event: ChannelEvent): void {
    const stamped: StampedEvent = {
      id: this.#kept.length + 1,
      at: Date.now(),
      channel: MAIN,
      event,
    }
    this.#kept.push(stamped)
    for (const listener of this.#listeners) listener(stamped)
  }

  #asked(...call: readonly unknown[]): void {
    this.calls.push(call)
    if (this.fault !== null) throw this.fault
  }

  #has(id: SourceId): boolean {
    return this.current.sources.some((source) => source.id === id)
  }

  #mark(): void {
    const { program, preview } = this.current
    const sources = this.current.sources.map((source) => ({
      ...source,
      onAir: source.id === program.onAir,
      wanted: source.id === program.wanted,
      onPreview: source.id === preview.onAir,
    }))
    this.current = { ...this.current, sources }
  }

  #answer(request: TakeRequest, bus: 'program' | 'preview'): TakeAnswer {
    const refused = (why: Extract<TakeAnswer, { ok: false }>['why'], message: string) =>
      ({
        ok: false,
        ticket: 7 as Ticket,
        bus: this.current[bus].bus,
        source: request.source,
        why,
        message,
      }) as const
    if (request.source !== SLATE && !this.#has(request.source)) {
      return refused('unknown_source', `there is no source "${request.source}"`)
    }
    if (this.refuse !== null) return refused(this.refuse, `the take was refused: ${this.refuse}`)
    if (this.current[bus].onAir === request.source) {
      return refused('already_on_air', `${request.source} is on the air already`)
    }
    return {
      ok: true,
      ticket: 7 as Ticket,
      bus: this.current[bus].bus,
      source: request.source,
      from: this.current[bus].onAir,
      mode: request.mode ?? this.current.mode,
      executed: request.mode ?? this.current.mode,
      programTime: 900_000,
      wallTime: Date.now(),
      waitMs: 38,
      gapMs: 0,
      avOffsetMs: 4.2,
      silenceInserted: 0,
      audioDropped: 0,
      addedDelayMs: 640,
    }
  }
}
