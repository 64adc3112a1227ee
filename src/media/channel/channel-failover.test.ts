import { afterEach, describe, expect, it } from 'vitest'
import { violationsOf } from '../../../test/helpers/bus-rig.ts'
import { ChannelRig, type RigSourceSpec } from '../../../test/helpers/channel-rig.ts'
import { RIG_VIDEO } from '../../../test/helpers/rig-camera.ts'

const RETURN_MS = 1_500
/** Conformed by a transcoder. */
const UNLIKE_A: RigSourceSpec = { video: { ...RIG_VIDEO, width: 640, height: 360 } }

let rig: ChannelRig
afterEach(() => rig.close())

/** `a` on the air before `b`, and further sources. */
const start = async (
  failover: object = {},
  sources: Readonly<Record<string, RigSourceSpec>> = { b: {} },
): Promise<void> => {
  const thresholds = { returnMs: RETURN_MS }
  rig = await ChannelRig.start({
    sources: { a: {}, ...sources },
    spec: { failover: { thresholds, ...failover } },
  })
  expect(rig.program.onAir).toBe('a')
}

/** The program was continuous, frame after frame. */
const expectFlawless = (): void => {
  expect(violationsOf(rig.tape.emitted)).toEqual([])
  expect(rig.tape.holes).toBe(0)
  expect(rig.program).toMatchObject({ silenceInserted: 0, videoFramesMissing: 0 })
}

describe('the source on the air fails, and a hot backup is there: no frame is missing', () => {
  it.each([
    ['of its own format', {}],
    ['that is transcoded', UNLIKE_A],
  ])('its process is killed, the backup is one %s', async (_, b) => {
    await start({}, { b })
    rig.camera('a').kill()
    await rig.onAir('b', 1_000)
    // Restarted, healthy for long enough, and returned to.
    await rig.onAir('a')
    await rig.run(2_000)
    expectFlawless()
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
  })

  it('is returned to no sooner than it has been healthy for returnMs', async () => {
    await start({ thresholds: { returnMs: 20_000 } })
    rig.camera('a').kill()
    await rig.onAir('b', 1_000)
    await rig.until('a healthy', () => rig.source('a').healthy)
    expect(await rig.onAir('a')).toBeGreaterThan(19_800)
  })

  it('its process hangs, is ended by the watchdog, and comes back', async () => {
    await start()
    rig.camera('a').hang()
    await rig.onAir('b', 3_000)
    await rig.onAir('a')
    await rig.run(2_000)
    expect(rig.camera('a').opened).toBe(2)
    expectFlawless()
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
  })

  it('its process hangs for some seconds and continues', async () => {
    await start()
    rig.camera('a').hang()
    await rig.onAir('b', 3_000)
    await rig.run(1_000)
    rig.camera('a').unhang()
    await rig.onAir('a')
    await rig.run(2_000)
    expect(rig.camera('a').opened).toBe(1)
    expectFlawless()
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
  })

  it('its process hangs for less than the latency: no effect on the program', async () => {
    await start()
    rig.camera('a').hang()
    await rig.run(400)
    rig.camera('a').unhang()
    await rig.run(5_000)
    expectFlawless()
    expect(rig.moves).toEqual([])
  })

  it('its network falls silent for some seconds', async () => {
    await start()
    rig.camera('a').fallSilent()
    await rig.onAir('b', 3_000)
    await rig.run(1_000)
    rig.camera('a').resume()
    await rig.onAir('a')
    await rig.run(2_000)
    expectFlawless()
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
  })
})

describe('at the start', () => {
  it('the wanted source has its time before a backup takes its place', async () => {
    rig = await ChannelRig.start({ sources: { a: { startsAfterMs: 2_500 }, b: {} } })
    await rig.run(2_000)
    expect(rig.tape.shown).toEqual(['slate', 'a'])
  })

  it('a backup comes when it has not come by then', async () => {
    rig = await ChannelRig.start({ sources: { a: { startsAfterMs: 30_000 }, b: {} } })
    await rig.onAir('b', 2_000)
    expect(rig.tape.shown).toEqual(['slate', 'b'])
  })
})

it('a source with an underrun on the air is unhealthy until it sends again', async () => {
  await start()
  const from = rig.events.length
  rig.camera('a').fallSilent()
  await rig.run(5_000)
  rig.camera('a').resume()
  await rig.run(2_000)
  const verdicts = rig.events
    .slice(from)
    .flatMap((event) => (event.type === 'source_health' ? [event.healthy] : []))
  expect(verdicts).toEqual([false, true])
})

describe('an encoder on the air restarts with other timestamps', () => {
  it('in the same connection, faster than the latency', async () => {
    await start()
    rig.camera('a').restartEncoder(200)
    await rig.run(10_000)
    expect(rig.program.onAir).toBe('a')
    expect(violationsOf(rig.tape.emitted)).toEqual([])
    expect(rig.tape.holes).toBe(0)
  })

  it('as a new connection, after a while', async () => {
    await start()
    rig.camera('a').breakDown()
    await rig.onAir('b', 1_000)
    await rig.run(5_000)
    rig.camera('a').mend()
    await rig.onAir('a')
    await rig.run(2_000)
    expectFlawless()
    expect(rig.moves).toEqual(['failover: a > b', 'revert: b > a'])
  })
})

describe('settings of failover by the operator', () => {
  it('revert manual: the backup stays until a take', async () => {
    await start({ revert: 'manual' })
    rig.camera('a').kill()
    await rig.onAir('b', 1_000)
    await rig.run(30_000)
    expect(rig.standing).toBe('b on air, a wanted, nothing pending')
    expect(await rig.take('a')).toMatchObject({ ok: true, from: 'b' })
  })

  it.each(['observe', 'off'] as const)(
    'failover %s: the slate covers for it, the backup does not',
    async (mode) => {
      await start({ mode })
      rig.camera('a').fallSilent()
      await rig.onAir('slate', 3_000)
      await rig.run(5_000)
      rig.camera('a').resume()
      await rig.onAir('a')
      await rig.run(2_000)
      expect(violationsOf(rig.tape.emitted)).toEqual([])
      expect(rig.moves).toEqual(['failover: a > slate', 'revert: slate > a'])
      const observed = rig.told('failover_observed').map(({ from, to }) => `${from} > ${to}`)
      expect(observed).toEqual(mode === 'observe' ? ['slate > b'] : [])
    },
  )
})

describe('no hot backup is left', () => {
  it('the slate plays, and yields to the first source that is there again', async () => {
    await start()
    rig.camera('b').fallSilent()
    await rig.until('b unhealthy', () => !rig.source('b').healthy)
    rig.camera('a').fallSilent()
    await rig.onAir('slate', 3_000)
    rig.camera('b').resume()
    await rig.onAir('b')
    await rig.run(2_000)
    expect(violationsOf(rig.tape.emitted)).toEqual([])
    expect(rig.moves).toEqual(['failover: a > slate', 'failover: slate > b'])
  })

  it('a standby backup is started', async () => {
    await start({}, { b: { spec: { ingest: 'standby' } } })
    expect(rig.source('b').state).toBe('stopped')
    rig.camera('a').fallSilent()
    await rig.onAir('b', 5_000)
    await rig.run(2_000)
    expect(violationsOf(rig.tape.emitted)).toEqual([])
    expect(rig.camera('b').opened).toBe(1)
  })
})
