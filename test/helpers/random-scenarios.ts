/** Random sources, takes and failures for a bus on a fake clock, and the invariants to check. */
import fc from 'fast-check'
import { BusRig, createRigSource, type RigSource, type RigSourceOptions } from './bus-rig.ts'

const SECOND = 90_000

export interface Action {
  readonly kind:
    | 'cutover'
    | 'graceful'
    | 'seamless'
    | 'lost'
    | 'late'
    | 'resume'
    | 'restart'
    | 'end'
    | 'want'
  readonly source: number
  readonly afterMs: number
  readonly start: number
}

export interface Scenario {
  readonly latencyMs: number
  readonly sources: readonly Partial<RigSourceOptions>[]
  readonly actions: readonly Action[]
}

const source = fc.record({
  fps: fc.constantFrom(25, 30, 50, 10, 1),
  gop: fc.constantFrom(1, 12, 25, 50, 100, 400),
  reorder: fc.constantFrom('IP', 'IPB', 'IPBB', 'pyramid'),
  start: fc.constantFrom(0, 900_000, 2 ** 33 - 500_000, 77_123_457),
  audioLead: fc.constantFrom(0, 0, 700, -30_000, 5 * SECOND, -5 * SECOND),
  audioTicks: fc.constantFrom(1920, 1920, 1920, 2160, 0),
  hasVideo: fc.constantFrom(true, true, true, true, false),
  live: fc.constantFrom(true, true, true, false),
  burstMs: fc.constantFrom(0, 0, 0, 2_000, 6_000),
  arrivalJitterMs: fc.constantFrom(0, 30, 300),
  ppm: fc.constantFrom(0, 0, 200, -200),
  from: fc.integer({ min: 0, max: 3_000 }),
}) as fc.Arbitrary<Partial<RigSourceOptions>>

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom(
    'cutover',
    'cutover',
    'graceful',
    'seamless',
    'lost',
    'late',
    'resume',
    'resume',
    'restart',
    'end',
    'want',
  ),
  source: fc.integer({ min: 0, max: 2 }),
  afterMs: fc.constantFrom(5, 40, 100, 700, 1_500, 4_000),
  start: fc.constantFrom(0, 5_000, 2 ** 33 - 100_000, 1e9),
})

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  latencyMs: fc.constantFrom(0, 200, 800, 800, 3_000),
  sources: fc.array(source, { minLength: 1, maxLength: 3 }),
  actions: fc.array(action, { minLength: 1, maxLength: 14 }),
})

/** Plays the story; returns the violations. */
export const playScenario = ({ latencyMs, sources, actions }: Scenario): string[] => {
  const total = 12_000 + actions.reduce((sum, { afterMs }) => sum + afterMs, 0)
  const made = sources.map((spec, n) => makeSource(`s${n}`, spec, { latencyMs, total }))
  const rig = new BusRig(made, { latencyMs })
  const found: string[] = []
  rig.setWanted('s0', ...made.slice(1).map(({ id }) => id))
  runChecked(rig, 6_000, found)
  for (const one of actions) {
    applyAction(rig, made[one.source % made.length]!, one)
    runChecked(rig, one.afterMs, found)
  }
  for (const one of made) one.resume()
  runChecked(rig, 5_000, found)
  return [
    ...found,
    ...judgeTimeline(rig, { latencyMs, sources, actions }),
    ...judgeCuts(rig, actions.length),
  ]
}

const makeSource = (
  id: string,
  spec: Partial<RigSourceOptions>,
  { latencyMs, total }: { readonly latencyMs: number; readonly total: number },
): RigSource => {
  const ahead = spec.live === false ? 3 : 1
  const count = Math.ceil((spec.fps ?? 25) * (total / 1_000) * ahead) + 10
  const audio = spec.hasVideo === false ? { audioTicks: 1_920 } : {}
  return createRigSource(id, { ...spec, ...audio, latencyMs, count })
}

const applyAction = (rig: BusRig, on: RigSource, { kind, start }: Action): void => {
  switch (kind) {
    case 'cutover':
    case 'graceful':
    case 'seamless':
      return void rig.take(on.id, kind)
    case 'lost':
    case 'late':
      return on.stall(kind)
    case 'resume':
      return on.resume()
    case 'restart':
      return on.restart({ start, afterMs: 50 })
    case 'end':
      return on.end()
    case 'want':
      return rig.setWanted(on.id, ...[...rig.sources.keys()].filter((id) => id !== on.id))
  }
}

const MAX_HELD_MS = 12_000 + 15_000 + 1_500
/** Allowed lag of silence, plus a mux step. */
const MAX_BEHIND_TICKS = 300 * 90

const runChecked = (rig: BusRig, ms: number, found: string[]): void => {
  for (const until = rig.now + ms; rig.now < until;) {
    rig.run(Math.min(500, until - rig.now))
    const clock = rig.bus.programTime
    for (const track of rig.bus.audio) {
      if (track.end < clock - MAX_BEHIND_TICKS)
        found.push(`audio ${(clock - track.end) / 90} ms behind at ${rig.now}`)
    }
    for (const one of rig.sources.values()) {
      if (one.buffer.heldMs > MAX_HELD_MS)
        found.push(`${one.id} holds ${one.buffer.heldMs} ms at ${rig.now}`)
      if (one.buffer.segments.length > 8)
        found.push(`${one.id} holds ${one.buffer.segments.length} stretches`)
    }
  }
}

const MAX_OWN_HOLE_TICKS = 63_000
const MAX_OWN_HOLE_FRAMES = 6

const judgeTimeline = (rig: BusRig, { latencyMs, sources, actions }: Scenario): string[] => {
  const usual = Math.max(3_600, ...sources.map(({ fps = 25 }) => SECOND / fps))
  // A loss within a source's timeline, short of a jump, is the source's own hole.
  const loses = actions.some(({ kind }) => kind === 'lost')
  const slowest = loses ? Math.max(MAX_OWN_HOLE_TICKS, usual * MAX_OWN_HOLE_FRAMES) : usual
  const holes = latencyMs === 0 || rig.holes > 0
  const all = rig.violations({ maxFrame: slowest })
  const found = holes ? all.filter((text) => !/gap|hole/.test(text)) : all
  const last = Math.max(0, ...rig.video().map(({ pts }) => pts))
  const behind = (rig.bus.programTime - last) / 90
  const toleranceMs = (slowest / 90) * 2 + (latencyMs === 0 ? 600 : 0)
  if (behind > toleranceMs) found.push(`the picture stands still for ${behind} ms at the end`)
  return found.slice(0, 6)
}

const judgeCuts = (rig: BusRig, actions: number): string[] => {
  const maxCuts = 12 + actions * 6
  if (rig.cuts.length <= maxCuts) return []
  const shown = rig.cuts
    .slice(-6)
    .map(({ from, to, cause, wallMs }) => `${from}→${to} ${cause} ${wallMs}`)
  return [`${rig.cuts.length} cuts for ${actions} deeds: … ${shown.join(', ')}`]
}
