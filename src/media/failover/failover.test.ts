import { afterEach, beforeEach, expect, test } from 'vitest'
import { failoverFacts, S0, S1, wellSource } from '../../../test/helpers/failover-facts.ts'
import type { ChannelEvent } from '../../contract/events.ts'
import { SLATE } from '../../contract/ids.ts'
import type { FailoverFacts, SwitchPlan } from './decide.ts'
import { Failover, type FailoverPort, type SwitchAnswer } from './failover.ts'

const STALLED = { condition: 'stall', measured: 2_100, limit: 2_000, unit: 'ms' } as const
const CHECK_INTERVAL_MS = 100

class Port implements FailoverPort {
  readonly log: string[] = []
  started = true
  now = 0
  answer: SwitchAnswer | Promise<SwitchAnswer> = { ok: true }
  given: Omit<FailoverFacts, 'ordered'> = failoverFacts({
    sources: [wellSource(S0), wellSource(S1)],
  })

  facts() {
    return this.started ? this.given : undefined
  }

  async switchTo({ cause, to }: SwitchPlan): Promise<SwitchAnswer> {
    this.log.push(`${cause} ${to}`)
    const answer = await this.answer
    if (answer.ok) this.given = { ...this.given, onAir: to }
    return answer
  }

  emit(event: ChannelEvent): void {
    if (event.type === 'failover_held') this.log.push(`held ${event.source}: ${event.reason}`)
    if (event.type === 'failover_observed') this.log.push(`observed ${event.from} ${event.to}`)
  }

  health(id: typeof S0, healthy: boolean): void {
    const since = healthy
      ? { healthySince: this.now, unhealthySince: null, problems: [] }
      : { healthySince: null, unhealthySince: this.now, problems: [STALLED] }
    const sources = this.given.sources.map((s) => (s.id === id ? { ...s, healthy, ...since } : s))
    this.given = { ...this.given, sources }
  }
}

let port: Port
let subject: Failover
beforeEach(() => {
  port = new Port()
  subject = new Failover(port)
})
afterEach(() => subject.close())

const run = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= CHECK_INTERVAL_MS) {
    port.now += CHECK_INTERVAL_MS
    subject.check(port.now)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('it leaves a source that stalls and returns after the window, counted from its recovery', async () => {
  await run(500)
  port.health(S0, false)
  await run(200)
  expect(port.log).toEqual(['failover s1'])
  port.health(S0, true)
  await run(9_900)
  expect(port.log).toEqual(['failover s1'])
  await run(300)
  expect(port.log).toEqual(['failover s1', 'revert s0'])
})

test('a refused order is reported, and tried again every two seconds', async () => {
  const message = 'no random access point'
  port.answer = { ok: false, why: 'no_random_access_point', message }
  port.health(S0, false)
  await run(2_200)
  const held = 'held s0: s1 could not be put on the air: no random access point'
  expect(port.log).toEqual(['failover s1', held, 'failover s1', held])
})

test('an order that a take supersedes is decided again, without a report', async () => {
  port.answer = { ok: false, why: 'superseded', message: 'a newer take' }
  port.health(S0, false)
  await run(2_200)
  expect(port.log).toEqual(['failover s1', 'failover s1'])
})

test('the automatic slate yields within one check', async () => {
  port.given = { ...port.given, onAir: SLATE }
  port.health(S0, false)
  await run(100)
  expect(port.log).toEqual(['failover s1'])
})

test('one order at a time; close waits for its answer', async () => {
  let answer: (answer: SwitchAnswer) => void = () => {}
  port.answer = new Promise((resolve) => void (answer = resolve))
  port.health(S0, false)
  await run(5_000)
  expect(port.log).toEqual(['failover s1'])
  let closed = false
  const closing = subject.close().then(() => (closed = true))
  await run(100)
  expect(closed).toBe(false)
  answer({ ok: true })
  await closing
})

test('nothing is done before the program is on the air', async () => {
  port.started = false
  port.health(S0, false)
  await run(1_000)
  expect(port.log).toEqual([])
})
