import { expect, test } from 'vitest'
import { aStatus } from '../../../test/helpers/fake-channel.ts'
import { SluiceError } from '../../contract/errors.ts'
import { channelId, outputId, PREVIEW, PROGRAM, sourceId } from '../../contract/ids.ts'
import type { MediaPort, WantedChannel } from '../../contract/media-port.ts'
import { ChannelSpec, SourceSpec } from '../../contract/spec.ts'
import { ControlledChannel } from './controlled-channel.ts'

const MAIN = channelId('main')
const [A, B] = [sourceId('a'), sourceId('b')]
const aSource = (id: string, label?: string) => SourceSpec.parse({ id, url: 'test:', label })

/** Media that records its requests, and refuses while `refusal` is set. */
const controlled = (generation?: number) => {
  const applied: WantedChannel[] = []
  const takes: unknown[] = []
  const media = {
    refusal: undefined as SluiceError | undefined,
    channels: async () => (generation === undefined ? [] : [{ channel: MAIN, generation }]),
    apply: async (wanted: WantedChannel) => {
      await new Promise((resolve) => setImmediate(resolve))
      applied.push(structuredClone(wanted))
      if (media.refusal !== undefined) throw media.refusal
    },
    status: async () => aStatus(),
    take: async (request: Parameters<MediaPort['take']>[0]) => {
      takes.push(request)
      const message = 'no'
      return {
        ...{ ok: false, bus: PROGRAM, source: A, why: 'unknown_source', message },
        ticket: 1,
      } as Awaited<ReturnType<MediaPort['take']>>
    },
  }
  const spec = ChannelSpec.parse({ sources: [{ id: 'a', url: 'test:' }] })
  const events = { listen: () => () => undefined }
  const channel = new ControlledChannel({ id: MAIN, spec, media, events })
  const last = () => applied.at(-1)!
  return { channel, media, applied, takes, last }
}

test('the wanted state is applied at the start, with a generation above the one media has', async () => {
  const { channel, last } = controlled(41)
  await channel.start()
  expect(last()).toMatchObject({
    channel: 'main',
    generation: 42,
    spec: { sources: [{ id: 'a' }] },
  })
})

test('every change is the whole spec with the next generation', async () => {
  const { channel, applied } = controlled()
  await channel.start()
  await channel.addSource(aSource('b'))
  await channel.changeSource(B, { label: 'Second', priority: undefined })
  await channel.removeSource(A)
  await channel.addOutput({ id: outputId('x'), url: 'udp://239.0.0.1:5000' })
  await channel.change({ mode: 'graceful', revert: 'manual', slateMessage: 'Soon' })
  await channel.removeOutput(outputId('x'))
  expect(applied.map(({ generation }) => generation)).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(applied.map(({ spec }) => spec.sources.map(({ id, label }) => label ?? id))).toEqual([
    ['a'],
    ['a', 'b'],
    ['a', 'Second'],
    ['Second'],
    ['Second'],
    ['Second'],
    ['Second'],
  ])
  expect(applied.map(({ spec }) => spec.outputs.length)).toEqual([0, 0, 0, 0, 1, 1, 0])
  const { mode, failover, slate } = applied[5]!.spec
  expect([mode, failover.mode, failover.revert, slate.message]).toEqual([
    'graceful',
    'auto',
    'manual',
    'Soon',
  ])
})

test('a field that is absent is not in the spec as undefined', async () => {
  const { channel, last } = controlled()
  await channel.changeSource(A, { label: undefined, delayMs: 40 })
  expect(Object.hasOwn(last().spec.sources[0]!, 'label')).toBe(false)
  expect(last().spec.sources[0]?.delayMs).toBe(40)
})

test('a change that media refuses is dropped, and its generation is not used again', async () => {
  const { channel, media, last } = controlled()
  await channel.start()
  media.refusal = new SluiceError('unsupported_url', 'no such source')
  await expect(channel.addSource(aSource('b'))).rejects.toThrow('no such source')
  media.refusal = undefined
  await channel.addSource(aSource('c'))
  expect(last()).toMatchObject({ generation: 3, spec: { sources: [{ id: 'a' }, { id: 'c' }] } })
})

test('two changes at once are both in the end', async () => {
  const { channel, last } = controlled()
  await Promise.all([channel.addSource(aSource('b')), channel.addSource(aSource('c'))])
  expect(last()).toMatchObject({ generation: 2 })
  expect(last().spec.sources.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
})

test.each([
  ['a source that exists', (c: ControlledChannel) => c.addSource(aSource('a')), 'id_in_use'],
  ['a source that is not there', (c: ControlledChannel) => c.removeSource(B), 'unknown_source'],
  ['a change of one', (c: ControlledChannel) => c.changeSource(B, {}), 'unknown_source'],
  ['no such output', (c: ControlledChannel) => c.removeOutput(outputId('x')), 'unknown_output'],
])('%s is refused by name, and media is not asked', async (_name, change, code) => {
  const { channel, applied } = controlled()
  await expect(change(channel)).rejects.toMatchObject({ code })
  expect(applied).toEqual([])
})

test('a take of the preview is a take of the source of that bus', async () => {
  const { channel, takes } = controlled()
  await channel.takePreview('graceful')
  await channel.take({ source: A })
  expect(takes).toEqual([
    { channel: MAIN, take: { from: PREVIEW, bus: PROGRAM, mode: 'graceful' } },
    { channel: MAIN, take: { source: A } },
  ])
})
