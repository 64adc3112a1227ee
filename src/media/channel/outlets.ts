import type { IncomingMessage, ServerResponse } from 'node:http'
import { SluiceError } from '../../contract/errors.ts'
import type { VideoFormat } from '../../contract/format.ts'
import type { OutputId } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { OutputStatus } from '../../contract/status.ts'
import type { ChannelParts } from './channel-parts.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { EventLog } from './event-log.ts'
import type { Clock } from '../../lib/clock.ts'
import { OutputList } from './output-list.ts'
import { HeldRequests } from '../viewers/held-requests.ts'
import type { Output, OutputProgram } from '../outputs/interface/output.ts'

export interface OutletsOptions {
  readonly parts: Pick<ChannelParts, 'openOutput' | 'openListeners'>
  readonly settings: ChannelSettings
  readonly events: EventLog
  readonly clock: Clock
}

/** Where players ask for what outputs package. */
const PACKAGED = /^\/(?:live|channels\/[^/]+\/(?:hls|dash))\//

/** Every way out of the program besides its own viewers: opened, told of, and asked before a take. */
export class Outlets {
  readonly #options: OutletsOptions
  readonly #list: OutputList
  readonly #early: HeldRequests
  #program: OutputProgram | undefined
  #listeners: Output | undefined
  readonly #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  constructor(options: OutletsOptions) {
    this.#options = options
    this.#early = new HeldRequests(options.clock)
    this.#list = new OutputList((change) => {
      options.events.add({ type: 'output_state', ...change })
    })
  }

  /** The program is on the air. */
  begin(program: OutputProgram, outputs: readonly OutputSpec[]): void {
    this.#program = program
    this.#listeners = this.#options.parts.openListeners(program)
    this.#ended = this.#listeners.run(this.#stop.signal)
    for (const output of outputs) this.add(output)
    this.#early.release((request, response) => this.serve(request, response))
  }

  add(spec: OutputSpec): void {
    const { parts, events } = this.#options
    if (this.#list.has(spec.id)) {
      throw new SluiceError('id_in_use', `output "${spec.id}" exists already; choose another id`)
    }
    const program = this.#program
    if (program === undefined) {
      throw new SluiceError(
        'not_reachable',
        'the program has not begun yet: try again in some seconds',
      )
    }
    const opened = parts.openOutput(spec, {
      program,
      alert: (what, message) => events.add({ type: 'alert', output: spec.id, what, message }),
    })
    this.#list.add(opened)
    this.#limitGop()
    events.add({ type: 'output_added', output: spec.id })
  }

  async remove(id: OutputId): Promise<void> {
    await this.#list.remove(id)
    this.#limitGop()
    this.#options.events.add({ type: 'output_removed', output: id })
  }

  /** True when one of them answers the request, or will when the program has begun. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#program !== undefined) {
      const path = (request.url ?? '').split('?')[0] ?? ''
      const heard = this.#listeners?.serve?.(request, response, path) === true
      return heard || this.#list.serve(request, response, path)
    }
    if (!PACKAGED.test(request.url ?? '')) return false
    this.#early.hold(request, response)
    return true
  }

  /** Why one of them could not follow if the program's pictures became these. */
  refuses(pictures: VideoFormat): string | undefined {
    return this.#list.refuses(pictures)
  }

  /** Tells of changes of state since the last look. */
  look(): void {
    this.#list.look()
  }

  status(): OutputStatus[] {
    return this.#list.status()
  }

  /** Of those who hear the sound alone. */
  get listeners(): OutputStatus | null {
    return this.#listeners?.status() ?? null
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#early.release(() => false)
    await Promise.all([this.#list.close(), this.#ended])
  }

  #limitGop(): void {
    this.#options.settings.limitGop(this.#list.longestGopTicks)
  }
}
