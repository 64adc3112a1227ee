import { afterEach, describe, expect, it } from 'vitest'
import { violationsOf } from '../../../test/helpers/bus-rig.ts'
import { ChannelRig, type ChannelRigOptions } from '../../../test/helpers/channel-rig.ts'
import { RIG_VIDEO } from '../../../test/helpers/rig-camera.ts'
import { outputId, PREVIEW, sourceId, type SourceId } from '../../contract/ids.ts'

const STANDBY = { spec: { ingest: 'standby' } } as const
const SMALL = { video: { ...RIG_VIDEO, width: 640, height: 360 } }
const A = sourceId('a')
const B = sourceId('b')

let rig: ChannelRig
afterEach(() => rig.close())

const start = async (
  sources: ChannelRigOptions['sources'],
  spec: ChannelRigOptions['spec'] = {},
): Promise<void> => {
  rig = await ChannelRig.start({ sources, spec })
}

const states = (): string[] => rig.status.sources.map(({ id, state }) => `${id} ${state}`)

describe('a standby source', () => {
  it('does not run until it is taken, and stops when it has not been needed for a while', async () => {
    await start({ a: {}, b: STANDBY })
    expect(states()).toEqual(['a running', 'b stopped'])
    expect(await rig.take('b')).toMatchObject({ ok: true })
    expect(states()).toEqual(['a running', 'b running'])
    await rig.take('a')
    await rig.run(9_000)
    expect(states()).toEqual(['a running', 'b running'])
    await rig.run(1_500)
    expect(states()).toEqual(['a running', 'b stopped'])
    expect(rig.camera('b')).toMatchObject({ opened: 1, running: 0 })
  })

  it('that is wanted again while it lingers continues', async () => {
    await start({ a: {}, b: STANDBY })
    await rig.take('b')
    await rig.take('a')
    await rig.run(8_000)
    expect(await rig.take('b')).toMatchObject({ ok: true })
    await rig.run(20_000)
    expect(rig.camera('b')).toMatchObject({ opened: 1, running: 1 })
  })

  it('runs while it is on preview alone', async () => {
    await start({ a: {}, b: STANDBY })
    await rig.take('b', { bus: PREVIEW })
    await rig.run(20_000)
    expect(states()).toEqual(['a running', 'b running'])
  })

  it('runs while its take is pending, and stops some time after the take was given up', async () => {
    const never = { ...STANDBY, startsAfterMs: Number.POSITIVE_INFINITY }
    await start({ a: {}, never }, { startTimeoutMs: 12_000 })
    const take = rig.channel.take({ source: sourceId('never') })
    await rig.run(11_000)
    expect(rig.source('never').state).not.toBe('stopped')
    expect(await rig.answer(take)).toMatchObject({ why: 'start_timeout' })
    await rig.run(11_000)
    expect(states()).toEqual(['a running', 'never stopped'])
  })

  it('is started after another while nothing plays, the best first', async () => {
    await start({ a: {}, b: STANDBY, c: STANDBY, d: STANDBY })
    const [b, c, d] = ['b', 'c', 'd'].map((id) => rig.camera(id))
    b!.refusal = 'connection refused'
    c!.fallSilent()
    rig.camera('a').breakDown()
    await rig.until('b tried', () => b!.opened > 0, 3_000)
    expect([c!.opened, d!.opened]).toEqual([0, 0])
    await rig.until('c tried', () => c!.opened > 0, 3_000)
    expect(d!.opened).toBe(0)
    await rig.onAir('d', 5_000)
  })

  it('becomes hot, and standby again, on the air', async () => {
    await start({ a: {}, b: STANDBY })
    await rig.channel.change({ ingest: 'standby' })
    await rig.channel.changeSource(B, { ingest: 'hot' })
    await rig.run(1_000)
    expect(states()).toEqual(['a running', 'b running'])
    await rig.channel.changeSource(B, { ingest: 'standby' })
    await rig.run(11_000)
    expect(states()).toEqual(['a running', 'b stopped'])
  })

  it('that ended of itself is not started again for being on the air', async () => {
    await start({ a: {}, file: { ...STANDBY, live: false, lengthMs: 5_000 } })
    await rig.take('file')
    await rig.onAir('a', 10_000)
    await rig.run(20_000)
    expect(rig.camera('file').opened).toBe(1)
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })
})

