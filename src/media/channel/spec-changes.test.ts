import { afterEach, expect, test } from 'vitest'
import { violationsOf } from '../../../test/helpers/bus-rig.ts'
import { ChannelRig } from '../../../test/helpers/channel-rig.ts'
import { channelId, outputId } from '../../contract/ids.ts'
import { type ChannelSpec, SourceSpec } from '../../contract/spec.ts'

const RIG = channelId('rig')
const OUTPUT = { id: outputId('x'), url: 'rig:x' }

let rig: ChannelRig
afterEach(() => rig.close())

const apply = (generation: number, spec: ChannelSpec) =>
  rig.answer(rig.media.apply({ channel: RIG, generation, spec }))

test('one spec changes settings, sources and outputs at once, and the program continues', async () => {
  rig = await ChannelRig.start({ sources: { a: {}, b: {} } })
  const [a] = rig.spec.sources
  const sources = [rig.sourceSpec('c'), { ...a!, label: 'First' }]
  await apply(2, { ...rig.spec, mode: 'graceful', sources, outputs: [OUTPUT] })
  await rig.run(5_000)
  const { status } = rig
  expect(status.mode).toBe('graceful')
  expect(status.sources.map(({ id, label }) => [id, label])).toEqual([
    ['c', 'c'],
    ['a', 'First'],
  ])
  expect(status.outputs.map(({ id }) => id)).toEqual(['x'])
  expect(rig.camera('a').opened).toBe(1)
  expect(violationsOf(rig.tape.emitted)).toEqual([])
})

test('a spec of which one part cannot be done changes nothing', async () => {
  rig = await ChannelRig.start({ sources: { a: {}, b: {} } })
  const before = rig.events.length
  const unknown = SourceSpec.parse({ id: 'c', url: 'rig:no-such-camera' })
  const refused = apply(2, {
    ...rig.spec,
    mode: 'graceful',
    sources: [rig.spec.sources[1]!, unknown],
    outputs: [OUTPUT],
  })
  await expect(refused).rejects.toThrow()
  await rig.run(1_000)
  const { status } = rig
  expect([status.mode, status.sources.map(({ id }) => id), status.outputs]).toEqual([
    'cutover',
    ['a', 'b'],
    [],
  ])
  expect(rig.events.slice(before)).toEqual([])
  expect(rig.standing).toBe('a on air, a wanted, nothing pending')
})

test('a restarted channel has its new settings, and answers what waited', async () => {
  rig = await ChannelRig.start({
    sources: { a: {}, b: { startsAfterMs: Number.POSITIVE_INFINITY } },
  })
  const waiting = rig.channel.take({ source: rig.spec.sources[1]!.id })
  await rig.run(100)
  await apply(2, { ...rig.spec, latencyMs: 400 })
  expect(await waiting).toMatchObject({ ok: false, why: 'channel_stopped' })
  await rig.onAir('a')
  expect(rig.status.latencyMs).toBe(400)
  expect(rig.told('channel_stopped')).toHaveLength(1)
})
