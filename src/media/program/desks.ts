import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { Bus as BusName, ChannelSpec } from '../../contract/spec.ts'
import type { Clock } from '../../lib/clock.ts'
import { BusDesk } from './bus-desk.ts'
import type { ProgramSources } from './program-sources.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import { SlateLoop } from '../switch/slate-loop.ts'

/** While nothing plays, one more substitute on standby is started each time that this has passed. */
const HELP_EVERY_MS = 1_500

export interface DesksOptions {
  readonly spec: ChannelSpec
  readonly format: ProgramFormat
  readonly slate: SlateMaterial
  readonly clock: Clock
  readonly wallTime: () => number
  readonly nextTicket: () => Ticket
  readonly inputs: ProgramSources
  readonly emit: (event: ChannelEvent) => void
  /** Somebody else is wanted: the standing orders must be given anew. */
  readonly onChange: () => void
}

/** The channel's buses: the program, and the preview from its first use on, because it costs a mux of its own. */
export class Desks {
  readonly program: BusDesk
  readonly #options: DesksOptions
  #slate: SlateMaterial
  #preview: BusDesk | undefined

  constructor(options: DesksOptions) {
    this.#options = options
    this.#slate = options.slate
    this.program = this.#open('program')
  }

  /** The preview, where it is in use. */
  get preview(): BusDesk | undefined {
    return this.#preview
  }

  all(): BusDesk[] {
    return this.#preview === undefined ? [this.program] : [this.program, this.#preview]
  }

  open(name: BusName): BusDesk {
    if (name === 'program') return this.program
    this.#preview ??= this.#open('preview')
    return this.#preview
  }

  /** A source came or was replaced: its buffer must know who reads it. */
  watch(id: SourceId): void {
    for (const desk of this.all()) this.#watch(desk, id)
  }

  setSlate(slate: SlateMaterial): void {
    this.#slate = slate
    for (const desk of this.all()) desk.feed.bus.setSlate(this.#loop())
  }

  /** Sources that must run for what is on the buses, or may help where nothing plays. */
  needs(): ReadonlySet<SourceId> {
    const needed = new Set(this.all().flatMap((desk) => desk.needs()))
    for (const id of this.#helpers()) needed.add(id)
    return needed
  }

  /** Substitutes to start, one after the other: all at once would starve the machine, and the first may do. */
  #helpers(): SourceId[] {
    const { counts, feed } = this.program
    const { onAir, order, figures } = feed.bus
    if (onAir !== SLATE || order.wanted === SLATE) return []
    const steps = Math.floor((this.#options.clock.now() - figures.onAirSince) / HELP_EVERY_MS)
    // At the start the wanted source has its time first; one that was lost is helped at once.
    return order.substitutes.slice(0, counts.failovers > 0 ? steps + 1 : steps)
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((desk) => desk.close()))
  }

  #open(name: BusName): BusDesk {
    const desk = new BusDesk({
      ...this.#options,
      stallMs: this.#options.spec.failover.thresholds.stallMs,
      name,
      slate: this.#loop(),
      silence: this.#slate.silence,
    })
    for (const input of this.#options.inputs.all()) this.#watch(desk, input.id)
    return desk
  }

  #watch(desk: BusDesk, id: SourceId): void {
    this.#options.inputs.get(id)?.buffer.watch((stretch) => desk.feed.bus.positionIn(stretch))
  }

  #loop(): SlateLoop {
    const { format } = this.#options
    const audioTracks = format.audio === undefined ? 0 : format.languages.length
    return new SlateLoop({ ...this.#slate, audioTracks })
  }
}
