import type { IncomingMessage, ServerResponse } from 'node:http'
import type { VideoFormat } from '../../contract/format.ts'
import type { OutputId } from '../../contract/ids.ts'
import type { MediaPath } from '../../contract/paths.ts'
import type { OutputStatus, RecordingStatus } from '../../contract/status.ts'
import type { Output } from '../outputs/interface/output.ts'

interface Entry {
  readonly output: Output
  readonly stop: AbortController
  readonly ended: Promise<void>
  state: string
}

export interface OutputStateChange {
  readonly output: OutputId
  readonly state: OutputStatus['state']
  /** Reason for not running: an old error is not shown for a running output. */
  readonly reason?: string
}

/** The channel's outputs, each running until it is removed. A fault of one never affects another. */
export class OutputList {
  readonly #entries = new Map<OutputId, Entry>()
  readonly #onState: (change: OutputStateChange) => void

  constructor(onState: (change: OutputStateChange) => void) {
    this.#onState = onState
  }

  addOutput(output: Output): void {
    const stop = new AbortController()
    this.#entries.set(output.id, { output, stop, ended: output.run(stop.signal), state: '' })
  }

  /** Resolves when it has ended. */
  async removeOutput(id: OutputId): Promise<void> {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    entry.stop.abort()
    await entry.ended
  }

  /** Order of the status, and of offering requests. */
  reorder(ids: readonly OutputId[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry === undefined) continue
      this.#entries.delete(id)
      this.#entries.set(id, entry)
    }
  }

  recordings(): RecordingStatus[] {
    return [...this.#entries.values()].flatMap(({ output }) => output.recordings?.() ?? [])
  }

  async deleteRecording(id: OutputId, name: string): Promise<boolean> {
    return (await this.#entries.get(id)?.output.deleteRecording?.(name)) ?? false
  }

  /** True when one of them answers the request. */
  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    return [...this.#entries.values()].some(
      ({ output }) => output.serve?.(request, response, path) === true,
    )
  }

  /** The shortest of the packaging outputs. */
  get maxGopTicks(): number | undefined {
    const limits = [...this.#entries.values()].flatMap(({ output }) => output.maxGopTicks ?? [])
    return limits.length === 0 ? undefined : Math.min(...limits)
  }

  /** Reason of the first output that cannot follow this video; undefined when all can. */
  refuses(video: VideoFormat): string | undefined {
    for (const { output } of this.#entries.values()) {
      const why = output.formatRefusal?.(video)
      if (why !== undefined) return `output "${output.id}": ${why}`
    }
    return undefined
  }

  status(): OutputStatus[] {
    return [...this.#entries.values()].map((entry) => entry.output.status())
  }

  /** Reports changes of state since the last check. */
  checkStates(): void {
    for (const entry of this.#entries.values()) {
      const status = entry.output.status()
      if (status.state === entry.state) continue
      entry.state = status.state
      this.#onState(changeOf(status))
    }
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()]
    for (const entry of entries) entry.stop.abort()
    await Promise.all(entries.map((entry) => entry.ended))
  }
}

const changeOf = ({ id, state, lastError }: OutputStatus): OutputStateChange => {
  const idle = state === 'waiting' || state === 'failed'
  return { output: id, state, ...(idle && lastError !== undefined && { reason: lastError }) }
}
