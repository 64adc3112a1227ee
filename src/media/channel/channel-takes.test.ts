import { afterEach, describe, expect, it } from 'vitest'
import { violationsOf, type Emitted } from '../../../test/helpers/bus-rig.ts'
import { ChannelRig, RIG_EPOCH, type ChannelRigOptions } from '../../../test/helpers/channel-rig.ts'
import { RIG_AUDIO, RIG_VIDEO } from '../../../test/helpers/rig-camera.ts'
import type { TakeAnswer, TakeRefusal } from '../../contract/commands.ts'
import { PREVIEW, sourceId } from '../../contract/ids.ts'

let rig: ChannelRig
afterEach(() => rig.close())

const NEVER = { startsAfterMs: Number.POSITIVE_INFINITY }

const start = async (
  sources: ChannelRigOptions['sources'],
  spec: ChannelRigOptions['spec'] = {},
): Promise<ChannelRig> => {
  rig = await ChannelRig.start({ sources, spec })
  return rig
}

describe('a take is refused, with the reason and a sentence', () => {
  const cases: readonly (readonly [TakeRefusal, string, () => Promise<TakeAnswer>])[] = [
    [
      'unknown_source',
      'there is no source "x"; there is "a"',
      async () => {
        await start({ a: {} })
        return rig.take('x')
      },
    ],
    [
      'already_on_air',
      '"a" is on air already',
      async () => {
        await start({ a: {} })
        return rig.take('a')
      },
    ],
    [
      'superseded',
      'a newer take (of "b") came before its splice point',
      async () => {
        await start({ a: {}, b: {}, never: NEVER })
        const first = rig.channel.take({ source: sourceId('never') })
        await rig.take('b')
        return first
      },
    ],
    [
      'source_failed',
      '"b" is not running: connection refused',
      async () => {
        await start({ a: {}, b: {} })
        rig.camera('b').breakDown()
        await rig.run(1_000)
        return rig.take('b')
      },
    ],
    [
      'start_timeout',
      '"b" brought nothing within 3000 ms: no media came',
      async () => {
        await start(
          { a: {}, b: { ...NEVER, spec: { ingest: 'standby' } } },
          { startTimeoutMs: 3_000 },
        )
        return rig.take('b')
      },
    ],
    [
      'no_random_access_point',
      'no random access point of "b" came in time',
      async () => {
        await start({ a: {}, b: { gop: 200 } }, { startTimeoutMs: 2_000 })
        return rig.take('b', { mode: 'graceful' })
      },
    ],
    [
      'formats_differ',
      `"b" cannot follow: audio is mp2, the channel's is aac, and conform is "copy"`,
      async () => {
        const audio = { ...RIG_AUDIO, codec: 'mp2', profile: '', frameSamples: 1_152 } as const
        await start({ a: {}, b: { audio, spec: { conform: 'copy' } } })
        return rig.take('b')
      },
    ],
    [
      'not_conformed_yet',
      `"b" is not ready in the channel's format yet`,
      async () => {
        // Its pictures come, its announced audio does not: what it is stays unknown.
        const b = { sends: 'video', startsAfterMs: 3_500 } as const
        await start({ a: {}, b }, { startTimeoutMs: 1_000 })
        return rig.take('b')
      },
    ],
    [
      'timelines_differ',
      '"b" does not carry the encoder timeline of the source on air: use cutover or graceful',
      async () => {
        await start({ a: {}, b: { startPts: 9_000_000 } }, { startTimeoutMs: 2_000 })
        return rig.take('b', { mode: 'seamless' })
      },
    ],
    [
      'too_far_apart',
      '"b" is further behind or ahead than the buffers hold: raise the latency, or use cutover or graceful',
      async () => {
        await start({ a: {}, b: { startPts: 1_620_000 } }, { startTimeoutMs: 2_000 })
        return rig.take('b', { mode: 'seamless' })
      },
    ],
    [
      'source_removed',
      'source "never" was removed',
      async () => {
        await start({ a: {}, never: NEVER })
        const answer = rig.channel.take({ source: sourceId('never') })
        await rig.channel.removeSource(sourceId('never'))
        return answer
      },
    ],
    [
      'channel_stopped',
      'the program has not started yet: try again in some seconds',
      async () => {
        rig = new ChannelRig({ sources: { a: NEVER } })
        await rig.run(100)
        return rig.channel.take({ source: sourceId('a') })
      },
    ],
  ]

  it.each(cases)('%s: %s', async (why, message, take) => {
    const answer = await take()
    expect(answer).toMatchObject({ ok: false, bus: 'program', why, message })
    expect(rig.told('take_refused').map(({ answer: told }) => told)).toContainEqual(answer)
    if (why !== 'channel_stopped') expect(violationsOf(rig.tape.emitted)).toEqual([])
  })
})

