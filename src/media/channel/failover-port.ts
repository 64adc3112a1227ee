import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE } from '../../contract/ids.ts'
import type { ChannelSpec } from '../../contract/spec.ts'
import type { SourceFacts, SwitchPlan } from '../failover/decide.ts'
import type { FailoverPort, SwitchAnswer } from '../failover/failover.ts'
import type { Input } from '../input/input.ts'
import type { BusController } from '../program/bus-controller.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { InputList } from './input-list.ts'

export interface FailoverParts {
  readonly spec: ChannelSpec
  readonly settings: ChannelSettings
  readonly inputs: InputList
  /** Of the program; undefined until it is on the air. */
  readonly controller: () => BusController | undefined
  readonly now: () => number
  readonly emit: (event: ChannelEvent) => void
}

/** The channel as seen by its failover director. */
export const failoverPort = (parts: FailoverParts): FailoverPort => ({
  emit: parts.emit,
  facts: () => {
    const controller = parts.controller()
    if (controller === undefined) return undefined
    const { onAir, standingOrder: order } = controller.bus
    const { failover, revert } = parts.settings.current
    return {
      wanted: order.wanted,
      onAir,
      pending: controller.takes.due(parts.now()) ?? null,
      operatorSlate: onAir === SLATE && order.wanted === SLATE,
      mode: failover,
      revert,
      switchesPerHour: parts.spec.failover.switchesPerHour,
      sources: parts.inputs.byPriority().map((input) => sourceFacts(input, parts)),
    }
  },
  switchTo: async (plan) => {
    const controller = parts.controller()
    if (controller === undefined) return GONE
    return switchTo(plan, controller, parts)
  },
})

const GONE: SwitchAnswer = {
  ok: false,
  why: 'channel_stopped',
  message: 'the program is not on the air',
}

const sourceFacts = (input: Input, { inputs, settings }: FailoverParts): SourceFacts => {
  const { verdict, verdictSince } = input
  return {
    id: input.id,
    priority: inputs.priorityOf(input),
    healthy: verdict.healthy,
    problems: verdict.problems,
    healthySince: verdict.healthy ? verdictSince : null,
    unhealthySince: verdict.healthy ? null : verdictSince,
    ready: input.isEnterable,
    startable: inputs.ingestOf(input) === 'standby' && input.supervised.state.state === 'stopped',
    returnMs: settings.thresholdsOf(input.spec).returnMs,
    revision: inputs.revisionOf(input),
  }
}

async function switchTo(
  plan: SwitchPlan,
  controller: BusController,
  { inputs, spec, now }: FailoverParts,
): Promise<SwitchAnswer> {
  const { to, cause, problems, reason } = plan
  if (inputs.get(to) === undefined) {
    return { ok: false, why: 'unknown_source', message: `"${to}" is gone` }
  }
  if (controller.bus.onAir === SLATE) {
    // The standing order replaces the slate by itself.
    await controller.nextCut()
    return { ok: true }
  }
  const at = now()
  return controller.takes.automatic({
    plan: {
      source: to,
      mode: cause === 'revert' ? 'graceful' : 'cutover',
      notBefore: at,
      deadline: at + spec.startTimeoutMs,
    },
    cause,
    problems,
    reason,
  })
}
