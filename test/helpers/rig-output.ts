/** An output of a ChannelRig: keeps in memory what the program gave it. */
import type { VideoFormat } from '../../src/contract/format.ts'
import type { OutputId, SourceId } from '../../src/contract/ids.ts'
import type { OutputStatus } from '../../src/contract/status.ts'
import { untilAborted, type Clock } from '../../src/lib/clock.ts'
import type { Output, OutputProgram } from '../../src/media/outputs/interface/output.ts'
import type { ProgramCut } from '../../src/media/outputs/interface/program-frames.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import type { Emitted } from './bus-rig.ts'
import { stampOf } from './synthetic-units.ts'

export class RigOutput implements Output {
  readonly id: OutputId
  readonly kind = 'rig'
  readonly emitted: Emitted[] = []
  readonly cuts: (ProgramCut & { readonly wall: number })[] = []
  holes = 0
  /** What it reports of itself. */
  state: OutputStatus['state'] = 'running'
  lastError: string | undefined
  phase: 'idle' | 'running' | 'ended' = 'idle'
  maxGopTicks?: number
  /** It ends no sooner than this. */
  lastWork: Promise<void> | undefined
  serve?: NonNullable<Output['serve']>
  /** The only pictures that it can take. */
  takesOnly: Pick<VideoFormat, 'width'> | undefined
  readonly #clock: Clock
  readonly #program: OutputProgram

  constructor(id: OutputId, clock: Clock, program: OutputProgram) {
    this.id = id
    this.#clock = clock
    this.#program = program
  }

  async run(signal: AbortSignal): Promise<void> {
    this.phase = 'running'
    const detach = this.#program.frames.attach(
      {
        video: (unit, { pts, dts }) => this.#note(unit, pts, dts),
        audio: (_track, unit, pts) => this.#note(unit, pts, pts),
        cut: (cut) => void this.cuts.push({ ...cut, wall: this.#clock.now() }),
        hole: () => void this.holes++,
      },
      () => {
        this.state = 'failed'
      },
    )
    await untilAborted(signal)
    detach()
    await this.lastWork
    this.phase = 'ended'
  }

  status(): OutputStatus {
    return {
      id: this.id,
      kind: this.kind,
      url: 'rig:',
      state: this.state,
      bytes: 0,
      bitrate: 0,
      lagMs: 0,
      skips: 0,
      errors: 0,
      reconnects: 0,
      ...(this.lastError === undefined ? {} : { lastError: this.lastError }),
    }
  }

  formatRefusal(video: VideoFormat): string | undefined {
    if (this.takesOnly === undefined || this.takesOnly.width === video.width) return undefined
    return `it takes video of width ${this.takesOnly.width} only`
  }

  /** Sources in the order in which their pictures were shown. */
  get shown(): SourceId[] {
    return this.emitted
      .filter(({ kind }) => kind === 'video')
      .flatMap(({ tag }, n, all) => (tag === all[n - 1]?.tag ? [] : [tag as SourceId]))
  }

  #note(unit: AccessUnit, pts: number, dts: number): void {
    const { tag, frame } = stampOf(unit) ?? { tag: '?', frame: -1 }
    this.emitted.push({
      kind: unit.kind,
      tag,
      frame,
      pts,
      dts,
      duration: unit.duration,
      rap: unit.rap !== 'none',
      wall: this.#clock.now(),
    })
  }
}
