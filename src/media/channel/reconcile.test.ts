import { describe, expect, test } from 'vitest'
import { ChannelSpec, type SourceSpecInput } from '../../contract/spec.ts'
import { type Operation, reconcile } from './reconcile.ts'

type Given = Partial<typeof ChannelSpec._zod.input>
const spec = (given: Given = {}): ChannelSpec => ChannelSpec.parse(given)
const source = (id: string, more: Partial<SourceSpecInput> = {}) => ({ id, url: 'test:', ...more })
const output = (id: string, url = 'udp://239.0.0.1:5000') => ({ id, url })

/** State of a channel after an operation. */
const performed = (before: ChannelSpec, operation: Operation): ChannelSpec => {
  const { sources, outputs } = before
  switch (operation.kind) {
    case 'restart':
      return operation.spec
    case 'remove_output':
      return { ...before, outputs: outputs.filter(({ id }) => id !== operation.id) }
    case 'remove_source':
      return { ...before, sources: sources.filter(({ id }) => id !== operation.id) }
    case 'add_source':
      return { ...before, sources: [...sources, operation.spec] }
    case 'add_output':
      return { ...before, outputs: [...outputs, operation.spec] }
    case 'change_source': {
      const changed = operation.spec
      return { ...before, sources: sources.map((old) => (old.id === changed.id ? changed : old)) }
    }
    case 'change_settings': {
      const { slateMessage, failover, revert, ...own } = operation.change
      return {
        ...before,
        ...own,
        failover: {
          ...before.failover,
          ...(failover !== undefined && { mode: failover }),
          ...(revert !== undefined && { revert }),
        },
        slate: { ...before.slate, ...(slateMessage !== undefined && { message: slateMessage }) },
      } as ChannelSpec
    }
    case 'order':
      return {
        ...before,
        sources: operation.sources.map((id) => sources.find((one) => one.id === id)!),
        outputs: operation.outputs.map((id) => outputs.find((one) => one.id === id)!),
      }
  }
}

const brief = (operation: Operation): string =>
  'id' in operation
    ? `${operation.kind} ${operation.id}`
    : 'change' in operation
      ? `${operation.kind} ${JSON.stringify(operation.change)}`
      : operation.kind === 'order'
        ? `order ${operation.sources.join()} ${operation.outputs.join()}`
        : operation.kind === 'restart'
          ? 'restart'
          : `${operation.kind} ${operation.spec.id}`

const AB = { sources: [source('a'), source('b')], outputs: [output('x'), output('y')] }

test.each<[string, Given, Given, string[]]>([
  ['the same', AB, AB, []],
  ['a source more', AB, { ...AB, sources: [...AB.sources, source('c')] }, ['add_source c']],
  ['a source less', AB, { ...AB, sources: [source('b')] }, ['remove_source a']],
  [
    'a source with another label',
    AB,
    { ...AB, sources: [source('a', { label: 'A' }), source('b')] },
    ['change_source a'],
  ],
  [
    'sources in another order',
    AB,
    { ...AB, sources: [source('b'), source('a')] },
    ['order b,a x,y'],
  ],
  [
    'a source in front',
    AB,
    { ...AB, sources: [source('c'), ...AB.sources] },
    ['add_source c', 'order c,a,b x,y'],
  ],
  ['an output more', AB, { ...AB, outputs: [...AB.outputs, output('z')] }, ['add_output z']],
  ['an output less', AB, { ...AB, outputs: [output('x')] }, ['remove_output y']],
  [
    'an output elsewhere is closed first, and keeps its place',
    AB,
    { ...AB, outputs: [output('x', 'udp://239.0.0.2:5000'), output('y')] },
    ['remove_output x', 'add_output x', 'order a,b x,y'],
  ],
  [
    'every setting that changes on the air',
    AB,
    {
      ...AB,
      mode: 'graceful',
      ingest: 'standby',
      conform: 'copy',
      failover: { mode: 'off', revert: 'manual' },
      slate: { message: 'Back soon' },
    },
    [
      'change_settings {"mode":"graceful","failover":"off","revert":"manual","conform":"copy","ingest":"standby","slateMessage":"Back soon"}',
    ],
  ],
  ['another latency', AB, { ...AB, latencyMs: 100 }, ['restart']],
  ['another name', AB, { ...AB, name: 'Two' }, ['restart']],
  ['another image of the slate', AB, { ...AB, slate: { image: '/a.png' } }, ['restart']],
  ['other thresholds', AB, { ...AB, failover: { thresholds: { stallMs: 900 } } }, ['restart']],
  [
    'a source less beside another latency is one restart',
    AB,
    { ...AB, sources: [], latencyMs: 100 },
    ['restart'],
  ],
])('from one spec to another: %s', (_name, before, after, operations) => {
  expect(reconcile(spec(before), spec(after)).map(brief)).toEqual(operations)
})

/** Mulberry32: the same seeds give the same specs. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

const anySpec = (next: () => number): ChannelSpec => {
  const one = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(next() * values.length)]!
  const some = <Value>(values: readonly Value[]): Value[] =>
    values
      .filter(() => next() < 0.6)
      .map((value) => ({ value, place: next() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ value }) => value)
  return spec({
    latencyMs: one([800, 800, 800, 800, 500]),
    mode: one(['cutover', 'graceful']),
    ingest: one(['hot', 'standby']),
    failover: { mode: one(['auto', 'off']), revert: one(['auto', 'manual']) },
    slate: { message: one(['one', 'two']) },
    sources: some(['a', 'b', 'c', 'd']).map((id) => source(id, { label: one(['l', 'm']) })),
    outputs: some(['x', 'y', 'z']).map((id) =>
      output(id, one(['udp://239.0.0.1:5000', 'udp://239.0.0.2:5000'])),
    ),
  })
}

describe('of any two specs', () => {
  const pairs = Array.from({ length: 500 }, (_, seed) => {
    const next = random(seed)
    return [anySpec(next), anySpec(next)] as const
  })

  test('the operations lead from the first to the second', () => {
    for (const [before, after] of pairs) {
      expect(reconcile(before, after).reduce(performed, before)).toEqual(after)
    }
  })

  test('nothing is left to do when they were carried out', () => {
    for (const [before, after] of pairs) {
      const reached = reconcile(before, after).reduce(performed, before)
      expect(reconcile(reached, after)).toEqual([])
    }
  })

  test('no source is touched that is in both as it was', () => {
    for (const [before, after] of pairs) {
      const operations = reconcile(before, after)
      if (operations[0]?.kind === 'restart') continue
      for (const same of before.sources) {
        const wanted = after.sources.find(({ id }) => id === same.id)
        if (JSON.stringify(wanted) !== JSON.stringify(same)) continue
        expect(operations.map(brief).filter((said) => said.endsWith(`source ${same.id}`))).toEqual(
          [],
        )
      }
    }
  })
})
