import type { OutputAlert } from '../../src/contract/events.ts'
import { noAccount } from './host-status.ts'
import { outputId } from '../../src/contract/ids.ts'
import { IcecastSpec } from '../../src/contract/output-spec.ts'
import { ChannelSpec } from '../../src/contract/spec.ts'
import { findFfmpeg } from '../../src/ffmpeg/capabilities.ts'
import { realClock } from '../../src/lib/clock.ts'
import { OutputKinds } from '../../src/media/outputs/output-kinds.ts'
import type { OutputContext } from '../../src/media/outputs/interface/output-kind.ts'
import type { Output } from '../../src/media/outputs/interface/output.ts'
import { FramesRig } from './frames-rig.ts'
import { loopMaterial, type LoopMaterial } from './looped-stream.ts'
import { testHost, type TestHost } from './process-host.ts'
import { rigSlate, type RigSlate } from './program-rig.ts'
import { RigSource } from './rig-source.ts'
import type { EncodeSpec } from './stream-builder.ts'

/** Longer than any test of this kind, so that no loop restarts within one. */
const SECONDS = 60

export const VIDEO_SPEC = {
  size: '160x90',
  videoBitrate: '60k',
  audioBitrate: '96k',
  seconds: SECONDS,
} as const
export const AUDIO_SPEC = { ...VIDEO_SPEC, codec: 'none' } as const

/** Two encodes with tones of their own, and a slate. */
export interface AudioMaterial {
  readonly a: LoopMaterial
  readonly b: LoopMaterial
  readonly slate: RigSlate
}

export const audioMaterial = async (spec: Partial<EncodeSpec>): Promise<AudioMaterial> => ({
  a: await loopMaterial({ ...spec, tone: 440 }),
  b: await loopMaterial({ ...spec, tone: 880 }),
  slate: await rigSlate(spec),
})

/** A program in real time, and outputs that consume it. */
export class AudioBench {
  readonly rig: FramesRig
  readonly context: OutputContext
  readonly alerts: { readonly what: OutputAlert; readonly message: string }[] = []
  readonly warnings: string[] = []
  readonly #host: TestHost
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[] = []

  private constructor(rig: FramesRig, host: TestHost, context: OutputContext) {
    this.rig = rig
    this.#host = host
    this.context = { ...context, warn: (_, message) => void this.warnings.push(message) }
  }

  static async start(
    material: AudioMaterial,
    channel: Parameters<typeof ChannelSpec.parse>[0] = {},
  ): Promise<AudioBench> {
    const host = testHost()
    const rig = new FramesRig({
      clock: realClock,
      material: material.a,
      slate: material.slate,
      sources: [
        new RigSource({ id: 'a', material: material.a }),
        new RigSource({ id: 'b', material: material.b, start: 5_000_000 }),
      ],
    })
    const { signal } = new AbortController()
    const bench = new AudioBench(rig, host, {
      channel: ChannelSpec.parse(channel),
      host: host.host,
      ffmpeg: await findFfmpeg(host.host, {}, signal),
      clock: realClock,
      wallTime: Date.now,
      random: Math.random,
      memory: noAccount,
      stdout: process.stdout,
      stateFolder: host.folder,
      env: { ICECAST_PASSWORD: 'correct horse' },
      onLine: () => {},
      warn: () => {},
    })
    rig.setWanted('a', 'b')
    // Sources rest for the latency before they can be on the air.
    rig.run(3_000)
    rig.start()
    return bench
  }

  /** Opens an output as the channel does. */
  addOutput(url: string, icecast: object): Output {
    const spec = { id: outputId('radio'), url, icecast: IcecastSpec.parse(icecast) }
    const output = new OutputKinds().open(spec, {
      ...this.context,
      program: this.rig.program,
      alert: (what, message) => void this.alerts.push({ what, message }),
    })
    this.runOutput(output)
    return output
  }

  runOutput(output: Output): void {
    this.#running.push(output.run(this.#stop.signal))
  }

  /** Ends all opened outputs; resolves when they have ended. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
    this.rig.close()
    this.#host.close()
  }
}
