import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutputAlert } from '../../src/contract/events.ts'
import { channelId, outputId } from '../../src/contract/ids.ts'
import { readPath } from '../../src/contract/paths.ts'
import { RecordSpec, type OutputSpec } from '../../src/contract/output-spec.ts'
import type { OutputStatus } from '../../src/contract/status.ts'
import { realClock } from '../../src/lib/clock.ts'
import { RecordOutput } from '../../src/media/outputs/record/record-output.ts'
import { FramesRig } from './frames-rig.ts'
import { loopMaterial, type LoopMaterial } from './looped-stream.ts'
import { rigSlate, type RigSlate } from './program-rig.ts'
import { RigSource } from './rig-source.ts'
import type { EncodeSpec } from './stream-builder.ts'

export interface RecordMaterial {
  readonly a: LoopMaterial
  readonly b: LoopMaterial
  readonly slate: RigSlate
}

/** Two unlike encodes and a slate. */
export const recordMaterial = async (spec: Partial<EncodeSpec> = {}): Promise<RecordMaterial> => ({
  a: await loopMaterial({ gop: 25, bframes: 2, ...spec }),
  b: await loopMaterial({ gop: 40, bframes: 1, ...spec, seed: 3, tone: 880 }),
  slate: await rigSlate(spec),
})

/** A recording as the list shows it. */
export interface Listed {
  readonly name: string
  readonly bytes: number
  readonly durationMs: number
  readonly startedAt: string
  readonly state: string
  readonly label?: string
  readonly source?: string
  readonly url: string
}

export interface Recording {
  readonly rig: FramesRig
  readonly folder: string
  readonly output: RecordOutput
  readonly alerts: { readonly what: OutputAlert; readonly message: string }[]
  /** Bytes of the ring from the first random access point on. */
  program(): Buffer
  /** Plays as fast as the recorder keeps up; all of it is on the disk then. */
  play(seconds: number): Promise<void>
  until(holds: (status: OutputStatus) => boolean, withinMs?: number): Promise<OutputStatus>
  /** File names, oldest first. */
  files(): Promise<string[]>
  read(name: string): Promise<Buffer>
  /** Address of a server that hands every request to the output. */
  serve(): Promise<string>
  /** The output ends, as it does when it is removed. */
  end(): Promise<void>
}

/** A hurried program's files begin within the same second: their numbers give the order. */
const numberIn = (name: string): number => Number(/-(\d{6})/.exec(name)?.[1] ?? -1)

/** Recorders of real programs, each into a folder of its own by default. */
export class RecordBench {
  readonly #folders: string[] = []
  readonly #servers: Server[] = []
  readonly #running: { end(): Promise<void> }[] = []

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-record-'))
    this.#folders.push(folder)
    return folder
  }

  async record(
    material: RecordMaterial,
    given: {
      readonly folder?: string
      readonly record?: Partial<RecordSpec>
      readonly query?: string
    },
  ): Promise<Recording> {
    const folder = given.folder ?? (await this.folder())
    const rig = new FramesRig({
      clock: realClock,
      sources: [
        new RigSource({ id: 'a', material: material.a }),
        new RigSource({ id: 'b', material: material.b, start: 5_000_000 }),
      ],
      material: material.a,
      slate: material.slate,
    })
    rig.setWanted('a')
    rig.run(3_000)
    const alerts: { what: OutputAlert; message: string }[] = []
    const spec: OutputSpec = {
      id: outputId('rec'),
      url: `record:${folder}${given.query ?? ''}`,
      ...(given.record === undefined ? {} : { record: RecordSpec.parse(given.record) }),
    }
    const output = new RecordOutput(spec, {
      program: rig.program,
      clock: realClock,
      wallTime: Date.now,
      random: Math.random,
      warn: () => {},
      alert: (what, message) => void alerts.push({ what, message }),
    })
    const reader = rig.program.ring.join({ joinAge: 0 as never, lagLimit: 1e9 as never })
    const seen: Uint8Array[] = []
    const drain = (): void => {
      for (let part = reader.next(); part !== undefined; part = reader.next()) seen.push(part.bytes)
    }
    const unsubscribe = rig.program.ring.subscribe(drain)
    const stop = new AbortController()
    const ended = output.run(stop.signal)
    const recording: Recording = {
      rig,
      folder,
      output,
      alerts,
      program: () => {
        drain()
        return Buffer.concat(seen)
      },
      play: async (seconds) => {
        await rig.runFast(seconds * 1_000, () => output.status().lagMs < 1_500, stop.signal)
        await recording.until(({ lagMs }) => lagMs < 100)
        // The last block is on its way to the disk.
        await sleep(250)
      },
      until: async (holds, withinMs = 15_000) => {
        const end = performance.now() + withinMs
        while (!holds(output.status()) && performance.now() < end) await sleep(20)
        if (!holds(output.status())) throw new Error(JSON.stringify(output.status()))
        return output.status()
      },
      files: async () => {
        const names = (await readdir(folder)).filter((name) => /\.(?:ts|mp4)$/.test(name))
        return names.sort((a, b) => numberIn(a) - numberIn(b))
      },
      read: (name) => readFile(join(folder, name)),
      serve: () => this.#serve(output),
      end: async () => {
        unsubscribe()
        rig.stop()
        stop.abort()
        await ended
      },
    }
    this.#running.push(recording)
    await recording
      .until(({ state }) => state !== 'starting' || alerts.length > 0, 5_000)
      .catch(() => {})
    return recording
  }

  async close(): Promise<void> {
    for (const each of this.#running) await each.end()
    for (const server of this.#servers) server.close()
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true })
  }

  async #serve(output: RecordOutput): Promise<string> {
    const server = createServer((request, response) => {
      const path = readPath(request.url ?? '', channelId('main'))
      if (path === undefined || !output.serve(request, response, path))
        response.writeHead(404).end()
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
}
