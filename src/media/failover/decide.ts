import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { FailoverMode, RevertPolicy } from '../../contract/spec.ts'
import type { HealthCondition, HealthProblem } from '../../contract/status.ts'

/** What failover knows of one source. Times are milliseconds of one monotonic clock. */
export interface SourceFacts {
  readonly id: SourceId
  /** Smaller is preferred. */
  readonly priority: number
  readonly healthy: boolean
  readonly problems: readonly HealthProblem[]
  /** Since when it is healthy without a break; null while it is not. */
  readonly healthySince: number | null
  /** Since when it is unhealthy without a break; null while it is healthy. */
  readonly unhealthySince: number | null
  /** Its buffer holds a random access point that the program can enter now. */
  readonly ready: boolean
  /** A standby source at rest: it can be started, and nothing is known against it. */
  readonly startable: boolean
  /** How long it must have been healthy before the program returns to it. */
  readonly returnMs: number
  /** Another one under the same id is another source: its record is forgotten. */
  readonly revision: number
}

export interface FailoverFacts {
  readonly wanted: SourceId
  readonly onAir: SourceId
  /** The source of the take that is due and waits for its splice point. */
  readonly pending: SourceId | null
  /** The automatic switch that was ordered and has not been answered. */
  readonly ordered: SourceId | null
  /** The slate is on the air because somebody took it. */
  readonly operatorSlate: boolean
  readonly sources: readonly SourceFacts[]
  readonly mode: FailoverMode
  readonly revert: RevertPolicy
  readonly switchesPerHour: number
}

/** A switch that should be made, with the measurements behind it. */
export interface SwitchPlan {
  readonly from: SourceId
  readonly to: SourceId
  readonly cause: 'failover' | 'revert'
  /** Of the source that is left. */
  readonly problems: readonly HealthProblem[]
  /** A sentence for a person. */
  readonly reason: string
}

export type Decision =
  | { readonly kind: 'stay' }
  | ({ readonly kind: 'switch' } & SwitchPlan)
  /** What would be done, were the mode not `observe`. Told once per occasion. */
  | ({ readonly kind: 'observe' } & SwitchPlan)
  /** Something should be done and can't. Told once per occasion. */
  | { readonly kind: 'hold'; readonly source: SourceId; readonly reason: string }

interface PastSwitch {
  readonly at: number
  readonly from: SourceId
  readonly to: SourceId
}

export interface FailoverMemory {
  /** Automatic switches of the last hour, those that the data plane made by itself included. */
  readonly switches: readonly PastSwitch[]
  /** The switch that was decided last, until it is seen on the air. */
  readonly attempt: PastSwitch | null
  readonly lastOnAir: SourceId | null
  readonly lastWanted: SourceId | null
  /** Since when a take waits. */
  readonly pendingSince: number | null
  /** The last thing told, so that it is told once. */
  readonly told: string | null
  readonly revisions: ReadonlyMap<SourceId, number>
}

export const NO_MEMORY: FailoverMemory = {
  switches: [],
  attempt: null,
  lastOnAir: null,
  lastWanted: null,
  pendingSince: null,
  told: null,
  revisions: new Map(),
}

const HOUR_MS = 3_600_000
/** A switch that did not reach the air is tried again no sooner. */
const RETRY_MS = 2_000
/** A pending take is given this long to mend an unhealthy program by itself: longer than the usual group of pictures. */
const PENDING_GRACE_MS = 3_000
/** One whose source plays and has a random access point is about to be made; a seamless one may still wait for its deadline. */
const READY_GRACE_MS = 10_000
/** With one of these there is nothing to show: leaving can't make it worse, so it is never limited. */
const DEAD_CONDITIONS: ReadonlySet<HealthCondition> = new Set(['stall', 'ended', 'no_media'])

