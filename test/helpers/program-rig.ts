/**
 * The program in accelerated time: real coded sources on a fake wall clock, through the real buffers, bus and mux, into
 * a file for independent checkers.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM, SLATE, sourceId, type SourceId, type Ticket } from '../../src/contract/ids.ts'
import type { TakeMode } from '../../src/contract/spec.ts'
import { ticks } from '../../src/contract/time.ts'
import { PlayOut } from '../../src/media/program/play-out.ts'
import { formatOfSource } from '../../src/media/format/program-format.ts'
import { pictureGroup, silentFrame } from '../../src/media/slate/slate-frames.ts'
import type { ExecutedCut } from '../../src/media/switch/bus-parts.ts'
import { type SilentAudio, SlateLoop } from '../../src/media/switch/slate-loop.ts'
import { LipSyncWatch } from './lip-sync.ts'
import type { LoopMaterial } from './looped-stream.ts'
import {
  analyze,
  ffmpegContinuity,
  ffmpegDecodeErrors,
  violationCounts,
  picturesDecoded,
  tsreport,
  type PicturesDecoded,
} from './oracles.ts'
import type { RigSource } from './rig-source.ts'
import { encodeTs, type EncodeSpec } from './stream-builder.ts'

const TICK_MS = 5
const TRIM_MS = 100

export interface ProgramRigOptions {
  readonly sources: readonly RigSource[]
  /** The program has the format of this. */
  readonly material: LoopMaterial
  readonly slate: RigSlate
  readonly latencyMs?: number
  readonly stallMs?: number
  /** Program time at the start. */
  readonly start?: number
  /** Occasional delay of the event loop. */
  readonly lateTickMs?: number
  /** 'none': nothing is written or watched, for long runs that measure memory. */
  readonly record?: 'file' | 'none'
}

export interface RigSlate {
  readonly loop: SlateLoop
  readonly silence: SilentAudio | undefined
}

export interface TakeDoneInRig {
  readonly waitMs: number
  readonly made: ExecutedCut
}

/** Slate and silence in the format of an encode. */
export const rigSlate = async (spec: Partial<EncodeSpec>): Promise<RigSlate> => {
  const fps = Number(spec.rate ?? '25')
  const still = { pattern: 'smptebars', gop: fps, bframes: 0, openGop: false, seconds: 1 } as const
  const sound = spec.audio === 'none'
  const silence = sound
    ? undefined
    : silentFrame(await encodeTs({ ...spec, codec: 'none', tone: 0, seconds: 2 }))
  const group =
    spec.codec === 'none'
      ? { video: [], videoTicks: 0 }
      : pictureGroup(await encodeTs({ ...spec, ...still, audio: 'none' }), fps, 90_000 / fps)
  const loop = new SlateLoop({
    video: group.video,
    videoTicks: group.videoTicks,
    silence,
    audioTracks: sound ? 0 : 1,
  })
  return { loop, silence }
}

export class ProgramRig {
  readonly playOut: PlayOut
  readonly cuts: ExecutedCut[] = []
  readonly refusals: string[] = []
  superseded = 0
  readonly #requestedAt = new Map<Ticket, number>()
  readonly takes: TakeDoneInRig[] = []
  readonly lipSync = new LipSyncWatch()
  readonly #sources = new Map<SourceId, RigSource>()
  readonly #folder: string | undefined
  readonly #file: number | undefined
  readonly #lateTickMs: number
  #seed = 11
  #nextTick = 0
  bytes = 0
  now = 0

