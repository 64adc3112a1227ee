import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { aBus, aSource, aStatus } from '../../../test/helpers/fake-channel.ts'
import { SLATE, sourceId } from '../../contract/ids.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import { runFailoverLoop, type StandingOrderPort } from './failover-loop.ts'

const S0 = sourceId('s0')
const S1 = sourceId('s1')

class FakeStandingOrder implements StandingOrderPort {
  readonly log: string[] = []
  current: ChannelStatus = aStatus()
  refusal: Error | null = null

  status(): ChannelStatus {
    return this.current
  }
  async automatic(...order: Parameters<StandingOrderPort['automatic']>): Promise<void> {
    const [to, cause] = order
    this.log.push(`${cause} ${to}`)
    if (this.refusal !== null) throw this.refusal
    this.#onAir(to)
  }
  observed(from: string, to: string): void {
    this.log.push(`observed ${from} ${to}`)
  }
  held(source: string, reason: string): void {
    this.log.push(`held ${source}: ${reason}`)
  }
  health(id: string, healthy: boolean): void {
    const sources = this.current.sources.map((s) =>
      s.id === id ? { ...s, healthy, problems: healthy ? [] : [STALLED] } : s,
    )
    this.current = { ...this.current, sources }
  }
  #onAir(onAir: typeof S0): void {
    this.current = { ...this.current, program: { ...this.current.program, onAir } }
  }
}
const STALLED = { condition: 'stall', measured: 2_100, limit: 2_000, unit: 'ms' } as const

const started = () => {
  const port = new FakeStandingOrder()
  const clock = new FakeClock()
  const stop = new AbortController()
  const limits = { switchesPerHour: 60, returnMsOf: () => 10_000 }
  const ended = runFailoverLoop({ port, clock, limits: () => limits }, stop.signal)
  return { port, clock, end: () => (stop.abort(), ended) }
}

test('it leaves a source that stalls and returns after the window, counted from its recovery', async () => {
  const { port, clock, end } = started()
  await clock.advanceAsync(500, 100)
  port.health('s0', false)
  await clock.advanceAsync(200, 100)
  expect(port.log).toEqual(['failover s1'])
  port.health('s0', true)
  await clock.advanceAsync(9_900, 100)
  expect(port.log).toEqual(['failover s1'])
  await clock.advanceAsync(300, 100)
  expect(port.log).toEqual(['failover s1', 'revert s0'])
  await end()
})

test('a relapse within the window begins it anew', async () => {
  const { port, clock, end } = started()
  port.health('s0', false)
  await clock.advanceAsync(200, 100)
  port.health('s0', true)
  await clock.advanceAsync(8_000, 100)
  port.health('s0', false)
  await clock.advanceAsync(200, 100)
  port.health('s0', true)
  await clock.advanceAsync(8_000, 100)
  expect(port.log).toEqual(['failover s1'])
  await end()
})

test('a source replaced under its id has to prove itself anew', async () => {
  const { port, clock, end } = started()
  port.current = aStatus({ program: aBus('program', { onAir: S1, wanted: S0 }) })
  await clock.advanceAsync(9_000, 100)
  const [s0, s1] = port.current.sources
  port.current = { ...port.current, sources: [{ ...s0!, url: 'udp://239.0.0.9:1' }, s1!] }
  await clock.advanceAsync(9_000, 100)
  expect(port.log).toEqual([])
  await clock.advanceAsync(1_300, 100)
  expect(port.log).toEqual(['revert s0'])
  await end()
})

test('an order that is refused is told, and tried again every two seconds', async () => {
  const { port, clock, end } = started()
  port.refusal = new Error('no random access point')
  port.health('s0', false)
  await clock.advanceAsync(2_200, 100)
  expect(port.log).toEqual([
    'failover s1',
    'held s0: s1 could not be put on the air: no random access point',
    'failover s1',
    'held s0: s1 could not be put on the air: no random access point',
  ])
  await end()
})

test('the automatic slate yields within one look', async () => {
  const { port, clock, end } = started()
  port.current = aStatus({
    program: aBus('program', { onAir: SLATE, wanted: S0 }),
    sources: [aSource('s0', { healthy: false, problems: [STALLED] }), aSource('s1')],
  })
  await clock.advanceAsync(100, 100)
  expect(port.log).toEqual(['failover s1'])
  await end()
})

test('nothing is done before the channel runs, nor after the end', async () => {
  const { port, clock, end } = started()
  port.current = { ...port.current, state: 'starting' }
  port.health('s0', false)
  await clock.advanceAsync(1_000, 100)
  expect(port.log).toEqual([])
  await end()
  port.current = { ...port.current, state: 'running' }
  await clock.advanceAsync(1_000, 100)
  expect(port.log).toEqual([])
  expect(clock.pendingTimers).toBe(0)
})
