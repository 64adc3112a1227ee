import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { ticks } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { HostBudget } from '../../net/host-budget.ts'
import type { ReaderEnd, SourceSink, SourceReader } from './source-reader.ts'
import { SupervisedSource, type SupervisedSourceParts } from './supervised-source.ts'
import { DEFAULT_SUPERVISION, type SourceTransition } from './supervision.ts'

const UNIT: AccessUnit = {
  pid: 256,
  kind: 'video',
  pts: ticks(0),
  dts: ticks(0),
  rap: 'idr',
  leading: false,
  duration: 0,
  data: new Uint8Array(1),
}

interface Script {
  /** Times of media after the start, milliseconds. */
  readonly unitsAt: readonly number[]
  /** Undefined: the reader hangs until its abort. */
  readonly end?: { readonly at: number; readonly how: ReaderEnd }
}

interface Bench {
  readonly clock: FakeClock
  readonly source: SupervisedSource
  readonly transitions: SourceTransition[]
  readonly calls: string[]
  readonly running: () => number
  readonly opened: () => number
  readonly end: () => Promise<void>
}

type Behaviour = Partial<Pick<SourceReader, 'live' | 'silencePolicy'>> &
  Partial<Pick<SupervisedSourceParts, 'wanted' | 'openReader'>> & { room?: SourceSink['room'] }

const supervised = (scripts: readonly Script[], behaviour: Behaviour = {}): Bench => {
  const clock = new FakeClock()
  const transitions: SourceTransition[] = []
  const calls: string[] = []
  let opened = 0
  let running = 0
  const openReader = (): SourceReader => {
    const script = scripts[Math.min(opened++, scripts.length - 1)]!
    let bytes = 0
    return {
      kind: 'scripted',
      live: behaviour.live ?? true,
      silencePolicy: behaviour.silencePolicy ?? 'fault',
      figures: () => ({ bytes, packets: bytes, continuityErrors: 1, lostPackets: null, pid: 7 }),
      run: async (sink, signal) => {
        running++
        const units = script.unitsAt.map((at) =>
          clock.after(at, () => {
            bytes++
            void sink.room()
            sink.unit(UNIT)
          }),
        )
        const how = await new Promise<ReaderEnd>((resolve) => {
          if (script.end !== undefined) {
            const { at, how: outcome } = script.end
            units.push(clock.after(at, () => resolve(outcome)))
          }
          signal.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true })
        })
        for (const unit of units) unit.cancel()
        running--
        return how
      },
    }
  }
  const source = new SupervisedSource({
    openReader: behaviour.openReader ?? openReader,
    sink: {
      program: () => {},
      unit: () => calls.push('unit'),
      format: () => {},
      restarted: () => calls.push('restarted'),
      room: behaviour.room ?? (() => undefined),
    },
    clock,
    random: () => 0,
    limits: DEFAULT_SUPERVISION,
    budget: new HostBudget({ maxSimultaneous: 8, maxPerMinute: 1_000 }, clock),
    host: undefined,
    wanted: behaviour.wanted ?? 'run',
    onChange: (transition) => transitions.push(transition),
  })
  const abort = new AbortController()
  const done = source.run(abort.signal)
  return {
    clock,
    source,
    transitions,
    calls,
    running: () => running,
    opened: () => opened,
    end: async () => {
      abort.abort()
      await done
      expect(running).toBe(0)
      expect(clock.pendingTimers).toBe(0)
    },
  }
}

const exit0: ReaderEnd = { kind: 'ended', reason: 'exit code 0' }
const refused: ReaderEnd = { kind: 'failed', reason: 'refused', permanent: false }
const states = (transitions: readonly SourceTransition[]) => transitions.map(({ state }) => state)

