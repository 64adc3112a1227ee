import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { playScenario, scenario } from '../../../test/helpers/random-scenarios.ts'
import { BusRig, createRigSource } from '../../../test/helpers/bus-rig.ts'
import { sourceId } from '../../contract/ids.ts'

describe('a bus with faulty sources', () => {
  it('keeps its timeline over any sources, takes and failures', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        expect(playScenario(given)).toEqual([])
      }),
      { numRuns: 25, seed: 20_261_121 },
    )
  })

  it('switches between audio-only sources and sources with video by one cut each', () => {
    const rig = new BusRig([
      createRigSource('radio', { hasVideo: false, count: 600 }),
      createRigSource('mute', { audioTicks: 0, start: 33, count: 600 }),
    ])
    rig.setWanted('radio')
    rig.run(4_000)
    rig.take('mute', 'cutover')
    rig.run(3_000)
    rig.take('radio', 'graceful')
    rig.run(3_000)
    expect(rig.cuts.map(({ to }) => to)).toEqual(['radio', 'mute', 'radio'])
    expect(rig.violations()).toEqual([])
  })

  it.each([10, 5, 1])(
    'enters a source that reorders by two frames at %d frames per second',
    (fps) => {
      const deep = createRigSource('deep', {
        fps,
        reorder: 'pyramid',
        gop: 40,
        count: fps * 60,
        start: 77_000,
      })
      const rig = new BusRig([createRigSource('s0', { reorder: 'IP', count: 800 }), deep], {
        latencyMs: 800,
      })
      rig.setWanted('s0')
      rig.run(11_000)
      rig.take('deep', 'cutover')
      rig.run(1_500)
      expect(rig.cuts.map(({ to, cause }) => `${to} ${cause}`)).toEqual(['s0 start', 'deep take'])
      expect(rig.holes).toBe(0)
      expect(rig.violations({ maxFrame: 90_000 / fps })).toEqual([])
    },
  )

  it('starts with a source that reorders, and sends no timestamp before the start of the program', () => {
    const clip = createRigSource('clip', {
      live: false,
      fps: 5,
      reorder: 'pyramid',
      gop: 20,
      count: 100,
    })
    const rig = new BusRig([clip], { start: 900_000 })
    rig.setWanted('clip')
    rig.run(5_000)
    expect(Math.min(...rig.emitted.map(({ dts }) => dts))).toBeGreaterThanOrEqual(900_000 - 90)
    expect(rig.violations({ maxFrame: 18_000 })).toEqual([])
  })

  it.each([
    ['with video', { hasVideo: true }],
    ['without', { hasVideo: false }],
  ])('does not play the end of a clip again: %s', (_what, kind) => {
    const clip = createRigSource('clip', {
      ...kind,
      live: false,
      gop: 1,
      reorder: 'IP',
      count: 100,
    })
    const rig = new BusRig([clip], { hasVideo: kind.hasVideo })
    rig.setWanted('clip')
    rig.run(2_000)
    clip.end()
    rig.run(5_000)
    expect(rig.cuts.map(({ to }) => to)).toEqual(['clip', 'slate'])
    const shown = (kind.hasVideo ? rig.video() : rig.audio()).filter(({ tag }) => tag === 'clip')
    expect(new Set(shown.map(({ frame }) => frame)).size).toBe(shown.length)
  })

  it('reads no further ahead in a clip of one long group than in any other', () => {
    const clip = createRigSource('clip', { live: false, gop: 5_000, count: 3_000 })
    const rig = new BusRig([clip, createRigSource('s1', { count: 800 })])
    rig.setWanted('clip')
    rig.run(4_000)
    expect(rig.bus.onAir).toBe('clip')
    expect(clip.buffer.heldMs).toBeLessThan(3_500)
    rig.take('s1', 'cutover')
    rig.run(3_000)
    expect(clip.buffer.heldMs).toBeLessThan(3_500)
  })

  it('does not alternate quickly between the slate and a source that cannot keep its latency', () => {
    const rig = new BusRig(
      [
        createRigSource('s0', {
          latencyMs: 200,
          arrivalJitterMs: 300,
          gop: 1,
          reorder: 'IP',
          count: 800,
        }),
      ],
      { latencyMs: 200 },
    )
    rig.setWanted('s0')
    rig.run(20_000)
    expect(rig.cuts.length).toBeLessThan(16)
    expect(rig.violations()).toEqual([])
  })

  it.each([0, 40])(
    'returns to a source that froze and continues later than before, %d ms of jitter',
    (arrivalJitterMs) => {
      const s0 = createRigSource('s0', { arrivalJitterMs, gop: 25, count: 2_000 })
      const rig = new BusRig([s0])
      rig.setWanted('s0')
      rig.run(5_000)
      s0.freeze(3_000)
      rig.run(3_000)
      expect(rig.bus.onAir).toBe('slate')
      rig.run(6_000)
      expect(rig.bus.onAir).toBe('s0')
      rig.run(40_000)
      expect(rig.cuts.map(({ to }) => to)).toEqual(['s0', 'slate', 's0'])
      expect(rig.violations()).toEqual([])
    },
  )

  it('refuses a twin that lags behind by more than the buffers hold, in bounded time', () => {
    const s0 = createRigSource('s0', { gop: 25, count: 1_000 })
    const s1 = Object.assign(createRigSource('s0', { gop: 25, count: 1_000, from: 2_000 }), {
      id: sourceId('s1'),
    })
    const rig = new BusRig([s0, s1])
    rig.setWanted('s0')
    rig.run(5_000)
    rig.take('s1', 'seamless')
    rig.run(15_500)
    expect(rig.refusals).toEqual(['too_far_apart'])
    expect(rig.cuts.map(({ to }) => to)).toEqual(['s0'])
    expect(rig.violations()).toEqual([])
  })

  it.each(['cutover', 'graceful'] as const)(
    'takes by %s without latency, with reordering and jitter',
    (mode) => {
      const shape = { latencyMs: 0, arrivalJitterMs: 30, count: 2_000 }
      const s0 = createRigSource('s0', { ...shape, reorder: 'IPBB', gop: 25 })
      const s1 = createRigSource('s1', {
        ...shape,
        reorder: 'pyramid',
        gop: 50,
        start: 7_000_000,
        from: 130,
      })
      const rig = new BusRig([s0, s1], { latencyMs: 0, stallMs: 500 })
      rig.setWanted('s0', 's1')
      rig.run(5_000)
      for (let i = 0; i < 10; i++) {
        rig.take(i % 2 === 0 ? 's1' : 's0', mode)
        rig.run(3_500)
      }
      expect(rig.refusals).toEqual([])
      expect(rig.executed.length).toBe(10)
      expect(rig.cuts.filter(({ cause }) => cause === 'take').length).toBe(10)
    },
  )

  it('shows the only picture of a timeline segment for one frame duration', () => {
    const s0 = createRigSource('s0', {
      latencyMs: 200,
      fps: 10,
      gop: 1,
      reorder: 'IPBB',
      count: 200,
    })
    const rig = new BusRig([s0], { latencyMs: 200 })
    rig.setWanted('s0')
    rig.run(4_505)
    s0.restart({ start: 0, afterMs: 50 })
    rig.run(100)
    s0.stall('lost')
    rig.run(3_000)
    expect(rig.violations({ maxFrame: 9_000 })).toEqual([])
  })
})
