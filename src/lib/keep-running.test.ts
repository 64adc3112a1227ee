import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../test/helpers/fake-clock.ts'
import {
  keepRunning,
  type Attempt,
  type AttemptEnd,
  type KeepRunningOptions,
  type RunEnd,
  type RunState,
} from './keep-running.ts'

const BACKOFF = { firstMs: 100, maxMs: 1_000, factor: 2, jitter: 0 }
const LOST: AttemptEnd = { kind: 'lost', reason: 'gone' }

interface Rig {
  readonly clock: FakeClock
  readonly states: RunState[]
  readonly abort: AbortController
  readonly done: Promise<RunEnd>
  /** States after `ms` more. */
  readonly after: (ms: number) => Promise<readonly string[]>
  readonly delays: () => readonly number[]
}

const kept = (
  attempt: (clock: FakeClock) => Attempt,
  options: Partial<KeepRunningOptions> = {},
): Rig => {
  const clock = new FakeClock()
  const states: RunState[] = []
  const abort = new AbortController()
  const done = keepRunning(
    attempt(clock),
    {
      backoff: BACKOFF,
      healthyMs: 10_000,
      clock,
      random: () => 0,
      onState: (state) => states.push(state),
      ...options,
    },
    abort.signal,
  )
  return {
    clock,
    states,
    abort,
    done,
    after: async (ms) => {
      await clock.advanceAsync(ms)
      return states.map(({ kind }) => kind)
    },
    delays: () => states.flatMap((state) => (state.kind === 'waiting' ? [state.retryInMs] : [])),
  }
}

/** Each attempt runs for the next of these times, milliseconds, and is lost. */
const losing =
  (...times: readonly number[]) =>
  (clock: FakeClock): Attempt => {
    let attempts = 0
    return async ({ onRunning }) => {
      onRunning()
      const ms = times[Math.min(attempts++, times.length - 1)]!
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve))
      return LOST
    }
  }

/** Resolves after the abort, as all that lives long. */
const untilAbort = (signal: AbortSignal): Promise<AttemptEnd> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(LOST), { once: true }))

const endOf = async ({ clock, done, abort }: Rig): Promise<RunEnd> => {
  abort.abort()
  const end = await done
  expect(clock.pendingTimers).toBe(0)
  return end
}

describe('the states', () => {
  test('follow the attempt, and waiting carries the delay in milliseconds and the reason', async () => {
    const rig = kept(losing(50))
    await rig.after(160)
    expect(rig.states).toEqual([
      { kind: 'starting', attempt: 1 },
      { kind: 'running', attempt: 1 },
      { kind: 'waiting', attempt: 2, reason: 'gone', retryInMs: 100 },
      { kind: 'starting', attempt: 2 },
      { kind: 'running', attempt: 2 },
    ])
    rig.abort.abort()
    await rig.clock.advanceAsync(50)
    expect(await endOf(rig)).toEqual({ kind: 'stopped' })
    expect(rig.states.at(-1)).toEqual({ kind: 'stopped' })
  })

  test('running is reported once for each attempt, and not by one that is over', async () => {
    let late = (): void => {}
    const rig = kept(() => async ({ onRunning }) => {
      onRunning()
      onRunning()
      late = onRunning
      return LOST
    })
    expect(await rig.after(10)).toEqual(['starting', 'running', 'waiting'])
    late()
    expect(rig.states).toHaveLength(3)
    await endOf(rig)
  })
})

