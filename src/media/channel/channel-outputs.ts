import type { IncomingMessage, ServerResponse } from 'node:http'
import type { VideoFormat } from '../../contract/format.ts'
import type { OutputId } from '../../contract/ids.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { MediaPath } from '../../contract/paths.ts'
import type { OutputStatus, RecordingStatus } from '../../contract/status.ts'
import type { ChannelParts, EventSink } from './channel-parts.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { Clock } from '../../lib/clock.ts'
import { OutputList } from './output-list.ts'
import type { ViewerLog } from '../viewers/viewer-log.ts'
import { HeldRequests } from '../viewers/held-requests.ts'
import type { Output, OutputProgram } from '../outputs/interface/output.ts'

export interface ChannelOutputsOptions {
  readonly parts: Pick<ChannelParts, 'openOutput' | 'openListeners'>
  readonly settings: ChannelSettings
  readonly events: EventSink
  readonly clock: Clock
  readonly specs: readonly OutputSpec[]
  readonly viewerLog: ViewerLog
}

/** The outputs of the program besides its own viewers. */
export class ChannelOutputs {
  readonly #options: ChannelOutputsOptions
  readonly #list: OutputList
  readonly #heldRequests: HeldRequests
  /** Opened when the program starts. */
  #waiting: readonly OutputSpec[]
  #program: OutputProgram | undefined
  #listeners: Output | undefined
  readonly #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  constructor(options: ChannelOutputsOptions) {
    this.#options = options
    this.#waiting = options.specs
    this.#heldRequests = new HeldRequests(options.clock)
    this.#list = new OutputList((change) => {
      options.events.logEvent({ type: 'output_state', ...change })
    })
  }

  /** The program is on the air. */
  start(program: OutputProgram): void {
    this.#program = program
    this.#listeners = this.#options.parts.openListeners(program, this.#options.viewerLog)
    this.#ended = this.#listeners.run(this.#stop.signal)
    for (const output of this.#waiting) this.addOutput(output)
    this.#heldRequests.release((...held) => this.serve(...held))
  }

  addOutput(spec: OutputSpec): void {
    const { parts, events } = this.#options
    const program = this.#program
    if (program === undefined) throw new Error('outputs are opened after the program has started')
    const opened = parts.openOutput(spec, {
      program,
      alert: (what, message) => events.logEvent({ type: 'alert', output: spec.id, what, message }),
    })
    this.#list.addOutput(opened)
    this.#updateMaxGop()
    events.logEvent({ type: 'output_added', output: spec.id })
  }

  async removeOutput(id: OutputId): Promise<void> {
    if (this.#program === undefined) this.#waiting = this.#waiting.filter((spec) => spec.id !== id)
    await this.#list.removeOutput(id)
    this.#updateMaxGop()
    this.#options.events.logEvent({ type: 'output_removed', output: id })
  }

  reorder(ids: readonly OutputId[]): void {
    this.#list.reorder(ids)
  }

  recordings(): RecordingStatus[] {
    return this.#list.recordings()
  }

  deleteRecording(id: OutputId, name: string): Promise<boolean> {
    return this.#list.deleteRecording(id, name)
  }

  /** True when an output answers the request, or will after the program has started. */
  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    if (this.#program !== undefined) {
      const isHandled = this.#listeners?.serve?.(request, response, path) === true
      return isHandled || this.#list.serve(request, response, path)
    }
    if (path.kind !== 'packaged') return false
    this.#heldRequests.hold(request, response, path)
    return true
  }

  disconnectListener(path: string, id: number): boolean {
    return this.#listeners?.disconnect?.(path, id) === true
  }

  /** Reason of the first output that cannot follow this video; undefined when all can. */
  refuses(video: VideoFormat): string | undefined {
    return this.#list.refuses(video)
  }

  /** Reports changes of state since the last check. */
  checkStates(): void {
    this.#list.checkStates()
  }

  status(): OutputStatus[] {
    return this.#list.status()
  }

  /** Status of the audio listeners. */
  get listeners(): OutputStatus | null {
    return this.#listeners?.status() ?? null
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#heldRequests.release(() => false)
    await Promise.all([this.#list.close(), this.#ended])
  }

  #updateMaxGop(): void {
    this.#options.settings.setMaxGop(this.#list.maxGopTicks)
  }
}
