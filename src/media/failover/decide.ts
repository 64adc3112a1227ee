import { SLATE, type SourceId } from '../../contract/ids.ts'
import type { FailoverMode, RevertPolicy } from '../../contract/spec.ts'
import type { HealthCondition, HealthProblem } from '../../contract/status.ts'

/** One source as failover judges it. Times are milliseconds of one monotonic clock. */
export interface SourceFacts {
  readonly id: SourceId
  /** Smaller is preferred. */
  readonly priority: number
  readonly healthy: boolean
  readonly problems: readonly HealthProblem[]
  /** Start of its unbroken health; null while it is unhealthy. */
  readonly healthySince: number | null
  /** Start of its unbroken ill health; null while it is healthy. */
  readonly unhealthySince: number | null
  /** Its buffer holds a random access point that the program can enter now. */
  readonly ready: boolean
  /** A standby source at rest without a known fault: it can be started. */
  readonly startable: boolean
  /** Time for which it must have been healthy before the program returns to it. */
  readonly returnMs: number
  /** Another revision under the same id is another source: the record of the first is dropped. */
  readonly revision: number
}

export interface FailoverFacts {
  readonly wanted: SourceId
  readonly onAir: SourceId
  /** Source of the take that is due and waits for its splice point. */
  readonly pending: SourceId | null
  /** Target of the automatic switch that was ordered and has not been answered. */
  readonly ordered: SourceId | null
  /** The slate is on the air by an explicit take. */
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
  /** A sentence for the operator. */
  readonly reason: string
}

export type Decision =
  | { readonly kind: 'stay' }
  | ({ readonly kind: 'switch' } & SwitchPlan)
  /** A switch that is not made because the mode is `observe`. Reported once per occasion. */
  | ({ readonly kind: 'observe' } & SwitchPlan)
  /** A switch that is needed and impossible. Reported once per occasion. */
  | { readonly kind: 'hold'; readonly source: SourceId; readonly reason: string }

interface PastSwitch {
  readonly at: number
  readonly from: SourceId
  readonly to: SourceId
}

export interface FailoverMemory {
  /** Automatic switches of the last hour, those that the data plane made by itself included. */
  readonly switches: readonly PastSwitch[]
  /** The last switch decided, until it is on the air. */
  readonly attempt: PastSwitch | null
  readonly lastOnAir: SourceId | null
  readonly lastWanted: SourceId | null
  /** Start of the pending take's wait. */
  readonly pendingSince: number | null
  /** Key of the last report, so that an occasion is reported once. */
  readonly reported: string | null
  readonly revisions: ReadonlyMap<SourceId, number>
}

export const NO_MEMORY: FailoverMemory = {
  switches: [],
  attempt: null,
  lastOnAir: null,
  lastWanted: null,
  pendingSince: null,
  reported: null,
  revisions: new Map(),
}

const HOUR_MS = 3_600_000
/** A switch that did not reach the air is tried again after this. */
const RETRY_MS = 2_000
/** Time in which a pending take may replace an unhealthy source: longer than the usual group of pictures. */
const PENDING_GRACE_MS = 3_000
/** The same for a take whose source plays and has a random access point; a seamless one may wait for its deadline. */
const READY_GRACE_MS = 10_000
/** Conditions without any media: leaving can't make it worse, so it is never limited. */
const DEAD_CONDITIONS: ReadonlySet<HealthCondition> = new Set(['stall', 'ended', 'no_media'])

/** DESIGN.md, section 6. Pure: the same facts, time and memory give the same decision. */
export const decide = (
  facts: FailoverFacts,
  now: number,
  before: FailoverMemory,
): { readonly decision: Decision; readonly memory: FailoverMemory } => {
  const memory = updateMemory(facts, now, before)
  const intent = intentOf(facts, now)
  if (intent.kind === 'none') return { decision: STAY, memory: { ...memory, reported: null } }
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
    memory: { ...memory, switches: counted(memory.switches, made), attempt: made, reported: null },
  }
}

/** True while a pending change may fulfil the intent by itself. */
const isChangePending = (
  intent: Exclude<Intent, { kind: 'none' }>,
  facts: FailoverFacts,
  memory: FailoverMemory,
  now: number,
): boolean => {
  const plan = intent.kind === 'switch' ? intent.plan : undefined
  if (facts.ordered !== null) {
    // A standby source that is still being started must not delay one that plays.
    const better = facts.sources.find((source) => source.id === plan?.to && isPlayable(source))
    return better === undefined || facts.ordered === plan?.to
  }
  if (memory.pendingSince === null) return false
  if (intent.kind === 'switch' && intent.urgent) return false
  // An explicit take goes before a return.
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

/** Returning from the automatic slate to the wanted source is no failover: it happens in every mode. */
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
  if (key === memory.reported) return { decision: STAY, memory }
  return { decision, memory: { ...memory, reported: key } }
}

/** Key without measurements: they change from check to check, the occasion does not. */
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

/** Updates the memory from the facts, before the decision. */
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
    reported: asked ? null : before.reported,
    revisions: new Map(facts.sources.map((source) => [source.id, source.revision])),
  }
}

/** A switch away from the slate is no failover, at the start neither. */
const counted = (switches: readonly PastSwitch[], made: PastSwitch): readonly PastSwitch[] =>
  made.from === SLATE ? switches : [...switches, made]

/** The data plane leaves a source with an underrun by itself; that counts as an automatic switch too. */
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
