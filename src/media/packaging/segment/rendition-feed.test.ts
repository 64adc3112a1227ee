import { describe, expect, it } from 'vitest'
import { pictureOrder } from '../../../../test/helpers/picture-orders.ts'
import { ticks } from '../../../contract/time.ts'
import type { Boundary } from './grid.ts'
import { RenditionFeed } from './rendition-feed.ts'
import type { Picture, SegmentWriter, Sound } from './segment-writer.ts'

const FRAME = 3_600
const SECOND = 90_000
const AUDIO = 1_920

/** Says what happens, in words. */
class Diary implements SegmentWriter {
  readonly entries: string[] = []
  #pictures = 0
  #sounds = 0
  onAbandon: 'published' | 'unpublished' = 'unpublished'

  begin({ number }: Boundary): void {
    this.#pictures = 0
    this.#sounds = 0
    this.entries.push(`begin ${number}`)
  }
  picture(): void {
    this.#pictures++
  }
  sound(): void {
    this.#sounds++
  }
  end(): void {
    this.entries.push(`end with ${this.#pictures} pictures, ${this.#sounds} sounds`)
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
  reentry: false,
  ...change,
})

const pictures = (from: number, to: number): Picture[] =>
  pictureOrder({
    ...{ frame: FRAME, bframes: 0, start: from * SECOND },
    groups: Array.from({ length: to - from }, () => 25),
  })

const sounds = (from: number, to: number): Sound[] => {
  const all: Sound[] = []
  for (let pts = Math.ceil((from * SECOND) / AUDIO) * AUDIO; pts < to * SECOND; pts += AUDIO) {
    const unit = { pid: 1, kind: 'audio', entry: 'none', leading: false, duration: AUDIO } as const
    const at = ticks(pts)
    all.push({ pts: at, unit: { ...unit, pts: at, dts: at, data: new Uint8Array(0) } })
  }
  return all
}

const feedOf = (writer: SegmentWriter, patience = 10 * SECOND): RenditionFeed =>
  new RenditionFeed({ writer, pictures: 'with', sounds: [0], patience })

describe('a rendition', () => {
  it('holds a segment open until all tracks have reached its end, in whatever order they come', () => {
    const diary = new Diary()
    const feed = feedOf(diary)
    for (const number of [1, 2, 3]) feed.plan(boundary(number), 0)
    for (const sound of sounds(1, 2)) feed.sound(0, sound)
    for (const picture of pictures(1, 4)) feed.picture(picture)
    expect(diary.entries).toEqual(['begin 1'])
    for (const sound of sounds(2, 4)) feed.sound(0, sound)
    expect(diary.entries).toEqual([
      'begin 1',
      'end with 25 pictures, 47 sounds',
      'begin 2',
      'end with 25 pictures, 47 sounds',
      'begin 3',
    ])
    expect(feed.dropped).toBe(0)
  })

  it('does not wait for ever for a track that has nothing to say', () => {
    const diary = new Diary()
    const feed = feedOf(diary, SECOND)
    for (const number of [1, 2]) feed.plan(boundary(number), 0)
    for (const picture of pictures(1, 4)) feed.picture(picture)
    expect(diary.entries).toEqual(['begin 1', 'end with 25 pictures, 0 sounds', 'begin 2'])
  })

  it('makes gaps of segments that do not come in time, and enters at the next boundary', () => {
    const diary = new Diary()
    const feed = feedOf(diary)
    for (const number of [1, 2, 3]) feed.plan(boundary(number), number * 1_000)
    for (const picture of pictures(1, 2).slice(0, 10)) feed.picture(picture)
    feed.expire(3_999, 2_000)
    expect(diary.entries).toEqual(['begin 1'])
    feed.expire(4_000, 2_000)
    feed.expire(5_000, 2_000)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 1', 'gap 2'])
    for (const picture of pictures(2, 4)) feed.picture(picture)
    expect(diary.entries.slice(4)).toEqual(['begin 3'])
    expect(feed.gaps).toBe(2)
  })

  it('lets a segment of which parts are known end with these, and goes on with the next', () => {
    const diary = new Diary()
    diary.onAbandon = 'published'
    const feed = feedOf(diary)
    for (const number of [1, 2, 3]) feed.plan(boundary(number), 0)
    for (const picture of pictures(1, 2)) feed.picture(picture)
    feed.expire(10_000, 2_000)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 2'])
  })

  it('comes back at a reentry only, and owes the segments before', () => {
    const diary = new Diary()
    const feed = feedOf(diary)
    for (const number of [1, 2]) feed.plan(boundary(number), 0)
    for (const picture of pictures(1, 2)) feed.picture(picture)
    feed.lose()
    for (const picture of pictures(2, 3)) feed.picture(picture)
    feed.plan(boundary(3), 0)
    for (const picture of pictures(3, 4)) feed.picture(picture)
    expect(diary.entries).toEqual(['begin 1', 'abandon'])
    feed.plan(boundary(4, { reentry: true, discontinuity: true }), 0)
    expect(diary.entries).toEqual(['begin 1', 'abandon', 'gap 1', 'gap 2', 'gap 3'])
    for (const picture of pictures(4, 5)) feed.picture(picture)
    expect(diary.entries.at(-1)).toBe('begin 4')
  })

  it('does not enter in the middle of a segment, nor with pictures that refer to what was before', () => {
    const diary = new Diary()
    const feed = feedOf(diary)
    feed.plan(boundary(1), 0)
    for (const picture of pictures(2, 3)) feed.picture(picture)
    expect(diary.entries).toEqual([])
    feed.plan(boundary(3), 0)
    const [first, second, ...rest] = pictures(3, 4)
    feed.picture(first!)
    feed.picture({ ...second!, unit: { ...second!.unit, leading: true } })
    for (const picture of rest) feed.picture(picture)
    feed.plan(boundary(4), 0)
    for (const sound of sounds(3, 5)) feed.sound(0, sound)
    feed.picture(pictures(4, 5)[0]!)
    expect(diary.entries).toEqual([
      'gap 1',
      'begin 3',
      'end with 24 pictures, 47 sounds',
      'begin 4',
    ])
  })
})
