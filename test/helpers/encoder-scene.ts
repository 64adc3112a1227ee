/** A program encoder on a program of real coded media, and the differences between the two, as sentences. */
import { ticks } from '../../src/contract/time.ts'
import { pause, realClock } from '../../src/lib/clock.ts'
import {
  ProgramEncoder,
  type ProgramEncoderOptions,
  type Rung,
  type RungSink,
} from '../../src/media/encode/program-encoder.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsMuxer } from '../../src/mpegts/muxer.ts'
import { FramesRig } from './frames-rig.ts'
import { loopMaterial } from './looped-stream.ts'
import type { TestHost } from './process-host.ts'
import { rigSlate } from './program-rig.ts'
import type { Family } from './rig-families.ts'
import { RigSource } from './rig-source.ts'

/** The program waits for the encoder: a slow machine makes a slow test, not another result. */
const MAX_AHEAD_MS = 3_000

interface CollectedUnit {
  readonly unit: AccessUnit
  readonly pts: number
  readonly dts: number
}

/** Output of the encoder, split at its restarts. */
class Collected implements RungSink {
  readonly videoRuns: CollectedUnit[][][] = [[]]
  readonly audioRuns: { track: number; pts: number; unit: AccessUnit }[][][] = [[]]

  video(rung: number, unit: AccessUnit, { pts, dts }: { pts: number; dts: number }): void {
    ;(this.videoRuns.at(-1)![rung] ??= []).push({ unit, pts, dts })
  }

  audio(rung: number, track: number, unit: AccessUnit, pts: number): void {
    ;(this.audioRuns.at(-1)![rung] ??= []).push({ track, pts, unit })
  }

  restarted(): void {
    this.videoRuns.push([])
    this.audioRuns.push([])
  }
}

const videoRung = (name: string, height: number): Rung => ({
  name,
  video: {
    height,
    bitrate: 150_000,
    maxBitrate: 150_000,
    bufferSize: 300_000,
    preset: 'veryfast',
    keyFrames: { every: 'pictures', count: 48 },
  },
  audio: { codec: 'aac', bitrate: 64_000 },
})

export const RUNGS: readonly Rung[] = [
  videoRung('upper', 90),
  { ...videoRung('lower', 64), audio: { codec: 'mp3', bitrate: 64_000 } },
]

/** Defaults: two rungs of 90 and 64 lines with audio. */
export interface SceneOptions extends Partial<ProgramEncoderOptions> {
  /** Program time at the start. */
  readonly start?: number
  readonly languages?: readonly string[]
}

export interface Scene {
  readonly rig: FramesRig
  readonly encoder: ProgramEncoder
  readonly collected: Collected
  readonly lines: string[]
  readonly warnings: string[]
  /** Plays the program as fast as the encoder accepts it. */
  play(ms: number): Promise<void>
  /** Ends the program, and waits for the rest. */
  end(): Promise<void>
  /** Stops the encoder; resolves when it has. */
  stop(): Promise<void>
}

export const createEncoderScene = async (
  { host }: TestHost,
  family: Family,
  options: SceneOptions = {},
): Promise<Scene> => {
  const { start, languages, ...changes } = options
  const material = await loopMaterial(family.a)
  const rig = new FramesRig({
    clock: realClock,
    material,
    slate: await rigSlate(family.a),
    sources: [
      new RigSource({ id: 'a', material }),
      new RigSource({ id: 'b', material: await loopMaterial(family.b), start: 5_000_000 }),
    ],
    ...(start === undefined ? {} : { start }),
    ...(languages === undefined ? {} : { languages }),
  })
  rig.setWanted('a')
  // The source's buffer fills, and the slate is left: then a viewer joins.
  rig.run(3_000)
  const lines: string[] = []
  const warnings: string[] = []
  const encoder = new ProgramEncoder({
    host,
    clock: realClock,
    random: () => 0.5,
    ffmpeg: 'ffmpeg',
    program: rig.program,
    rungs: RUNGS,
    purpose: 'ladder',
    onLine: ({ text }) => void lines.push(text),
    warn: (message) => void warnings.push(message),
    ...changes,
  })
  const collected = new Collected()
  const controller = new AbortController()
  const run = encoder.run(collected, controller.signal)
  let first = true
  const play = async (ms: number): Promise<void> => {
    if (first) await rig.runFast(MAX_AHEAD_MS, () => true, controller.signal)
    first = false
    const keepsUp = (): boolean => (encoder.figures().behindMs ?? MAX_AHEAD_MS) < MAX_AHEAD_MS
    await rig.runFast(ms, keepsUp, controller.signal)
  }
  const end = async (): Promise<void> => {
    rig.close()
    // Bounded by the test's own time.
    while (encoder.figures().pid !== undefined && !controller.signal.aborted) {
      await pause(realClock, 10, controller.signal)
    }
  }
  const stop = async (): Promise<void> => {
    rig.stop()
    controller.abort()
    await run
  }
  return { rig, encoder, collected, lines, warnings, play, end, stop }
}

