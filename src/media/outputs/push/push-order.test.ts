import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import { DtsMerge } from './dts-merge.ts'
import { PushClock } from './push-clock.ts'
import type { PushFrame } from './push-frame.ts'
import { PushQueue } from './push-queue.ts'

const NONE = new Uint8Array(100)
const videoFrame = (dts: number, rap: 'key' | 'other' = 'other', pts = dts): PushFrame => ({
  kind: 'video',
  dts: ticks(dts),
  pts: ticks(pts),
  rap,
  bytes: NONE,
})
const audioFrame = (dts: number): PushFrame => ({ kind: 'audio', dts: ticks(dts), bytes: NONE })
const MS = 90

describe('the order of video and audio', () => {
  test('is that of DTS, in whatever order they arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 20, maxLength: 200 }), (turns) => {
        const out: number[] = []
        const merge = new DtsMerge(1e9, (frame) => void out.push(frame.dts))
        const next = { video: 0, audio: 7 }
        for (const isVideo of turns) {
          if (isVideo) merge.push(videoFrame((next.video += 3_600)))
          else merge.push(audioFrame((next.audio += 1_920)))
        }
        expect(out).toEqual(out.toSorted((a, b) => a - b))
      }),
    )
  })

  test('a track that is missing holds the other up for the patience, and no longer', () => {
    const out: number[] = []
    const merge = new DtsMerge(500 * MS, (frame) => void out.push(frame.dts))
    for (let at = 0; at <= 40; at++) {
      merge.push(videoFrame(at * 40 * MS))
      merge.advance(at * 40 * MS)
    }
    expect(out.length).toBe(28)
    merge.push(audioFrame(1_600 * MS))
    expect(out.length).toBe(42)
  })
})

const queueOf = (lagMs = 3_000) => new PushQueue({ lagMs, entryKind: 'video' })

/** A picture every 40 ms; a random access point every `gop`. */
const fill = (queue: PushQueue, from: number, count: number, gop = 25): void => {
  for (let at = from; at < from + count; at++) {
    queue.push(videoFrame(at * 40 * MS, at % gop === 0 ? 'key' : 'other'))
  }
}

describe('the queue of a destination', () => {
  test('starts at a random access point', () => {
    const queue = queueOf()
    fill(queue, 7, 30)
    expect(queue.take()).toMatchObject({ dts: 25 * 40 * MS, rap: 'key' })
  })

  test('with a longer lag, it continues at the newest random access point: one skip', () => {
    const queue = queueOf()
    fill(queue, 0, 10)
    expect(queue.take()?.dts).toBe(0)
    fill(queue, 10, 200)
    expect(queue.length).toBeLessThan(80)
    expect(queue.take()).toMatchObject({ rap: 'key' })
    expect(queue.skips).toBe(1)
    while (queue.take() !== undefined);
    expect(queue.skips).toBe(1)
  })

  test('where groups of pictures are longer than the lag, it waits for the next one', () => {
    const queue = queueOf(1_000)
    fill(queue, 0, 90, 100)
    expect(queue.length).toBe(0)
    fill(queue, 90, 15, 100)
    expect(queue.take()).toMatchObject({ dts: 100 * 40 * MS, rap: 'key' })
  })

  test('a new connection starts at the newest random access point, and counts no skip', () => {
    const queue = queueOf()
    fill(queue, 0, 60)
    queue.take()
    queue.restart()
    expect(queue.take()).toMatchObject({ dts: 50 * 40 * MS })
    expect(queue.skips).toBe(0)
  })

  test('holds no more than its lag and no more than 64 MB, and no reader is waited for', () => {
    const queue = queueOf(60_000)
    const bytes = new Uint8Array(1024 * 1024)
    let held = 0
    for (let at = 0; at < 400; at++) {
      queue.push({ ...videoFrame(at * 40 * MS, at % 25 === 0 ? 'key' : 'other'), bytes })
      held = Math.max(held, queue.length)
    }
    expect(held).toBeLessThanOrEqual(65)
  })

  test('without video every audio frame is a random access point', () => {
    const queue = new PushQueue({ lagMs: 1_000, entryKind: 'audio' })
    for (let at = 0; at < 500; at++) queue.push(audioFrame(at * 1_920))
    expect(queue.take()?.dts).toBeGreaterThan(400 * 1_920)
  })
})

describe('the milliseconds of a push', () => {
  test.each([
    ['29.97 pictures a second', 3_003],
    ['59.94', 1_501.5],
    ['23.976', 3_753.75],
  ])('do not drift at %s, and rise strictly', (_, step) => {
    const clock = new PushClock()
    let last = -1
    for (let at = 0; at < 200_000; at++) {
      const dts = 900_000 + at * step
      const { dtsMs } = clock.timesOf(videoFrame(dts))!
      if (dtsMs <= last) throw new Error(`no rise at ${at}`)
      if (Math.abs(dtsMs - (at * step) / 90) > 1) throw new Error(`drift at ${at}`)
      last = dtsMs
    }
  })

  test('start at 0 and continue whatever was dropped between; composition is never negative', () => {
    const clock = new PushClock()
    expect(clock.timesOf(videoFrame(90_000, 'key', 97_200))).toEqual({
      dtsMs: 0,
      compositionMs: 80,
    })
    expect(clock.timesOf(audioFrame(91_000))).toEqual({ dtsMs: 11, compositionMs: 0 })
    expect(clock.timesOf(videoFrame(900_000, 'key', 900_000))).toEqual({
      dtsMs: 9_000,
      compositionMs: 0,
    })
  })

  test('pictures nearer than a millisecond do not share one', () => {
    const clock = new PushClock()
    expect([0, 40, 80, 120].map((dts) => clock.timesOf(videoFrame(dts))?.dtsMs)).toEqual([
      0, 1, 2, 3,
    ])
  })

  test('frames older than the last sent one are left out', () => {
    const clock = new PushClock()
    clock.timesOf(videoFrame(90_000))
    clock.timesOf(audioFrame(180_000))
    expect(clock.timesOf(audioFrame(120_000))).toBeUndefined()
    expect(clock.timesOf(audioFrame(0))).toBeUndefined()
  })
})
