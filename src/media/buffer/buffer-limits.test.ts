import { describe, expect, it } from 'vitest'
import { stampOf, syntheticUnits } from '../../../test/helpers/synthetic-units.ts'
import { ticks } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { SourceBuffer, type SourceBufferOptions } from './source-buffer.ts'
import { UnitQueue } from './unit-queue.ts'

const LIVE: SourceBufferOptions = {
  live: true,
  recoveryPoints: false,
  latencyMs: 800,
  delayMs: 0,
  arrives: 'steadily',
}
const opened = (change: Partial<SourceBufferOptions> = {}, hasVideo = true): SourceBuffer => {
  const buffer = new SourceBuffer({ ...LIVE, ...change })
  buffer.setLayout({ hasVideo, hasAudio: [true] })
  return buffer
}

/** Each unit arrives at its DTS. */
const play = (buffer: SourceBuffer, units: readonly AccessUnit[]): void => {
  for (const unit of units) {
    if (unit.kind === 'video') buffer.addVideo(unit, unit.dts / 90)
    else buffer.addAudio(0, unit, unit.dts / 90)
  }
}
const START = 900_000
const pictures = (count: number, change: Parameters<typeof syntheticUnits>[0] = {}): AccessUnit[] =>
  syntheticUnits({ reorder: 'IP', count, audioTicks: 0, start: START, ...change })
const firstFrame = (buffer: SourceBuffer): number => {
  const segment = buffer.newest!
  return stampOf(segment.video(segment.videoStart())!.unit)!.frame
}

describe('a live buffer', () => {
  it('rests its latency and its delay behind the earliest arrival', () => {
    const buffer = opened({ delayMs: 300 })
    expect(buffer.newest).toBeUndefined()
    play(buffer, pictures(50))
    const segment = buffer.newest!
    expect(buffer.delayMs(segment)).toBe(1100)
    expect(buffer.duePts(segment, START / 90 + 1100)).toBeCloseTo(START)
    expect(buffer.heldMs).toBeCloseTo(49 * 40)
    expect(buffer.segmentToEnter(segment)).toBe(segment)
  })

  it('has nothing due before its first unit, and everything when it is paced by us', () => {
    const buffer = opened()
    buffer.addAudio(
      0,
      syntheticUnits({ count: 1 }).find((unit) => unit.kind === 'audio')!,
      0,
    )
    expect(buffer.duePts(buffer.newest!, 5000)).toBe(Number.NEGATIVE_INFINITY)
    buffer.setLive(false)
    expect(buffer.duePts(buffer.newest!, 5000)).toBe(Number.POSITIVE_INFINITY)
    expect(buffer.delayMs(buffer.newest!)).toBe(800)
  })

  it('keeps the random access point that is due and all after it', () => {
    const buffer = opened()
    play(buffer, pictures(100))
    // Pictures 25, 50 and 75 are the further random access points, 1000 ms apart.
    buffer.trim(START / 90 + 800 + 1999)
    expect(firstFrame(buffer)).toBe(25)
    buffer.trim(START / 90 + 800 + 2000)
    expect(firstFrame(buffer)).toBe(50)
    expect(buffer.newest!.rapIndices()).toEqual([50, 75])
    expect(buffer.heldMs).toBeCloseTo(49 * 40)
  })

  it('keeps what a reader has still to read, until it leaves', () => {
    const buffer = opened()
    play(buffer, pictures(100))
    const leave = buffer.addReader(() => ({ video: 30, audio: [0] }))
    const now = START / 90 + 800 + 3000
    buffer.trim(now)
    expect(firstFrame(buffer)).toBe(30)
    leave()
    buffer.trim(now)
    expect(firstFrame(buffer)).toBe(75)
  })

  it('holds 12 s, however late it is due', () => {
    const buffer = opened()
    const due = START / 90
    play(buffer, pictures(301))
    buffer.trim(due)
    expect(firstFrame(buffer)).toBe(0)
    play(buffer, pictures(302).slice(301))
    buffer.trim(due)
    expect(firstFrame(buffer)).toBe(25)
  })

  it('holds 64 MB', () => {
    const buffer = opened()
    const heavy = pictures(52).map((unit, k) => ({
      ...unit,
      data: new Uint8Array(k < 51 ? 1024 * 1024 : 13 * 1024 * 1024),
    }))
    play(buffer, heavy)
    expect(buffer.bytes).toBe(64 * 1024 * 1024)
    expect(buffer.full).toBe(false)
    buffer.trim(START / 90)
    expect(buffer.newest!.videoStart()).toBe(0)
    play(buffer, pictures(53).slice(52))
    expect(buffer.full).toBe(true)
    buffer.trim(START / 90)
    expect(buffer.newest!.videoStart()).toBe(25)
  })

  it('past its limits drops a group without a further random access point', () => {
    const buffer = opened()
    play(buffer, pictures(302, { gop: 1000 }))
    buffer.trim(START / 90)
    expect(buffer.bytes).toBe(0)
    expect(buffer.newest!.empty).toBe(true)
  })

  it('keeps half a second of audio before its oldest picture', () => {
    const buffer = opened()
    play(buffer, syntheticUnits({ reorder: 'IP', count: 100, start: START }))
    buffer.trim(START / 90 + 800 + 2000)
    const segment = buffer.newest!
    const oldest = segment.audio(0, segment.audioStart(0))!.unit.pts
    expect(oldest - (START + 180_000)).toBeGreaterThanOrEqual(-45_000)
    expect(oldest - (START + 180_000)).toBeLessThan(-45_000 + 1920)
  })

  it('drops a timeline segment that no bus reads and no take could enter', () => {
    const buffer = opened()
    play(buffer, pictures(50))
    buffer.breakTimeline()
    play(buffer, pictures(50, { start: 2_000_000 }))
    expect(buffer.segments.map((segment) => segment.closed)).toEqual([true, false])
    const first = buffer.segments[0]!
    const leave = buffer.addReader((segment) =>
      segment === first ? { video: 10, audio: [0] } : undefined,
    )
    buffer.trim(0)
    expect(buffer.segments).toHaveLength(2)
    leave()
    buffer.trim(0)
    expect(buffer.segments).not.toContain(first)
    expect(buffer.segments).toHaveLength(1)
  })
})

