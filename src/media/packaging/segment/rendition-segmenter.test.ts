import { describe, expect, it } from 'vitest'
import { pictureOrder } from '../../../../test/helpers/picture-orders.ts'
import { ticks } from '../../../contract/time.ts'
import type { Boundary } from './grid.ts'
import { RenditionSegmenter } from './rendition-segmenter.ts'
import type { VideoFrame, SegmentWriter, AudioFrame } from './segment-writer.ts'

const FRAME = 3_600
const SECOND = 90_000
const AUDIO = 1_920

/** Records calls in words. */
class Diary implements SegmentWriter {
  readonly entries: string[] = []
  #pictures = 0
  #audioFrames = 0
  onAbandon: 'published' | 'unpublished' = 'unpublished'

  begin({ number }: Boundary): void {
    this.#pictures = 0
    this.#audioFrames = 0
    this.entries.push(`begin ${number}`)
  }
  video(): void {
    this.#pictures++
  }
  audio(): void {
    this.#audioFrames++
  }
  end(): void {
    this.entries.push(`end with ${this.#pictures} pictures, ${this.#audioFrames} audio frames`)
  }
  abandon(): 'published' | 'unpublished' {
    this.entries.push('abandon')
    return this.onAbandon
  }
  gap({ number }: Boundary): void {
    this.entries.push(`gap ${number}`)
  }
}

const boundary = (number: number, change: Partial<Boundary> = {}): Boundary => ({
  number,
  start: ticks(number * SECOND),
  end: ticks(number * SECOND),
  wallMs: 0,
  discontinuity: false,
  isRejoin: false,
  ...change,
})

const videoFrames = (from: number, to: number): VideoFrame[] =>
  pictureOrder({
    ...{ frame: FRAME, bframes: 0, start: from * SECOND },
    groups: Array.from({ length: to - from }, () => 25),
  })

const audioFrames = (from: number, to: number): AudioFrame[] => {
  const all: AudioFrame[] = []
  for (let pts = Math.ceil((from * SECOND) / AUDIO) * AUDIO; pts < to * SECOND; pts += AUDIO) {
    const unit = { pid: 1, kind: 'audio', rap: 'none', leading: false, duration: AUDIO } as const
    const at = ticks(pts)
    all.push({ pts: at, unit: { ...unit, pts: at, dts: at, data: new Uint8Array(0) } })
  }
  return all
}

const segmenterOf = (writer: SegmentWriter, maxWaitTicks = 10 * SECOND): RenditionSegmenter =>
  new RenditionSegmenter({ writer, video: 'with', audioTracks: [0], maxWaitTicks })

describe('a rendition', () => {
  it('holds a segment open until all tracks have reached its end, in any order of arrival', () => {
    const diary = new Diary()
    const segmenter = segmenterOf(diary)
    for (const number of [1, 2, 3]) segmenter.plan(boundary(number), 0)
    for (const frame of audioFrames(1, 2)) segmenter.audio(0, frame)
    for (const frame of videoFrames(1, 4)) segmenter.video(frame)
    expect(diary.entries).toEqual(['begin 1'])
    for (const frame of audioFrames(2, 4)) segmenter.audio(0, frame)
    expect(diary.entries).toEqual([
      'begin 1',
      'end with 25 pictures, 47 audio frames',
      'begin 2',
      'end with 25 pictures, 47 audio frames',
      'begin 3',
    ])
    expect(segmenter.dropped).toBe(0)
  })

  it('waits for a silent track up to a limit', () => {
    const diary = new Diary()
    const segmenter = segmenterOf(diary, SECOND)
    for (const number of [1, 2]) segmenter.plan(boundary(number), 0)
    for (const frame of videoFrames(1, 4)) segmenter.video(frame)
    expect(diary.entries).toEqual(['begin 1', 'end with 25 pictures, 0 audio frames', 'begin 2'])
  })

  it('replaces late segments by gaps, and enters at the next boundary', () => {
    const diary = new Diary()
    const segmenter = segmenterOf(diary)
    for (const number of [1, 2, 3]) segmenter.plan(boundary(number), number * 1_000)
    for (const frame of videoFrames(1, 2).slice(0, 10)) segmenter.video(frame)
    segmenter.expire(3_999, 2_000)
    expect(diary.entries).toEqual(['begin 1'])
    segmenter.expire(4_000, 2_000)
    segmenter.expire(5_000, 2_000)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 1', 'gap 2'])
    for (const frame of videoFrames(2, 4)) segmenter.video(frame)
    expect(diary.entries.slice(4)).toEqual(['begin 3'])
    expect(segmenter.gaps).toBe(2)
  })

  it('ends a segment with its published parts, and continues with the next', () => {
    const diary = new Diary()
    diary.onAbandon = 'published'
    const segmenter = segmenterOf(diary)
    for (const number of [1, 2, 3]) segmenter.plan(boundary(number), 0)
    for (const frame of videoFrames(1, 2)) segmenter.video(frame)
    segmenter.expire(10_000, 2_000)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 2'])
  })

  it('returns only at a rejoin boundary, with gaps before it', () => {
    const diary = new Diary()
    const segmenter = segmenterOf(diary)
    for (const number of [1, 2]) segmenter.plan(boundary(number), 0)
    for (const frame of videoFrames(1, 2)) segmenter.video(frame)
    segmenter.restart()
    for (const frame of videoFrames(2, 3)) segmenter.video(frame)
    segmenter.plan(boundary(3), 0)
    for (const frame of videoFrames(3, 4)) segmenter.video(frame)
    expect(diary.entries).toEqual(['begin 1', 'abandon'])
    segmenter.plan(boundary(4, { isRejoin: true, discontinuity: true }), 0)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 1', 'gap 2', 'gap 3'])
    for (const frame of videoFrames(4, 5)) segmenter.video(frame)
    expect(diary.entries.at(-1)).toBe('begin 4')
  })

  it('does not enter in the middle of a segment, nor with pictures that refer to ones before', () => {
    const diary = new Diary()
    const segmenter = segmenterOf(diary)
    segmenter.plan(boundary(1), 0)
    for (const frame of videoFrames(2, 3)) segmenter.video(frame)
    expect(diary.entries).toEqual([])
    segmenter.plan(boundary(3), 0)
    const [first, second, ...rest] = videoFrames(3, 4)
    segmenter.video(first!)
    segmenter.video({ ...second!, unit: { ...second!.unit, leading: true } })
    for (const frame of rest) segmenter.video(frame)
    segmenter.plan(boundary(4), 0)
    for (const frame of audioFrames(3, 5)) segmenter.audio(0, frame)
    segmenter.video(videoFrames(4, 5)[0]!)
    expect(diary.entries).toEqual([
      'gap 1',
      'begin 3',
      'end with 24 pictures, 47 audio frames',
      'begin 4',
    ])
  })
})
