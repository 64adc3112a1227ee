/** The continuity claims as scenarios on a program in accelerated time; each returns the findings of every checker. */
import type { TakeMode } from '../../src/contract/spec.ts'
import { loopMaterial, type LoopMaterial } from './looped-stream.ts'
import {
  judge,
  ProgramRig,
  type Judgement,
  type ProgramRigOptions,
  type RigSlate,
  rigSlate,
} from './program-rig.ts'
import { FAMILIES, type Family } from './rig-families.ts'
import { RigSource } from './rig-source.ts'

export interface Outcome extends Judgement {
  readonly name: string
  readonly requested: number
  /** Allowed number of offsets of a run's pictures, where it is fixed. */
  readonly timelines?: number
  /** Takes made, or failures survived. */
  readonly takes: number
  readonly refused: readonly string[]
  readonly cuts: number
  /** FFmpeg's decoder of MPEG-2 loses the picture that it holds when the size changes. */
  readonly maxUndecoded: number
  readonly slateMs: number
  /** Times from request to cut, ms, ascending. */
  readonly waits: readonly number[]
  readonly mediaSeconds: number
  readonly seconds: number
}

interface Prepared {
  readonly a: LoopMaterial
  readonly b: LoopMaterial
  readonly slate: RigSlate
}

const prepare = async (family: Family): Promise<Prepared> => {
  const [a, b, slate] = await Promise.all([
    loopMaterial(family.a),
    loopMaterial(family.b),
    rigSlate(family.a),
  ])
  return { a, b, slate }
}

const WRAP = 2 ** 33
const LATE_TICK_MS = 30

const pairOf = ({ a, b }: Prepared, start: { readonly s0: number; readonly s1: number }) => {
  const s0 = new RigSource({ id: 's0', material: a, start: start.s0, audioLead: 700, jitterMs: 60 })
  const s1 = new RigSource({
    id: 's1',
    material: b,
    start: start.s1,
    audioLead: -30_000,
    from: 137,
    jitterMs: 90,
  })
  return { s0, s1 }
}

const measured = async (
  name: string,
  options: Pick<ProgramRigOptions, 'sources' | 'material' | 'slate' | 'start'> & {
    readonly wished: number
  },
  act: (rig: ProgramRig) => number,
): Promise<Outcome> => {
  const startedAt = performance.now()
  const rig = new ProgramRig({ ...options, lateTickMs: LATE_TICK_MS })
  try {
    rig.setWanted('s0')
    rig.run(3_000)
    const takes = act(rig)
    const judged = await judge(rig)
    const { slateMs } = rig.bus.figures
    const waits = rig.takes.map(({ waitMs }) => waitMs).sort((a, b) => a - b)
    const seconds = (performance.now() - startedAt) / 1_000
    const mediaSeconds = rig.now / 1_000
    const { refusals: refused } = rig
    return {
      ...judged,
      name,
      requested: options.wished,
      takes,
      refused,
      cuts: rig.cuts.length,
      maxUndecoded: options.material.videoFormat?.codec === 'mpeg2video' ? rig.cuts.length : 0,
      slateMs,
      waits,
      mediaSeconds,
      seconds,
    }
  } finally {
    rig.remove()
  }
}

/** Alternates takes between two unrelated encoders. */
export const takesBetween = async (
  family: Family,
  mode: TakeMode,
  count: number,
): Promise<Outcome> => {
  const prepared = await prepare(family)
  const { s0, s1 } = pairOf(prepared, { s0: 1_000, s1: 77_000_123 })
  return measured(
    `${mode}: ${family.name}`,
    { sources: [s0, s1], material: prepared.a, slate: prepared.slate, wished: count },
    (rig) => {
      for (let i = 0; i < count; i++) {
        rig.take(i % 2 === 0 ? 's1' : 's0', mode)
        rig.run((mode === 'graceful' ? 2_600 : 1_400) + (i % 11) * 37)
      }
      return rig.takes.length
    },
  )
}

export const tenTakesASecond = async (seconds: number): Promise<Outcome> => {
  const prepared = await prepare(FAMILIES[0]!)
  const { s0, s1 } = pairOf(prepared, { s0: 1_000, s1: 77_000_123 })
  return measured(
    'ten cutovers a second',
    { sources: [s0, s1], material: prepared.a, slate: prepared.slate, wished: seconds * 10 },
    (rig) => {
      for (let i = 0; i < seconds * 10; i++) {
        rig.take(i % 2 === 0 ? 's1' : 's0', 'cutover')
        rig.run(100)
      }
      rig.run(1_000)
      return rig.takes.length + rig.superseded
    },
  )
}