describe('a supervised source', () => {
  test('the end of a live stream is a failure, exit code 0 too', async () => {
    const bench = supervised([{ unitsAt: [100], end: { at: 1_000, how: exit0 } }])
    await bench.clock.advanceAsync(1_020)
    expect(bench.transitions.slice(0, 3)).toEqual([
      { state: 'starting' },
      { state: 'running' },
      { state: 'waiting', reason: 'exit code 0', retryInMs: 500 },
    ])
    await bench.end()
    expect(bench.transitions.at(-1)).toEqual({ state: 'stopped' })
  })

  test('waits twice as long after each failure, up to the limit', async () => {
    const bench = supervised([{ unitsAt: [], end: { at: 10, how: refused } }])
    await bench.clock.advanceAsync(130_000, 50)
    const waits = bench.transitions.flatMap(({ retryInMs }) => retryInMs ?? [])
    expect(waits.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    await bench.end()
  })

  test('returns at once after it had been healthy, and counts from the start again', async () => {
    const healthy = { unitsAt: [100, 10_100], end: { at: 10_200, how: refused } }
    const bench = supervised([{ unitsAt: [], end: { at: 10, how: refused } }, healthy])
    await bench.clock.advanceAsync(10_740)
    expect(bench.transitions.filter((t) => t.state === 'waiting').map((t) => t.retryInMs)).toEqual([
      500, 100,
    ])
    await bench.end()
  })

  test('a permanent failure is not retried, until it is started again', async () => {
    const never: ReaderEnd = { kind: 'failed', reason: 'no such protocol', permanent: true }
    const bench = supervised([{ unitsAt: [], end: { at: 10, how: never } }])
    await bench.clock.advanceAsync(60_000, 500)
    expect(bench.transitions.at(-1)).toEqual({ state: 'failed', reason: 'no such protocol' })
    expect(bench.opened()).toBe(1)
    bench.source.start()
    await bench.clock.advanceAsync(100)
    expect(bench.opened()).toBe(2)
    await bench.end()
  })

  test('a reader that cannot be created is a permanent failure', async () => {
    const bench = supervised([], {
      openReader: () => {
        throw new Error('url "gopher:" is not supported')
      },
    })
    await bench.clock.advanceAsync(10)
    expect(bench.transitions.at(-1)).toEqual({
      state: 'failed',
      reason: 'url "gopher:" is not supported',
    })
    await bench.end()
  })

  test('a finite input that ends is stopped, not retried', async () => {
    const bench = supervised([{ unitsAt: [5], end: { at: 50, how: exit0 } }], { live: false })
    await bench.clock.advanceAsync(60_000, 500)
    expect(bench.transitions.at(-1)).toEqual({ state: 'stopped', reason: 'ended' })
    expect([bench.opened(), bench.source.wanted]).toEqual([1, 'stop'])
    await bench.end()
  })

  test('a standby source starts and stops on command', async () => {
    const bench = supervised([{ unitsAt: [10] }], { wanted: 'stop' })
    await bench.clock.advanceAsync(1_000)
    expect([bench.opened(), bench.source.state.state]).toEqual([0, 'stopped'])
    bench.source.start()
    await bench.clock.advanceAsync(100)
    expect([bench.running(), bench.source.state.state]).toEqual([1, 'running'])
    bench.source.stop()
    await bench.clock.advanceAsync(100)
    expect([bench.running(), bench.source.state.state]).toEqual([0, 'stopped'])
    await bench.end()
  })

  test('reports a restart of timestamps before the first unit of each further attempt', async () => {
    const bench = supervised([{ unitsAt: [1, 2], end: { at: 10, how: exit0 } }])
    await bench.clock.advanceAsync(530)
    expect(bench.calls).toEqual(['unit', 'unit', 'restarted', 'unit', 'unit'])
    await bench.end()
  })

  test('restarts a reader that runs without a byte', async () => {
    const bench = supervised([{ unitsAt: [10] }])
    await bench.clock.advanceAsync(11_500, 50)
    expect(bench.transitions[2]).toEqual({
      state: 'waiting',
      reason: 'no data for 10000 ms',
      retryInMs: 500,
    })
    await bench.end()
  })

  test.each([
    ['a listener without a sender', { silencePolicy: 'normal' as const }, [10], 1],
    [
      'a listener before its first publisher',
      { silencePolicy: 'fault_after_media' as const },
      [],
      1,
    ],
    ['a listener whose publisher hangs', { silencePolicy: 'fault_after_media' as const }, [10], 2],
    [
      'a file whose buffer is full',
      { live: false, room: () => new Promise<void>(() => {}) },
      [10],
      1,
    ],
  ])('%s', async (_, behaviour, unitsAt, opened) => {
    const bench = supervised([{ unitsAt }], behaviour)
    await bench.clock.advanceAsync(14_000, 50)
    expect(bench.opened()).toBe(opened)
    await bench.end()
  })

  test('adds the figures of all attempts; a figure that one could not measure is not measurable', async () => {
    const bench = supervised([
      { unitsAt: [1, 2], end: { at: 10, how: exit0 } },
      { unitsAt: [1, 2] },
    ])
    await bench.clock.advanceAsync(550)
    expect(bench.source.figures()).toMatchObject({
      bytes: 4,
      continuityErrors: 2,
      lostPackets: null,
      restarts: 1,
      pid: 7,
      lastError: 'exit code 0',
    })
    expect(states(bench.transitions)).toEqual([
      'starting',
      'running',
      'waiting',
      'starting',
      'running',
    ])
    await bench.end()
  })
})
