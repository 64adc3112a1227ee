/** A transcoder of a ChannelRig: every unit of its plan comes out at once, and counts as being in the target format. */
import type { SourceId } from '../../src/contract/ids.ts'
import { untilAborted } from '../../src/lib/clock.ts'
import type { Transcoder } from '../../src/media/input/conforming.ts'
import type { ConformPlan } from '../../src/media/input/conform/conform-plan.ts'
import type { ConformSink } from '../../src/media/input/conform/conformer.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'

export class RigTranscoder implements Transcoder {
  readonly source: SourceId
  readonly plan: ConformPlan
  phase: 'idle' | 'running' | 'ended' = 'idle'
  /** Units given to it, before and after its end. */
  units = 0
  #sink: ConformSink | undefined
  #pastFirst = false

  constructor(source: SourceId, plan: ConformPlan) {
    this.source = source
    this.plan = plan
  }

  unit(unit: AccessUnit): void {
    this.units++
    if (this.#sink === undefined) return
    if (!this.#pastFirst) this.#announceFormats(this.#sink)
    this.#sink.unit(unit)
  }

  room(): undefined {
    return undefined
  }

  restarted(): void {
    this.#sink?.restarted?.()
  }

  async run(sink: ConformSink, signal: AbortSignal): Promise<void> {
    this.phase = 'running'
    this.#sink = sink
    await untilAborted(signal)
    this.#sink = undefined
    this.phase = 'ended'
  }

  figures(): { readonly droppedUnits: number } {
    return { droppedUnits: 0 }
  }

  #announceFormats(sink: ConformSink): void {
    this.#pastFirst = true
    const { video, audio } = this.plan
    if (video !== undefined) sink.format(video.pid, video.target.format)
    for (const { pid, target } of audio) sink.format(pid, target.format)
  }
}
