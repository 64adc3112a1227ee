import { afterEach, describe, expect, it } from 'vitest'
import { violationsOf } from '../../../test/helpers/bus-rig.ts'
import { ChannelRig, type ChannelRigOptions } from '../../../test/helpers/channel-rig.ts'
import type { TakeAnswer } from '../../contract/commands.ts'
import { sourceId } from '../../contract/ids.ts'

/** Above the bitrate of any camera of the rig, bit/s. */
const TOO_MUCH = 5_000_000
const NEVER = { startsAfterMs: Number.POSITIVE_INFINITY }

let rig: ChannelRig
afterEach(async () => {
  expect(violationsOf(rig.tape.emitted)).toEqual([])
  await rig.close()
})

const start = async (
  sources: ChannelRigOptions['sources'],
  spec: ChannelRigOptions['spec'] = {},
): Promise<void> => {
  rig = await ChannelRig.start({ sources, spec })
  // Long enough for a bitrate to be measured.
  await rig.run(6_000)
  expect(rig.program.onAir).toBe('a')
}

/** Asks for it; the answer, or what stands for one that has not come. */
const request = (source: string): { answer: TakeAnswer | 'none'; done: Promise<TakeAnswer> } => {
  const done = rig.channel.take({ source: sourceId(source), mode: 'graceful' })
  const request: { answer: TakeAnswer | 'none'; done: Promise<TakeAnswer> } = {
    answer: 'none',
    done,
  }
  void done.then((answer) => {
    request.answer = answer
  })
  return request
}

const sicken = (id: string, bitrateFloor = TOO_MUCH): Promise<void> =>
  rig.channel.changeSource(sourceId(id), { thresholds: { bitrateFloor } })

describe('a take that is pending, and failover', () => {
  it('an unhealthy source is left within 4 s for a hot one, the take is answered, a revert comes', async () => {
    await start({ a: {}, b: {}, never: NEVER })
    const take = request('never')
    await sicken('a')
    expect(await rig.onAir('b', 4_000)).toBeGreaterThan(2_900)
    expect(rig.standing).toBe('b on air, a wanted, never pending')
    expect(take.answer).toBe('none')
    expect(rig.told('take_displaced')).toMatchObject([{ source: 'never', by: 'b' }])
    expect(await rig.answer(take.done)).toMatchObject({ ok: false, why: 'start_timeout' })
    expect(rig.standing).toBe('b on air, a wanted, nothing pending')
    await sicken('a', 0)
    await rig.onAir('a')
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
    expect(rig.program).toMatchObject({ takes: 0, failovers: 1 })
  })

  it('a displaced take is made as soon as its source comes', async () => {
    await start({ a: {}, b: {}, late: {} })
    rig.camera('late').fallSilent()
    await rig.run(5_000)
    const take = request('late')
    await sicken('a')
    await rig.onAir('b', 4_000)
    rig.camera('late').resume()
    expect(await rig.answer(take.done)).toMatchObject({ ok: true, source: 'late', from: 'b' })
    expect(rig.standing).toBe('late on air, late wanted, nothing pending')
    // What is wanted now is late: nobody goes back.
    await sicken('a', 0)
    await rig.run(30_000)
    expect(rig.moves).toEqual(['failover: a > b', 'take: b > late'])
  })

  it('a dead source is left at once, whatever is pending', async () => {
    await start({ a: {}, b: {}, never: NEVER })
    const take = request('never')
    rig.camera('a').breakDown()
    await rig.onAir('b', 1_500)
    expect(take.answer).toBe('none')
    expect(await rig.answer(take.done)).toMatchObject({ ok: false })
    rig.camera('a').mend()
    await rig.onAir('a', 60_000)
  })

  it('a newer take supersedes a failover that waits, and the take that it displaced', async () => {
    // A standby source that never comes is all that failover finds.
    const standby = { ...NEVER, spec: { ingest: 'standby' as const } }
    await start({ a: {}, never: NEVER, standby, b: {} })
    await sicken('b')
    await sicken('a')
    const first = request('never')
    await rig.until('a failover', () => rig.told('take_displaced').length > 0, 4_000)
    const second = request('b')
    expect(await rig.answer(first.done)).toMatchObject({ why: 'superseded', by: { source: 'b' } })
    expect(await rig.answer(second.done)).toMatchObject({ ok: true, from: 'a' })
    await rig.run(5_000)
    expect(rig.standing).toBe('b on air, b wanted, nothing pending')
  })

  it('a take whose time has not come delays no failover', async () => {
    await start({ a: {}, b: {} })
    const at = rig.wallTime() + 60_000
    void rig.channel.take({ source: sourceId('b'), at })
    await sicken('a')
    await rig.onAir('b', 1_500)
  })
})

