import { describe, expect, it } from 'vitest'
import { BusRig, createRigSource } from '../../../test/helpers/bus-rig.ts'

const SHAPES = [
  { name: 'no reordering', a: { reorder: 'IP', gop: 25 }, b: { reorder: 'IP', gop: 40 } },
  { name: 'B-frames into none', a: { reorder: 'IPBB', gop: 25 }, b: { reorder: 'IP', gop: 30 } },
  {
    name: 'none into a pyramid',
    a: { reorder: 'IP', gop: 25 },
    b: { reorder: 'pyramid', gop: 33 },
  },
  {
    name: 'pyramid into B-frames',
    a: { reorder: 'pyramid', gop: 48 },
    b: { reorder: 'IPB', gop: 24 },
  },
  {
    name: '25 into 30 frames per second',
    a: { fps: 25, reorder: 'IPBB', gop: 50 },
    b: { fps: 30, reorder: 'IPBB', gop: 60 },
  },
] as const

describe('a bus', () => {
  for (const mode of ['cutover', 'graceful'] as const) {
    for (const shape of SHAPES) {
      it(`is continuous over takes by ${mode}: ${shape.name}`, () => {
        const s0 = createRigSource('s0', { ...shape.a, start: 1_000, audioLead: 700 })
        const s1 = createRigSource('s1', {
          ...shape.b,
          start: 77_000_123,
          audioLead: -300,
          from: 137,
          arrivalJitterMs: 60,
        })
        const rig = new BusRig([s0, s1])
        rig.setWanted('s0')
        rig.run(3_000)
        expect(rig.bus.onAir).toBe('s0')
        for (let i = 0; i < 12; i++) {
          rig.take(i % 2 === 0 ? 's1' : 's0', mode)
          rig.run(2_630)
        }
        expect(rig.refusals).toEqual([])
        expect(rig.executed.length).toBe(12)
        expect(rig.violations()).toEqual([])
        expect(rig.bus.figures.slateMs).toBeLessThan(2_500)
        for (const { made } of rig.executed) expect(made.gap).toBe(0)
      })
    }
  }

  it('takes ten times a second for a minute without a gap', () => {
    const s0 = createRigSource('s0', { reorder: 'IPBB', gop: 25 })
    const s1 = createRigSource('s1', {
      reorder: 'pyramid',
      gop: 50,
      start: 8_000_000,
      audioLead: 555,
    })
    const rig = new BusRig([s0, s1])
    rig.setWanted('s0')
    rig.run(4_000)
    for (let i = 0; i < 600; i++) {
      rig.take(i % 2 === 0 ? 's1' : 's0', 'cutover')
      rig.run(100)
    }
    expect(rig.violations()).toEqual([])
    expect(rig.executed.length).toBeGreaterThan(300)
  })

  it('cuts within one frame, or the rest of a reorder group, by cutover', () => {
    const s0 = createRigSource('s0', { reorder: 'IPBB', gop: 25 })
    const s1 = createRigSource('s1', { reorder: 'IP', gop: 100, start: 8_000_000 })
    const rig = new BusRig([s0, s1])
    rig.setWanted('s0')
    rig.run(5_000)
    rig.take('s1', 'cutover')
    const asked = rig.now
    rig.run(1_000)
    const first = rig.video().find((unit) => unit.tag === 's1')!
    expect(first.wall - asked).toBeLessThanOrEqual(3 * 40 + 10)
    expect(first.rap).toBe(true)
    expect(rig.executed[0]!.made.addedDelayMs).toBeGreaterThan(0)
    expect(rig.executed[0]!.made.addedDelayMs).toBeLessThanOrEqual(4_000)
  })

  it.each([
    ['stalls', (s: ReturnType<typeof createRigSource>) => s.stall('lost')],
    ['stalls and delivers late', (s: ReturnType<typeof createRigSource>) => s.stall('late')],
    ['ends', (s: ReturnType<typeof createRigSource>) => s.end()],
  ])('loses no frame when the source on air %s and a hot backup stands by', (_how, fail) => {
    const s0 = createRigSource('s0', { reorder: 'IPBB', gop: 25, audioLead: 400 })
    const s1 = createRigSource('s1', { reorder: 'pyramid', gop: 50, start: 8_000_000 })
    const rig = new BusRig([s0, s1])
    rig.setWanted('s0', 's1')
    rig.run(5_000)
    fail(s0)
    rig.run(4_000)
    expect(rig.bus.onAir).toBe('s1')
    expect(rig.cuts.at(-1)!.cause).toBe('failover')
    expect(rig.violations()).toEqual([])
    expect(rig.bus.figures.silenceInserted).toBeLessThanOrEqual(2 + 120)
  })

  it('does not notice a stall shorter than the latency', () => {
    const s0 = createRigSource('s0', {})
    const rig = new BusRig([s0, createRigSource('s1', { start: 5 })])
    rig.setWanted('s0', 's1')
    rig.run(5_000)
    const cuts = rig.cuts.length
    s0.stall('late')
    rig.run(700)
    s0.resume()
    rig.run(3_000)
    expect(rig.cuts.length).toBe(cuts)
    expect(rig.violations()).toEqual([])
  })

  it('plays the slate when nothing is left, and leaves it as soon as the source returns', () => {
    const s0 = createRigSource('s0', { reorder: 'IPBB' })
    const rig = new BusRig([s0])
    rig.setWanted('s0')
    rig.run(4_000)
    s0.stall('lost')
    rig.run(3_000)
    expect(rig.bus.onAir).toBe('slate')
    s0.restart({ start: 0, afterMs: 0 })
    s0.resume()
    rig.run(3_000)
    expect(rig.bus.onAir).toBe('s0')
    expect(rig.violations()).toEqual([])
  })

  it('keeps an operator slate until the next take', () => {
    const rig = new BusRig([createRigSource('s0')])
    rig.setWanted('s0')
    rig.run(3_000)
    rig.setWanted('slate', 's0')
    rig.take('slate', 'cutover')
    rig.run(5_000)
    expect(rig.bus.onAir).toBe('slate')
    expect(rig.violations()).toEqual([])
  })

  it.each([0, 2 ** 33 - 200_000, 123_456_789])(
    'splices the same source again when its encoder restarts at time %d',
    (start) => {
      const s0 = createRigSource('s0', { reorder: 'pyramid', gop: 25, start: 50_000_000 })
      const rig = new BusRig([s0])
      rig.setWanted('s0')
      for (let i = 0; i < 5; i++) {
        rig.run(4_000)
        s0.restart({ start: start + i * 17, afterMs: 30 })
      }
      rig.run(4_000)
      expect(rig.violations()).toEqual([])
      expect(rig.cuts.filter((cut) => cut.cause === 'source_jump').length).toBe(5)
      expect(rig.cuts.filter((cut) => cut.to === 'slate')).toEqual([])
    },
  )

  it.each([0, 3_000, 123.5])(
    'joins identical twins at any unit, neither repeating nor losing a frame (%d ms apart)',
    (offset) => {
      const s0 = createRigSource('s0', { reorder: 'IPBB', gop: 50, start: 1_000 })
      const s1 = createRigSource('s0', {
        reorder: 'IPBB',
        gop: 50,
        start: 1_000 + offset * 90,
        from: 150,
      })
      const twin = Object.assign(s1, { id: 's1' as typeof s1.id })
      const rig = new BusRig([s0, twin])
      rig.setWanted('s0')
      rig.run(4_000)
      for (let i = 0; i < 20; i++) {
        rig.take(i % 2 === 0 ? 's1' : 's0', 'seamless')
        rig.run(777)
      }
      expect(rig.refusals).toEqual([])
      expect(rig.executed.length).toBe(20)
      expect(rig.violations()).toEqual([])
      expect(repeatedOrLost(rig.video())).toEqual([])
      expect(repeatedOrLost(rig.audio())).toEqual([])
    },
  )

  it('joins aligned twins at their common random access points', () => {
    const s0 = createRigSource('s0', { reorder: 'IPBB', gop: 25, start: 1_000 })
    const s1 = createRigSource('s1', { reorder: 'IPBB', gop: 25, start: 1_000, from: 200 })
    const rig = new BusRig([s0, s1])
    rig.setWanted('s0')
    rig.run(4_000)
    for (let i = 0; i < 10; i++) {
      rig.take(i % 2 === 0 ? 's1' : 's0', 'seamless')
      rig.run(2_000)
    }
    expect(rig.refusals).toEqual([])
    expect(rig.violations()).toEqual([])
    expect(repeatedOrLost(rig.video())).toEqual([])
  })

  it('refuses a seamless take between unrelated sources with the reason', () => {
    const rig = new BusRig([
      createRigSource('s0'),
      createRigSource('s1', { start: 90_000_000, gop: 31 }),
    ])
    rig.setWanted('s0')
    rig.run(4_000)
    rig.take('s1', 'seamless')
    rig.run(20_000)
    expect(rig.refusals).toEqual(['timelines_differ'])
    expect(rig.bus.onAir).toBe('s0')
    expect(rig.violations()).toEqual([])
  })

  it('plays a source that arrives by the segment without a gap', () => {
    const hls = createRigSource('hls', { burstMs: 4_000, gop: 50 })
    const rig = new BusRig([hls, createRigSource('s1', { start: 5, fps: 25 })])
    rig.setWanted('s1')
    rig.run(21_000)
    rig.take('hls', 'cutover')
    rig.setWanted('hls', 's1')
    rig.run(30_000)
    expect(rig.bus.onAir).toBe('hls')
    expect(rig.cuts.filter((cut) => cut.to === 'hls').length).toBe(1)
    expect(rig.violations()).toEqual([])
  })

  it('reads a finite source only as fast as it plays, and continues where it was left', () => {
    const clip = createRigSource('clip', { live: false, gop: 25 })
    const rig = new BusRig([createRigSource('s0'), clip])
    rig.setWanted('s0')
    rig.run(3_000)
    for (let i = 0; i < 5; i++) {
      rig.take('clip', 'cutover')
      rig.run(3_000)
      rig.take('s0', 'cutover')
      rig.run(3_000)
    }
    expect(rig.violations()).toEqual([])
    expect(clip.buffer.heldMs).toBeLessThan(6_000)
    const shown = rig.video().filter((unit) => unit.tag === 'clip')
    expect(shown.length).toBeGreaterThan(5 * 70)
    expect(new Set(shown.map((unit) => unit.frame)).size).toBe(shown.length)
  })

  it.each([300, -300])('follows a source whose clock is %d ppm off, without a step', (ppm) => {
    const rig = new BusRig([createRigSource('s0', { ppm, reorder: 'IP', count: 15_500 })])
    rig.setWanted('s0')
    rig.run(300_000)
    const half = rig.bus.programTime
    rig.run(300_000)
    expect(rig.cuts.length).toBe(1)
    expect(rig.violations()).toEqual([])
    const rate = (rig.bus.programTime - half) / 90 / 300_000
    expect((rate - 1) * 1e6).toBeCloseTo(-ppm, -2)
    expect(Math.abs((rate - 1) * 1e6 + ppm)).toBeLessThan(15)
  })

  it('passes units as they come with latency 0, and fails over after the stall threshold', () => {
    const s0 = createRigSource('s0', { latencyMs: 0, reorder: 'IPBB' })
    const s1 = createRigSource('s1', { latencyMs: 0, start: 7_000_000, gop: 20 })
    const rig = new BusRig([s0, s1], { latencyMs: 0, stallMs: 500 })
    rig.setWanted('s0', 's1')
    rig.run(5_000)
    expect(rig.violations()).toEqual([])
    const at = rig.now
    s0.stall('lost')
    rig.run(3_000)
    const cut = rig.cuts.at(-1)!
    expect(cut.to).toBe('s1')
    expect(cut.wallMs - at).toBeGreaterThan(400)
    expect(cut.wallMs - at).toBeLessThan(1_000)
    expect(rig.violations().filter((text) => text.includes('DTS'))).toEqual([])
  })

  it('never shows two pictures at one time when units come later than the clock waits, with latency 0', () => {
    const shape = { fps: 10, gop: 20, reorder: 'pyramid', arrivalJitterMs: 450 } as const
    const rig = new BusRig([createRigSource('s0', { latencyMs: 0, ...shape })], { latencyMs: 0 })
    rig.setWanted('s0')
    rig.run(60_000)
    expect(rig.holes).toBeGreaterThan(0)
    const broken = rig.violations({ maxFrame: 9_000 }).filter((text) => !text.includes('gap'))
    expect(broken.filter((text) => !text.includes('audio hole'))).toEqual([])
  })

  it('switches audio-only channels on the frame grid', () => {
    const s0 = createRigSource('s0', { hasVideo: false })
    const s1 = createRigSource('s1', { hasVideo: false, start: 5_000_111 })
    const rig = new BusRig([s0, s1], { hasVideo: false })
    rig.setWanted('s0', 's1')
    rig.run(4_000)
    for (let i = 0; i < 20; i++) {
      rig.take(i % 2 === 0 ? 's1' : 's0', i % 3 === 0 ? 'graceful' : 'cutover')
      rig.run(500)
    }
    s0.stall('lost')
    rig.run(3_000)
    expect(rig.executed.length).toBe(20)
    expect(rig.bus.onAir).toBe('s1')
    expect(rig.video()).toEqual([])
    expect(rig.violations()).toEqual([])
    expect(rig.audio().at(-1)!.pts).toBeGreaterThan(900_000 + 16 * 90_000)
  })

  it('plays slate video for a source without video, and silence for one without audio', () => {
    const radio = createRigSource('radio', { hasVideo: false })
    const mute = createRigSource('mute', { audioTicks: 0, start: 33 })
    const rig = new BusRig([radio, mute])
    rig.setWanted('radio')
    rig.run(5_000)
    expect(rig.bus.onAir).toBe('radio')
    rig.take('mute', 'cutover')
    rig.run(3_000)
    rig.take('radio', 'graceful')
    rig.run(3_000)
    expect(rig.executed.length).toBe(2)
    expect(rig.violations()).toEqual([])
    expect(rig.audio().some((unit) => unit.tag === 'radio')).toBe(true)
    expect(rig.video().some((unit) => unit.tag === 'mute')).toBe(true)
  })
})

/** Frames of twins have the same numbers: each must be one above the one before. */
function repeatedOrLost(
  units: readonly { readonly tag: string; readonly frame: number; readonly pts: number }[],
): string[] {
  const frames = units
    .filter((unit) => unit.tag !== 'slate' && unit.tag !== 'silence')
    .sort((a, b) => a.pts - b.pts)
    .map((unit) => unit.frame)
    .slice(0, -8)
  return frames.flatMap((frame, i) =>
    i > 0 && frame !== frames[i - 1]! + 1 ? [`${frames[i - 1]} then ${frame}`] : [],
  )
}