it('a take is refused whose video an output cannot follow', async () => {
  const small = { video: { ...RIG_VIDEO, width: 640, height: 360 }, spec: { conform: 'copy' } }
  await start({ a: {}, b: small as never }, { outputs: [{ id: 'out', url: 'rig:' }] })
  rig.output('out').takesOnly = { width: 1_280 }
  expect(await rig.take('b')).toMatchObject({
    ok: false,
    why: 'formats_differ',
    message: 'output "out": it takes video of width 1280 only',
  })
  // Preview has no outputs.
  expect(await rig.take('b', { bus: PREVIEW })).toMatchObject({ ok: true })
  rig.output('out').takesOnly = { width: 640 }
  expect(await rig.take('b')).toMatchObject({ ok: true })
})

it('a bus that there is not is an error', async () => {
  await start({ a: {} })
  await expect(rig.channel.take({ source: sourceId('a'), bus: 'x' as never })).rejects.toThrow(
    'there is no bus "x"',
  )
})

describe('a take', () => {
  it.each(['cutover', 'graceful', 'seamless'] as const)(
    '%s is answered with measurements on the program',
    async (mode) => {
      await start({ a: {}, b: {} })
      const at = rig.clock.now()
      const answer = await rig.take('b', { mode })
      await rig.run(2_000)
      const cut = rig.tape.cuts.at(-1)!
      expect(answer).toMatchObject({ ok: true, from: 'a', source: 'b', mode, executed: mode })
      expect(answer).toMatchObject({ programTime: cut.at, waitMs: cut.wall - at, gapMs: 0 })
      if (answer.ok) expect(answer.wallTime).toBe(RIG_EPOCH + cut.wall)
      expect(rig.told('take_done').map(({ answer: told }) => told)).toEqual([answer])
      expect(rig.standing).toBe('b on air, b wanted, nothing pending')
      expect(rig.program).toMatchObject({ takes: 1, failovers: 0 })
      expect(violationsOf(rig.tape.emitted)).toEqual([])
    },
  )

  it('reports the gap that it left', async () => {
    // Without latency a source that begins its group late leaves a hole.
    await start({ a: {}, b: { gop: 25 } }, { latencyMs: 0 })
    rig.camera('a').fallSilent()
    await rig.run(300)
    const answer = await rig.take('b')
    const pictures = rig.tape.emitted.filter(({ kind }) => kind === 'video')
    const first = pictures.findIndex(({ tag }) => tag === 'b')
    const shown = pictures.slice(0, first).map(({ pts }) => pts)
    const gap = (pictures[first]!.pts - Math.max(...shown) - 3_600) / 90
    expect(gap).toBeGreaterThan(100)
    if (answer.ok) expect(answer.gapMs).toBeCloseTo(gap, 0)
    expect(answer.ok).toBe(true)
  })

  it('at a time is made at the first splice point after it, and is no wish before', async () => {
    await start({ a: {}, b: {}, c: {} })
    const at = rig.clock.now() + 5_000
    const pending = rig.channel.take({ source: sourceId('b'), at: RIG_EPOCH + at })
    await rig.run(4_900)
    expect(rig.standing).toBe('a on air, a wanted, b pending')
    const answer = await rig.answer(pending)
    expect(answer.ok && answer.wallTime - RIG_EPOCH - at).toBeLessThan(1_100)
    expect(answer.ok && answer.wallTime - RIG_EPOCH).toBeGreaterThanOrEqual(at)
  })

  it('of a source that waits to be restarted starts it at once', async () => {
    await start({ a: {}, b: { spec: { ingest: 'standby' } } })
    expect(await rig.take('b')).toMatchObject({ ok: true, source: 'b' })
    expect(rig.camera('b').opened).toBe(1)
  })

  it('of the source that failover put on the air makes it wanted: no revert follows', async () => {
    await start({ a: {}, b: {} })
    rig.camera('a').kill()
    await rig.onAir('b')
    expect(rig.standing).toBe('b on air, a wanted, nothing pending')
    expect(await rig.take('b')).toMatchObject({ why: 'already_on_air' })
    await rig.run(30_000)
    expect(rig.standing).toBe('b on air, b wanted, nothing pending')
    expect(rig.moves).toEqual(['failover: a > b'])
  })

  it('of the slate stays until a take of a source', async () => {
    await start({ a: {}, b: {} })
    await rig.take('slate')
    await rig.run(20_000)
    expect(rig.standing).toBe('slate on air, slate wanted, nothing pending')
    expect(await rig.take('b')).toMatchObject({ ok: true, from: 'slate' })
  })
})