describe('a source that is removed', () => {
  it('on the air is left for the next one, which is wanted from then on', async () => {
    await start({ a: {}, b: {}, c: {} })
    await rig.channel.removeSource(A)
    await rig.onAir('b', 2_000)
    await rig.run(10_000)
    expect(rig.standing).toBe('b on air, b wanted, nothing pending')
    expect(rig.camera('a').running).toBe(0)
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })

  it('last leaves the slate; the next that is added is wanted', async () => {
    await start({ a: {} })
    await rig.channel.removeSource(A)
    await rig.onAir('slate', 2_000)
    await rig.channel.addSource(rig.sourceSpec('b'))
    await rig.onAir('b', 5_000)
    expect(rig.standing).toBe('b on air, b wanted, nothing pending')
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })

  it('off the air does not change the wanted source', async () => {
    await start({ a: {}, b: {} })
    await rig.channel.removeSource(B)
    await rig.run(5_000)
    expect(rig.standing).toBe('a on air, a wanted, nothing pending')
    expect(rig.told('source_removed')).toEqual([{ type: 'source_removed', source: 'b' }])
    await expect(rig.channel.removeSource(B)).rejects.toThrow(
      'there is no source "b"; there is "a"',
    )
  })

  it('and comes back under its id is another source', async () => {
    await start({ a: {}, b: {} })
    await rig.channel.removeSource(B)
    await rig.channel.addSource(rig.sourceSpec('b'))
    await rig.run(3_000)
    expect(await rig.take('b')).toMatchObject({ ok: true })
    await expect(rig.channel.addSource(rig.sourceSpec('b'))).rejects.toThrow('exists already')
  })
})

describe('a source that is changed', () => {
  it('that affects its reader replaces it; on the air the program continues', async () => {
    await start({ a: {}, b: {} })
    const [old, next] = [rig.camera('a'), rig.sourceSpec('other')]
    await rig.channel.changeSource(A, { url: next.url })
    await rig.run(20_000)
    expect([old.running, rig.camera('other').running]).toEqual([0, 1])
    expect(rig.standing).toBe('a on air, a wanted, nothing pending')
    expect(rig.tape.shown.at(-1)).toBe('other')
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })

  it('is replaced on the air by a file, which is played as fast as it is shown', async () => {
    await start({ a: {}, b: {} })
    const file = rig.sourceSpec('file', { live: false })
    await rig.channel.changeSource(A, { url: file.url })
    await rig.run(40_000)
    expect(rig.tape.shown.at(-1)).toBe('file')
    expect(rig.moves.slice(-1)).not.toEqual(['failover: a > slate'])
    const late = rig.tape.emitted.filter(({ wall }) => wall > rig.clock.now() - 20_000)
    expect(new Set(late.map(({ tag }) => tag))).toEqual(new Set(['file']))
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })

  it('elsewhere keeps its reader', async () => {
    await start({ a: {}, b: {} })
    await rig.channel.changeSource(B, {
      label: 'Studio',
      priority: 7,
      thresholds: { stallMs: 900 },
    })
    await rig.run(1_000)
    expect(rig.camera('b').opened).toBe(1)
    expect(rig.source('b')).toMatchObject({ label: 'Studio' })
  })
})

describe('a transcoder', () => {
  const running = (): string[] =>
    rig.transcoders.filter(({ phase }) => phase === 'running').map(({ source }) => source)

  it('brings what differs into the format of the program, and no other', async () => {
    await start({ a: {}, b: SMALL })
    expect(running()).toEqual(['b'])
    expect(await rig.take('b')).toMatchObject({ ok: true })
    expect(rig.source('b')).toMatchObject({ conform: 'transcoding' })
  })

  it('is stopped when another plan takes its place', async () => {
    await start({ a: {}, b: SMALL })
    const [first] = rig.transcoders
    await rig.channel.changeSource(B, { conform: 'transcode' })
    await rig.run(1_000)
    expect(first).toMatchObject({ phase: 'ended' })
    expect(running()).toEqual(['b'])
    const units = first!.units
    await rig.channel.changeSource(B, { conform: 'copy' })
    await rig.run(1_000)
    expect(running()).toEqual([])
    expect(first!.units).toBe(units)
  })

  it('is stopped when its source is removed, and when the channel conforms otherwise', async () => {
    await start({ a: {}, b: SMALL, c: SMALL })
    await rig.channel.removeSource(B)
    await rig.run(100)
    expect(running()).toEqual(['c'])
    await rig.channel.change({ conform: 'copy' })
    await rig.run(100)
    expect(running()).toEqual([])
  })
})

describe('an output', () => {
  const OUT = outputId('out')

  it('that is added shows the program from there on, and ends when it is removed', async () => {
    await start({ a: {} })
    await rig.channel.addOutput({ id: OUT, url: 'rig:' })
    await rig.run(1_000)
    const output = rig.output('out')
    expect(output).toMatchObject({ phase: 'running', shown: ['a'] })
    expect(rig.status.outputs.map(({ id }) => id)).toEqual(['out'])
    await rig.answer(rig.channel.removeOutput(OUT))
    const shown = output.emitted.length
    await rig.run(1_000)
    expect(output).toMatchObject({ phase: 'ended', emitted: { length: shown } })
    expect(rig.status.outputs).toEqual([])
    await expect(rig.channel.removeOutput(OUT)).rejects.toThrow('there is no output "out"')
  })

  it('reports each change of its state once, with the reason while it does not run', async () => {
    await start({ a: {} }, { outputs: [{ id: 'out', url: 'rig:' }] })
    const output = rig.output('out')
    await rig.run(1_000)
    Object.assign(output, { state: 'waiting', lastError: 'refused' })
    await rig.run(1_000)
    output.state = 'running'
    await rig.run(1_000)
    expect(rig.told('output_state').map(({ state, reason }) => [state, reason])).toEqual([
      ['running', undefined],
      ['waiting', 'refused'],
      ['running', undefined],
    ])
  })

  it('that throws is detached, and the program and the others continue', async () => {
    const outputs = ['bad', 'good'].map((id) => ({ id, url: 'rig:' }))
    await start({ a: {} }, { outputs })
    const bad = rig.output('bad')
    bad.emitted.push = () => {
      throw new Error('no room')
    }
    await rig.run(2_000)
    expect(bad.state).toBe('failed')
    expect(rig.output('good').emitted.length).toBeGreaterThan(200)
    expect(rig.told('warning')).toEqual([])
  })

  it('that packages segments has sources conformed whose random access points are too far apart', async () => {
    await start({ a: {}, b: { gop: 100 } }, { outputs: [{ id: 'out', url: 'rig:' }] })
    expect(rig.transcoders).toEqual([])
    await rig.channel.removeOutput(OUT)
    rig.outputMaxGopTicks = 2 * 90_000
    await rig.channel.addOutput({ id: OUT, url: 'rig:' })
    await rig.run(10_000)
    expect(rig.transcoders.map(({ source }) => source)).toEqual(['b'])
  })

  it('under an id that is taken is an error', async () => {
    await start({ a: {} }, { outputs: [{ id: 'out', url: 'rig:' }] })
    await expect(rig.channel.addOutput({ id: OUT, url: 'rig:' })).rejects.toThrow('exists already')
  })
})

