import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../test/helpers/fake-clock.ts'
import { HostBudget } from './host-budget.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const never = new AbortController().signal

/** Requests `count` admissions; `admitted` grows in their order. */
const asking = (budget: HostBudget, count: number, host: string | undefined) => {
  const admitted: { n: number; release: () => void }[] = []
  for (let n = 0; n < count; n++) {
    void budget.admit(host, never).then((release) => release && admitted.push({ n, release }))
  }
  return admitted
}

describe('a host budget', () => {
  test('admits a limited number of attempts at a time, in the order of asking', async () => {
    const budget = new HostBudget({ maxSimultaneous: 2, maxPerMinute: 100 }, new FakeClock())
    const admitted = asking(budget, 4, 'a')
    await turn()
    expect(admitted.map(({ n }) => n)).toEqual([0, 1])
    admitted[0]!.release()
    admitted[0]!.release()
    await turn()
    expect(admitted.map(({ n }) => n)).toEqual([0, 1, 2])
  })

  test('counts each host for itself, and nothing without a host', async () => {
    const budget = new HostBudget({ maxSimultaneous: 1, maxPerMinute: 1 }, new FakeClock())
    const all = [asking(budget, 2, 'a'), asking(budget, 2, 'b'), asking(budget, 5, undefined)]
    await turn()
    expect(all.map((admitted) => admitted.length)).toEqual([1, 1, 5])
  })

  test('starts a limited number of attempts in any minute', async () => {
    const clock = new FakeClock()
    const budget = new HostBudget({ maxSimultaneous: 10, maxPerMinute: 2 }, clock)
    const admitted = asking(budget, 3, 'a')
    await turn()
    for (const { release } of admitted) release()
    await clock.advanceAsync(59_990, 1_000)
    expect(admitted).toHaveLength(2)
    await clock.advanceAsync(10)
    expect(admitted).toHaveLength(3)
    expect(clock.pendingTimers).toBe(0)
  })

  test('forgets who gave up waiting', async () => {
    const budget = new HostBudget({ maxSimultaneous: 1, maxPerMinute: 100 }, new FakeClock())
    const [first] = [asking(budget, 1, 'a')]
    const impatient = new AbortController()
    const gaveUp = budget.admit('a', impatient.signal)
    const last = asking(budget, 1, 'a')
    impatient.abort()
    expect(await gaveUp).toBeUndefined()
    first[0]!.release()
    await turn()
    expect(last).toHaveLength(1)
  })
})