describe('two takes', () => {
  it('the newer one supersedes the older at once, also of the same source', async () => {
    await start({ a: {}, never: NEVER })
    const [first, second] = [request('never'), request('never')]
    await rig.run(10)
    expect(first.answer).toMatchObject({ why: 'superseded', by: { source: 'never' } })
    expect(second.answer).toBe('none')
    expect(await rig.answer(second.done)).toMatchObject({ why: 'start_timeout' })
    const tickets = rig.told('take_requested').map(({ ticket }) => ticket)
    expect(new Set(tickets).size).toBe(2)
  })

  it('on two buses do not meet', async () => {
    await start({ a: {}, never: NEVER, b: {} })
    const pending = request('never')
    expect(await rig.take('b', { bus: 'preview' as never })).toMatchObject({ ok: true })
    expect(pending.answer).toBe('none')
  })
})

describe('the order of substitutes', () => {
  it('by priority, the healthy ones first', async () => {
    await start({ a: {}, b: {}, c: {}, d: {} })
    await sicken('b')
    await rig.channel.changeSource(sourceId('d'), { priority: 1 })
    await rig.channel.changeSource(sourceId('c'), { priority: 2 })
    await rig.run(200)
    // Silent, not dead: it is dry before it counts as unhealthy, so that the standing order decides.
    rig.camera('a').fallSilent()
    await rig.onAir('d', 1_500)
    rig.camera('d').breakDown()
    await rig.onAir('c', 1_500)
    // Nothing healthy is left: better an unhealthy one than the slate.
    rig.camera('c').breakDown()
    await rig.onAir('b', 1_500)
    expect(rig.moves).toEqual(['failover: a > d', 'failover: d > c', 'failover: c > b'])
  })

  it('a substitute with an underrun yields to the wanted source, however young its health', async () => {
    await start({ a: {}, b: {}, c: {} }, { failover: { thresholds: { returnMs: 600_000 } } })
    rig.camera('a').kill()
    await rig.onAir('b', 1_500)
    await rig.channel.changeSource(sourceId('a'), { priority: 9 })
    await rig.until('a healthy', () => rig.source('a').healthy)
    await rig.run(2_000)
    // Silent, not dead: it is dry before it counts as unhealthy.
    rig.camera('b').fallSilent()
    await rig.onAir('a', 1_500)
    expect(rig.moves).toEqual(['failover: a > b', 'failover: b > a'])
  })

  it('no more often than switchesPerHour, unless there is nothing to show', async () => {
    await start({ a: {}, b: {}, c: {} }, { failover: { switchesPerHour: 1, revert: 'manual' } })
    await sicken('a')
    await rig.onAir('b', 1_500)
    await sicken('b')
    await rig.run(5_000)
    expect(rig.program.onAir).toBe('b')
    expect(rig.told('failover_held')).toHaveLength(1)
    rig.camera('b').breakDown()
    await rig.onAir('c', 1_500)
  })

  it('observe: an unhealthy source stays on the air, and what would be done is reported once', async () => {
    await start({ a: {}, b: {} }, { failover: { mode: 'observe' } })
    await sicken('a')
    await rig.run(20_000)
    expect(rig.moves).toEqual([])
    expect(rig.told('failover_observed')).toMatchObject([{ from: 'a', to: 'b' }])
    await rig.channel.change({ failover: 'auto' })
    await rig.onAir('b', 1_500)
  })

  it('off: an unhealthy source stays on the air, and nothing is reported', async () => {
    await start({ a: {}, b: {} }, { failover: { mode: 'off' } })
    await sicken('a')
    await rig.run(20_000)
    expect(rig.moves).toEqual([])
    expect(rig.told('failover_observed')).toEqual([])
  })
})