/** DESIGN.md, section 6. Pure: the same facts, time and memory give the same decision. */
export const decide = (
  facts: FailoverFacts,
  now: number,
  before: FailoverMemory,
): { readonly decision: Decision; readonly memory: FailoverMemory } => {
  const memory = updateMemory(facts, now, before)
  const intent = intentOf(facts, now)
  if (intent.kind === 'none') return { decision: STAY, memory: { ...memory, told: null } }
  if (isChangePending(intent, facts, memory, now)) return { decision: STAY, memory }
  if (intent.kind === 'impossible')
    return reportOnce(holdDecision(facts.onAir, intent.reason), memory)
  const { plan } = intent
  if (facts.mode !== 'auto' && !yieldsToWanted(plan, facts)) {
    return facts.mode === 'observe'
      ? reportOnce({ kind: 'observe', ...plan }, memory)
      : { decision: STAY, memory }
  }
  if (memory.attempt?.to === plan.to && now - memory.attempt.at < RETRY_MS) {
    return { decision: STAY, memory }
  }
  if (!intent.urgent && memory.switches.length >= facts.switchesPerHour) {
    return reportOnce(holdDecision(facts.onAir, limitReason(facts.switchesPerHour, plan)), memory)
  }
  const made: PastSwitch = { at: now, from: plan.from, to: plan.to }
  return {
    decision: { kind: 'switch', ...plan },
    memory: { ...memory, switches: counted(memory.switches, made), attempt: made, told: null },
  }
}

/** Something is under way that may answer the wish by itself. */
const isChangePending = (
  intent: Exclude<Intent, { kind: 'none' }>,
  facts: FailoverFacts,
  memory: FailoverMemory,
  now: number,
): boolean => {
  const plan = intent.kind === 'switch' ? intent.plan : undefined
  if (facts.ordered !== null) {
    // A standby source that is still being started must not keep one that plays from the air.
    const better = facts.sources.find((source) => source.id === plan?.to && isPlayable(source))
    return better === undefined || facts.ordered === plan?.to
  }
  if (memory.pendingSince === null) return false
  if (intent.kind === 'switch' && intent.urgent) return false
  // Somebody's take goes before a return.
  if (plan?.cause === 'revert') return true
  const isReady = facts.sources.some((source) => source.id === facts.pending && isPlayable(source))
  const playing = facts.sources.find((source) => source.id === facts.onAir)
  const since = Math.max(memory.pendingSince, playing?.unhealthySince ?? 0)
  return now - since < (isReady ? READY_GRACE_MS : PENDING_GRACE_MS)
}

type Intent =
  | { readonly kind: 'none' }
  | { readonly kind: 'impossible'; readonly reason: string }
  | { readonly kind: 'switch'; readonly plan: SwitchPlan; readonly urgent: boolean }

const STAY: Decision = { kind: 'stay' }
const NO_INTENT: Intent = { kind: 'none' }

const intentOf = (facts: FailoverFacts, now: number): Intent => {
  if (facts.operatorSlate) return NO_INTENT
  if (facts.onAir === SLATE) return intentToLeaveSlate(facts)
  const playing = facts.sources.find((source) => source.id === facts.onAir)
  if (playing === undefined || !playing.healthy) return intentToLeave(facts, playing)
  return intentToReturn(facts, now)
}

/** An automatic slate always yields. */
const intentToLeaveSlate = (facts: FailoverFacts): Intent => {
  const to = substitute(facts)
  if (to === undefined) return NO_INTENT
  const back = to.id === facts.wanted
  const reason = `${to.id} is ${to.ready ? 'healthy' : 'on standby and can be started'}: the slate yields`
  return {
    kind: 'switch',
    urgent: true,
    plan: { from: SLATE, to: to.id, cause: back ? 'revert' : 'failover', problems: [], reason },
  }
}

const intentToLeave = (facts: FailoverFacts, playing: SourceFacts | undefined): Intent => {
  const problems = playing?.problems ?? []
  const why = playing === undefined ? `${facts.onAir} was removed` : describeProblems(playing)
  const to = substitute(facts)
  if (to === undefined) return { kind: 'impossible', reason: `${why}; no healthy substitute` }
  return {
    kind: 'switch',
    urgent:
      playing === undefined || problems.some((problem) => DEAD_CONDITIONS.has(problem.condition)),
    plan: {
      from: facts.onAir,
      to: to.id,
      cause: 'failover',
      problems,
      reason: `${why}; ${to.id} is the first healthy substitute`,
    },
  }
}

const intentToReturn = (facts: FailoverFacts, now: number): Intent => {
  if (facts.revert !== 'auto' || facts.onAir === facts.wanted) return NO_INTENT
  const wanted = facts.sources.find((source) => source.id === facts.wanted)
  if (wanted === undefined || !isPlayable(wanted) || wanted.healthySince === null) return NO_INTENT
  const healthyMs = now - wanted.healthySince
  if (healthyMs < wanted.returnMs) return NO_INTENT
  return {
    kind: 'switch',
    urgent: false,
    plan: {
      from: facts.onAir,
      to: wanted.id,
      cause: 'revert',
      problems: [],
      reason: `${wanted.id} is wanted and has been healthy for ${Math.round(healthyMs / 100) / 10} s`,
    },
  }
}