describe('events', () => {
  it('are numbered without gaps, and end for whoever stops to listen', async () => {
    await start({ a: {}, b: {} })
    const seen: number[] = []
    const stop = rig.channel.events(2, ({ id }) => seen.push(id))
    await rig.take('b')
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => n + 3))
    expect(seen.at(-1)).toBe(rig.events.length)
    stop()
    await rig.take('a')
    expect(seen.at(-1)).toBeLessThan(rig.events.length)
  })
})

describe('the end', () => {
  const opened = async (): Promise<void> => {
    await start(
      { a: {}, b: SMALL, never: { startsAfterMs: Number.POSITIVE_INFINITY }, dead: {} },
      { outputs: [{ id: 'out', url: 'rig:' }] },
    )
    rig.camera('dead').breakDown()
    await rig.take('b', { bus: PREVIEW })
    await rig.run(1_000)
  }

  it('leaves nothing, and answers pending takes', async () => {
    await opened()
    const take = rig.channel.take({ source: 'never' as SourceId })
    await rig.close()
    expect(await take).toMatchObject({ ok: false, why: 'channel_stopped' })
    expect(rig.events.at(-1)).toEqual({ type: 'channel_stopped' })
    expect(rig.output('out').phase).toBe('ended')
  })

  it('comes when the last output has ended', async () => {
    await opened()
    let finish = (): void => {}
    rig.output('out').lastWork = new Promise((resolve) => (finish = resolve))
    let state = 'open'
    const closed = rig.close().then(() => (state = 'closed'))
    await rig.run(1_000)
    expect(state).toBe('open')
    finish()
    await closed
  })

  it('leaves nothing while a cut settles, a failover waits, and before the program has started', async () => {
    await opened()
    void rig.channel.take({ source: B })
    await rig.until('the cut', () => rig.program.onAir === 'b', 3_000)
    await rig.close()
    await start({ a: {}, never: { ...STANDBY, startsAfterMs: Number.POSITIVE_INFINITY } })
    await rig.channel.changeSource(A, { thresholds: { stallMs: 100 } })
    rig.camera('a').fallSilent()
    await rig.run(300)
    await rig.close()
    rig = new ChannelRig({ sources: { a: { startsAfterMs: Number.POSITIVE_INFINITY } } })
    await rig.run(100)
  })
})

describe('bitrates', () => {
  it('are right at the first reading, however long nobody has read the status', async () => {
    await start({ a: {}, a2: {} })
    await rig.run(10_000)
    const { sources, program } = rig.status
    const [a] = sources
    const video = a!.tracks.find(({ kind }) => kind === 'video')!
    expect(video.bitrate).toBeGreaterThan(10_000)
    // The camera of the rig counts payload alone.
    expect(a!.bitrate).toBeGreaterThanOrEqual(video.bitrate * 0.9)
    expect(program.bitrate).toBeGreaterThan(video.bitrate)
  })

  it('fall to 0 within two seconds where nothing comes any more', async () => {
    await start({ a: {}, b: {} })
    await rig.run(5_000)
    rig.camera('b').fallSilent()
    await rig.run(3_000)
    const b = rig.status.sources.find(({ id }) => id === 'b')!
    expect([b.bitrate, ...b.tracks.map(({ bitrate }) => bitrate)]).toEqual([0, 0, 0])
  })

  it('stay when a source is removed whose id their own begins with', async () => {
    await start({ a: {}, a2: {} })
    await rig.run(5_000)
    const before = rig.status.sources.find(({ id }) => id === 'a2')!.bitrate
    await rig.channel.removeSource(sourceId('a'))
    expect(rig.status.sources.find(({ id }) => id === 'a2')!.bitrate).toBeCloseTo(before, -3)
    expect(before).toBeGreaterThan(0)
  })
})
