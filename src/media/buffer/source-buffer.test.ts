import { describe, expect, it } from 'vitest'
import { stampOf, syntheticUnits } from '../../../test/helpers/synthetic-units.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { SourceBuffer } from './source-buffer.ts'
import type { TimelineSegment } from './timeline-segment.ts'

const finite = (): SourceBuffer => {
  const buffer = new SourceBuffer({
    live: false,
    recoveryPoints: false,
    latencyMs: 800,
    delayMs: 0,
    arrives: 'steadily',
  })
  buffer.setLayout({ hasVideo: true, hasAudio: [true] })
  return buffer
}

const add = (buffer: SourceBuffer, units: readonly AccessUnit[]): void => {
  for (const unit of units) {
    if (unit.kind === 'video') buffer.addVideo(unit, 0)
    else buffer.addAudio(0, unit, 0)
  }
}

const clip = (tag: string) => syntheticUnits({ tag, count: 50, start: 126_000 })
const audioFirst = (units: readonly AccessUnit[]): AccessUnit[] => [
  ...units.filter((unit) => unit.kind === 'audio'),
  ...units.filter((unit) => unit.kind === 'video'),
]

const audioOf = (segment: TimelineSegment): string[] => {
  const tags: string[] = []
  for (let i = segment.audioStart(0); ; i++) {
    const unit = segment.audio(0, i)?.unit
    if (unit === undefined) return tags
    tags.push(stampOf(unit)?.tag ?? '?')
  }
}

describe('SourceBuffer', () => {
  it('of a live source holds at most 64 MB in whole groups of pictures, whatever the latency', () => {
    const buffer = new SourceBuffer({
      live: true,
      recoveryPoints: false,
      latencyMs: 10_000,
      delayMs: 0,
      arrives: 'steadily',
    })
    buffer.setLayout({ hasVideo: true, hasAudio: [false] })
    const big = { audioTicks: 0, reorder: 'IP', gop: 25, pictureBytes: 500_000 } as const
    for (const unit of syntheticUnits({ ...big, count: 250 })) {
      const now = (unit.dts - 900_000) / 90
      buffer.addVideo(unit, now)
      buffer.trim(now)
      expect(buffer.bytes).toBeLessThanOrEqual(64 * 1024 * 1024 + 25 * 500_000)
    }
    expect(buffer.bytes).toBeGreaterThan(40 * 1024 * 1024)
    const [segment] = buffer.segments
    expect(segment?.video(segment.videoStart())?.unit.rap).toBe('idr')
  })

  it('keeps at most 12 s of a source whose latency is longer', () => {
    const buffer = new SourceBuffer({
      live: true,
      recoveryPoints: false,
      latencyMs: 10_000,
      delayMs: 10_000,
      arrives: 'steadily',
    })
    buffer.setLayout({ hasVideo: true, hasAudio: [true] })
    for (const unit of syntheticUnits({ count: 25 * 30 })) {
      const now = (unit.dts - 900_000) / 90
      if (unit.kind === 'video') buffer.addVideo(unit, now)
      else buffer.addAudio(0, unit, now)
      buffer.trim(now)
    }
    expect(buffer.heldMs).toBeLessThan(13_500)
    expect(buffer.heldMs).toBeGreaterThan(10_000)
  })

  it('puts audio that comes before the video of a restarted clip into the segment of the restart', () => {
    const buffer = finite()
    const [first, second] = [clip('first'), clip('second')]
    add(buffer, first)
    buffer.breakTimeline()
    add(buffer, audioFirst(second))
    const audioTags = buffer.segments.map((segment) => [...new Set(audioOf(segment))])
    expect(audioTags).toEqual([['first'], ['second']])
    expect(audioOf(buffer.segments[1]!)).toHaveLength(
      second.filter((unit) => unit.kind === 'audio').length,
    )
  })

  it('keeps audio that waits for its video', () => {
    const buffer = finite()
    const audio = clip('only').filter((unit) => unit.kind === 'audio')
    add(buffer, audio)
    buffer.trim(0)
    expect(audioOf(buffer.newest!)).toHaveLength(audio.length)
  })

  it('puts late audio of the old timeline into its segment when timestamps jump', () => {
    const buffer = finite()
    const old = clip('old')
    const jumped = syntheticUnits({ tag: 'new', count: 50, start: 9_000_000 })
    add(buffer, [...old.slice(0, -4), jumped[0]!, ...old.slice(-4), ...jumped.slice(1)])
    expect(buffer.jumps).toBe(1)
    expect(buffer.segments.map((segment) => [...new Set(audioOf(segment))])).toEqual([
      ['old'],
      ['new'],
    ])
  })

  it('has no segment to enter after it was cleared', () => {
    const buffer = finite()
    add(buffer, clip('misfit'))
    buffer.clear()
    expect(buffer.segmentToEnter(undefined)).toBeUndefined()
    add(buffer, clip('fitting'))
    expect(audioOf(buffer.segmentToEnter(undefined)!)[0]).toBe('fitting')
  })
})