describe('a jump of the timeline', () => {
  const after = (ticksLater: number, change: Partial<SourceBufferOptions> = {}): SourceBuffer => {
    const buffer = opened(change)
    const units = pictures(50)
    play(buffer, units)
    const last = units.at(-1)!
    const dts = ticks(last.dts + ticksLater)
    buffer.addVideo({ ...last, pts: dts, dts, rap: 'idr' }, last.dts / 90 + 40)
    return buffer
  }

  it.each([
    { step: 90_000, jumps: 0 },
    { step: 90_001, jumps: 1 },
    { step: -9000, jumps: 0 },
    { step: -9001, jumps: 1 },
    { step: 3600, jumps: 0 },
  ])('is made by a step of $step ticks: $jumps', ({ step, jumps }) => {
    const buffer = after(step)
    expect(buffer.jumps).toBe(jumps)
    expect(buffer.segments).toHaveLength(1 + jumps)
  })

  it('is made by more than eight pictures of a slow rate', () => {
    for (const [frames, jumps] of [
      [8, 0],
      [8.01, 1],
    ] as const) {
      const buffer = opened()
      const slow = pictures(5, { fps: 2 })
      play(buffer, slow)
      const dts = ticks(slow.at(-1)!.dts + frames * 45_000)
      buffer.addVideo({ ...slow[0]!, pts: dts, dts }, 9000)
      expect(buffer.jumps).toBe(jumps)
    }
  })

  it('is none at an announced break', () => {
    const buffer = opened()
    play(buffer, pictures(50))
    buffer.breakTimeline()
    play(buffer, pictures(1, { start: 5_000_000 }))
    expect([buffer.jumps, buffer.segments.length]).toEqual([0, 2])
  })
})

