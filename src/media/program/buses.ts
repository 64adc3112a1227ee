import { type BusId, PROGRAM, type SourceId } from '../../contract/ids.ts'
import type { SlateMaterial } from '../slate/slate-material.ts'
import { BusController, type BusControllerOptions } from './bus-controller.ts'

/** Buses of a channel by name: the program, and others from their first use on, because each costs a mux. */
export class Buses {
  readonly program: BusController
  readonly #options: Omit<BusControllerOptions, 'name' | 'slate'>
  readonly #open = new Map<BusId, BusController>()
  #slate: SlateMaterial

  constructor({ slate, ...options }: Omit<BusControllerOptions, 'name'>) {
    this.#options = options
    this.#slate = slate
    this.program = this.open(PROGRAM)
  }

  /** Undefined until its first use. */
  get(name: BusId): BusController | undefined {
    return this.#open.get(name)
  }

  all(): BusController[] {
    return [...this.#open.values()]
  }

  open(name: BusId): BusController {
    const open = this.#open.get(name)
    if (open !== undefined) return open
    const controller = new BusController({ ...this.#options, slate: this.#slate, name })
    this.#open.set(name, controller)
    return controller
  }

  setSlate(slate: SlateMaterial): void {
    this.#slate = slate
    for (const controller of this.all()) controller.setSlate(slate)
  }

  neededSources(): ReadonlySet<SourceId> {
    return new Set(this.all().flatMap((controller) => controller.neededSources()))
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((controller) => controller.close()))
  }
}
