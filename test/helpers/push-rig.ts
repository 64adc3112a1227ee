/** A push of a real program in this process: its output and status. */
import { noAccount } from './host-status.ts'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { outputId } from '../../src/contract/ids.ts'
import { PushSpec } from '../../src/contract/output-spec.ts'
import type { ChannelSpec } from '../../src/contract/spec.ts'
import type { OutputStatus } from '../../src/contract/status.ts'
import { findFfmpeg } from '../../src/ffmpeg/capabilities.ts'
import { realClock } from '../../src/lib/clock.ts'
import type { Output } from '../../src/media/outputs/interface/output.ts'
import { RTMP_KIND } from '../../src/media/outputs/push/rtmp-push.ts'
import { FramesRig } from './frames-rig.ts'
import { loopMaterial } from './looped-stream.ts'
import { testHost } from './process-host.ts'
import { rigSlate } from './program-rig.ts'
import { RigSource } from './rig-source.ts'
import type { EncodeSpec } from './stream-builder.ts'

const POLL_MS = 20

export interface PushRigOptions {
  readonly a: Partial<EncodeSpec>
  /** Another encoder, as a second source. */
  readonly b?: Partial<EncodeSpec>
  readonly url: string
  readonly push?: z.input<typeof PushSpec>
  readonly env?: Readonly<Record<string, string>>
}

export interface PushRig {
  readonly rig: FramesRig
  readonly output: Output
  readonly alerts: readonly string[]
  readonly warnings: readonly string[]
  status(): OutputStatus
  /** Polls; rejects with the status on timeout. */
  until(holds: () => boolean, withinMs?: number): Promise<void>
  stop(): Promise<void>
}

/** Runs in real time until it is stopped. */
export const startPush = async (options: PushRigOptions): Promise<PushRig> => {
  const [a, b, slate] = await Promise.all([
    loopMaterial(options.a),
    loopMaterial(options.b ?? options.a),
    rigSlate(options.a),
  ])
  const sources = [
    new RigSource({ id: 'a', material: a, start: 1_000 }),
    new RigSource({ id: 'b', material: b, start: 77_000_123 }),
  ]
  const rig = new FramesRig({ clock: realClock, sources, material: a, slate })
  const host = testHost()
  const [alerts, warnings]: string[][] = [[], []]
  const spec = {
    id: outputId('push'),
    url: options.url,
    push: PushSpec.parse(options.push ?? {}),
  }
  const parts = {
    channel: {} as ChannelSpec,
    host: host.host,
    ffmpeg: await findFfmpeg(host.host, {}, AbortSignal.timeout(10_000)),
    clock: realClock,
    wallTime: Date.now,
    random: Math.random,
    memory: noAccount,
    stdout: process.stdout,
    stateFolder: host.folder,
    env: options.env ?? {},
    onLine: () => {},
    warn: (_: string, message: string) => void warnings!.push(message),
    program: rig.program,
    alert: (what: string, message: string) => void alerts!.push(`${what}: ${message}`),
  }
  RTMP_KIND.checkSpec(spec, parts)
  const output = RTMP_KIND.createOutput(spec, parts)
  rig.setWanted('a', 'b')
  rig.start()
  const abort = new AbortController()
  const ended = output.run(abort.signal)
  const status = (): OutputStatus => output.status()
  return {
    rig,
    output,
    alerts: alerts!,
    warnings: warnings!,
    status,
    until: async (holds, withinMs = 20_000) => {
      for (const end = performance.now() + withinMs; !holds(); await sleep(POLL_MS)) {
        if (performance.now() > end) {
          throw new Error(`not within ${withinMs} ms: ${JSON.stringify(status())}`)
        }
      }
    },
    stop: async () => {
      abort.abort()
      await ended
      rig.close()
      host.close()
      rmSync(host.folder, { recursive: true, force: true })
    },
  }
}