export const takes = async ({ rig, play }: Scene, count: number): Promise<void> => {
  for (let k = 0; k < count; k++) {
    await play(1_900)
    rig.take(k % 2 === 0 ? 'b' : 'a', k % 3 === 0 ? 'graceful' : 'cutover')
  }
  await play(2_000)
}

/** Differences between the program and its rungs, as sentences. */
export const sceneFaults = (scene: Scene): string[] => {
  const { rig, collected } = scene
  const found: string[] = []
  const [videoRun] = collected.videoRuns
  const joined = Math.min(...videoRun!.flat().map(({ pts }) => pts))
  const wanted = rig.log.videoFrames.filter(({ pts }) => pts >= joined)
  for (const [rung, given] of videoRun!.entries()) {
    const times = new Set(given.map(({ pts }) => pts))
    const raps = new Set(given.filter(({ unit }) => unit.rap === 'idr').map(({ pts }) => pts))
    const lost = wanted.filter(({ pts }) => !times.has(pts))
    if (lost.length > 0)
      found.push(
        `rung ${rung} lacks ${lost.length} pictures: ${lost
          .slice(0, 5)
          .map(({ pts }) => pts)
          .join(', ')}`,
      )
    if (given.length !== wanted.length)
      found.push(`rung ${rung} has ${given.length} pictures of ${wanted.length}`)
    const withoutRap = wanted.filter(({ pts, rap }) => rap && !raps.has(pts))
    if (withoutRap.length > 0)
      found.push(`rung ${rung} has no key frame at ${withoutRap.length} entries`)
    found.push(...orderFaults(given).map((text) => `rung ${rung}: ${text}`))
  }
  found.push(...audioFaults(scene))
  return found
}

/** Audio must have no hole and no overlap within a run, and end with the program's. */
const audioFaults = ({ rig, collected }: Scene): string[] => {
  const found: string[] = []
  for (const [rung, frames] of collected.audioRuns[0]!.entries()) {
    for (const track of new Set(frames.map((frame) => frame.track))) {
      const mine = frames.filter((frame) => frame.track === track)
      for (let k = 1; k < mine.length; k++) {
        const step = mine[k]!.pts - mine[k - 1]!.pts - mine[k - 1]!.unit.duration
        const maxStep = mine[k]!.unit.duration / 2
        if (Math.abs(step) > maxStep) found.push(`rung ${rung}, track ${track}: a step of ${step}`)
      }
      const end = mine.at(-1)!.pts + mine.at(-1)!.unit.duration
      const last = rig.log.audioFrames.filter((frame) => frame.track === track).at(-1)!
      const short = last.pts + last.duration - end
      if (short > last.duration) found.push(`rung ${rung}, track ${track} ends ${short} early`)
    }
  }
  return found
}

export const orderFaults = (given: readonly CollectedUnit[]): string[] =>
  given.flatMap(({ pts, dts }, k) => [
    ...(pts < dts ? [`PTS ${pts} before DTS ${dts}`] : []),
    ...(k > 0 && dts <= given[k - 1]!.dts ? [`DTS ${dts} does not rise`] : []),
  ])

/** A rung as a transport stream, for other checkers. */
export const muxed = (collected: Collected, rung: number): Buffer => {
  const codec = RUNGS[rung]!.audio === 'none' ? 'aac' : RUNGS[rung]!.audio.codec
  const muxer = new TsMuxer({
    tracks: [
      { pid: 0x100, codec: 'h264' },
      { pid: 0x101, codec },
    ],
    serviceName: 'rung',
    muxDelay: ticks(90_000),
  })
  const units = [
    ...(collected.videoRuns[0]![rung] ?? []).map(({ unit, pts, dts }) => ({
      track: 0,
      unit,
      pts,
      dts,
    })),
    ...(collected.audioRuns[0]![rung] ?? [])
      .filter(({ track }) => track === 0)
      .map(({ unit, pts }) => ({ track: 1, unit, pts, dts: pts })),
  ].sort((a, b) => a.dts - b.dts)
  return Buffer.concat(
    units.map(({ track, unit, pts, dts }) => {
      muxer.advance(ticks(dts))
      muxer.write({
        track,
        pts: ticks(pts),
        dts: ticks(dts),
        rap: unit.rap !== 'none',
        data: unit.data,
      })
      return muxer.takeBatch().bytes
    }),
  )
}
