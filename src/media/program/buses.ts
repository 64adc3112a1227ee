import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { Clock } from '../../lib/clock.ts'
import { BusController } from './bus-controller.ts'
import type { ProgramSources } from './program-sources.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import { SlateLoop } from '../switch/slate-loop.ts'

/** While nothing plays, one more substitute on standby is started each time that this has passed. */
const SUBSTITUTE_START_INTERVAL_MS = 1_500

export interface BusesOptions {
  readonly spec: ChannelSpec
  readonly format: ProgramFormat
  readonly slate: SlateMaterial
  readonly clock: Clock
  readonly wallTime: () => number
  readonly nextTicket: () => Ticket
  readonly inputs: ProgramSources
  readonly emit: (event: ChannelEvent) => void
  /** Somebody else is wanted: the standing orders must be given anew. */
  readonly onWantedChanged: () => void
}

/** The channel's buses: the program, and the preview from its first use on, because it costs a mux of its own. */
export class Buses {
  readonly program: BusController
  readonly #options: BusesOptions
  #slate: SlateMaterial
  #preview: BusController | undefined

  constructor(options: BusesOptions) {
    this.#options = options
    this.#slate = options.slate
    this.program = this.#createBus('program')
  }

  /** The preview, where it is in use. */
  get preview(): BusController | undefined {
    return this.#preview
  }

  all(): BusController[] {
    return this.#preview === undefined ? [this.program] : [this.program, this.#preview]
  }

  openBus(name: BusName): BusController {
    if (name === 'program') return this.program
    this.#preview ??= this.#createBus('preview')
    return this.#preview
  }

  /** A source came or was replaced: its buffer must know who reads it. */
  registerReaders(id: SourceId): void {
    for (const controller of this.all()) this.#registerReader(controller, id)
  }

  setSlate(slate: SlateMaterial): void {
    this.#slate = slate
    for (const controller of this.all()) controller.feed.bus.setSlate(this.#createSlateLoop())
  }

  /** Sources that must run for what is on the buses, or may help where nothing plays. */
  neededSources(): ReadonlySet<SourceId> {
    const needed = new Set(this.all().flatMap((controller) => controller.neededSources()))
    for (const id of this.#substitutesToStart()) needed.add(id)
    return needed
  }

  /** Substitutes to start, one after the other: all at once would starve the machine, and the first may do. */
  #substitutesToStart(): SourceId[] {
    const { counts, feed } = this.program
    const { onAir, standingOrder: order, figures } = feed.bus
    if (onAir !== SLATE || order.wanted === SLATE) return []
    const steps = Math.floor(
      (this.#options.clock.now() - figures.onAirSince) / SUBSTITUTE_START_INTERVAL_MS,
    )
    // At the start the wanted source has its time first; one that was lost is helped at once.
    return order.substitutes.slice(0, counts.failovers > 0 ? steps + 1 : steps)
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((controller) => controller.close()))
  }

  #createBus(name: BusName): BusController {
    const controller = new BusController({
      ...this.#options,
      stallMs: this.#options.spec.failover.thresholds.stallMs,
      name,
      slate: this.#createSlateLoop(),
      silence: this.#slate.silence,
    })
    for (const input of this.#options.inputs.all()) this.#registerReader(controller, input.id)
    return controller
  }

  #registerReader(controller: BusController, id: SourceId): void {
    this.#options.inputs
      .get(id)
      ?.buffer.addReader((segment) => controller.feed.bus.positionIn(segment))
  }

  #createSlateLoop(): SlateLoop {
    const { format } = this.#options
    const audioTracks = format.audio === undefined ? 0 : format.languages.length
    return new SlateLoop({ ...this.#slate, audioTracks })
  }
}