describe('preview', () => {
  it('carries its own source, which is taken to the program from there', async () => {
    await start({ a: {}, b: {} })
    expect(await rig.channel.takePreview()).toMatchObject({ ok: false, why: 'unknown_source' })
    expect(await rig.take('b', { bus: PREVIEW })).toMatchObject({ ok: true, bus: 'preview' })
    expect(rig.status.preview).toMatchObject({ onAir: 'b', takes: 1 })
    expect(rig.standing).toBe('a on air, a wanted, nothing pending')
    const answer = await rig.answer(rig.channel.takePreview('graceful'))
    expect(answer).toMatchObject({ ok: true, bus: 'program', source: 'b', mode: 'graceful' })
  })

  it('shows the slate where its source fails: no substitute', async () => {
    await start({ a: {}, b: {} })
    await rig.take('b', { bus: PREVIEW })
    rig.camera('b').breakDown()
    await rig.run(5_000)
    expect(rig.status.preview).toMatchObject({ onAir: 'slate', wanted: 'b' })
    expect(rig.program.onAir).toBe('a')
  })
})

describe('settings of a single source', () => {
  const shownAt = (kind: Emitted['kind'], tag: string): Emitted[] =>
    rig.tape.emitted.filter((unit) => unit.kind === kind && unit.tag === tag)

  /** Audio against video, as the source has them and as the program shows them, ticks. */
  const lipSyncOf = (tag: string): number => {
    const picture = shownAt('video', tag)[0]!
    const frame = shownAt('audio', tag).at(-1)!
    return frame.pts - picture.pts - (frame.frame * 1_920 - picture.frame * 3_600)
  }

  it.each([0, 300, -300])('lipSyncMs %d moves its audio against its video', async (lipSyncMs) => {
    await start({ a: {}, b: { spec: { lipSyncMs } } })
    await rig.take('b')
    // Within one chunk of the camera, where its audio frames are counted.
    await rig.run(1_500)
    expect(Math.abs(lipSyncOf('b') / 90 - lipSyncMs)).toBeLessThanOrEqual(22)
    expect(violationsOf(rig.tape.emitted)).toEqual([])
  })

  it.each([0, 2_000])('delayMs %d holds it back beyond the latency', async (delayMs) => {
    await start({ a: { spec: { delayMs } } })
    await rig.run(2_000)
    const picture = shownAt('video', 'a').at(-1)!
    // The camera's first picture arrived at 0 ms; decode order is up to three frames from that of presentation.
    const rested = picture.wall - picture.frame * 40
    expect(Math.abs(rested - 800 - delayMs)).toBeLessThan(150)
    expect(rig.program.delayMs - 800 - delayMs).toBeLessThan(150)
  })
})