describe('the delays', () => {
  test('grow to the longest', async () => {
    const rig = kept(losing(0))
    await rig.after(5_000)
    expect(rig.delays().slice(0, 6)).toEqual([100, 200, 400, 800, 1_000, 1_000])
    await endOf(rig)
  })

  test('restart after an attempt that ran long enough, and so does the count', async () => {
    const rig = kept(losing(0, 9_900, 10_000, 0), { healthyMs: 10_000 })
    await rig.after(21_500)
    expect(rig.delays().slice(0, 4)).toEqual([100, 200, 100, 200])
    const attempts = rig.states.flatMap((state) =>
      state.kind === 'waiting' ? [state.attempt] : [],
    )
    expect(attempts.slice(0, 4)).toEqual([2, 3, 1, 2])
    await endOf(rig)
  })

  test('do not restart after an attempt that lasted without running', async () => {
    const rig = kept((clock) => async () => {
      await new Promise<void>((resolve) => clock.after(20_000, resolve))
      return LOST
    })
    await rig.after(40_200)
    expect(rig.delays()).toEqual([100, 200])
    rig.abort.abort()
    await rig.clock.advanceAsync(20_000)
    await endOf(rig)
  })

  test('restart by what the attempt reports of itself', async () => {
    const end: AttemptEnd = { ...LOST, ranMs: 10_000 }
    const rig = kept(() => () => Promise.resolve(end))
    await rig.after(250)
    expect(rig.delays()).toEqual([100, 100, 100])
    await endOf(rig)
  })

  test.each([
    [0, 40],
    [1, 100],
  ])(
    'are short after a healthy attempt where that is wanted (random %d: %d ms)',
    async (random, ms) => {
      const rig = kept(losing(10_000, 0), { quickMs: 40, random: () => random })
      await rig.after(10_300)
      expect(rig.delays().slice(0, 2)).toEqual([ms, 100])
      await endOf(rig)
    },
  )

  test('of another policy are counted apart, and reset by its own measure of health', async () => {
    const policy = { backoff: { ...BACKOFF, firstMs: 3_000, maxMs: 60_000 }, healthyMs: 500 }
    const ends: AttemptEnd[] = [
      LOST,
      { ...LOST, policy },
      { ...LOST, policy },
      { ...LOST, ranMs: 500 },
      { ...LOST, policy },
      LOST,
    ]
    const rig = kept(() => () => Promise.resolve(ends.shift() ?? LOST))
    await rig.after(13_000)
    expect(rig.delays().slice(0, 6)).toEqual([100, 3_000, 6_000, 200, 3_000, 400])
    await endOf(rig)
  })
})

describe('an attempt', () => {
  test.each<[string, Attempt]>([
    ['rejects', () => Promise.reject(new Error('no disk'))],
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
  ])('that %s is lost, with the sentence of the error', async (_how, attempt) => {
    const rig = kept(() => attempt)
    await rig.after(10)
    expect(rig.states[1]).toEqual({
      kind: 'waiting',
      attempt: 2,
      reason: 'no disk',
      retryInMs: 100,
    })
    await endOf(rig)
  })

  test.each<[AttemptEnd, RunEnd]>([
    [{ kind: 'ended' }, { kind: 'stopped' }],
    [
      { kind: 'ended', reason: 'end of file' },
      { kind: 'stopped', reason: 'end of file' },
    ],
    [
      { kind: 'failed', reason: 'no such codec' },
      { kind: 'failed', reason: 'no such codec' },
    ],
  ])('that returns %j is the last', async (end, final) => {
    const rig = kept(() => () => Promise.resolve(end))
    expect(await rig.done).toEqual(final)
    expect(rig.states).toEqual([{ kind: 'starting', attempt: 1 }, final])
    expect(rig.clock.pendingTimers).toBe(0)
  })

  test('that never ends is waited for, after the abort too', async () => {
    let finish = (): void => {}
    let settled = false
    const rig = kept(() => () => new Promise((resolve) => (finish = () => resolve(LOST))))
    void rig.done.then(() => (settled = true))
    rig.abort.abort()
    await rig.after(100_000)
    expect(settled).toBe(false)
    finish()
    expect(await rig.done).toEqual({ kind: 'stopped' })
  })
})

describe('an abort', () => {
  test('before the start: nothing is attempted', async () => {
    const signal = AbortSignal.abort()
    const states: RunState[] = []
    const attempt = (): never => expect.fail('attempted')
    const clock = new FakeClock()
    const onState = (state: RunState): void => void states.push(state)
    const options = { backoff: BACKOFF, healthyMs: 1, clock, random: () => 0, onState }
    expect(await keepRunning(attempt, options, signal)).toEqual({ kind: 'stopped' })
    expect(states).toEqual([{ kind: 'stopped' }])
  })

  test.each<[string, (clock: FakeClock) => Attempt]>([
    [
      'starting',
      () =>
        ({ signal }) =>
          untilAbort(signal),
    ],
    [
      'running',
      () =>
        ({ signal, onRunning }) => {
          onRunning()
          return untilAbort(signal)
        },
    ],
    ['waiting', losing(0)],
  ])(
    'while %s stops it, whatever the attempt returns, and leaves nothing',
    async (kind, attempt) => {
      const rig = kept(attempt)
      await rig.after(10)
      expect(rig.states.at(-1)?.kind).toBe(kind)
      expect(await endOf(rig)).toEqual({ kind: 'stopped' })
      expect(rig.states.at(-1)).toEqual({ kind: 'stopped' })
    },
  )

  test('is not followed by running', async () => {
    const rig = kept(() => async ({ signal, onRunning }) => {
      await untilAbort(signal)
      onRunning()
      return { kind: 'failed', reason: 'aborted' }
    })
    await endOf(rig)
    expect(rig.states.map(({ kind }) => kind)).toEqual(['starting', 'stopped'])
  })
})
