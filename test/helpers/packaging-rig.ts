/** A ProgramRig whose program is packaged: real coded frames in accelerated time, through bus, grid and writers. */
import { HlsSpec } from '../../src/contract/output-spec.ts'
import {
  planPackaging,
  type PackagingPlan,
} from '../../src/media/packaging/segment/packaging-plan.ts'
import { PackagingSession } from '../../src/media/packaging/segment/packaging-session.ts'
import type { Segment } from '../../src/media/packaging/store/segment-model.ts'
import { openStore } from '../../src/media/packaging/store/open-store.ts'
import type { ProgramTracks } from '../../src/media/outputs/interface/program-frames.ts'
import { FakeClock } from './fake-clock.ts'
import type { LoopMaterial } from './looped-stream.ts'
import type { ProgramRig } from './program-rig.ts'

export interface PackagingRigOptions {
  readonly rig: ProgramRig
  /** Material with the program's format. */
  readonly material: LoopMaterial
  readonly spec?: Readonly<Record<string, unknown>>
}

export interface RigSegment extends Segment {
  readonly data: Uint8Array
  readonly initData: Uint8Array | undefined
}

/** 2026-01-01T00:00:00Z, when the rig's clock is 0. */
export const RIG_EPOCH = 1_767_225_600_000
const STEP_MS = 5

export class PackagingRig {
  readonly plan: PackagingPlan
  readonly session: PackagingSession
  readonly faults: unknown[] = []
  readonly #rig: ProgramRig
  readonly #clock: FakeClock

  private constructor(parts: {
    readonly rig: ProgramRig
    readonly session: PackagingSession
    readonly clock: FakeClock
  }) {
    this.#rig = parts.rig
    this.#clock = parts.clock
    this.session = parts.session
    this.plan = parts.session.plan
    this.#rig.playOut.frames.attach(this.session.sink, (error) => this.faults.push(error))
  }

  static async open({ rig, material, spec = {} }: PackagingRigOptions): Promise<PackagingRig> {
    const settings = HlsSpec.parse({ storage: 'memory', ...spec })
    const tracks = tracksOf(material)
    const container = settings.lowLatency ? 'fmp4' : settings.container
    const plan = planPackaging({ container, folder: undefined }, settings, tracks)
    const clock = new FakeClock(rig.now)
    const wallTime = (): number => RIG_EPOCH + clock.now()
    const { layout, quotaBytes, window, targetSeconds } = plan
    const store = await openStore({
      ...{ layout, quotaBytes, window, targetSeconds, clock, wallTime },
      folder: undefined,
      extension: container === 'ts' ? 'ts' : 'm4s',
      onStorageFault: () => undefined,
    })
    const serviceName = 'rig'
    const session = new PackagingSession({ plan, store, tracks, clock, wallTime, serviceName })
    return new PackagingRig({ rig, session, clock })
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.#clock.advance(STEP_MS)
      this.#rig.run(STEP_MS)
    }
  }

  /** Complete segments with their bytes. */
  async segments(name = 'stream_0'): Promise<RigSegment[]> {
    const rendition = this.session.store.rendition(name)
    await rendition.settled()
    const bytesOf = async (file: string): Promise<Uint8Array> => (await rendition.bytesOf(file))!
    return Promise.all(
      rendition.segments
        .filter(({ state }) => state === 'done')
        .map(async (segment) => ({
          ...segment,
          data: await bytesOf(segment.file),
          initData: segment.init === undefined ? undefined : await bytesOf(segment.init),
        })),
    )
  }
}

const tracksOf = ({ videoFormat, audioFormat }: LoopMaterial): ProgramTracks => ({
  video: videoFormat,
  audio: audioFormat,
  languages: audioFormat === undefined ? [] : [''],
})