/** Twins that are equal byte by byte, at a constant distance in time; or of another bitrate, with equal timestamps. */
export const seamlessTwins = async (
  kind: 'identical' | 'aligned',
  count: number,
): Promise<Outcome> => {
  const family = FAMILIES[0]!
  const prepared = await prepare(family)
  const a = prepared.a
  const b =
    kind === 'identical'
      ? a
      : await loopMaterial({ ...family.a, videoBitrate: '110k', audioBitrate: '64k' })
  const start = 1_000
  const apart = kind === 'identical' ? 123_457 : 0
  const s0 = new RigSource({ id: 's0', material: a, start, jitterMs: 50 })
  const known = kind === 'identical' ? 'like_its_twin' : 'by_itself'
  const s1 = new RigSource({
    id: 's1',
    material: b,
    start: start + apart,
    from: 170,
    jitterMs: 50,
    known,
  })
  const twins = [s0, s1]
  const outcome = await measured(
    `seamless: ${kind} twins`,
    { sources: twins, material: a, slate: prepared.slate, wished: count },
    (rig) => {
      for (let i = 0; i < count; i++) {
        rig.take(i % 2 === 0 ? 's1' : 's0', 'seamless')
        rig.run(kind === 'identical' ? 530 + (i % 11) * 37 : 1_400)
      }
      return rig.takes.length
    },
  )
  return { ...outcome, timelines: 1 }
}

/** The source on air ends, stalls, or is delayed; its backup is hot. */
export const failures = async (family: Family, count: number): Promise<Outcome> => {
  const prepared = await prepare(family)
  const { s0, s1 } = pairOf(prepared, { s0: 1_000, s1: 77_000_123 })
  return measured(
    `kills and stalls: ${family.name}`,
    { sources: [s0, s1], material: prepared.a, slate: prepared.slate, wished: count },
    (rig) => {
      let survived = 0
      for (let i = 0; i < count; i++) {
        const [victim, backup] = i % 2 === 0 ? [s0, s1] : [s1, s0]
        rig.setWanted(victim.id, backup.id)
        rig.run(500 + (i % 13) * 61)
        const failure = (['end', 'lost', 'late'] as const)[i % 3]!
        if (failure === 'end') victim.end()
        else victim.stall(failure)
        rig.run(3_000 + (i % 7) * 90)
        if (rig.bus.onAir === backup.id) survived++
        rig.setWanted(backup.id, victim.id)
        if (failure === 'end') victim.restart({ start: i * 7_777, afterMs: 50, seen: 'reader' })
        else victim.resume()
        rig.run(4_500)
      }
      return survived
    },
  )
}

/** The encoder of the only source restarts at time 0. */
export const restarts = async (family: Family, count: number): Promise<Outcome> => {
  const prepared = await prepare(family)
  const { s0 } = pairOf(prepared, { s0: 50_000_000, s1: 0 })
  return measured(
    `encoder restarts: ${family.name}`,
    { sources: [s0], material: prepared.a, slate: prepared.slate, wished: count },
    (rig) => {
      let survived = 0
      for (let i = 0; i < count; i++) {
        s0.restart({
          start: i % 3 === 0 ? 30_000 : i * 33,
          afterMs: 20 + i,
          seen: i % 2 === 0 ? 'reader' : 'in_stream',
        })
        rig.run(3_500 + (i % 5) * 130)
        if (rig.bus.onAir === 's0') survived++
      }
      return survived
    },
  )
}

/** 33-bit times wrap in a source while it is taken, and in the program itself. */
export const wraps = async (family: Family, count: number): Promise<Outcome> => {
  const prepared = await prepare(family)
  const { s0, s1 } = pairOf(prepared, { s0: WRAP - 90_000 * 6, s1: WRAP - 90_000 * 9 })
  return measured(
    `33-bit wraps: ${family.name}`,
    {
      sources: [s0, s1],
      material: prepared.a,
      slate: prepared.slate,
      start: WRAP - 90_000 * 8,
      wished: count,
    },
    (rig) => {
      for (let i = 0; i < count; i++) {
        const [to, from] = i % 2 === 0 ? [s1, s0] : [s0, s1]
        rig.take(to.id, i % 4 < 2 ? 'cutover' : 'graceful')
        rig.run(1_900)
        // While it is off air: so that it wraps near the next take.
        from.restart({ start: WRAP - 90_000 * 3 - i * 7_013, afterMs: 0, seen: 'reader' })
        rig.run(2_700)
      }
      return rig.takes.length
    },
  )
}

/** All objections of the checkers; expected empty. */
export const outcomeFaults = (outcome: Outcome): string[] => [
  ...outcome.analyzer.map((text) => `analyzer: ${text}`),
  ...outcome.tsreport.map((text) => `tsreport: ${text}`),
  ...outcome.decoder.map((text) => `decoder: ${text}`),
  ...outcome.continuity.map((text) => `ffmpeg: ${text}`),
  ...(outcome.pictures.coded - outcome.pictures.shown <= outcome.maxUndecoded
    ? []
    : [`a decoder shows ${outcome.pictures.shown} of ${outcome.pictures.coded} pictures`]),
  ...outcome.refused.map((text) => `refused: ${text}`),
  ...(outcome.takes < outcome.requested ? [`only ${outcome.takes} of ${outcome.requested}`] : []),
  ...(outcome.timelines !== undefined && outcome.lipSync.offsets !== outcome.timelines
    ? [`the pictures stand at ${outcome.lipSync.offsets} offsets`]
    : []),
  ...(outcome.lipSync.worstFrames > 0.5 + 2 / 1_920
    ? [`lip sync: ${outcome.lipSync.worstFrames} frames`]
    : []),
  ...(outcome.lipSync.compared === 0 ? ['lip sync: nothing compared'] : []),
  ...(outcome.lateUnits > 0 ? [`late units: ${outcome.lateUnits}`] : []),
]