  constructor(options: ProgramRigOptions) {
    const { material } = options
    for (const source of options.sources) this.#sources.set(source.id, source)
    this.#lateTickMs = options.lateTickMs ?? 0
    if (options.record !== 'none') {
      this.#folder = mkdtempSync(join(tmpdir(), 'sluice-rig-'))
      this.#file = openSync(join(this.#folder, 'program.ts'), 'w')
    }
    const audio = material.audioFormat
    const format = formatOfSource(
      {
        video: material.videoFormat,
        frameTicks: material.video.length === 0 ? 0 : material.videoTicks / material.video.length,
        audio: audio === undefined ? [] : [{ format: audio, language: '' }],
      },
      undefined,
    )
    this.playOut = new PlayOut({
      name: PROGRAM,
      serviceName: 'rig',
      format: audio === undefined ? { ...format, audio: undefined, languages: [] } : format,
      now: 0,
      keepMs: 6_000,
      labelOf: (source) => source,
      slate: options.slate.loop,
      silence: options.slate.silence,
      latencyMs: options.latencyMs ?? 800,
      stallMs: options.stallMs ?? 500,
      sources: this.#sources,
      ...(options.start === undefined ? {} : { start: ticks(options.start) }),
      report: {
        cut: (made) => void this.cuts.push(made),
        refused: (_ticket, refusal) => void this.refusals.push(refusal.why),
        executed: (ticket, made) =>
          void this.takes.push({ waitMs: made.wallMs - this.#requestedAt.get(ticket)!, made }),
        displaced: () => void this.superseded++,
      },
    })
    for (const source of options.sources) {
      source.buffer.addReader((stretch) => this.playOut.bus.positionIn(stretch))
      if (this.#file !== undefined) source.watch((id, unit) => this.lipSync.addSourceUnit(id, unit))
    }
  }

  get bus(): PlayOut['bus'] {
    return this.playOut.bus
  }

  get path(): string {
    return join(this.#folder!, 'program.ts')
  }

  setWanted(id: string, ...substitutes: string[]): void {
    const wanted = id === 'slate' ? SLATE : sourceId(id)
    this.bus.setStandingOrder({ wanted, substitutes: substitutes.map(sourceId) })
  }

  take(id: string, mode: TakeMode): void {
    const source = id === 'slate' ? SLATE : sourceId(id)
    const plan = { source, mode, notBefore: this.now, deadline: this.now + 15_000 }
    const ticket = (this.#requestedAt.size + 1) as Ticket
    this.#requestedAt.set(ticket, this.now)
    this.bus.schedulePlan({ ticket, plan, cause: 'take' })
  }

  run(ms: number): void {
    for (const until = this.now + ms; this.now < until;) {
      this.now += TICK_MS
      for (const source of this.#sources.values()) source.arrive(this.now)
      if (this.now >= this.#nextTick) this.#tick()
      if (this.now % TRIM_MS === 0) {
        for (const source of this.#sources.values()) source.buffer.trim(this.now)
      }
    }
  }

  /** Ends the recording. */
  finish(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #tick(): void {
    this.#seed = (this.#seed * 16_807) % 2_147_483_647
    const late = this.#seed % 16 === 0 ? (this.#seed % 1_000) / 1_000 : 0
    this.#nextTick = this.now + late * this.#lateTickMs
    const { bytes } = this.playOut.tick(this.now)
    this.bytes += bytes.length
    if (this.#file === undefined || bytes.length === 0) return
    writeSync(this.#file, bytes)
    this.lipSync.push(bytes)
  }
}

export interface Judgement {
  /** 'code × count'. */
  readonly analyzer: readonly string[]
  readonly tsreport: readonly string[]
  readonly decoder: readonly string[]
  readonly continuity: readonly string[]
  readonly pictures: PicturesDecoded
  readonly lipSync: ReturnType<LipSyncWatch['result']>
  readonly lateUnits: number
}

/** Findings of every checker: four lists, expected empty. */
export const judge = async (rig: ProgramRig): Promise<Judgement> => {
  rig.finish()
  const [report, ts, decoder, ffmpeg, pictures] = await Promise.all([
    analyze(rig.path),
    tsreport(rig.path),
    ffmpegDecodeErrors(rig.path),
    ffmpegContinuity(rig.path),
    picturesDecoded(rig.path),
  ])
  return {
    analyzer: violationCounts(report),
    tsreport: ts,
    decoder,
    continuity: Object.entries(ffmpeg).flatMap(([name, count]) =>
      count === 0 ? [] : [`${name} × ${count}`],
    ),
    pictures,
    lipSync: rig.lipSync.result(),
    lateUnits: rig.playOut.lateUnits,
  }
}