const isPlayable = (source: SourceFacts): boolean => source.healthy && source.ready

/** The wanted source, else the first by priority that plays, else a standby source that would have to be started. */
const substitute = (facts: FailoverFacts): SourceFacts | undefined => {
  const others = facts.sources.filter((source) => source.id !== facts.onAir)
  const order = (a: SourceFacts, b: SourceFacts): number =>
    rank(a, facts) - rank(b, facts) || a.priority - b.priority
  const first = (fits: (source: SourceFacts) => boolean): SourceFacts | undefined =>
    others.filter(fits).sort(order)[0]
  return first(isPlayable) ?? first((source) => source.startable)
}

const rank = (source: SourceFacts, facts: FailoverFacts): number =>
  source.id === facts.wanted ? 0 : 1

/** Returning from the automatic slate to what was asked for is no failover: it happens in every mode. */
const yieldsToWanted = (plan: SwitchPlan, facts: FailoverFacts): boolean =>
  plan.from === SLATE && plan.to === facts.wanted

const describeProblems = (source: SourceFacts): string => {
  const problems = source.problems.map(
    (p) => `${p.condition} ${round(p.measured)} ${p.unit} (limit ${round(p.limit)})`,
  )
  return `${source.id} is not healthy${problems.length > 0 ? `: ${problems.join(', ')}` : ''}`
}

const round = (value: number): number => Math.round(value * 100) / 100

const limitReason = (limit: number, plan: SwitchPlan): string =>
  `${limit} automatic switches in an hour: the program stays on ${plan.from} (${plan.reason})`

const holdDecision = (source: SourceId, reason: string): Decision => ({
  kind: 'hold',
  source,
  reason,
})

const reportOnce = (decision: Decision, memory: FailoverMemory) => {
  const key = occasionKey(decision)
  if (key === memory.told) return { decision: STAY, memory }
  return { decision, memory: { ...memory, told: key } }
}

/** Measurements change from look to look; the occasion does not. */
const occasionKey = (decision: Decision): string => {
  switch (decision.kind) {
    case 'stay':
      return 'stay'
    case 'hold':
      return `hold ${decision.source}`
    case 'switch':
    case 'observe':
      return `${decision.kind} ${decision.from} ${decision.to}`
  }
}

/** Brings the memory up to date with what is seen, before anything is decided. */
const updateMemory = (
  facts: FailoverFacts,
  now: number,
  before: FailoverMemory,
): FailoverMemory => {
  const replaced = replacedSources(facts, before)
  const known = (past: PastSwitch): boolean => !replaced.has(past.from) && !replaced.has(past.to)
  const recent = before.switches.filter((past) => now - past.at < HOUR_MS && known(past))
  const own = dataPlaneSwitch(facts, now, before)
  const asked = before.lastWanted !== facts.wanted
  const attempt = before.attempt
  const over = attempt === null || asked || attempt.to === facts.onAir || replaced.has(attempt.to)
  return {
    switches: own === null ? recent : counted(recent, own),
    attempt: over ? null : attempt,
    lastOnAir: facts.onAir,
    lastWanted: facts.wanted,
    pendingSince: facts.pending === null ? null : (before.pendingSince ?? now),
    told: asked ? null : before.told,
    revisions: new Map(facts.sources.map((source) => [source.id, source.revision])),
  }
}

/** That the slate yields, at the start too, is no failover. */
const counted = (switches: readonly PastSwitch[], made: PastSwitch): readonly PastSwitch[] =>
  made.from === SLATE ? switches : [...switches, made]

/** The data plane leaves a dry buffer by itself; that counts as an automatic switch too. */
const dataPlaneSwitch = (
  facts: FailoverFacts,
  now: number,
  before: FailoverMemory,
): PastSwitch | null => {
  const from = before.lastOnAir
  const changed = from !== null && from !== facts.onAir && facts.onAir !== SLATE
  const ours = before.attempt?.to === facts.onAir
  const asked = before.lastWanted !== facts.wanted || facts.onAir === facts.wanted
  return changed && !ours && !asked ? { at: now, from, to: facts.onAir } : null
}

const replacedSources = (facts: FailoverFacts, before: FailoverMemory): ReadonlySet<SourceId> => {
  const now = new Map(facts.sources.map((source) => [source.id, source.revision]))
  const replaced = [...before.revisions].filter(([id, revision]) => now.get(id) !== revision)
  return new Set(replaced.map(([id]) => id))
}