describe('a playlist that is read again after a reconnect', () => {
  it('does not play again what came before', () => {
    const buffer = opened({ arrives: 'by_segment' })
    play(buffer, pictures(50))
    buffer.breakTimeline()
    play(buffer, pictures(75))
    expect(buffer.dropped).toBe(50)
    expect([buffer.jumps, buffer.segments.length]).toEqual([0, 2])
    expect(firstFrame(buffer)).toBe(50)
    expect(buffer.newest!.videoEnd).toBe(25)
  })

  it('plays all of another timeline', () => {
    const buffer = opened({ arrives: 'by_segment' })
    play(buffer, pictures(50))
    buffer.breakTimeline()
    play(buffer, pictures(75, { pictureBytes: 500 }))
    expect(buffer.dropped).toBe(0)
  })

  it('of a steady source plays all', () => {
    const buffer = opened()
    play(buffer, pictures(50))
    buffer.breakTimeline()
    play(buffer, pictures(75))
    expect(buffer.dropped).toBe(0)
  })
})

describe('pictures before the first random access point', () => {
  it('are dropped and counted', () => {
    const buffer = opened()
    play(buffer, pictures(30).slice(3))
    expect(buffer.dropped).toBe(22)
    expect(firstFrame(buffer)).toBe(25)
  })

  it.each([
    { recoveryPoints: true, dropped: 0 },
    { recoveryPoints: false, dropped: 30 },
  ])('may be recovery points ($recoveryPoints)', ({ recoveryPoints, dropped }) => {
    const buffer = opened({ recoveryPoints })
    play(buffer, pictures(30, { rap: 'recovery_point' }))
    expect(buffer.dropped).toBe(dropped)
  })
})

describe('a finite buffer', () => {
  it('is full two seconds above the latency', () => {
    const buffer = opened({ live: false })
    const units = pictures(72)
    play(buffer, units.slice(0, 71))
    expect(buffer.full).toBe(false)
    play(buffer, units.slice(71))
    expect(buffer.full).toBe(true)
    buffer.addReader(() => ({ video: 1, audio: [0] }))
    expect(buffer.full).toBe(false)
  })

  it('is entered at its first segment that is not played, then at the next', () => {
    const buffer = opened({ live: false })
    play(buffer, pictures(30))
    buffer.breakTimeline()
    play(buffer, pictures(30, { start: 2_000_000 }))
    const [first, second] = buffer.segments
    expect(buffer.segmentToEnter(undefined)).toBe(first)
    expect(buffer.segmentToEnter(first)).toBe(second)
    first!.markRead('video', 26)
    expect(first!.exhausted).toBe(true)
    expect(buffer.segmentToEnter(undefined)).toBe(second)
  })
})

describe('a queue of units', () => {
  const item = (bytes: number) => ({
    unit: { ...pictures(1)[0]!, data: new Uint8Array(bytes) },
    arrival: 0,
    cleanAfter: false,
  })

  it('keeps the indices of its elements while its front is dropped', () => {
    const queue = new UnitQueue()
    const items = Array.from({ length: 2000 }, (_, k) => item(k))
    items.forEach((one, k) => expect(queue.push(one)).toBe(k))
    for (const drop of [0, 1, 511, 512, 513, 1100, 600, 1999]) {
      queue.dropBefore(drop)
      const start = Math.max(drop, drop === 600 ? 1100 : 0)
      expect([queue.start, queue.end, queue.size]).toEqual([start, 2000, 2000 - start])
      expect(queue.at(start - 1)).toBeUndefined()
      expect(queue.at(start)).toBe(items[start])
      expect([queue.first(), queue.last()]).toEqual([items[start], items[1999]])
      expect(queue.bytes).toBe(((start + 1999) * (2000 - start)) / 2)
    }
    queue.dropBefore(5000)
    expect([queue.start, queue.end, queue.size, queue.bytes]).toEqual([2000, 2000, 0, 0])
    expect([queue.first(), queue.last()]).toEqual([undefined, undefined])
    expect(queue.push(item(1))).toBe(2000)
  })

  it('is searched from an index on', () => {
    const queue = new UnitQueue()
    for (const bytes of [5, 7, 5, 9]) queue.push(item(bytes))
    const five = (from: number): number =>
      queue.findIndex(from, (one) => one.unit.data.length === 5)
    expect([five(0), five(1), five(3)]).toEqual([0, 2, 4])
    queue.dropBefore(1)
    expect(five(0)).toBe(2)
  })
})
